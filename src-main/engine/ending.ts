import { InputError, Interrupted, toFailure } from "../contract/failure";
import type { ArmRun } from "./arm-run";

/** However the work ends, each run's folder says so and is closed. `runs` may grow while the work is going on. */
export async function recorded<R>(runs: readonly ArmRun[], work: () => Promise<R>): Promise<R> {
  try {
    return await work();
  } catch (error) {
    throw endEach(runs, error);
  } finally {
    for (const run of runs) run.close();
  }
}

/** Returns the error that the call fails with: a stop whose checkpoint cannot be written is a failure. */
function endEach(runs: readonly ArmRun[], error: unknown): unknown {
  let cause = error;
  for (const run of runs) {
    if (cause instanceof Interrupted) cause = refusalOf(() => run.stop()) ?? cause;
    if (!(cause instanceof Interrupted)) refusalOf(() => run.fail(toFailure(cause).message));
  }
  return runs.length === 0 ? cause : withRemedy(cause);
}

/** A full disk may refuse a run's last event too; the first error is the one reported. */
function refusalOf(act: () => void): unknown {
  try {
    act();
    return null;
  } catch (error) {
    return error;
  }
}

/** What the system refused (a full disk) can be fixed, and then nothing is lost. */
function withRemedy(error: unknown): unknown {
  const isRefusal = [error, (error as Error).cause].some((each) => each instanceof Error && "syscall" in each);
  if (!isRefusal) return error;
  return new InputError(`${toFailure(error).message}. Once that is fixed, resume the run: it continues from its last checkpoint`, { cause: error });
}
