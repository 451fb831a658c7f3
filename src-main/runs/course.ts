/** What the app's charts take from a run folder. */
import type { RunCourse, RunEvidence } from "../contract/run";
import { readColumns } from "./columns";
import { checkEvidence, withoutBatches } from "./reader";

/** A run without its evidence. Throws an InputError if the folder holds no readable run. */
export function readCourse(directory: string): RunCourse {
  return { ...withoutBatches(directory).run, columns: readColumns(directory) };
}

/** The evidence of a run, which is hashed anew. `yieldPoint` is awaited between parts of the work. Throws an InputError if the folder holds no readable run. */
export async function readEvidence(directory: string, yieldPoint: () => Promise<unknown>): Promise<RunEvidence> {
  const { head, damage, run } = withoutBatches(directory);
  const work = checkEvidence(directory, head, damage, readColumns(directory).batches);
  for (;;) {
    const { done, value } = work.next();
    if (done) return { arm: run.arm, ...value };
    await yieldPoint();
  }
}
