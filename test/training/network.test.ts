import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { CIFAR10_NORMALIZATION } from "../../src-main/contract/normalization";
import { createModel } from "../../src-main/models/registry";
import { writeSafetensors } from "../../src-main/models/safetensors";
import { saveWeights } from "../../src-main/models/weights";
import { useBackend } from "../../src-main/tensor/tensor";
import { type ChosenNetwork, loadNetwork } from "../../src-main/training/network";
import { createStudent } from "../../src-main/training/student";

useBackend(loadAddon());

const OWN = { mean: [0.5, 0.4, 0.3], std: [0.2, 0.2, 0.2] };
const GIVEN = { mean: [0.1, 0.1, 0.1], std: [0.9, 0.9, 0.9] };

let folder: string;
let [described, silent]: string[] = [];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "network-"));
  [described, silent] = [join(folder, "described.safetensors"), join(folder, "silent.safetensors")];
  const model = createModel("resnet20_cifar10", { classes: 2 });
  saveWeights(model, described, { classes: ["a", "b"], ...OWN });
  writeSafetensors(silent, model.weights());
  model.release();
});
afterAll(() => rmSync(folder, { recursive: true }));

function released({ model, normalization, assumption }: ChosenNetwork) {
  model.release();
  return { normalization, assumption };
}

const trained = (weights: string, given = {}) => released(loadNetwork({ model: "resnet20_cifar10", weights, ...given }));
const student = (weights: string | null, given = {}) =>
  released(createStudent({ model: "resnet20_cifar10", imageSize: 32, patchSize: null, weights, ...given }, ["a", "b"], 0));

describe.each([
  { which: "a trained network", open: trained },
  { which: "a student that starts from weights", open: student },
])("$which is normalised", ({ open }) => {
  test("as requested, whatever the weights say", () => {
    for (const weights of [described!, silent!]) expect(open(weights, GIVEN)).toEqual({ normalization: GIVEN, assumption: null });
  });

  test("as its weights say", () => {
    expect(open(described!)).toEqual({ normalization: OWN, assumption: null });
    expect(open(described!, { mean: null, std: null })).toEqual({ normalization: OWN, assumption: null });
  });

  test("like CIFAR-10 if they say nothing, which it reports", () => {
    expect(open(silent!)).toEqual({
      normalization: CIFAR10_NORMALIZATION,
      assumption: `the weights ${silent} do not say how their images were normalised, so they are used with mean 0.491, 0.482, 0.447 and deviation 0.247, 0.243, 0.262 (CIFAR-10's): if they were trained with other values, set mean and std`,
    });
  });
});

describe("of mean and deviation, only one is known:", () => {
  const odd = (metadata: Record<string, string>) => {
    const path = join(folder, "odd.safetensors");
    const model = createModel("resnet20_cifar10", { classes: 2 });
    writeSafetensors(path, model.weights(), metadata);
    model.release();
    return path;
  };

  test("a given mean is said to be given, and the deviation to be CIFAR-10's", () => {
    const { mean } = GIVEN;
    expect(trained(silent!, { mean })).toEqual({
      normalization: { mean, std: CIFAR10_NORMALIZATION.std },
      assumption: expect.stringMatching(
        /do not say .* with mean 0\.100, .* and deviation 0\.247, .*, of which the mean is given and the deviation is CIFAR-10's, as none was given: if/,
      ),
    });
  });

  test("metadata that cannot be used are told in the same sentence", () => {
    const { assumption } = trained(odd({ mean: "[123,116,103]" }));
    expect(assumption).toMatch(
      /odd\.safetensors have an unusable "mean", \[123,116,103\] \(expected three numbers from 0 to 1.*\) in their metadata, so they are used with mean 0\.491, /,
    );
    expect(assumption).not.toContain("do not say");
    expect(trained(odd({ mean: "[123,116,103]", std: "[0.2,0.2,0.2]" })).assumption).toContain(
      "the deviation is that of the metadata and the mean is CIFAR-10's",
    );
    expect(trained(odd({ mean: "[123,116,103]" }), GIVEN).assumption).toBeNull();
  });
});

test("a fresh student is normalised as requested, otherwise like its family", () => {
  expect(student(null, GIVEN)).toEqual({ normalization: GIVEN, assumption: null });
  expect(student(null)).toEqual({ normalization: CIFAR10_NORMALIZATION, assumption: null });
});

test("weights of another family lack the last layer, and the error names it", () => {
  expect(() => loadNetwork({ model: "vit_micro_patch4_32", weights: silent! })).toThrow(
    /silent\.safetensors do not fit vit_micro_patch4_32: have no last layer \(head\.weight\)/,
  );
});
