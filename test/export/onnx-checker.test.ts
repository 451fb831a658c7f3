// ONNX's own checker has nothing against the files, and infers the type and shape of every value in them.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { type OnnxOptions, onnxModel } from "../../src-main/export/onnx-model";
import { modelProto } from "../../src-main/onnx/proto";
import { encode } from "../../src-main/protobuf/codec";
import { useBackend } from "../../src-main/tensor/tensor";
import { answering, noPython } from "../python";
import { trained } from "./compared";
import { tinyModel, tinyModels } from "./tiny-models";

interface Checked {
  problem: string;
  outputs: Record<string, (string | number)[]>;
  /** Values whose type is not inferred. */
  unknown: string[];
}

const reason = noPython("onnx");
const variants: OnnxOptions[] = [{}, { softmax: true }, { rawInput: true }, { rawInput: true, softmax: true }, { int8: true }, { int8: true, rawInput: true }];

describe.skipIf(reason !== null)(`onnx.checker${reason === null ? "" : ` (skipped: ${reason})`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "onnx-"));
  let checker: ReturnType<typeof answering>;
  beforeAll(() => {
    useBackend(loadAddon());
    checker = answering(join(import.meta.dirname, "check_onnx.py"));
  });
  afterAll(() => {
    checker.end();
    rmSync(folder, { recursive: true });
  });

  test.each(tinyModels.flatMap((kind) => variants.map((options) => [kind, options] as const)))("finds nothing wrong with a %s, %j", async (kind, options) => {
    const model = tinyModel(kind);
    if (options.int8 && model.sizes.patchSize === null) return;
    const path = join(folder, "model.onnx");
    writeFileSync(path, Buffer.concat(encode(modelProto, onnxModel(trained(model), options))));
    const { problem, outputs, unknown } = await checker.ask<Checked>({ path });
    expect(problem).toBe("");
    expect(outputs).toEqual({ [options.softmax ? "probabilities" : "logits"]: ["batch", 10] });
    expect(unknown).toEqual([]);
  });
});
