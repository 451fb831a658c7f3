import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { deleteRun } from "../../src-main/runs/delete";
import { listRuns, readRun } from "../../src-main/runs/reader";
import { useBackend } from "../../src-main/tensor/tensor";
import { batch, begun, epoch, finishedRun, resumed, start, train, unlock } from "./example-run";

useBackend(loadAddon());

let parent: string;
let directory: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "distill-runs-"));
  directory = join(parent, "run");
});
afterEach(() => rmSync(parent, { recursive: true }));

const text = (file: string) => readFileSync(join(directory, file), "utf8");

describe("a run folder", () => {
  test("has files that can be read without this program", () => {
    finishedRun(directory);
    expect(readdirSync(directory).sort()).toEqual(["batches.csv", "epochs.csv", "events.jsonl", "evidence.jsonl", "recipe.json"]);
    expect(text("batches.csv").split("\n").slice(0, 2)).toEqual([
      "epoch,iter,loss,ce_loss,kd_loss,train_acc,lr,images_per_second",
      "1,1,2,1,0.30000000000000004,0.5,0.0003333333333333333,14.285714285714286",
    ]);
    expect(text("epochs.csv").split("\n")).toEqual([
      "epoch,train_loss,train_acc,test_acc,test_loss,seconds,val_acc,val_loss,ema_acc,ema_loss",
      "1,1,0.07692307692307693,0.51,0.3333333333333333,2.5,,,,",
      "2,0.5,0.15384615384615385,0.52,0.3333333333333333,2.5,,,,",
      "",
    ]);
    expect(JSON.parse(text("recipe.json"))).toMatchObject({ schema: 1, seed: start.recipe.train.seed, ...start });
  });

  test("returns every number unchanged", () => {
    finishedRun(directory);
    const run = readRun(directory);
    expect(run.batches).toEqual([1, 2].flatMap((e) => [1, 2, 3, 4].map((iter) => batch(e, iter))));
    expect(run.epochRecords).toEqual([epoch(1), epoch(2)]);
    expect(run).toMatchObject({ ...start, directory, name: "demo", state: "finished", epochsDone: 2, epochs: 12, testAcc: 0.52, trainAcc: 2 / 13 });
  });

  test("keeps NaN and unmeasured values", () => {
    const run = begun(directory);
    run.appendBatches([{ ...batch(1, 1), loss: Number.NaN, parts: { ce: 1, kd: Number.POSITIVE_INFINITY } }]);
    run.appendEpoch(epoch(1));
    run.appendEpoch(epoch(2, null));
    run.close();
    const read = readRun(directory);
    expect(read.batches[0]).toMatchObject({ loss: Number.NaN, parts: { ce: 1, kd: Number.POSITIVE_INFINITY } });
    expect(read.epochRecords[1]).toEqual(epoch(2, null));
    expect(read.testAcc).toBe(0.51);
  });

  test("is never overwritten", () => {
    finishedRun(directory);
    const before = text("batches.csv");
    expect(() => begun(directory)).toThrow(/already holds a run.*another folder, or resume that run/);
    expect(text("batches.csv")).toBe(before);
  });

  test("accepts new hashes", () => {
    const run = begun(directory);
    run.setHashes({ ...start.hashes, batches: "b1" });
    run.close();
    expect(readRun(directory).hashes).toEqual({ ...start.hashes, batches: "b1" });
    expect(readdirSync(directory).filter((name) => name.endsWith(".partial"))).toEqual([]);
  });

  test("may end with half a line", () => {
    const run = begun(directory);
    train(run, 1);
    run.close();
    appendFileSync(join(directory, "batches.csv"), "2,1,0.33");
    appendFileSync(join(directory, "epochs.csv"), "2");
    appendFileSync(join(directory, "events.jsonl"), '{"time":"20');
    const read = readRun(directory);
    expect(read.batches).toHaveLength(4);
    expect(read.epochRecords).toHaveLength(1);
    expect(read.events.map(({ type }) => type)).toEqual(["started"]);
  });
});

describe("resuming", () => {
  test("removes whatever came after the checkpoint, and half lines", () => {
    const run = begun(directory);
    train(run, 3);
    run.close();
    appendFileSync(join(directory, "batches.csv"), "4,1,0.");
    const again = resumed(directory, { epoch: 2, iter: 3, epochsDone: 1 });
    again.appendBatches([batch(2, 4)]);
    again.appendEpoch(epoch(2));
    again.close();
    const read = readRun(directory);
    expect(read.batches.map(({ epoch, iter }) => [epoch, iter])).toEqual([1, 2].flatMap((e) => [1, 2, 3, 4].map((iter) => [e, iter])));
    expect(read.epochRecords).toEqual([epoch(1), epoch(2)]);
  });

  test("leaves the same bytes as an uninterrupted run", () => {
    finishedRun(join(parent, "whole"));
    const run = begun(directory);
    train(run, 1);
    run.appendBatches([batch(2, 1), batch(2, 2)]);
    run.close();
    const again = resumed(directory, { epoch: 1, iter: 4, epochsDone: 1 });
    again.appendBatches([1, 2, 3, 4].map((iter) => batch(2, iter)));
    again.appendEpoch(epoch(2));
    again.close();
    for (const file of ["batches.csv", "epochs.csv"]) expect(text(file)).toBe(readFileSync(join(parent, "whole", file), "utf8"));
  });

  test("from before the first checkpoint starts the tables over", () => {
    const run = begun(directory);
    train(run, 1);
    run.close();
    resumed(directory, { epoch: 0, iter: 0, epochsDone: 0 }).close();
    expect(readRun(directory)).toMatchObject({ batches: [], epochRecords: [] });
  });

  test("numbers the segments", () => {
    begun(directory).close();
    resumed(directory, { epoch: 0, iter: 0, epochsDone: 0 }).close();
    resumed(directory, { epoch: 0, iter: 0, epochsDone: 0 }).close();
    const events = text("events.jsonl")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.map(({ type, segment }) => [type, segment])).toEqual([
      ["started", 1],
      ["resumed", 2],
      ["resumed", 3],
    ]);
  });

  test("needs a run", () => {
    expect(() => resumed(directory, { epoch: 0, iter: 0, epochsDone: 0 })).toThrow(/holds no run/);
  });
});

describe("the state of a run", () => {
  test("follows its events", () => {
    const run = begun(directory);
    const states = [readRun(directory).state];
    for (const type of ["paused", "checkpoint", "continued", "warning", "stopped"] as const) {
      run.event(type, "because");
      states.push(readRun(directory).state);
    }
    run.close();
    unlock(directory);
    expect(states).toEqual(["running", "paused", "paused", "running", "running", "stopped"]);
    expect(readRun(directory).events.at(-1)).toMatchObject({ type: "stopped", text: "because" });
  });

  test("is stopped if its process is gone without a final event", () => {
    const run = begun(directory);
    run.event("paused");
    expect(readRun(directory).state).toBe("paused");
    unlock(directory);
    expect(readRun(directory).state).toBe("stopped");
    resumed(directory, { epoch: 0, iter: 0, epochsDone: 0 }).close();
    expect(readRun(directory).state).toBe("running");
  });
});

describe("the runs in a folder", () => {
  test("are found beside each other and in comparisons, newest first", () => {
    const startedAt = (run: string, time: string) => writeFileSync(join(run, "events.jsonl"), `${JSON.stringify({ time, type: "started", segment: 1 })}\n`);
    startedAt(finishedRun(join(parent, "a", "control"), { arm: "control" }), "2024-05-01T10:00:00.000Z");
    startedAt(finishedRun(join(parent, "a", "student"), { arm: "student" }), "2024-05-01T10:00:01.000Z");
    startedAt(finishedRun(join(parent, "b")), "2024-05-02T09:00:00.000Z");
    mkdirSync(join(parent, "empty"));
    expect(listRuns(parent).map(({ directory, arm }) => [directory, arm])).toEqual([
      [join(parent, "b"), "single"],
      [join(parent, "a", "student"), "student"],
      [join(parent, "a", "control"), "control"],
    ]);
  });

  test.each([
    ["recipe.json", "{", /recipe\.json cannot be used: .*, and no checkpoint tells what it held/],
    ["recipe.json", "", /recipe\.json is empty, as after a power loss, and no checkpoint tells what it held/],
    ["events.jsonl", "{\n", /events\.jsonl is damaged: line 1/],
    ["epochs.csv", "epoch,train_loss\n1\n", /epochs\.csv is damaged: line 2/],
  ])("are listed with their damage where they cannot be read: %s", (file, content, damage) => {
    finishedRun(directory);
    finishedRun(join(parent, "broken", "control"), { arm: "control" });
    writeFileSync(join(parent, "broken", "control", file), content);
    const runs = listRuns(parent).sort((a, b) => a.directory.localeCompare(b.directory));
    expect(runs).toMatchObject([
      { directory: join(parent, "broken", "control"), arm: "control", damage: expect.stringMatching(damage) },
      { directory, damage: null },
    ]);
  });

  test.each(["recipe.json", "events.jsonl", "epochs.csv", "lock"])("are listed with their damage where a folder is named %s", (file) => {
    finishedRun(directory);
    rmSync(join(directory, file), { force: true });
    mkdirSync(join(directory, file));
    const expected = expect.stringMatching(/(is a folder or a device|expected a file, got a folder or a device)/);
    expect(listRuns(parent)).toMatchObject([{ directory, owner: null, damage: expected }]);
  });

  test("begin anew if they ended before their first checkpoint, and nobody trains them", () => {
    finishedRun(directory);
    const events = (...types: string[]) =>
      writeFileSync(join(directory, "events.jsonl"), types.map((type) => `{"time":"2026-11-24T09:05:00Z","type":"${type}"}\n`).join(""));
    events("started");
    rmSync(join(directory, "batches.csv"));
    expect(listRuns(parent)).toMatchObject([{ state: "stopped", beginsAnew: true }]);
    events("started", "checkpoint", "stopped");
    expect(listRuns(parent)).toMatchObject([{ state: "stopped", beginsAnew: false }]);
    events("started", "finished");
    expect(listRuns(parent)).toMatchObject([{ state: "finished", beginsAnew: false }]);
  });

  test("are none where somebody keeps a recipe under the name of a run's", () => {
    mkdirSync(directory);
    writeFileSync(join(directory, "recipe.json"), JSON.stringify(start.recipe));
    expect(listRuns(parent)).toEqual([]);
    expect(() => deleteRun(directory)).toThrow(/holds no run/);
    writeFileSync(join(directory, "recipe.json"), "{");
    expect(listRuns(parent)).toEqual([]);
  });

  test("are none where there is no folder", () => {
    expect(listRuns(join(parent, "absent"))).toEqual([]);
    expect(existsSync(join(parent, "absent"))).toBe(false);
  });
});

test.each([
  ["batches.csv", "epoch,iter\n1,1\n1,x\n", /batches\.csv is damaged: line 3: expected 2 numbers, got "1,x"/],
  ["epochs.csv", "epoch,train_loss\n1\n", /epochs\.csv is damaged: line 2: expected 2 numbers, got "1"/],
  ["events.jsonl", '{"time": "20\n', /events\.jsonl is damaged/],
])("reports a line in the middle that this program did not write: %s", (file, text, message) => {
  finishedRun(directory);
  writeFileSync(join(directory, file), text);
  expect(() => readRun(directory)).toThrow(message);
});

describe("a folder that is no run", () => {
  test.each([
    ["no recipe.json", null, /holds no run: expected a file recipe\.json/],
    ["a damaged one", '{"schema": 1', /recipe\.json cannot be used/],
    ["one of a later program", '{"schema": 99}', /expected a run of schema 1, got 99/],
    ["one without its hashes", JSON.stringify({ schema: 1, ...start, seed: 0, hashes: undefined }), /recipe\.json cannot be used: hashes/],
    ["one whose recipe has an unknown key", JSON.stringify({ schema: 1, recipe: { ...start.recipe, epoch: 3 } }), /epoch/],
  ])("is recognised by %s", (_, recipe, message) => {
    mkdirSync(directory);
    if (recipe !== null) writeFileSync(join(directory, "recipe.json"), recipe);
    expect(() => readRun(directory)).toThrow(message);
  });
});
