import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { Fingerprints, MOST_FINGERPRINTS, originIn, originMetadata } from "../../src-main/models/origin";
import { createModel } from "../../src-main/models/registry";
import { describeWeights, saveWeights } from "../../src-main/models/weights";
import { useBackend } from "../../src-main/tensor/tensor";

const folder = mkdtempSync(join(tmpdir(), "origin-"));
afterAll(() => rmSync(folder, { recursive: true }));

const LARGEST = 2 ** 48 - 1;

test("images are named by 8 characters each, in whatever order they come and however often", () => {
  const some = new Fingerprints([LARGEST, 0, null, 77, 77]);
  expect(String(some)).toBe(String(new Fingerprints([77, LARGEST, 0])));
  expect([String(some).length, some.count]).toEqual([24, 3]);
  expect([...Fingerprints.parse(String(some))]).toEqual([0, 77, LARGEST]);
  expect([some.has(77), some.has(78), some.has(null)]).toEqual([true, false, false]);
});

test("an origin is what its metadata say", () => {
  const origin = {
    fitted: new Fingerprints([1, 2]),
    unlabelled: new Fingerprints([5]),
    chosen: new Fingerprints([3]),
    drawn: { testShare: 0.2, splitSeed: 4 },
  };
  expect(originIn(originMetadata(origin))).toEqual(origin);
  const least = { fitted: new Fingerprints([1]), unlabelled: new Fingerprints([]), chosen: new Fingerprints([]), drawn: null };
  expect([originIn(originMetadata(least)), originIn({})]).toEqual([least, null]);
  const many = new Fingerprints(Array.from({ length: MOST_FINGERPRINTS }, (_, n) => n));
  expect(originMetadata({ ...least, fitted: many, chosen: new Fingerprints([LARGEST]) })).toEqual({});
});

test.each<Record<string, string>>([{ fittedTo: "AAAA" }, { fittedTo: "not base64" }, { fittedTo: "", drawn: '{"testShare":2,"splitSeed":0}' }])(
  "what is damaged is passed over, and said: %o",
  (more) => {
    useBackend(loadAddon());
    const model = createModel("resnet8_cifar10", { classes: 2, seed: 1 });
    const path = join(folder, "damaged.safetensors");
    saveWeights(model, path, { classes: ["a", "b"], mean: [0, 0, 0], std: [1, 1, 1], more });
    model.release();
    const { origin, notes } = describeWeights(path, "resnet8_cifar10");
    expect([origin, notes]).toEqual([null, [expect.stringContaining("fitted to is damaged, so nobody can tell whether test images are among them")]]);
  },
);
