// The files that test/gpu/all.sh plays match what the program calls today. After an intended change: npx vitest run test/gpu/calls.test.ts --update
import { readdirSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { useBackend } from "../../src-main/tensor/tensor";
import { files } from "./calls";
import { caseCalls } from "./cases";

afterAll(() => useBackend(loadAddon()));

it.each(Object.entries(files))("%s", async (name, note) => {
  await expect(note()).toMatchFileSnapshot(`calls/${name}.txt`);
});

it("has no other files", () => {
  const there = readdirSync(new URL("calls", import.meta.url), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".txt"));
  expect(there.filter((name) => !(name.replaceAll("\\", "/").replace(/\.txt$/, "") in files))).toEqual([]);
});

describe("calls of a case", () => {
  const gelu = { op: "gelu", name: "gelu: of two", inputs: { x: { shape: [2], scale: 3 } } };

  it("write inputs and gradient by formula before the recording, and read what the case compares", () => {
    expect(caseCalls(gelu).split("\n")).toEqual([
      "title gelu: of two",
      "compare 0.00001 0 bits",
      "alloc #0 f32 2",
      "numbers #0 3 0 0 gelu: of two/x",
      "alloc #2 f32 2",
      "numbers #2 1 0 0 gelu: of two/dy",
      "begin_recording",
      "alloc #1 f32 2",
      "gelu_forward x=#0 y=#1",
      "view #3 #2 2",
      "alloc #4 f32 2",
      "gelu_backward x=#0 dy=#3 dx=#4",
      "release #3",
      "end_recording 1",
      "replay 1",
      "read #1 y",
      "read #4 dx",
      "release #0",
      "release #1",
      "release #2",
      "release #4",
      "",
    ]);
  });

  it("write a gradient that the case gives as numbers, in bf16 too", () => {
    const calls = caseCalls({ ...gelu, dy: [0.5, -3], stored: ["x"] });
    expect(calls).toContain("title gelu: of two; x in bf16\ncompare 0.01 0 bits\nalloc #0 bf16 2\n");
    expect(calls).toContain("alloc #2 bf16 2\nwrite #2 0.5 -3\nbegin_recording\n");
  });
});
