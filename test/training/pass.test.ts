import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { backend, useBackend } from "../../src-main/tensor/tensor";
import { smallData, smallRecipe, smallTeacher, trainerOf } from "./small-experiment";

beforeAll(() => useBackend(loadAddon()));
afterEach(() => vi.restoreAllMocks());

test("where there is no room for a recording, training goes on without one and leaves no memory behind", () => {
  const [data, teacher] = [smallData(), smallTeacher()];
  const before = backend().memoryStats().inUse;
  const trainer = trainerOf({ name: "student", recipe: smallRecipe() }, data, teacher);
  const { alloc } = backend();
  let room = Number.POSITIVE_INFINITY;
  // A recording begins with copies of images, labels and logits: the third finds no room, and what is asked for later does.
  const canRecord = vi.spyOn(backend(), "canRecord").mockImplementation(() => {
    room = 2;
    return true;
  });
  vi.spyOn(backend(), "alloc").mockImplementation((...args) => {
    if (room-- > 0) return alloc(...args);
    room = Number.POSITIVE_INFINITY;
    throw Object.assign(new Error("out of memory on the GPU"), { code: "CUDA_OUT_OF_MEMORY" });
  });
  for (let step = 0; step < 3; step++) trainer.step();
  expect(canRecord).toHaveBeenCalledTimes(1);
  trainer.release();
  expect(backend().memoryStats().inUse).toBe(before);
});

test.each(["linearBackwardWeight", "adamw"] as const)("a step that fails in %s leaves no number waiting to be read", (op) => {
  const [data, teacher] = [smallData(), smallTeacher()];
  const trainer = trainerOf({ name: "student", recipe: smallRecipe() }, data, teacher);
  const [readLater, takeRead] = [vi.spyOn(backend(), "readLater"), vi.spyOn(backend(), "takeRead")];
  vi.spyOn(backend(), op).mockImplementation(() => {
    throw new Error("out of memory");
  });
  expect(() => trainer.step()).toThrow("out of memory");
  trainer.release();
  const requested = readLater.mock.results.map(({ value }) => value);
  expect(requested.length).toBeGreaterThan(0);
  expect(takeRead.mock.calls.map(([read]) => read).sort()).toEqual(requested.sort());
});
