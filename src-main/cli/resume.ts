import { existsSync } from "node:fs";
import path from "node:path";
import type { Methods } from "../contract/engine";
import type { Failure } from "../contract/failure";
import type { RunResult } from "../contract/run";
import { visible } from "../contract/visible";
import { EngineError } from "../engine-client/client";
import type { Session } from "./session";

/** A training call that ended early, with the command that resumes it from its checkpoint. */
export class Resumable extends EngineError {
  constructor(
    failure: Failure,
    readonly resume: string,
  ) {
    super({ ...failure, message: `${failure.message}\nResume with: ${resume}` });
  }
}

/**
 * Trains. If that is interrupted or its engine dies, the failure names the command that resumes the run: `command`, which is told whether the folder
 * has the recipe, with `--out` and `--resume`.
 */
export async function resumable(session: Session, request: Methods["start"]["params"], command: (isRecorded: boolean) => string[]): Promise<RunResult> {
  let out: string | null = null;
  try {
    return await session.train(request, (directory) => {
      out = directory;
    });
  } catch (error) {
    const isEarlyEnd = error instanceof EngineError && (error.code === "INTERRUPTED" || error.code === "ENGINE_DIED");
    if (isEarlyEnd && out !== null && existsSync(out)) throw new Resumable(error, shellWords([...command(isRecorded(out)), "--resume", "--out", out]));
    throw withRemedy(error, request.out);
  }
}

/** Whether a run's folder has its recipe: of one arm, or what a comparison was asked for. */
const isRecorded = (out: string) => ["recipe.json", "request.json"].some((file) => existsSync(path.join(out, file)));

/** What a person at a terminal types where another process holds the run. */
function withRemedy(error: unknown, out: string): unknown {
  if (!(error instanceof EngineError)) return error;
  const remedy = { HELD: ` with: ${shellWords(["npx", "distill", "runs", "watch", out])}`, PERHAPS_HELD: " with --take-over" } as const;
  return error.code in remedy ? new EngineError({ ...error, message: error.message + remedy[error.code as keyof typeof remedy] }) : error;
}

/** Quotes words so that a shell reads them back unchanged. */
export function shellWords(words: readonly string[]): string {
  return words.map(shellWord).join(" ");
}

function shellWord(word: string): string {
  if (/^[\w./:=@%+,-]+$/.test(word)) return word;
  // A POSIX shell has no escapes for what cannot be shown; bash and zsh have.
  if (visible(word) !== word) return `$'${visible(word.replace(/[\\']/g, "\\$&"))}'`;
  return `'${word.replaceAll("'", "'\\''")}'`;
}
