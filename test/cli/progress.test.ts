import { rmSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { folderWithRecipe, trained } from "./examples";
import { type RunOptions, runWith } from "./fake-engine";

let cwd: string;
beforeEach(() => {
  cwd = folderWithRecipe();
});
afterEach(() => rmSync(cwd, { recursive: true }));

describe("progress", () => {
  const notices = (notify: (notice: never) => void) => {
    const send = notify as (notice: object) => void;
    send({ type: "phase", text: "reading the data" });
    send({ type: "started", arm: "single", directory: "/runs/x", batchesPerEpoch: 100, epochs: 2 });
    for (let done = 1; done <= 200; done++) {
      const record = {
        epoch: done > 100 ? 2 : 1,
        iter: ((done - 1) % 100) + 1,
        loss: 2.5,
        parts: { ce: 2 },
        chain: null,
        trainAcc: 0.25,
        lr: 1e-3,
        imagesPerSecond: 1200,
      };
      send({ type: "batches", arm: "single", records: [record], progress: { done, total: 200, imagesPerSecond: 1234, secondsLeft: 65 } });
    }
    send({
      type: "epoch",
      arm: "single",
      record: { epoch: 2, trainLoss: 2.4, trainAcc: 0.3, testAcc: 0.31, testLoss: 2.3, emaAcc: null, emaLoss: null, valAcc: null, valLoss: null, seconds: 10 },
    });
    send({ type: "note", text: "normalised with the data's own mean" });
    send({ type: "warning", text: "few images" });
    return trained("single", 0.4);
  };
  const train = (options: RunOptions, ...args: string[]) =>
    runWith({ watch: (_, notify) => notices(notify) }, ["train", "--recipe", "recipe.json", ...args], { cwd, ...options });

  it("is plain lines where standard error is not a terminal, and leaves standard output alone", async () => {
    const { out, err } = await train({}, "--json");
    expect(JSON.parse(out)).toMatchObject({ testAcc: 0.4 });
    const lines = err.trimEnd().split("\n");
    expect(lines[0]).toBe("reading the data");
    expect(lines).toContain("epoch 2/2  100%  loss 2.500  accuracy 25.0 %  1234 images/s  1:05 left");
    expect(lines).toContain("epoch 2/2  loss 2.400  train accuracy 30.0 %  test accuracy 31.0 %  0:10");
    expect(lines.slice(-2)).toEqual(["normalised with the data's own mean", "warning: few images"]);
    expect(lines.filter((line) => line.includes("left"))).toHaveLength(10);
  });

  it("comes at least every few seconds in a slow run", async () => {
    const { err } = await train({ tick: 2.5 });
    expect(err.split("\n").filter((line) => line.includes("left")).length).toBeGreaterThanOrEqual(60);
  });

  it("is a bar on a terminal", async () => {
    const { out, err } = await train({ isTTY: true });
    expect(err).toContain("█");
    expect(err).toContain("epoch 2/2  loss 2.400  train accuracy 30.0 %  test accuracy 31.0 %  0:10\n");
    expect(err).toContain("warning: few images\n");
    expect(out).not.toContain("█");
  });

  /** What is drawn on one line and stays until the next update. */
  const drawings = (err: string) => err.split("\x1b[1G").flatMap((text) => stripVTControlCharacters(text).split("\n"));

  it.each([
    [120, /^epoch 2\/2 {2}█{14} {2}100% {2}loss 2\.500 {2}accuracy 25\.0 % {2}1234 images\/s {2}1:05 left$/],
    [80, /^epoch 2\/2 {2}█{7} {2}100% {2}loss 2\.500 {2}accuracy 25\.0 % {2}1234 images\/s {2}1:05 left$/],
    [50, /^epoch 2\/2 {2}█{6} {2}100% {2}1234 images\/s {2}1:05 left$/],
    [30, /^epoch 2\/2 {2}100% {2}1:05 left$/],
  ])("the bar fits %i columns, and the time left is shown at every width", async (columns, last) => {
    const { err } = await train({ isTTY: true, columns });
    const bars = drawings(err).filter((text) => text.includes(" left"));
    expect(Math.max(...bars.map((text) => text.length))).toBeLessThan(columns);
    expect(bars.at(-1)).toMatch(last);
    expect(err).toContain("epoch 2/2  loss 2.400  train accuracy 30.0 %  test accuracy 31.0 %  0:10\n");
  });
});
