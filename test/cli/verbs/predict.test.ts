import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { folderWithRecipe } from "../examples";
import { runWith } from "../fake-engine";

let cwd: string;
beforeEach(() => {
  cwd = folderWithRecipe();
});
afterEach(() => rmSync(cwd, { recursive: true }));

describe("distill predict", () => {
  const predicted = {
    model: "m",
    classes: ["cat", "dog", "frog", "ship"],
    images: [{ path: "a.jpg", logits: [1, 2, 0, 0], probabilities: [0.2, 0.6, 0.1, 0.1], input: new Uint8Array(3) }],
    unreadable: [],
  };
  const predict = (...args: string[]) =>
    runWith(
      { predict: ({ images }) => ({ ...predicted, images: predicted.images.map((image) => ({ ...image, path: images[0]!.path })) }) },
      ["predict", "--model", "m", "--weights", "w.safetensors", "--images", "a.jpg", ...args],
      { cwd },
    );

  it("prints exactly the model, the classes and each image's logits and probabilities", async () => {
    const { out } = await predict("--json");
    expect(JSON.parse(out)).toEqual({
      model: "m",
      classes: predicted.classes,
      images: [{ path: "a.jpg", logits: [1, 2, 0, 0], probabilities: [0.2, 0.6, 0.1, 0.1] }],
    });
  });

  it("answers for the images that can be read, names the others, and fails", async () => {
    const answer = {
      ...predicted,
      images: [{ ...predicted.images[0]!, path: join(cwd, "a.jpg") }],
      unreadable: [{ path: join(cwd, "b.jpg"), reason: "it is empty" }],
    };
    const args = ["predict", "--model", "m", "--weights", "w.safetensors", "--images", "a.jpg", "b.jpg"];
    const { status, out, err } = await runWith({ predict: () => answer }, args, { cwd });
    expect([status, err]).toEqual([1, "error: b.jpg cannot be read as an image: it is empty\n"]);
    expect(out).toMatch(/^a\.jpg +dog 60\.0 %/);
    const json = await runWith({ predict: () => answer }, [...args, "--json"], { cwd });
    expect([json.status, JSON.parse(json.out).unreadable]).toEqual([1, [{ path: "b.jpg", reason: "it is empty" }]]);
  });

  it("takes images with or without the word --images", async () => {
    const args = ["predict", "a.jpg", "--weights", "w.safetensors", "--images", "b.jpg"];
    const { calls } = await runWith({ predict: () => predicted }, args, { cwd });
    expect((calls[0]!.params as { images: unknown }).images).toEqual([{ path: join(cwd, "a.jpg") }, { path: join(cwd, "b.jpg") }]);
    const none = await runWith({}, ["predict", "--weights", "w.safetensors"], { cwd });
    expect([none.status, none.err]).toEqual([2, "error: expected the image files, as in cat.jpg dog.png\n"]);
  });

  it("sends what the flags say", async () => {
    const { calls } = await predict("--image-size", "64", "--patch-size", "8", "--temperature", "2.5", "--mean", "0.5,0.4,0", "--std", "1,1,0.5");
    expect(calls[0]!.params).toEqual({
      model: "m",
      weights: join(cwd, "w.safetensors"),
      images: [{ path: join(cwd, "a.jpg") }],
      imageSize: 64,
      patchSize: 8,
      temperature: 2.5,
      mean: [0.5, 0.4, 0],
      std: [1, 1, 0.5],
    });
  });

  it("names the three likeliest classes", async () => {
    expect((await predict()).out).toMatch(/^a\.jpg +dog 60\.0 % +cat 20\.0 % +frog 10\.0 %\n$/);
  });

  it.each([
    [["--image-size", "big"], 'expected an integer from 8 to 1024, got "big"'],
    [["--temperature", "0"], "expected a number from 0.05 to 100, got 0"],
    [["--mean", "1,2"], "expected three numbers from 0 to 1, for red, green and blue, as in 0.5,0.5,0.5"],
    [["--std", "0,1,1"], "expected three numbers from 0.000001 to 10, for red, green and blue"],
  ])("refuses %s", async (args, words) => {
    const { status, err, calls } = await predict(...args);
    expect(err).toContain(words);
    expect([status, calls]).toEqual([2, []]);
  });
});
