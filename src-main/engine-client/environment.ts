import * as os from "node:os";

/** Node's own default. */
const FEWEST = 4;

/** Older versions of Electron come with a Node that counts processors alone. */
const processors = () => ("availableParallelism" in os ? os.availableParallelism() : (os as { cpus(): unknown[] }).cpus().length);

/** Variables of an engine's process: Node's pool, whose threads decode images, has one for each processor. It is read when a process starts. */
export function engineEnvironment(): NodeJS.ProcessEnv {
  return { UV_THREADPOOL_SIZE: String(Math.max(FEWEST, processors())), ...process.env };
}
