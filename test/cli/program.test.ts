import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { InputError, Interrupted } from "../../src-main/contract/failure";
import type { Recipe } from "../../src-main/contract/recipe";
import type { ComparisonResult, TrainResult } from "../../src-main/contract/run";
import { type RunOptions, runWith } from "./fake-engine";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "distill-cli-"));
  writeFileSync(join(cwd, "recipe.json"), JSON.stringify({ data: { path: "photos" }, student: { model: "vit_tiny_patch16_224" } }));
});
afterEach(() => rmSync(cwd, { recursive: true }));

const trained = (arm: TrainResult["arm"], testAcc: number): TrainResult => ({
  directory: `/runs/x/${arm}`,
  arm,
  epochs: 5,
  trainAcc: testAcc + 0.05,
  testAcc,
  testLoss: 1.5,
  seconds: 65,
  imagesPerSecond: 1000,
  hashes: { data: "d", initialWeights: "w", batches: "b", teacher: null },
});
const compared: ComparisonResult = {
  directory: "/runs/x",
  seed: 7,
  teacher: { model: "resnet20_cifar10", testAcc: 0.9 },
  control: trained("control", 0.4),
  student: trained("student", 0.45),
  difference: 0.05,
  controlled: true,
  tunedSeparately: false,
  differingSettings: [],
  provenTo: 32,
  report: "/runs/x/report.html",
};

describe("distill train", () => {
  const train = (args: string[], options: RunOptions = {}) => runWith({ watch: () => trained("single", 0.4) }, ["train", ...args], { cwd, ...options });

  it("sends the complete recipe, with absolute paths, and a new folder", async () => {
    const { status, calls } = await train(["--recipe", "recipe.json", "--set", "train.epochs=3", "--set", "augment.flip=true"]);
    expect(status).toBe(0);
    expect(calls[0]).toMatchObject({ method: "start", params: { kind: "train", unique: true, takeOver: false } });
    const { recipe, out, resume } = calls[0]!.params as { recipe: Recipe; out: string; resume: boolean };
    expect(recipe).toMatchObject({ data: { path: join(cwd, "photos") }, train: { epochs: 3, batchSize: 128 }, augment: { flip: true } });
    expect(out).toBe(join(cwd, "runs", "train-2026-11-24-120000"));
    expect(resume).toBe(false);
  });

  it("never takes an existing folder unless it is named", async () => {
    expect((await train(["--recipe", "recipe.json"])).calls[0]!.params).toMatchObject({ unique: true, resume: false });
    const named = await train(["--recipe", "recipe.json", "--out", "here", "--resume", "--take-over"]);
    expect(named.calls[0]!.params).toMatchObject({ out: join(cwd, "here"), unique: false, resume: true, takeOver: true });
  });

  it("needs --out to resume", async () => {
    const { status, err, calls } = await train(["--recipe", "recipe.json", "--resume"]);
    expect([status, calls]).toEqual([2, []]);
    expect(err).toContain("--resume needs --out");
  });

  it("prints accuracies, or one JSON document", async () => {
    const text = await train(["--recipe", "recipe.json"]);
    expect(text.out).toMatch(/test accuracy +40\.0 %/);
    const { out } = await train(["--recipe", "recipe.json", "--json"]);
    expect(JSON.parse(out)).toEqual(trained("single", 0.4));
  });

  it.each<[string, string, string[], number, string]>([
    ["a file that is missing", "", ["--recipe", "none.json"], 1, "--recipe none.json: cannot be read: there is no such file"],
    ["a file that is not JSON", "{ epochs: 3 }", ["--recipe", "bad.json"], 1, "--recipe bad.json: expected a JSON document"],
    [
      "an unknown key",
      '{"data":{"path":"x"},"student":{"model":"m"},"train":{"epoch":1}}',
      ["--recipe", "bad.json"],
      2,
      "train.epoch: unknown key; did you mean train.epochs?",
    ],
    [
      "a wrong value by --set",
      '{"data":{"path":"x"},"student":{"model":"m"}}',
      ["--recipe", "bad.json", "--set", "train.epochs=five"],
      2,
      'expected an integer from 1 to 10000, got "five"',
    ],
  ])("refuses %s", async (_, content, args, expected, words) => {
    if (content) writeFileSync(join(cwd, "bad.json"), content);
    const { status, out, err, calls } = await train(args);
    expect(err).toContain(words);
    expect([status, out, calls]).toEqual([expected, "", []]);
    expect(existsSync(join(cwd, "runs"))).toBe(false);
  });
});

describe("distill compare", () => {
  it("prints one JSON document: accuracies, seeds, hashes, folders and the report", async () => {
    const { status, out } = await runWith({ watch: () => compared }, ["compare", "--recipe", "recipe.json", "--json"], { cwd });
    expect(status).toBe(0);
    expect(JSON.parse(out)).toEqual({
      teacher: { model: "resnet20_cifar10", testAcc: 0.9 },
      control: { trainAcc: 0.45, testAcc: 0.4 },
      student: { trainAcc: 0.5, testAcc: 0.45 },
      difference: 0.05,
      controlled: true,
      tunedSeparately: false,
      differingSettings: [],
      provenTo: 32,
      seeds: [7],
      runs: [
        { seed: 7, ...compared.control },
        { seed: 7, ...compared.student },
      ],
      directory: "/runs/x",
      report: "/runs/x/report.html",
    });
  });
});

describe("distill demo", () => {
  it("ends with a table and the report's path", async () => {
    const { status, out, calls } = await runWith({ watch: () => compared }, ["demo"], { cwd });
    expect(status).toBe(0);
    expect(calls[0]!.params).toMatchObject({
      recipe: { data: { path: "bundled" }, teacher: { weights: "bundled" } },
      out: join(cwd, "runs", "demo-2026-11-24-120000"),
    });
    expect(out.split("\n").map((line) => line.trim().replace(/ {2,}/g, " | "))).toEqual([
      "train accuracy | test accuracy",
      "teacher (resnet20_cifar10) | 90.0 %",
      "control | 45.0 % | 40.0 %",
      "student | 50.0 % | 45.0 %",
      "difference | +5.0 points | +5.0 points",
      "",
      "Control and student had the same initial weights and the same batches, proven batch by batch (seed 7).",
      "Runs: /runs/x",
      "Report: /runs/x/report.html",
      "",
    ]);
  });

  it("warns if the arms were not alike", async () => {
    const { out } = await runWith({ watch: () => ({ ...compared, controlled: false, provenTo: 12 }) }, ["demo"], { cwd });
    expect(out).toContain(
      "warning: control and student are proven alike up to batch 12 only (seed 7); the report says where they differ, or why more is not proven.",
    );
  });

  it("says if the control has settings of its own", async () => {
    const differing = { controlled: false, tunedSeparately: true, differingSettings: ["train.learningRate"] };
    const { out } = await runWith({ watch: () => ({ ...compared, ...differing }) }, ["demo"], { cwd });
    expect(out).toContain("Tuned separately: control and student differ in train.learningRate too, so the difference is not the teacher's alone (seed 7).");
    expect(out).not.toContain("warning");
  });
});

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
    send({ type: "epoch", arm: "single", record: { epoch: 2, trainLoss: 2.4, trainAcc: 0.3, testAcc: 0.31, testLoss: 2.3, seconds: 10 } });
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

describe("Ctrl-C", () => {
  /** A training call that Ctrl-C reaches, as the engine would: stopped by `control`, answered with INTERRUPTED. */
  async function interrupted(presses: number, ...args: string[]) {
    let press = () => {};
    let stop: (error: Error) => void;
    const stopped = new Promise<never>((_, reject) => {
      stop = reject;
    });
    const start = ({ out }: { out: string }) => {
      mkdirSync(out, { recursive: true });
      return { run: "1", directory: out };
    };
    const watch = () => {
      for (let i = 0; i < presses; i++) press();
      return stopped;
    };
    const control = () => {
      if (presses === 1) stop(new Interrupted("stopped in epoch 1"));
      return { state: "stopping" };
    };
    return runWith({ start, watch, control }, ["train", "--recipe", "recipe.json", "--set", "name=my run", ...args], {
      cwd,
      during: ({ interrupt }) => {
        press = interrupt;
      },
    });
  }

  it("stops with a checkpoint, exit status 130 and the command that resumes", async () => {
    const { status, out, err, calls } = await interrupted(1);
    expect(calls.map(({ method }) => method)).toEqual(["start", "watch", "control"]);
    expect(status).toBe(130);
    expect(out).toBe("");
    const folder = join(cwd, "runs", "train-2026-11-24-120000");
    expect(err).toContain(
      `interrupted: stopped in epoch 1\nResume with: npx distill train --recipe recipe.json --set 'name=my run' --out ${folder} --resume\n`,
    );
  });

  it("gives the command to programs in JSON", async () => {
    const { out } = await interrupted(1, "--json", "--out", "a");
    expect(JSON.parse(out)).toMatchObject({ error: { code: "INTERRUPTED", resume: expect.stringContaining("--resume") } });
  });

  it("pressed twice ends immediately, even if the engine does not answer", async () => {
    const { status, err } = await interrupted(2);
    expect(status).toBe(130);
    expect(err).toContain("interrupted: stopped at once, without a new checkpoint\nResume with: npx distill train");
  });

  it("ends a call that cannot be stopped", async () => {
    let press = () => {};
    const dataDownload = () => {
      press();
      return new Promise(() => {});
    };
    const { status, err } = await runWith({ dataDownload }, ["data", "download", "there"], {
      cwd,
      during: ({ interrupt }) => {
        press = interrupt;
      },
    });
    expect(status).toBe(130);
    expect(err).toContain("interrupted: stopped on request");
  });
});

describe("when the engine dies in a run", () => {
  it("says what happened and how to resume; details only with --debug", async () => {
    const dying = async (...args: string[]) => {
      let kill = () => {};
      const start = ({ out }: { out: string }) => {
        mkdirSync(out, { recursive: true });
        return { run: "1", directory: out };
      };
      const watch = () => {
        kill();
        return new Promise(() => {});
      };
      return runWith({ start, watch }, ["train", "--recipe", "recipe.json", "--out", "a", ...args], {
        cwd,
        during: ({ die }) => {
          kill = () => die({ message: "the engine ended unexpectedly (signal SIGSEGV): a memory fault.", details: "its last words" });
        },
      });
    };
    const { status, err } = await dying();
    expect(status).toBe(1);
    expect(err).toContain("error: the engine ended unexpectedly (signal SIGSEGV): a memory fault.\nResume with: npx distill train --recipe recipe.json --out");
    expect(err).not.toContain("its last words");
    expect((await dying("--debug")).err).toContain("its last words");
  });
});

describe("distill predict", () => {
  const predicted = {
    model: "m",
    classes: ["cat", "dog", "frog", "ship"],
    images: [{ path: "changed", logits: [1, 2, 0, 0], probabilities: [0.2, 0.6, 0.1, 0.1], input: new Uint8Array(3) }],
  };
  const predict = (...args: string[]) =>
    runWith({ predict: () => predicted }, ["predict", "--model", "m", "--weights", "w.safetensors", "--images", "a.jpg", ...args], { cwd });

  it("prints exactly the model, the classes and each image's logits and probabilities", async () => {
    const { out } = await predict("--json");
    expect(JSON.parse(out)).toEqual({
      model: "m",
      classes: predicted.classes,
      images: [{ path: "a.jpg", logits: [1, 2, 0, 0], probabilities: [0.2, 0.6, 0.1, 0.1] }],
    });
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
    [["--mean", "1,2"], 'expected three numbers as in 0.49,0.48,0.45, got "1,2"'],
    [["--std", "0,1,1"], 'expected three numbers above 0, got "0,1,1"'],
  ])("refuses %s", async (args, words) => {
    const { status, err, calls } = await predict(...args);
    expect(err).toContain(words);
    expect([status, calls]).toEqual([2, []]);
  });
});

describe("distill report", () => {
  const report = (...args: string[]) => runWith({ report: ({ out }) => ({ path: out }) }, ["report", "--runs", "a", "b", ...args], { cwd });

  it("goes to a new file in the current folder, or to --out", async () => {
    const { calls, out } = await report("--format", "csv");
    expect(calls[0]!.params).toEqual({ runs: [join(cwd, "a"), join(cwd, "b")], format: "csv", out: join(cwd, "report-2026-11-24-120000.csv") });
    expect(out).toBe("Report: report-2026-11-24-120000.csv\n");
    expect(JSON.parse((await report("--out", "r.html", "--json")).out)).toEqual({ path: join(cwd, "r.html") });
  });

  it("overwrites nothing", async () => {
    writeFileSync(join(cwd, "r.html"), "mine");
    const { status, err, calls } = await report("--out", "r.html");
    expect([status, calls]).toEqual([2, []]);
    expect(err).toContain("--out r.html: already exists");
  });
});

describe("distill data", () => {
  it("info prints classes and counts, in JSON without pictures", async () => {
    const info = {
      path: "/photos",
      format: "image-folder",
      classes: ["cat", "dog"],
      train: { count: 30, perClass: [10, 20] },
      test: { count: 3, perClass: [1, 2] },
      imageSize: null,
      thumbnails: [],
      warnings: ["2 files are not images"],
    };
    const { out, calls } = await runWith({ dataInfo: () => info }, ["data", "info", "photos"], { cwd });
    expect(calls[0]!.params).toEqual({ path: join(cwd, "photos"), format: "auto", thumbnailsPerClass: 0 });
    expect(out).toMatch(/dog +20 +2\nall +30 +3\nwarning: 2 files are not images\n$/);
    const { thumbnails: _, ...rest } = info;
    expect(JSON.parse((await runWith({ dataInfo: () => info }, ["data", "info", "photos", "--json"], { cwd })).out)).toEqual(rest);
  });

  it("bundled is a name, not a folder", async () => {
    const { calls } = await runWith({ dataInfo: () => ({}) }, ["data", "info", "bundled", "--json"], { cwd });
    expect(calls[0]!.params).toMatchObject({ path: "bundled" });
  });
});

describe("usage", () => {
  it.each<[string, string[], string]>([
    ["an unknown verb", ["trian"], "unknown command 'trian'"],
    ["an unknown flag", ["train", "--recipe", "r", "--epochs", "3"], "unknown option '--epochs'"],
    ["a missing flag", ["train"], "required option '--recipe <file>' not specified"],
    ["a wrong choice", ["report", "--runs", "a", "--format", "doc"], "Allowed choices are html, csv, json"],
    ["no verb", [], "Usage: distill"],
    ["no verb of data", ["data"], "Usage: distill data"],
  ])("%s gives status 2 and a message on standard error", async (_, args, words) => {
    const { status, out, err } = await runWith({}, args, { cwd });
    expect(err).toContain(words);
    expect([status, out]).toEqual([2, ""]);
  });

  it("is one JSON document too, if asked", async () => {
    const { out } = await runWith({}, ["train", "--json"], { cwd });
    expect(JSON.parse(out)).toEqual({ error: { code: "USAGE", message: expect.stringContaining("--recipe") } });
  });

  it("keeps the engine's failure in one sentence, with status by its kind", async () => {
    const failing = async (error: Error, ...args: string[]) =>
      runWith(
        {
          dataInfo: () => {
            throw error;
          },
        },
        ["data", "info", "x", ...args],
        { cwd },
      );
    const input = await failing(new InputError("x: there is no such folder"));
    expect([input.status, input.out, input.err]).toEqual([1, "", "error: x: there is no such folder\n"]);
    const bug = await failing(new TypeError("undefined is not a function"));
    expect(bug.err).toBe("error: undefined is not a function\n(add --debug for details)\n");
    expect((await failing(new TypeError("undefined is not a function"), "--debug")).err).toContain("at ");
    expect(JSON.parse((await failing(new InputError("no folder"), "--json")).out)).toEqual({ error: { code: "INPUT", message: "no folder" } });
  });

  it.each(["demo", "train", "compare", "predict", "evaluate", "report", "export", "doctor"])("%s --help shows an example", async (verb) => {
    const { status, out } = await runWith({}, [verb, "--help"], { cwd });
    expect(status).toBe(0);
    expect(out).toContain(`Example:\n  npx distill ${verb}`);
  });
});
