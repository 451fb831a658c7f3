import { readFileSync } from "node:fs";

const CHECK_MS = 500;

/**
 * Calls the listener once if npx or npm, which started this program through a shell, is gone: killed in a way that it could not pass on. Without
 * npm, as with `setsid`, a program may outlive who started it. Returns how to end the watch.
 */
export function onOrphaned(listener: () => void): () => void {
  if (!process.env.npm_execpath) return () => {};
  const before = ancestors();
  const timer = setInterval(() => {
    if (ancestors() === before) return;
    clearInterval(timer);
    listener();
  }, CHECK_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** The shell and npm above it. Where the system does not tell, the shell alone. */
function ancestors(): string {
  return `${process.ppid} ${parentOf(process.ppid)}`;
}

function parentOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // Field 4; the second, a name in brackets, may itself contain spaces and brackets.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] ?? null;
  } catch {
    return null;
  }
}
