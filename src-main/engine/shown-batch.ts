/** What an arm was shown in one batch of its run, rendered once more from recipe and data and compared with the evidence. */
import { dirname } from "node:path";
import type { ShownBatch } from "../contract/engine";
import { InputError } from "../contract/failure";
import { teachersOf, usesUnlabelled } from "../contract/recipe-values";
import type { BatchEvidence } from "../contract/run";
import { dominantOf, labelledShares, labelsOf, mixtureOf, need, type Rendering, render, rowsOf, samplesOf } from "../data/batches";
import type { Dataset } from "../data/dataset";
import { openDataset } from "../data/open-dataset";
import type { RunHeader } from "../runs/files";
import { readHeader } from "../runs/header";
import { readableEvidence, runFolders } from "../runs/reader";
import { backend, scope, type Tensor } from "../tensor/tensor";
import { type BatchPlan, hashPlan, plannerOf } from "../training/plan";
import { picturesOf } from "./pictures";

/**
 * Renders batch `batch` (from 1, over all epochs) of the run in `directory`, and the first `most` of its images as pictures. Throws an InputError if the run has
 * no such batch, or if its data are gone or no longer those that it was trained on.
 */
export async function shownBatch({ directory, batch, most }: { directory: string; batch: number; most: number }): Promise<ShownBatch> {
  const run = readHeader(directory);
  const evidence = readableEvidence(directory).records;
  if (!run.normalization) throw new InputError(`an earlier version recorded ${directory}, and did not note how images were normalised`);
  const recorded = evidence[batch - 1];
  if (!recorded) throw new InputError(`${directory} has ${evidence.length} batches, so none with the number ${batch}`);
  const { recipe } = run;
  const data = await openDataset(recipe.data, { storeSize: storeSizeOf(run, directory), seed: recipe.train.seed });
  try {
    if (data.hash !== run.hashes.data) throw new InputError(`${data.path} no longer holds the images and labels that ${directory} was trained on`);
    const plan = planOf(run, data, batch);
    await need(data.train, samplesOf(plan));
    const student: Rendering = { imageSize: recipe.student.imageSize, ...run.normalization.student, precision: recipe.train.precision };
    const [teacher = null] = recipe.distillation ? teachersOf(recipe) : [];
    const few = rowsOf(
      plan,
      Array.from({ length: Math.min(most, plan.indices.length) }, (_, n) => n),
    );
    const [seen, shown] = [await picturesOf(data.train, few, student.imageSize), teacher && (await picturesOf(data.train, few, teacher.imageSize))];
    const labels = dominantOf(few).map((sample) => data.train.labels[sample]!);
    return {
      batch,
      epoch: plan.epoch,
      count: plan.indices.length,
      images: seen.map((student, n) => ({ label: labels[n]! < 0 ? null : data.classes[labels[n]!]!, student, teacher: shown?.[n] ?? null })),
      sides: { student: student.imageSize, teacher: teacher?.imageSize ?? null },
      again: compared(
        recorded,
        plan,
        scope(() => checksumsOf(data, plan, student, run)),
      ),
    };
  } finally {
    data.release();
  }
}

/** As the run read its data: all arms of a comparison share them. */
function storeSizeOf(run: RunHeader, directory: string): number {
  const arms = run.arm === "single" ? [run] : runFolders(dirname(directory), 1).map(readHeader);
  return Math.max(...arms.flatMap(({ recipe }) => [recipe.student.imageSize, ...teachersOf(recipe).map(({ imageSize }) => imageSize)]));
}

function planOf({ recipe }: RunHeader, data: Dataset, batch: number): BatchPlan {
  const perEpoch = Math.ceil(data.train.count / recipe.train.batchSize);
  return plannerOf(recipe, data).plan(Math.floor((batch - 1) / perEpoch) + 1, (batch - 1) % perEpoch);
}

interface Checksums {
  pixels: string;
  targets: string;
}

/** Those of evidence.jsonl. */
function checksumsOf({ train, labelled, classes }: Dataset, plan: BatchPlan, rendering: Rendering, { recipe }: RunHeader): Checksums {
  const scale = usesUnlabelled(recipe) && labelled < train.count ? labelledShares(train, plan).scale : undefined;
  const targets = plan.mix ? mixtureOf(train, plan.indices, plan.mix, classes.length, scale) : labelsOf(train, dominantOf(plan));
  const checksum = (tensor: Tensor) => backend().checksum(tensor.handle);
  return { pixels: checksum(render(train, plan, rendering)), targets: checksum(targets) };
}

/** null where the evidence has no such figure. */
function compared(recorded: BatchEvidence, plan: BatchPlan, { pixels, targets }: Checksums): ShownBatch["again"] {
  const same = (before: string | null, now: string) => (before === null ? null : before === now);
  return { plan: same(recorded.plan, hashPlan(plan)), pixels: same(recorded.pixels, pixels), targets: same(recorded.targets, targets) };
}
