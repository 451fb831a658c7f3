import { mostLikely } from "../contract/classification";
import { InputError } from "../contract/failure";
import { need, render } from "../data/batches";
import type { Split } from "../data/dataset";
import { openTestData } from "../data/open-dataset";
import { Evaluation } from "../onnx/evaluate";
import { noGrad, scope } from "../tensor/tensor";
import { rowsOf } from "../training/classes";
import { renderingFor } from "../training/network";
import type { Exported, Said, WriterContext } from "./exported";
import { imagesInput } from "./onnx-check";
import { onnxModel } from "./onnx-model";

/** Of more test images, so many are taken at equal distances. */
const MOST_IMAGES = 1000;

/** What weights of 8 bits cost on the test images of the run, in words. Each image is answered alone, as its bytes depend on what else is in a batch. */
export async function int8Cost(exported: Exported, context: WriterContext): Promise<Said> {
  const unknown = (why: string) => ({ testAccuracy: null, notes: [], warnings: [`what weights of 8 bits cost in accuracy was not measured: ${why}`] });
  if (!exported.run) return unknown("only weights are named, and no run with test images; name the run, or test the file before you use it");
  const { data } = exported.run.header.recipe;
  try {
    const { classes, network } = exported;
    const known = { names: classes, rowsOf: (names: readonly string[]) => rowsOf(classes, names) };
    const test = await openTestData({ ...data, isWhole: false }, known, { storeSize: network.model.imageSize });
    try {
      return await costOn(exported, test.test, context);
    } finally {
      test.release();
    }
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return unknown(`the run's test images cannot be read (${error.message})`);
  }
}

async function costOn({ network, classes }: Exported, split: Split, { notify, yieldPoint }: WriterContext): Promise<Said> {
  const evaluation = new Evaluation(onnxModel({ network, classes }, { int8: true }).graph);
  const count = Math.min(split.count, MOST_IMAGES);
  const [right, same] = [{ fp32: 0, int8: 0 }, { answers: 0 }];
  const started = performance.now();
  for (let i = 0; i < count; i++) {
    await yieldPoint();
    const index = Math.floor((i * split.count) / count);
    const [fp32, int8] = await bothAnswers(network, evaluation, split, index);
    if (fp32 === split.labels[index]) right.fp32++;
    if (int8 === split.labels[index]) right.int8++;
    if (fp32 === int8) same.answers++;
    const secondsLeft = ((performance.now() - started) / 1000 / (i + 1)) * (count - i - 1);
    notify({ type: "work", name: "weights of 8 bits", done: i + 1, total: count, secondsLeft });
  }
  const percent = (part: number) => `${((100 * part) / count).toFixed(1)} %`;
  const which = count < split.count ? `${count} of the ${split.count} test images` : `the ${count} test images`;
  const words = `with weights of 8 bits, ${percent(right.int8)} of ${which} are right, and ${percent(right.fp32)} in fp32; ${percent(same.answers)} of the answers are the same`;
  return { testAccuracy: right.int8 / count, notes: [words], warnings: [] };
}

async function bothAnswers(network: Exported["network"], evaluation: Evaluation, split: Split, index: number): Promise<[number, number]> {
  const indices = Int32Array.of(index);
  await need(split, indices);
  const { pixels, logits } = scope(() =>
    noGrad(() => {
      const images = render(split, { indices, views: null }, renderingFor(network, "fp32"));
      return { pixels: images.toFloat32(), logits: network.model.forward(images).toFloat32() };
    }),
  );
  return [mostLikely(logits), mostLikely(evaluation.run(imagesInput(pixels, 1, network.model.imageSize)).values as Float32Array)];
}
