import type { EvaluateRequest, EvaluateResult, NoticeBody, PredictRequest, PredictResult } from "../contract/engine";
import { InputError } from "../contract/failure";
import { softmax } from "../contract/softmax";
import type { Dataset } from "../data/dataset";
import { openDataset } from "../data/open-dataset";
import { prepareFile } from "../data/prepare-file";
import { prepareImage } from "../tensor/ops/prepare-image";
import { noGrad, scope, type Tensor } from "../tensor/tensor";
import { evaluate } from "../training/evaluate";
import { expectSameClasses, loadNetwork, type TrainedNetwork } from "../training/network";

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
    const logits = logitsOf(network, image);
    if (!logits.every(Number.isFinite)) throw new InputError(`${file.path}: the answer is not a number; the weights come from a training run that failed`);
    const input = withInput ? await seen(network.model.imageSize) : undefined;
    return { path: file.path, logits, probabilities: softmax(logits, temperature), ...(input && { input }) };
  } finally {
    image.release();
  }
}

/** image u8 [H,W,3] -> [K] */
function logitsOf({ model, normalization }: TrainedNetwork, image: Tensor): number[] {
  return scope(() => noGrad(() => [...model.forward(prepareImage(image, { size: model.imageSize, ...normalization })).toFloat32()]));
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, label) => `class ${label}`);
}

/** Reports what was assumed about a network. */
function warnOf({ assumption }: TrainedNetwork, notify: (notice: NoticeBody) => void): void {
  if (assumption) notify({ type: "warning", text: assumption });
}

const EVALUATION_BATCH = 128;

/** Accuracy and loss on the test images of a data set. `yieldPoint` is awaited between batches. */
export async function evaluateOnData(request: EvaluateRequest, yieldPoint: () => Promise<void>, notify: (notice: NoticeBody) => void): Promise<EvaluateResult> {
  const { model, weights, imageSize, patchSize, mean, std } = request;
  const network = loadNetwork({ model, weights, imageSize, patchSize, mean, std });
  warnOf(network, notify);
  let data: Dataset | null = null;
  try {
    data = await openDataset({ path: request.data, format: request.format, trainLimit: 1, testLimit: null }, { storeSize: network.model.imageSize });
    expectSameClasses(network, data.classes, `the model (${weights})`);
    const { accuracy, loss, perClass, seconds } = await evaluate(network, data.test, { batchSize: EVALUATION_BATCH, precision: "fp32", yieldPoint });
    return {
      model,
      weights,
      images: data.test.count,
      accuracy,
      loss,
      imagesPerSecond: data.test.count / seconds,
      perClass: data.classes.map((name, label) => {
        const { count, correct } = perClass[label]!;
        return { name, count, accuracy: count === 0 ? 0 : correct / count };
      }),
    };
  } finally {
    data?.release();
    network.model.release();
  }
}
