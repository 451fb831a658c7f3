import type { PredictResult } from "../contract/answers";
import type { PredictRequest } from "../contract/engine";
import { InputError } from "../contract/failure";
import type { NoticeBody } from "../contract/notices";
import { softmax } from "../contract/softmax";
import type { ImageFile } from "../data/decode";
import { fingerprint, fingerprintOfFile } from "../data/fingerprints";
import { meantPath } from "../data/folder/entries";
import { systemPath } from "../data/folder/names";
import { prepareFile } from "../data/prepare-file";
import { UnreadableImages, unreadableError } from "../data/unreadable";
import { assembleBatch } from "../tensor/ops/assemble-batch";
import { fromArray, noGrad, scope, type Tensor } from "../tensor/tensor";
import { matchClasses } from "../training/classes";
import type { TrainedNetwork } from "../training/network";
import { fetchNamed } from "./hub";
import { withModel } from "./named-model";
import { seenAmong } from "./origins";
import type { ResidentNetworks } from "./resident-networks";

/** Logits and probabilities of single images. Throws an InputError if none of them can be read, or if the network does not know the classes. */
export async function predict(asked: PredictRequest, networks: ResidentNetworks, notify: (notice: NoticeBody) => void): Promise<PredictResult> {
  const fetched = await fetchNamed([asked.weights], notify);
  for (const text of fetched.notes) notify({ type: "note", text });
  const file = fetched(asked.weights);
  const request = withModel(asked, file, notify);
  return networks.use({ ...request, weights: file }, async (network) => {
    warnOf(network, notify);
    const { classes, rows } = classesOf(network, request, notify);
    const images: PredictResult["images"] = [];
    const unreadable = new UnreadableImages();
    for (const file of request.images) {
      const answer = await unreadable.unless(file.path, () => predictOne(network, file, rows, request));
      if (answer) images.push(answer);
    }
    const { errors } = unreadable;
    if (images.length === 0 && errors.length > 0) throw unreadableError(errors);
    const known = learnedInWords(network, request.images);
    if (known) notify({ type: "warning", text: known });
    return { model: request.model, classes, images, unreadable: unreadable.reasons };
  });
}

/** That the network has learned from some of the images, in words; null if it has not, or if its weights do not say. */
function learnedInWords({ origin }: TrainedNetwork, files: PredictRequest["images"]): string | null {
  if (!origin) return null;
  const prints = files.map(({ path, bytes }) => (bytes ? fingerprint(bytes) : fingerprintOfFile(systemPath(meantPath(path)))));
  const { fitted } = seenAmong(origin, prints, null);
  if (fitted === 0) return null;
  if (files.length === 1) return "the network was fitted to this image: its answer says nothing of how good it is on others";
  return `the network was fitted to ${fitted} of these ${files.length} images: its answers to them say nothing of how good it is on others`;
}

/** Those that are asked for, with the logit of each; otherwise the network's own, whose logits are taken as they are. */
function classesOf(
  network: TrainedNetwork,
  { model, weights, classes }: Pick<PredictRequest, "model" | "weights" | "classes">,
  notify: (notice: NoticeBody) => void,
) {
  const { classes: names } = network;
  const count = network.model.classes;
  if (!classes) return { classes: names ?? numbered(count), rows: null };
  const { rows, note } = matchClasses(`${model} (${weights})`, { count, names }, classes);
  if (note) notify({ type: "note", text: note });
  return { classes, rows };
}

async function predictOne(
  network: TrainedNetwork,
  file: PredictRequest["images"][number],
  rows: readonly number[] | null,
  { temperature = 1, withInput = false }: PredictRequest,
): Promise<PredictResult["images"][number]> {
  const { images, seen } = await prepareFile({ ...file, path: file.bytes ? file.path : meantPath(file.path) }, network.model.imageSize);
  try {
    const all = finiteLogitsOf(network, images, file.path);
    const logits = rows ? rows.map((row) => all[row]!) : all;
    const input = withInput ? await seen() : undefined;
    return { path: file.path, logits, probabilities: softmax(logits, temperature), ...(input && { input }) };
  } finally {
    images.release();
  }
}

/** [K] */
export async function logitsOfFile(network: TrainedNetwork, file: ImageFile): Promise<number[]> {
  const { images } = await prepareFile(file, network.model.imageSize);
  try {
    return finiteLogitsOf(network, images, file.path);
  } finally {
    images.release();
  }
}

function finiteLogitsOf(network: TrainedNetwork, images: Tensor, path: string): number[] {
  const logits = logitsOf(network, images);
  if (!logits.every(Number.isFinite)) throw new InputError(`${path}: the answer is not a number; the weights come from a training run that failed`);
  return logits;
}

/** images u8 [1,H,W,3] -> [K] */
function logitsOf({ model, normalization }: TrainedNetwork, images: Tensor): number[] {
  const input = () => assembleBatch(images, fromArray(Int32Array.of(0), [1]), {}, { size: model.imageSize, ...normalization });
  return scope(() => noGrad(() => [...model.forward(input()).toFloat32()]));
}

export function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, label) => `class ${label}`);
}

/** Reports what was assumed about a network. */
export function warnOf({ assumption, notes, model, trainedAt }: TrainedNetwork, notify: (notice: NoticeBody) => void): void {
  if (trainedAt !== null && trainedAt !== model.imageSize)
    notify({
      type: "warning",
      text: `${model.name} sees images of ${model.imageSize} px here, and its weights were trained on images of ${trainedAt} px: at another size its answers are often wrong`,
    });
  for (const text of notes) notify({ type: "note", text });
  if (assumption) notify({ type: "warning", text: assumption });
}
