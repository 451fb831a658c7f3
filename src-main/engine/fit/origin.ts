/** Which images a teacher was fitted to. */
import type { Dataset } from "../../data/dataset";
import { without } from "../../data/division";
import { fingerprintsOf } from "../../data/fingerprints";
import type { Origin } from "../../models/origin";
import { originFrom } from "../origins";
import type { Plan } from "./features";

/** `isTrainedOn`: whether the fine-tuned network was kept, which has not learned from what was held back. `before`: of the backbone. */
export async function originOf(data: Dataset, { held }: Plan, isTrainedOn: boolean, before: Origin | null, signal: AbortSignal): Promise<Origin> {
  const prints = await fingerprintsOf(data.train, signal);
  const validation = data.validation ? await fingerprintsOf(data.validation, signal) : [];
  const chosen = held ? Array.from(held, (n) => prints[n]!) : validation;
  const fitted = held && isTrainedOn ? Array.from(without(data.train.count, held), (n) => prints[n]!) : prints;
  return originFrom({ fitted, unlabelled: [], chosen, drawn: data.drawn }, before);
}
