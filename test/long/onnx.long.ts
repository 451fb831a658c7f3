// Every model of the registry as ONNX: onnxruntime's answers to one image, to seven at once and to images of odd sizes; read back; and what onnx.checker says.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { onnxModel } from "../../src-main/export/onnx-model";
import { createModel } from "../../src-main/models/registry";
import { loadWeights } from "../../src-main/models/weights";
import { modelProto } from "../../src-main/onnx/proto";
import { encode } from "../../src-main/protobuf/codec";
import { useBackend } from "../../src-main/tensor/tensor";
import { channelsFirst, errorOf, logitsOf, logitsOfImage, someImage, trained } from "../export/compared";
import { answers, session } from "../export/onnxruntime";
import { answering, noPython } from "../python";
import { formulaImages, formulaModel } from "../reference/models";

useBackend(loadAddon());
/** Of onnx.checker, where python3, or the Python that DISTILL_PYTHON names, has onnx. */
const checker = noPython("onnx") === null ? answering(join(import.meta.dirname, "../export/check_onnx.py")) : null;
const folder = mkdtempSync(join(tmpdir(), "onnx-"));
afterAll(() => {
  checker?.end();
  rmSync(folder, { recursive: true });
});

const SIZES = [
  [33, 47],
  [301, 129],
  [19, 19],
  [500, 375],
  [229, 231],
] as const;

interface Golden {
  model: string;
  imageSize: number;
  patchSize: number | null;
}
const goldens: Golden[] = JSON.parse(readFileSync(new URL("../reference/models.json", import.meta.url), "utf8"));

it.each(goldens)("$model, $imageSize px, patch $patchSize", async (golden) => {
  const model = formulaModel(golden.model, golden).eval();
  const Z = golden.imageSize;
  const images = formulaImages("images", 7, Z);
  const expected = logitsOf(model, () => images);
  const pixels = channelsFirst(images.toFloat32(), 7);

  const whole = onnxModel(trained(model));
  const network = await session(whole);
  const errors = [
    errorOf(await answers(network, pixels.subarray(0, 3 * Z * Z), [1, 3, Z, Z]), expected.subarray(0, 10)),
    errorOf(await answers(network, pixels, [7, 3, Z, Z]), expected),
  ];
  await network.release();

  const raw = await session(onnxModel(trained(model), { rawInput: true }));
  for (const [H, W] of SIZES) {
    const data = someImage(H, W);
    errors.push(errorOf(await answers(raw, data, [1, H, W, 3]), await logitsOfImage(model, data, H, W)));
  }
  await raw.release();
  const path = join(folder, "model.onnx");
  for (const options of [{ rawInput: true, softmax: true }, ...(golden.patchSize === null ? [] : [{ int8: true }, { int8: true, rawInput: true }]), {}]) {
    writeFileSync(path, Buffer.concat(encode(modelProto, onnxModel(trained(model), options))));
    if (checker) expect(await checker.ask({ path })).toMatchObject({ problem: "", unknown: [] });
  }
  model.release();

  const again = createModel(golden.model, { classes: 10, imageSize: Z, patchSize: golden.patchSize, seed: null }).eval();
  loadWeights(again, path);
  const back = errorOf(
    logitsOf(again, () => images),
    expected,
  );
  again.release();
  images.release();
  console.log(`${golden.model}: ${Math.max(...errors).toExponential(1)}, read back ${back.toExponential(1)}`);
  expect(Math.max(...errors)).toBeLessThan(1e-5);
  expect(back).toBeLessThan(1e-5);
});
