import { availableParallelism } from "node:os";

/** Node's own default. */
const FEWEST = 4;

/** Variables of an engine's process: Node's pool, whose threads decode images, has one for each processor. It is read when a process starts. */
export function engineEnvironment(): NodeJS.ProcessEnv {
  return { UV_THREADPOOL_SIZE: String(Math.max(FEWEST, availableParallelism())), ...process.env };
}
