import { existsSync } from "node:fs";
import path from "node:path";
import type { Methods } from "../contract/engine";
import type { Failure } from "../contract/failure";
import type { RunResult } from "../contract/run";
import { EngineError } from "../engine-client/client";
import type { Session } from "./session";
import { shellWords } from "./shell-words";

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
 * Trains. If that ends early once training has begun, for whatever reason, the failure names the command that resumes the run: `command`, which is
 * told whether the folder has the recipe, between the program's own words and `--resume --out`.
 */
export async function resumable(session: Session, request: Methods["start"]["params"], command: (isRecorded: boolean) => string[]): Promise<RunResult> {
  let out: string | null = null;
  let hasBegun = false;
  const onStart = (directory: string) => {
    out = directory;
  };
  const onBegun = () => {
    hasBegun = true;
  };
  try {
    return await session.train(request, onStart, onBegun);
  } catch (error) {
    const folder = out !== null && existsSync(out) ? out : null;
    if (!(error instanceof EngineError)) throw error;
    const isCutShort = error.code === "ENGINE_DIED" || session.wasForced;
    const isBeforeTraining = error.code === "INTERRUPTED" && !isCutShort && !hasBegun && out !== null;
    const isRecorded = folder !== null && hasRecipe(folder);
    const failure = isBeforeTraining ? beforeTraining(isRecorded) : withRemedy(error, request.out, session);
    // Resumed, it would diverge again.
    if (error.code === "DIVERGED") throw failure;
    if (folder === null || !(hasBegun || isCutShort || (isBeforeTraining && isRecorded))) throw failure;
    throw new Resumable(failure, shellWords([...session.world.program, ...command(isRecorded), "--resume", "--out", folder]));
  }
}

/** Whether a run's folder has its recipe: of one arm, or what a comparison was asked for. */
const hasRecipe = (out: string) => ["recipe.json", "request.json"].some((file) => existsSync(path.join(out, file)));

function beforeTraining(isRecorded: boolean): EngineError {
  const message = isRecorded ? "stopped before training went on: the run is as it was" : "stopped before training began: nothing was written";
  return new EngineError({ code: "INTERRUPTED", message });
}

/** What a person at a terminal types where another process holds the run. */
function withRemedy(error: EngineError, out: string, { world }: Session): EngineError {
  const remedy = { HELD: ` with: ${shellWords([...world.program, "runs", "watch", out])}`, PERHAPS_HELD: " with --take-over" } as const;
  return error.code in remedy ? new EngineError({ ...error, message: error.message + remedy[error.code as keyof typeof remedy] }) : error;
}
