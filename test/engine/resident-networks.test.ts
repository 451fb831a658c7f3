import { copyFileSync, statSync, utimesSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { PredictRequest } from "../../src-main/contract/engine";
import { predict } from "../../src-main/engine/predict";
import { ResidentNetworks } from "../../src-main/engine/resident-networks";
import { createModel } from "../../src-main/models/registry";
import { saveWeights } from "../../src-main/models/weights";
import { backend, useBackend } from "../../src-main/tensor/tensor";
import type { TrainedNetwork } from "../../src-main/training/network";
import { CIFAR10_CLASSES, experimentFolder } from "./experiment";

let folder: ReturnType<typeof experimentFolder>;
let networks = new ResidentNetworks();
beforeAll(() => {
  useBackend(loadAddon());
  folder = experimentFolder();
});
afterEach(() => {
  networks.release();
  networks = new ResidentNetworks();
});
afterAll(() => folder.remove());

const image = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==", "base64");
const options = (weights = folder.teacher) => ({ model: "resnet20_cifar10", weights });
const THEN = new Date("2026-11-24T09:05:00Z");
const used = (weights?: string, from = networks) => from.use(options(weights), async (network) => network);
const isReleased = ({ model }: TrainedNetwork) => [...model.weights().values()][0]!.released;
const asked = (request: Partial<PredictRequest> = {}, said: string[] = []) =>
  predict({ ...options(), images: [{ path: "dot.png", bytes: image }], ...request }, networks, (notice) => void ("text" in notice && said.push(notice.text)));

/** A teacher of its own, from another seed. */
function writeTeacher(path: string, seed: number): void {
  const model = createModel("resnet20_cifar10", { classes: 10, imageSize: 8, seed });
  saveWeights(model, path, { classes: CIFAR10_CLASSES, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] });
  model.release();
}

test("a network is read once, and answers as one that is read anew", async () => {
  const first = await used();
  expect(await used()).toBe(first);
  const [resident, again] = [await asked(), await asked()];
  networks.release();
  expect(again).toEqual(resident);
  expect(await asked()).toEqual(resident);
});

test("a file that was changed is read anew, even where size and time of change are the old ones", async () => {
  const path = folder.path("changing.safetensors");
  writeTeacher(path, 1);
  utimesSync(path, THEN, THEN);
  const { size, mtimeMs } = statSync(path);
  const first = await used(path);
  const answer = await asked({ weights: path });
  const other = folder.path("other.safetensors");
  writeTeacher(other, 2);
  copyFileSync(other, path);
  utimesSync(path, THEN, THEN);
  expect(statSync(path)).toMatchObject({ size, mtimeMs });
  expect(await used(path)).not.toBe(first);
  expect(isReleased(first)).toBe(true);
  expect((await asked({ weights: path })).images[0]!.logits).not.toEqual(answer.images[0]!.logits);
});

test("those that were used longest ago make room, but none that is in use", async () => {
  const bytes = 4 * [...(await used()).model.weights().values()].reduce((sum, { size }) => sum + size, 0);
  const two = new ResidentNetworks(() => 2 * bytes);
  const paths = [3, 4, 5].map((seed) => folder.path(`${seed}.safetensors`));
  for (const [i, path] of paths.entries()) writeTeacher(path, i);
  const first = await two.use(options(paths[0]), async (network) => {
    await used(paths[1], two);
    await used(paths[2], two);
    expect(isReleased(network)).toBe(false);
    return network;
  });
  expect(isReleased(first)).toBe(true);
  const second = await used(paths[1], two);
  expect(isReleased(second)).toBe(false);
  two.release();
  expect(isReleased(second)).toBe(true);
});

test("one that is too large to stay answers all the same", async () => {
  const none = new ResidentNetworks(() => 0);
  const before = backend().memoryStats().inUse;
  const [during, network] = await none.use(options(), async (network) => [isReleased(network), network] as const);
  expect([during, isReleased(network)]).toEqual([false, true]);
  expect(backend().memoryStats().inUse).toBe(before);
});

test("logits come in the order of the classes that are asked for, or the words of a run say why not", async () => {
  const plain = await asked();
  const turned = [...CIFAR10_CLASSES].reverse();
  const said: string[] = [];
  const answer = await asked({ classes: turned }, said);
  expect(answer.classes).toEqual(turned);
  expect(answer.images[0]!.logits).toEqual([...plain.images[0]!.logits].reverse());
  expect(said.join()).toContain("the data's classes in another order");
  await expect(asked({ classes: ["apple", "pear"] })).rejects.toThrow(/was trained for other classes than the data has.*apple, pear/);
});
