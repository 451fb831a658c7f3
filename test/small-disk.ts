/** A disk of a few kilobytes, in memory, that only the processes see which are started on it: in a mount namespace of its own. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { onTestFinished } from "vitest";

/** Who may not mount in the system's own name may do so in a space of users of its own, where that is allowed. */
const NAMESPACE = process.platform === "linux" && process.getuid!() === 0 ? ["--mount"] : ["--user", "--map-root-user", "--mount"];

export interface SmallDisk {
  /** Begins the command of a process that sees it. */
  enter: readonly string[];
  /** Where this process finds what the others see at a path. */
  seen(path: string): string;
  grow(kilobytes: number): void;
}

/** Mounted at a folder, until the test ends. A text says why that is not possible here. */
export async function smallDisk(folder: string, kilobytes: number): Promise<SmallDisk | string> {
  if (process.platform !== "linux") return "needs mount namespaces of Linux";
  mkdirSync(folder, { recursive: true });
  const script = 'mount -t tmpfs -o "size=$1k" none "$0" && echo ready && exec sleep infinity';
  const holder = spawn("unshare", [...NAMESPACE, "sh", "-c", script, folder, String(kilobytes)], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void holder.kill("SIGKILL"));
  let problem = "";
  holder.stderr.on("data", (chunk: Buffer) => {
    problem += chunk;
  });
  const isReady = await Promise.race([once(holder.stdout, "data").then(() => true), once(holder, "exit").then(() => false)]);
  if (!isReady) return `no disk can be mounted in a namespace of its own: ${problem.trim()}`;
  const enter = ["nsenter", "--target", String(holder.pid), ...NAMESPACE.filter((each) => each !== "--map-root-user")];
  return {
    enter,
    seen: (path) => `/proc/${holder.pid}/root${path}`,
    grow(kilobytes) {
      const [command, ...args] = [...enter, "mount", "-o", `remount,size=${kilobytes}k`, folder];
      const { status, stderr } = spawnSync(command!, args, { encoding: "utf8" });
      if (status !== 0) throw new Error(stderr);
    },
  };
}
