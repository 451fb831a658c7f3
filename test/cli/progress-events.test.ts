import { readFileSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { InputError } from "../../src-main/contract/failure";
import { progressEvent } from "../../src-main/contract/progress-event";
import { folderWithRecipe, trained } from "./examples";
import { runWith } from "./fake-engine";

let cwd: string;
beforeEach(() => {
  cwd = folderWithRecipe();
});
afterEach(() => rmSync(cwd, { recursive: true }));

const train = ["train", "--recipe", "recipe.json", "--progress", "json"];
const linesOf = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

const record = { epoch: 1, iter: 1, loss: Number.NaN, parts: { ce: 2 }, chain: null, trainAcc: 0.25, lr: 1e-3, imagesPerSecond: 1200 };
const notices = [
  { type: "phase", text: "reading the data" },
  { type: "note", text: "the class \u202eevil\nname" },
  { type: "started", arm: "single", directory: "/runs/x", batchesPerEpoch: 1, epochs: 1 },
  { type: "batches", arm: "single", records: [record], progress: { done: 1, total: 1, imagesPerSecond: 1234, secondsLeft: 65 } },
] as const;

describe("--progress json", () => {
  it("is a line for each notice, as it came, and leaves standard output to the result", async () => {
    const watch = (_: unknown, notify: (notice: never) => void) => {
      for (const notice of notices) notify(notice as never);
      return trained("single", 0.4);
    };
    const { out, err } = await runWith({ watch }, [...train, "--json"], { cwd, isTTY: true });
    expect(JSON.parse(out)).toMatchObject({ testAcc: 0.4 });
    const time = new Date(2026, 10, 24, 12).toISOString();
    // What JSON has no number for is null.
    const written = JSON.parse(JSON.stringify(notices));
    expect(linesOf(err)).toEqual(written.map((notice: object) => ({ time, ...notice })));
    const read = linesOf(err).map((line) => progressEvent.parse(line));
    expect(read).toEqual(notices.map((notice) => ({ time, ...notice })));
  });

  it("tells failures as events, with the command that resumes", async () => {
    const failing = (begin: boolean) => (_: unknown, notify: (notice: never) => void) => {
      if (begin) notify(notices[2] as never);
      throw new InputError("the disk is full");
    };
    const { status, err } = await runWith({ watch: failing(false) }, train, { cwd });
    expect([status, linesOf(err)]).toEqual([1, [{ time: expect.any(String), type: "error", code: "INPUT", message: "the disk is full" }]]);
    const begun = await runWith({ watch: failing(true) }, [...train, "--out", cwd], { cwd });
    expect(progressEvent.parse(linesOf(begun.err).at(-1))).toMatchObject({
      type: "error",
      resume: `npx distill train --resume --out ${cwd}`,
    });
  });

  it.each([[["train", "--epochs", "3"]], [["train"]]])("tells wrong usage of %j as one event", async (args) => {
    const { status, out, err } = await runWith({}, [...args, "--progress=json"], { cwd });
    expect([status, out, linesOf(err).map(({ type, code }) => [type, code])]).toEqual([2, "", [["error", "USAGE"]]]);
  });

  it("is refused in another form", async () => {
    const { status, err } = await runWith({}, ["train", "--progress", "xml"], { cwd });
    expect([status, err]).toEqual([2, expect.stringContaining("Allowed choices are text, json")]);
  });
});

test("docs/progress.md has every type, and its example is of the schema", () => {
  const page = readFileSync(resolve(import.meta.dirname, "../../docs/progress.md"), "utf8");
  const examples = page.split("\n").filter((line) => line.startsWith("    {"));
  expect(examples).toHaveLength(5);
  for (const example of examples) progressEvent.parse(JSON.parse(example));
  const types = page.split("\n").flatMap((line) => (/^\| `/.test(line) ? [...line.split("|")[1]!.matchAll(/`(\w+)`/g)].map((match) => match[1]) : []));
  const known = progressEvent.def.right.options.map(({ shape }) => shape.type.value);
  expect(types.sort()).toEqual([...known].sort());
});
