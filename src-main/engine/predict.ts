import type { NoticeBody, PredictRequest, PredictResult } from "../contract/engine";
import { InputError } from "../contract/failure";
import { softmax } from "../contract/softmax";
import type { ImageFile } from "../data/decode";
import { prepareFile } from "../data/prepare-file";
import { prepareImage } from "../tensor/ops/prepare-image";
import { noGrad, scope, type Tensor } from "../tensor/tensor";
import { loadNetwork, type TrainedNetwork } from "../training/network";

/** Logits and probabilities of single images. */
export async function predict(request: PredictRequest, notify: (notice: NoticeBody) => void): Promise<PredictResult> {
  const network = loadNetwork(request);
  warnOf(network, notify);
  try {
    const images: PredictResult["images"] = [];
    for (const file of request.images) images.push(await predictOne(network, file, request));
    return { model: request.model, classes: network.classes ?? numbered(network.model.classes), images };
  } finally {
    network.model.release();
  }
}

async function predictOne(
  network: TrainedNetwork,
  file: PredictRequest["images"][number],
  { temperature = 1, withInput = false }: PredictRequest,
): Promise<PredictResult["images"][number]> {
  const { image, seen } = await prepareFile(file);
  try {
    const logits = finiteLogitsOf(network, image, file.path);
    const input = withInput ? await seen(network.model.imageSize) : undefined;
    return { path: file.path, logits, probabilities: softmax(logits, temperature), ...(input && { input }) };
  } finally {
    image.release();
  }
}

/** [K] */
export async function logitsOfFile(network: TrainedNetwork, file: ImageFile): Promise<number[]> {
  const { image } = await prepareFile(file);
  try {
    return finiteLogitsOf(network, image, file.path);
  } finally {
    image.release();
  }
}

function finiteLogitsOf(network: TrainedNetwork, image: Tensor, path: string): number[] {
  const logits = logitsOf(network, image);
  if (!logits.every(Number.isFinite)) throw new InputError(`${path}: the answer is not a number; the weights come from a training run that failed`);
  return logits;
}

/** image u8 [H,W,3] -> [K] */
function logitsOf({ model, normalization }: TrainedNetwork, image: Tensor): number[] {
  return scope(() => noGrad(() => [...model.forward(prepareImage(image, { size: model.imageSize, ...normalization })).toFloat32()]));
}

export function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, label) => `class ${label}`);
}

/** Reports what was assumed about a network. */
export function warnOf({ assumption, notes }: TrainedNetwork, notify: (notice: NoticeBody) => void): void {
  for (const text of notes) notify({ type: "note", text });
  if (assumption) notify({ type: "warning", text: assumption });
}
