import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { relativeError } from "../reference/goldens";
import { distill, distillOnFullDisk, type Finished, interruptAt } from "./distill";

let cwd: string;

/** Few and small images in two classes, as folders, and a recipe that trains on them within a second. */
beforeAll(async () => {
  cwd = mkdtempSync(path.join(tmpdir(), "distill-user-"));
  for (const split of ["train", "test"])
    for (const [label, name] of ["dark", "light"].entries()) {
      mkdirSync(path.join(cwd, "photos", split, name), { recursive: true });
      for (let i = 0; i < 8; i++) await paint(path.join(cwd, "photos", split, name, `${i}.png`), 40 + 150 * label + 5 * i);
    }
  writeRecipe("recipe.json", {});
}, 60_000);
afterAll(() => rmSync(cwd, { recursive: true }));

async function paint(file: string, grey: number): Promise<void> {
  await sharp({ create: { width: 32, height: 32, channels: 3, background: { r: grey, g: grey, b: 255 - grey } } }).toFile(file);
}

function writeRecipe(name: string, changes: object): void {
  const recipe = { data: { path: "photos" }, student: { model: "vit_micro_patch4_32" }, train: { epochs: 2, batchSize: 4 }, ...changes };
  writeFileSync(path.join(cwd, name), JSON.stringify(recipe));
}

/** Names and contents of everything in a folder, as one hash. */
function contentOf(folder: string): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()) {
    const file = path.join(folder, name);
    hash.update(name);
    if (statSync(file).isFile()) hash.update(readFileSync(file));
  }
  return hash.digest("hex");
}

/** The arguments of the printed command. Outside the project it is run with a path, as npx would ask the registry there. */
function resumingIn({ err }: Finished): string[] {
  return /Resume with: node \S+distill\.mjs (train .+)\n/.exec(err)![1]!.split(" ");
}

const weightsOf = (run: string) => readFileSync(path.join(cwd, run, "student.safetensors")).toString("base64");

describe("a run from the command line", () => {
  let finished: Finished;
  let result: Record<string, unknown>;
  beforeAll(async () => {
    finished = await distill(["train", "--recipe", "recipe.json", "--out", "first", "--json"], cwd);
    result = JSON.parse(finished.out);
  }, 60_000);

  it("prints one JSON document, and progress on standard error only", () => {
    expect(finished.status).toBe(0);
    expect(result).toMatchObject({ directory: path.join(cwd, "first"), arm: "single", epochs: 2, hashes: { teacher: null } });
    expect(finished.err).toMatch(/epoch 2\/2 .*test accuracy/);
  });

  it("is never overwritten", async () => {
    const before = contentOf(path.join(cwd, "first"));
    const { status, out, err } = await distill(["train", "--recipe", "recipe.json", "--out", "first"], cwd);
    expect([status, out]).toEqual([1, ""]);
    expect(err).toContain(`${path.join(cwd, "first")} already holds a run`);
    expect(contentOf(path.join(cwd, "first"))).toBe(before);
  });

  it("can be repeated from its folder, with equal weights", async () => {
    const { status } = await distill(["train", "--recipe", "first/recipe.json", "--out", "again"], cwd);
    expect(status).toBe(0);
    const weights = (run: string) => readFileSync(path.join(cwd, run, "student.safetensors"));
    expect(weights("again").equals(weights("first"))).toBe(true);
  });

  it("produces weights that predict and evaluate", async () => {
    const network = ["--model", "vit_micro_patch4_32", "--weights", "first/student.safetensors"];
    const predicted = await distill(["predict", ...network, "--images", "photos/test/dark/0.png", "photos/test/light/0.png", "--json"], cwd);
    const answer = JSON.parse(predicted.out);
    expect(Object.keys(answer)).toEqual(["model", "classes", "images"]);
    expect(answer).toMatchObject({
      model: "vit_micro_patch4_32",
      classes: ["dark", "light"],
      images: [{ path: "photos/test/dark/0.png" }, { path: "photos/test/light/0.png" }],
    });
    for (const image of answer.images) {
      expect(Object.keys(image)).toEqual(["path", "logits", "probabilities"]);
      expect(image.probabilities[0] + image.probabilities[1]).toBeCloseTo(1);
    }
    const evaluated = await distill(["evaluate", ...network, "--data", "photos", "--json"], cwd);
    expect(JSON.parse(evaluated.out)).toMatchObject({ images: 16, accuracy: result.testAcc });
  });

  it("can be exported at half the size, and predicts as before within rounding", async () => {
    const exported = await distill(["export", "--weights", "first/student.safetensors", "--out", "half.safetensors", "--json"], cwd);
    const { bytes } = JSON.parse(exported.out);
    expect(bytes / statSync(path.join(cwd, "first/student.safetensors")).size).toBeCloseTo(0.5, 1);
    const [whole, half] = await Promise.all(
      ["first/student.safetensors", "half.safetensors"].map(async (weights) => {
        const { out } = await distill(["predict", "--model", "vit_micro_patch4_32", "--weights", weights, "--images", "photos/test/dark/0.png", "--json"], cwd);
        return JSON.parse(out).images[0].logits as number[];
      }),
    );
    expect(half).not.toEqual(whole);
    expect(relativeError(Float32Array.from(half!), Float32Array.from(whole!))).toBeLessThan(0.02);

    const again = await distill(["export", "--weights", "first/student.safetensors", "--out", "half.safetensors"], cwd);
    expect([again.status, again.err]).toEqual([1, expect.stringContaining("half.safetensors: already exists")]);
  });

  it.each([
    ["8 bits", ["--int8"]],
    ["fp32", []],
  ])("leaves nothing where an export to ONNX in %s is stopped, or says that it is done", async (_, options) => {
    const before = readdirSync(cwd).sort();
    const stop = interruptAt(/Checking what the file answers/);
    const stopped = await distill(["export", "--run", "first", "--format", "onnx", ...options, "--out", "stopped.onnx"], cwd, stop);
    const isDone = stopped.status === 0;
    expect([stopped.err, stopped.out]).toEqual([
      expect.stringMatching(isDone ? /Stopping/ : /interrupted: stopped on request: nothing was written\n$/),
      expect.stringMatching(isDone ? /^Model: stopped\.onnx/ : /^$/),
    ]);
    expect(readdirSync(cwd).sort()).toEqual(isDone ? [...before, "stopped.onnx"].sort() : before);
    rmSync(path.join(cwd, "stopped.onnx"), { force: true });
  });

  it("can be reported on", async () => {
    const { status, out } = await distill(["report", "--runs", "first", "--format", "html", "--out", "report.html", "--json"], cwd);
    expect(status).toBe(0);
    expect(JSON.parse(out)).toEqual({ path: path.join(cwd, "report.html") });
    expect(readFileSync(path.join(cwd, "report.html"), "utf8")).toContain("<html");
  });

  it.each([
    ["no desktop app", { DISTILL_ELECTRON: "" }, "run npm start once, or choose html"],
    ["no display", { DISTILL_ELECTRON: process.execPath, DISPLAY: "", WAYLAND_DISPLAY: "" }, "there is none: run it under xvfb-run -a, or choose html"],
  ])("with %s says what prints a PDF, and what to do", async (_, env, words) => {
    const { status, err } = await distill(["report", "--runs", "first", "--format", "pdf", "--out", "report.pdf"], cwd, () => {}, { ...process.env, ...env });
    expect(err).toContain(words);
    expect(status).toBe(2);
    expect(existsSync(path.join(cwd, "report.pdf"))).toBe(false);
  });
});

describe("a comparison from the command line", () => {
  it("trains both arms from the same weights on the same batches, and reports", async () => {
    await distill(["train", "--recipe", "recipe.json", "--out", "teacher", "--set", "train.seed=1"], cwd);
    const teacher = ["teacher.model=vit_micro_patch4_32", "teacher.weights=teacher/student.safetensors", "distillation.temperature=2"].flatMap((each) => [
      "--set",
      each,
    ]);
    const { status, out } = await distill(["compare", "--recipe", "recipe.json", "--seeds", "1", ...teacher, "--out", "compared", "--json"], cwd);
    expect(status).toBe(0);
    const { control, student, difference, controlled, seeds, runs, report } = JSON.parse(out);
    expect(difference).toBeCloseTo(student.testAcc - control.testAcc);
    expect([controlled, seeds]).toEqual([true, [0]]);
    expect(existsSync(report)).toBe(true);
    expect(runs.map(({ arm, directory }: { arm: string; directory: string }) => [arm, directory])).toEqual([
      ["control", path.join(cwd, "compared", "control")],
      ["student", path.join(cwd, "compared", "student")],
    ]);
    const [first, second] = runs.map(({ directory }: { directory: string }) => JSON.parse(readFileSync(path.join(directory, "recipe.json"), "utf8")).hashes);
    expect(first.initialWeights).toBe(second.initialWeights);
    expect(first.batches).toBe(second.batches);
    expect([first.teacher, typeof second.teacher]).toEqual([null, "string"]);
    expect(weightsOf("compared/control")).not.toBe(weightsOf("compared/student"));
  });
});

it("a teacher from the command line teaches with the flags that it prints", async () => {
  const { status, out, err } = await distill(["train-teacher", "--recipe", "recipe.json", "--set", "student.model=resnet8_cifar10", "--out", "resnet"], cwd);
  expect([status, err]).toEqual([0, expect.stringContaining("epoch 2/2")]);
  const flags = /^ +(--set teacher\.model=.*)$/m.exec(out)![1]!.split(" ");
  const taught = await distill(["train", "--recipe", "recipe.json", ...flags, "--set", "distillation.alpha=0.5", "--out", "taught", "--json"], cwd);
  expect([taught.status, JSON.parse(taught.out).hashes.teacher]).toEqual([0, expect.any(String)]);
}, 60_000);

describe("a search from the command line", () => {
  const asked = ["--trials", "3", "--batches", "2", "--over", "train.learningRate=log:1e-4:1e-2", "--over", "train.optimizer=choice:adamw,sgd"];
  const found = (out: string) => readFileSync(path.join(cwd, out, "search.json"), "utf8");

  it("stopped after its first trial and resumed by the command that it prints, finds what an uninterrupted one does", async () => {
    const whole = await distill(["search", "--recipe", "recipe.json", ...asked, "--out", "searched", "--json"], cwd);
    expect(whole.status).toBe(0);
    const { trials, best, bestRecipe } = JSON.parse(whole.out);
    expect(trials.map(({ trial }: { trial: number }) => trial)).toEqual([1, 2, 3]);

    const stopped = await distill(["search", "--recipe", "recipe.json", ...asked, "--out", "half-searched"], cwd, interruptAt(/trial 2, .*\(2 of 3\)/));
    expect([stopped.status, JSON.parse(found("half-searched")).trials.length]).toEqual([130, 1]);
    expect([stopped.err.includes("validation accuracy"), stopped.err.includes("test accuracy")]).toEqual([true, false]);
    const command = /Resume with: node \S+distill\.mjs (search .+)\n/.exec(stopped.err)![1]!;
    expect(command).toBe(`search --resume --out ${path.join(cwd, "half-searched")}`);
    const resumed = await distill(command.split(" "), cwd);
    expect(resumed.status).toBe(0);
    expect(found("half-searched")).toBe(found("searched"));
    const flags = Object.entries(best.settings).map(([key, value]) => `--set ${key}=${value}`);
    expect(resumed.out).toContain(flags.join(" "));
    expect(JSON.parse(readFileSync(bestRecipe, "utf8"))).toMatchObject({ train: { batches: null, optimizer: best.settings["train.optimizer"] } });
  }, 120_000);
});

describe("Ctrl-C", () => {
  it("ends with status 130 when interrupted, and the command that it prints gives the same weights as an uninterrupted run", async () => {
    writeRecipe("longer.json", { train: { epochs: 6, batchSize: 4 } });
    const stopped = await distill(["train", "--recipe", "longer.json", "--out", "stopped"], cwd, interruptAt(/epoch 2\/6/));
    expect(stopped.status).toBe(130);
    expect(existsSync(path.join(cwd, "stopped", "student.safetensors"))).toBe(false);

    const resumed = await distill(resumingIn(stopped), cwd);
    expect(resumed.status).toBe(0);
    expect(resumed.out).toContain("test accuracy");

    const whole = await distill(["train", "--recipe", "longer.json", "--out", "whole"], cwd);
    expect(whole.status).toBe(0);
    expect(weightsOf("stopped")).toBe(weightsOf("whole"));
  }, 120_000);
});

describe.skipIf(process.platform === "win32")("a disk that is full", () => {
  it("at the start leaves no half-written run, and keeps its name free", async () => {
    // recipe.json is a little larger.
    const { status, err } = await distillOnFullDisk(1, ["train", "--recipe", "recipe.json", "--out", "full"], cwd);
    expect(status).toBe(1);
    expect(err).toContain(`${path.join(cwd, "full", "recipe.json")} cannot be written`);
    expect(existsSync(path.join(cwd, "full"))).toBe(false);
    expect((await distill(["train", "--recipe", "recipe.json", "--out", "full"], cwd)).status).toBe(0);
  });

  it("at a checkpoint loses nothing: resumed with free space, the run gives bitwise equal results", async () => {
    const full = await distillOnFullDisk(100, ["train", "--recipe", "recipe.json", "--out", "filled"], cwd);
    expect(full.status).toBe(1);
    expect(full.err).toMatch(/latest\.safetensors cannot be written.*resume the run/);
    const command = resumingIn(full);
    expect(readFileSync(path.join(cwd, "filled", "events.jsonl"), "utf8")).toContain('"failed"');
    expect((await distill(command, cwd)).status).toBe(0);
    expect(weightsOf("filled")).toBe(weightsOf("full"));
  });
});

describe("bad input is named in an error, and changes nothing", () => {
  async function refused(args: readonly string[], status: number, ...words: string[]): Promise<void> {
    const before = contentOf(cwd);
    const finished = await distill(args, cwd);
    for (const each of words) expect(finished.err).toContain(each);
    expect([finished.status, finished.out]).toEqual([status, ""]);
    expect(finished.err).not.toMatch(/^ +at /m);
    expect(contentOf(cwd)).toBe(before);
  }

  it("a missing folder", () =>
    refused(["train", "--recipe", "recipe.json", "--set", "data.path=nowhere", "--out", "run"], 1, path.join(cwd, "nowhere"), "does not exist"));

  it("a folder with one class", async () => {
    cpSync(path.join(cwd, "photos"), path.join(cwd, "one"), { recursive: true });
    for (const split of ["train", "test"]) rmSync(path.join(cwd, "one", split, "light"), { recursive: true });
    await refused(["train", "--recipe", "recipe.json", "--set", "data.path=one", "--out", "run"], 1, path.join(cwd, "one", "train"), "at least two classes");
  });

  it("a truncated binary batch", async () => {
    mkdirSync(path.join(cwd, "cifar"));
    const record = new Uint8Array(3073);
    for (const name of ["data_batch_1.bin", "data_batch_2.bin", "test_batch.bin"])
      writeFileSync(path.join(cwd, "cifar", name), Buffer.concat([record, record]));
    truncateSync(path.join(cwd, "cifar", "data_batch_2.bin"), 5000);
    await refused(
      ["train", "--recipe", "recipe.json", "--set", "data.path=cifar", "--out", "run"],
      1,
      path.join(cwd, "cifar", "data_batch_2.bin"),
      "5000 bytes",
      "truncated",
    );
  });

  it("a text file named .jpg", async () => {
    cpSync(path.join(cwd, "photos"), path.join(cwd, "texts"), { recursive: true });
    const text = path.join(cwd, "texts", "train", "dark", "note.jpg");
    writeFileSync(text, "not an image");
    await refused(["train", "--recipe", "recipe.json", "--set", "data.path=texts", "--out", "run"], 1, text);
    await refused(["predict", "--model", "vit_micro_patch4_32", "--weights", "first/student.safetensors", "--images", text], 1, text);
  });

  it("an unknown recipe key", async () => {
    writeRecipe("misspelled.json", { train: { epoch: 3 } });
    await refused(["train", "--recipe", "misspelled.json", "--out", "run"], 2, "train.epoch: unknown key; did you mean train.epochs?");
  });

  it("an unknown model", () =>
    refused(["train", "--recipe", "recipe.json", "--set", "student.model=vit_huge", "--out", "run"], 2, '"vit_huge"', "vit_micro_patch4_32"));

  it("weights of the wrong shape", async () => {
    const weights = path.join(cwd, "first", "student.safetensors");
    await refused(["predict", "--model", "resnet20_cifar10", "--weights", weights, "--images", "photos/test/dark/0.png"], 1, weights, "resnet20_cifar10");
    await refused(
      ["train", "--recipe", "recipe.json", "--set", "student.model=vit_tiny_patch16_224", "--set", `student.weights=${weights}`, "--out", "run"],
      1,
      weights,
    );
  });

  it("a folder given as weights", () =>
    refused(["predict", "--model", "resnet20_cifar10", "--weights", "photos", "--images", "a.png"], 1, path.join(cwd, "photos"), "got another folder"));

  it("a folder for the run that is a file", () =>
    refused(["train", "--recipe", "recipe.json", "--out", "recipe.json/run"], 1, `${path.join(cwd, "recipe.json")} is a file`));

  it("a folder that holds a file that a run would overwrite", async () => {
    mkdirSync(path.join(cwd, "tables"));
    writeFileSync(path.join(cwd, "tables", "epochs.csv"), "mine");
    await refused(["train", "--recipe", "recipe.json", "--out", "tables"], 1, path.join(cwd, "tables", "epochs.csv"), "already exists");
  });

  it("a comparison without a teacher", () => refused(["compare", "--recipe", "recipe.json", "--out", "run"], 2, "distillation"));

  it("resuming a run that does not exist", () => refused(["train", "--recipe", "recipe.json", "--out", "nothing", "--resume"], 1, path.join(cwd, "nothing")));
});

it("doctor says what there is and why, as one JSON document", async () => {
  const { status, out, err } = await distill(["doctor", "--json"], cwd);
  expect([status, err]).toEqual([0, ""]);
  const report = JSON.parse(out);
  expect(report.cpu.features).toBeInstanceOf(Array);
  expect(report.backends).toMatchObject([
    { name: "cpu", available: true, reason: expect.any(String) },
    { name: "cuda", available: expect.any(Boolean), reason: expect.any(String) },
  ]);
});

it("doctor says which precision is faster here, and by which measurement", async () => {
  const { out } = await distill(["doctor"], cwd);
  expect(out).toMatch(
    /^precision +auto is (fp32|bf16): fp32 multiply-adds reach \d[\d.]* GFLOP\/s per thread, (bf16 ones \d|and the \w+ kernels have no instruction)/m,
  );
});

it("data info counts the bundled images", async () => {
  const { out } = await distill(["data", "info", "bundled", "--json"], cwd);
  expect(JSON.parse(out)).toMatchObject({ format: "cifar10-binary", train: { count: 5000 }, test: { count: 1000 }, imageSize: { width: 32, height: 32 } });
  expect(JSON.parse(out).classes).toHaveLength(10);
});
