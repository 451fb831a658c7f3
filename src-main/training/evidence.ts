import { createHash } from "node:crypto";
import type { BatchEvidence } from "../contract/run";
import { backend, type Tensor } from "../tensor/tensor";
import { type BatchPlan, hashPlan } from "./plan";

/** What an arm was shown in one batch. */
export interface ShownBatch {
  /** From 1, over all epochs. */
  batch: number;
  plan: BatchPlan;
  /** The student's rendering of the plan. */
  images: Tensor;
  /** What the student should answer. */
  targets: Tensor;
  /** Checksum of what the teacher was shown; null if it was not asked. */
  teacher: string | null;
  /** Whether pixels and targets of this batch are hashed too. */
  checked: boolean;
}

/**
 * Batches from one checksum of pixels and targets to the next, by backend. On the processor a checksum costs 0.1 % of a step. A GPU would
 * have to send every batch back over the bus (128 images of 224 px in bf16 are 38 MB, 1.5 ms against a step of about 30 ms), which exceeds
 * the 1 % that evidence may cost. There the plan of every batch is hashed, but pixels and targets only in every 64th.
 */
const CHECKSUM_EVERY = { cpu: 1, cuda: 64 };

/** For a run that begins now. It keeps its interval if it is resumed on another backend: its chain would not compare otherwise. */
export function checksumInterval(): number {
  return CHECKSUM_EVERY[backend().device()];
}

/** The evidence of a batch, linked to all earlier batches. Hashed from what the arm saw, not from what it was supposed to see. */
export function evidenceOf({ batch, plan, images, targets, teacher, checked }: ShownBatch, chain: string): BatchEvidence {
  const checksum = (shown: Tensor) => (checked ? backend().checksum(shown.handle) : null);
  const seen = { plan: hashPlan(plan), pixels: checksum(images), targets: checksum(targets) };
  return { batch, chain: linkOf(chain, seen), ...seen, teacher };
}

/** The link of a batch, from the one before it ("" for the first) and what the arm was shown: 64 hexadecimal digits. */
export function linkOf(chain: string, { plan, pixels, targets }: Pick<BatchEvidence, "plan" | "pixels" | "targets">): string {
  return createHash("sha256")
    .update(JSON.stringify([chain, plan, pixels, targets]))
    .digest("hex");
}
