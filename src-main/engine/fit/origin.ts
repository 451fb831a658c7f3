/** Which images a teacher was fitted to, and which of those that judge it its backbone knows. */
import { seenInWords } from "../../contract/seen";
import type { Dataset } from "../../data/dataset";
import { without } from "../../data/division";
import { fingerprintsOf } from "../../data/fingerprints";
import { copiesHeldBack } from "../../data/same-concerns";
import type { Origin } from "../../models/origin";
import { originFrom, seenTestImages } from "../origins";
import type { Plan } from "./features";
import type { Notify } from "./notices";

/** `isTrainedOn`: whether the fine-tuned network was kept, which has not learned from what was held back. `before`: of the backbone. */
export async function originOf(data: Dataset, { held }: Plan, isTrainedOn: boolean, before: Origin | null, signal: AbortSignal): Promise<Origin> {
  const prints = await fingerprintsOf(data.train, signal);
  const validation = data.validation ? await fingerprintsOf(data.validation, signal) : [];
  const chosen = held ? Array.from(held, (n) => prints[n]!) : validation;
  const fitted = held && isTrainedOn ? Array.from(without(data.train.count, held), (n) => prints[n]!) : prints;
  return originFrom({ fitted, unlabelled: [], chosen, drawn: data.drawn }, before);
}

/** Warns where images that are held back have copies among those that are not. */
export async function warnOfCopies({ train }: Dataset, { held }: Plan, signal: AbortSignal, notify: Notify): Promise<void> {
  if (!held) return;
  const prints = await fingerprintsOf(train, signal);
  const of = (rows: Int32Array) => Array.from(rows, (n) => prints[n]!);
  for (const said of copiesHeldBack(of(held), of(without(train.count, held)))) notify(said);
}

/** Warns where images that test the teacher, or choose what is chosen, have taught its backbone. */
export async function warnOfSeen(before: Origin, data: Dataset, { held }: Plan, signal: AbortSignal, notify: Notify): Promise<void> {
  const test = await seenTestImages(before, data.test, null, signal);
  for (const text of seenInWords("the backbone", { test }, false)) notify({ type: "warning", text: `${text}, nor of the teacher that is made of it` });
  const prints = await fingerprintsOf(data.validation ?? data.train, signal);
  const judges = held ? Array.from(held, (n) => prints[n]!) : data.validation ? prints : [];
  const known = judges.filter((print) => before.fitted.has(print)).length;
  if (known === 0) return;
  const text = `the backbone was fitted to ${known} of the ${judges.length} images that choose the weight decay, so it may be chosen too low, and figures on these images are too good`;
  notify({ type: "warning", text });
}
