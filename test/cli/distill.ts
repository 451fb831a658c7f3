import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import path from "node:path";
import type { Readable } from "node:stream";

/** The command line as installed: bundled, with the real engine. */
export const PROGRAM = path.resolve(import.meta.dirname, "../../out/cli/distill.cjs");

export interface Finished {
  status: number | null;
  out: string;
  err: string;
}

/** Runs `distill` to its end. `onError` sees each piece of standard error, and the process. */
export function distill(
  args: readonly string[],
  cwd: string,
  onError: (text: string, child: ChildProcess) => void = () => {},
  env: NodeJS.ProcessEnv = process.env,
): Promise<Finished> {
  return finish(spawn(process.execPath, [PROGRAM, ...args], { cwd, env, stdio: ["ignore", "pipe", "pipe"] }), onError);
}

/** For `onError`: presses Ctrl-C once, when the pattern is written. A second one would end the program at once. */
export function interruptAt(pattern: RegExp): (text: string, child: ChildProcess) => void {
  let pressed = false;
  return (text, child) => {
    if (!pressed && pattern.test(text)) pressed = child.kill("SIGINT");
  };
}

/** Like `distill`, but no file can grow beyond the given kilobytes: as on a full disk, a write stops half-way. */
export function distillOnFullDisk(kilobytes: number, args: readonly string[], cwd: string): Promise<Finished> {
  const limited = ["-c", `ulimit -f ${kilobytes} && exec "$0" "$@"`, process.execPath, PROGRAM, ...args];
  return finish(spawn("bash", limited, { cwd, stdio: ["ignore", "pipe", "pipe"] }), () => {});
}

function finish(child: ChildProcessByStdio<null, Readable, Readable>, onError: (text: string, child: ChildProcess) => void): Promise<Finished> {
  const finished: Finished = { status: null, out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    finished.out += chunk;
  });
  child.stderr.on("data", (chunk: Buffer) => {
    finished.err += chunk;
    onError(chunk.toString(), child);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve({ ...finished, status }));
  });
}
