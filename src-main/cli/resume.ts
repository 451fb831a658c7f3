import { existsSync } from "node:fs";
import type { Failure } from "../contract/failure";
import { EngineError } from "../engine-client/client";

/** A training call that ended early, with the command that resumes it from its checkpoint. */
export class Resumable extends EngineError {
  constructor(
    failure: Failure,
    readonly resume: string,
  ) {
    super({ ...failure, message: `${failure.message}\nResume with: ${resume}` });
  }
}

/** Runs a training call that writes to `out`. If it is interrupted or its engine dies, the failure names the command that resumes it. */
export async function resumable<R>(out: string, command: readonly string[], train: () => Promise<R>): Promise<R> {
  try {
    return await train();
  } catch (error) {
    const isEarlyEnd = error instanceof EngineError && (error.code === "INTERRUPTED" || error.code === "ENGINE_DIED");
    throw isEarlyEnd && existsSync(out) ? new Resumable(error, shellWords([...command, "--out", out, "--resume"])) : error;
  }
}

/** Quotes words so that a POSIX shell reads them back unchanged. */
function shellWords(words: readonly string[]): string {
  return words.map((word) => (/^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
}
