/** Why a work ends before it is done. */
import { InputError, toFailure } from "../contract/failure";

/** A stop is noticed here or in an op. */
export const isInterruption = (error: unknown) => (Object(error) as { code?: unknown }).code === "INTERRUPTED";

/** A full disk may refuse a run's last event too; the first error is the one reported. */
export function refusalOf(act: () => void): unknown {
  try {
    act();
    return null;
  } catch (error) {
    return error;
  }
}

/** What the system refused (a full disk) can be fixed, and then nothing is lost. */
export function withRemedy(error: unknown, hasCheckpoint: boolean): unknown {
  const isRefusal = [error, (error as Error).cause].some((each) => each instanceof Error && "syscall" in each);
  if (!isRefusal) return error;
  const how = hasCheckpoint ? "it continues from its last checkpoint" : "it begins anew, as it has no checkpoint yet";
  return new InputError(`${toFailure(error).message}. Once that is fixed, resume the run: ${how}`, { cause: error });
}
