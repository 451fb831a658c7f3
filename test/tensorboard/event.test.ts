import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { NoticeBody } from "../../src-main/contract/notices";
import { atOnce } from "../../src-main/contract/turns";
import { crc32c } from "../../src-main/disk/crc32";
import { deleteRun } from "../../src-main/runs/delete";
import { writeReport } from "../../src-main/runs/report";
import { useBackend } from "../../src-main/tensor/tensor";
import { restartEvent, scalarsEvent, versionEvent } from "../../src-main/tensorboard/event";
import { eventFileName, isEventFile } from "../../src-main/tensorboard/file-name";
import { EventFiles } from "../../src-main/tensorboard/follow";
import { noPython, python } from "../python";
import { batch, epoch, finishedRun, start } from "../runs/example-run";
import { readEvents } from "./event-reader";

useBackend(loadAddon());

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "distill-tensorboard-"));
});
afterEach(() => rmSync(parent, { recursive: true }));

describe("CRC-32C", () => {
  // RFC 3720, appendix B.4, and the check value of the CRC catalogue.
  test.each([
    ["32 zeros", Buffer.alloc(32), 0x8a9136aa],
    ["32 ones", Buffer.alloc(32, 0xff), 0x62a8ab43],
    ["0 to 31", Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
    ["123456789", Buffer.from("123456789"), 0xe3069283],
  ])("of %s", (_, bytes, expected) => expect(crc32c(bytes)).toBe(expected));
});

test("a file begins as those of TensorFlow do", () => {
  expect(Buffer.from(versionEvent(0)).subarray(0, 13).toString("hex")).toBe("1800000000000000a37f4b2209");
});

test("an independent reader finds what was written", () => {
  const path = join(parent, eventFileName(1.5, 7));
  const scalars = { "batch/loss": 0.5, "batch/lr": Number.NaN, ["a tag of 200 letters".padEnd(200, "é")]: -3 };
  writeFileSync(path, Buffer.concat([versionEvent(1.5), restartEvent(2, 300), scalarsEvent(2.5, 5_000_000_000, scalars)]));
  const none = { version: null, restarts: false, scalars: {} };
  expect(readEvents(path)).toEqual([
    { ...none, time: 1.5, step: 0, version: "brain.Event:2" },
    { ...none, time: 2, step: 300, restarts: true },
    { ...none, time: 2.5, step: 5_000_000_000, scalars },
  ]);
});

/** Of two arms with epochs of four batches. */
function comparison(name: string): string {
  const folder = join(parent, "runs", name);
  const { teacher: _, distillation: __, ...rest } = start.recipe;
  finishedRun(join(folder, "control"), { arm: "control", recipe: { ...rest, teacher: null, distillation: null } }, 3);
  finishedRun(join(folder, "student"), { arm: "student" }, 3);
  return folder;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : []));
}

describe("a report as event files", () => {
  const report = (...runs: string[]) => atOnce(writeReport({ runs, format: "tensorboard", out: join(parent, "report") }));
  const folders = (out: string) => filesBelow(out).map((path) => relative(out, join(path, "..")).replaceAll("\\", "/"));

  test("has each arm as a run, with every batch by its number over all epochs", () => {
    const out = report(comparison("first"));
    expect(folders(out).sort()).toEqual(["control", "student"]);
    const events = filesBelow(out).map(readEvents)[1]!;
    const batches = events.filter(({ scalars }) => "batch/loss" in scalars);
    expect(batches.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    const tenth = batch(3, 2);
    const [f32, { loss, trainAcc, lr, imagesPerSecond, parts }] = [Math.fround, tenth];
    expect(batches[9]!.scalars).toEqual({
      "batch/loss": f32(loss),
      "batch/ce_loss": f32(parts.ce!),
      "batch/kd_loss": f32(parts.kd!),
      "batch/train_acc": f32(trainAcc),
      "batch/lr": f32(lr),
      "batch/images_per_second": f32(imagesPerSecond),
    });
    const epochs = events.filter(({ scalars }) => "epoch/train_loss" in scalars);
    expect(epochs.map(({ step }) => step)).toEqual([4, 8, 12]);
    expect(epochs[1]!.scalars["epoch/test_acc"]).toBe(f32(epoch(2).testAcc!));
    expect(Object.keys(epochs[1]!.scalars)).not.toContain("epoch/val_acc");
    expect(events.every(({ time }, i) => time >= (events[i - 1]?.time ?? 0))).toBe(true);
  });

  test("names several comparisons by their folders", () => {
    const out = report(comparison("first"), comparison("second"));
    expect(folders(out).sort()).toEqual(["runs/first/control", "runs/first/student", "runs/second/control", "runs/second/student"]);
  });

  test("overwrites nothing", () => {
    const folder = comparison("first");
    report(folder);
    expect(() => report(folder)).toThrow(/report cannot be written \(EEXIST/);
  });
});

describe("event files of a run that is trained", () => {
  const progress = { done: 0, total: 0, imagesPerSecond: 0, secondsLeft: 0 };
  const started = (directory: string): NoticeBody => ({ type: "started", arm: "single", directory, batchesPerEpoch: 4, epochs: 3 });
  const batches = (e: number, ...iters: number[]): NoticeBody => ({ type: "batches", arm: "single", records: iters.map((iter) => batch(e, iter)), progress });

  test("follow its notices, and take back what came after the checkpoint that it goes on from", () => {
    const failures: string[] = [];
    let time = 1000;
    const follow = (...notices: NoticeBody[]) => {
      const files = new EventFiles(
        () => time++,
        (text) => failures.push(text),
      );
      for (const notice of notices) files.follow(notice);
      files.close();
    };
    follow(started(parent), batches(1, 1, 2), batches(1, 3, 4), { type: "epoch", arm: "single", record: epoch(1) }, batches(2, 1));
    follow(started(parent), batches(2, 1), { type: "note", text: "x" }, batches(2, 2));
    const read = filesBelow(parent)
      .sort()
      .map((path) => readEvents(path).map(({ step, restarts, version }) => (version ? "version" : restarts ? `restart ${step}` : step)));
    expect(read).toEqual([
      ["version", 1, 2, 3, 4, 4, 5],
      ["version", "restart 5", 5, 6],
    ]);
    expect(failures).toEqual([]);
  });

  test("a file that cannot be written is told once", () => {
    const failures: string[] = [];
    const files = new EventFiles(
      () => 0,
      (text) => failures.push(text),
    );
    for (const notice of [started(join(parent, "gone")), batches(1, 1), batches(1, 2)]) files.follow(notice);
    expect(failures).toEqual([expect.stringMatching(/not written any further, the training goes on: ENOENT/)]);
  });

  test("are deleted with it, those of other programs are not", () => {
    const run = finishedRun(join(parent, "run"));
    const theirs = join(run, "events.out.tfevents.1600000000.host.1.v2");
    for (const path of [join(run, eventFileName(1, 2)), theirs]) writeFileSync(path, "");
    expect(isEventFile(eventFileName(1, 2))).toBe(true);
    expect(deleteRun(run).kept).toEqual([theirs]);
  });
});

const READ = `
import json, os, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
found = {}
for folder, _, files in os.walk(sys.argv[1]):
    if files:
        reader = EventAccumulator(folder, size_guidance={"scalars": 0}); reader.Reload()
        found[os.path.basename(folder)] = {tag: [[e.step, e.value] for e in reader.Scalars(tag)] for tag in reader.Tags()["scalars"]}
print(json.dumps(found))
`;
const missing = noPython("tensorboard");

test("TensorBoard's own reader finds every scalar", ({ skip }) => {
  if (missing) skip(missing);
  const out = atOnce(writeReport({ runs: [comparison("first")], format: "tensorboard", out: join(parent, "report") }));
  const { stdout, stderr } = spawnSync(python, ["-c", READ, out], { encoding: "utf8" });
  expect(stdout, stderr).not.toBe("");
  const expected: Record<string, Record<string, [number, number][]>> = { control: {}, student: {} };
  for (const path of filesBelow(out)) {
    const tags = expected[path.includes("control") ? "control" : "student"]!;
    for (const { step, scalars } of readEvents(path)) for (const [tag, value] of Object.entries(scalars)) tags[tag] = [...(tags[tag] ?? []), [step, value]];
  }
  expect(JSON.parse(stdout)).toEqual(expected);
  expect(Object.keys(expected.student!)).toHaveLength(11);
});
