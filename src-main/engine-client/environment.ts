import * as os from "node:os";
import { openMpThreads } from "../contract/threads";

/** Node's own default. */
const FEWEST = 4;

/** Older versions of Electron come with a Node that counts processors alone. */
const processors = () => ("availableParallelism" in os ? os.availableParallelism() : (os as { cpus(): unknown[] }).cpus().length);

/**
 * Variables of an engine's process: Node's pool, whose threads decode images, has one for each processor, and no more than `threads` or OMP_NUM_THREADS says. It
 * is read when a process starts.
 */
export function engineEnvironment(threads?: number): NodeJS.ProcessEnv {
  const openMp = openMpThreads(process.env.OMP_NUM_THREADS);
  const wanted = threads ?? (typeof openMp === "number" ? Math.min(openMp, processors()) : processors());
  return { UV_THREADPOOL_SIZE: String(Math.max(FEWEST, wanted)), ...process.env };
}
