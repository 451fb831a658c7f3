/** What the app's charts take from a run folder, and what a comparison takes: neither needs an object for each batch. */
import type { ArmEvidence } from "../contract/evidence";
import type { RunCourse, RunDetails, RunEvidence } from "../contract/run";
import { byTurns, type InTurns } from "../contract/turns";
import { readColumns } from "./columns";
import { checkEvidence, withoutBatches } from "./reader";

/** A run without its evidence. `yieldPoint` is awaited between parts of the work. Throws an InputError if the folder holds no readable run. */
export async function readCourse(directory: string, yieldPoint: () => Promise<unknown>): Promise<RunCourse> {
  const { run } = withoutBatches(directory);
  return { ...run, columns: await byTurns(readColumns(directory), yieldPoint) };
}

/** The evidence of a run, which is hashed anew. As `readCourse`. */
export async function readEvidence(directory: string, yieldPoint: () => Promise<unknown>): Promise<RunEvidence> {
  const { arm, evidence } = await byTurns(readProof(directory), yieldPoint);
  return { arm, chain: [...evidence.chain], damage: evidence.damage };
}

/** A run with what it was shown, which compares with that of another arm, in place of its batches. */
export interface RunProof extends Omit<RunDetails, "batches" | "evidenceDamage"> {
  evidence: ArmEvidence;
}

/** Hashes the evidence anew. Throws an InputError if the folder holds no readable run. */
export function* readProof(directory: string): InTurns<RunProof> {
  const { head, damage, run } = withoutBatches(directory);
  const { batches } = yield* readColumns(directory);
  const { chain, damage: evidenceDamage } = yield* checkEvidence(directory, head, damage, batches);
  const linked = chain.reduce((count, link) => count + (link === null ? 0 : 1), 0);
  return { ...run, evidence: { arm: run.arm, recipe: run.recipe, hashes: run.hashes, chain, linked, damage: evidenceDamage } };
}
