import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";

/** The command line as it is installed: bundled, with the real engine. */
const PROGRAM = path.resolve(import.meta.dirname, "../../out/cli/distill.cjs");

export interface Finished {
  status: number | null;
  out: string;
  err: string;
}

/** Runs `distill` to its end. `onError` sees each piece of standard error, and the process. */
export function distill(args: readonly string[], cwd: string, onError: (text: string, child: ChildProcess) => void = () => {}): Promise<Finished> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] });
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
