// A trained network leaves the program: which one is meant, and where it goes.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { Methods } from "../../src-main/contract/engine";
import type { ComparisonResult } from "../../src-main/contract/run";
import { exportModel } from "../../src-main/engine/export";
import { readSafetensorsHeader } from "../../src-main/models/safetensors";
import { runFiles } from "../../src-main/runs/files";
import { readHeader } from "../../src-main/runs/header";
import { writeRequest } from "../../src-main/runs/request";
import { useBackend } from "../../src-main/tensor/tensor";
import { loadNetwork } from "../../src-main/training/network";
import { CIFAR10_CLASSES, experimentFolder, smallRecipe, trainInto } from "./experiment";

let folder: ReturnType<typeof experimentFolder>;
let compared: ComparisonResult;
beforeAll(async () => {
  useBackend(loadAddon());
  folder = experimentFolder();
  const validated = (seed: number) => {
    const recipe = smallRecipe(folder.teacher, { epochs: 1, ema: 0.9, seed });
    return { ...recipe, data: { ...recipe.data, validation: 10 } };
  };
  compared = (await trainInto(folder.path("sweep", "seed-3"), validated(3))).result as ComparisonResult;
  await trainInto(folder.path("sweep", "seed-4"), validated(4));
});
afterAll(() => folder.remove());

type Request = Methods["exportModel"]["params"];
const said: string[] = [];
let written = 0;
async function exported(source: Request["source"], request: Partial<Request> = {}) {
  const out = folder.path(`out-${++written}.safetensors`);
  said.length = 0;
  return exportModel(
    { source, format: "safetensors", options: { precision: "fp32" }, out, ...request },
    async () => {},
    (notice) => void ("text" in notice && said.push(notice.text)),
  );
}
const refusal = (source: Request["source"], request?: Partial<Request>) => exported(source, request).catch((error) => String(error.message));

function hashOf(weights: string): string {
  const network = loadNetwork({ model: "resnet20_cifar10", weights, imageSize: 8 });
  network.model.release();
  return network.hash;
}
const run = () => folder.path("sweep", "seed-3");

describe("which network is meant", () => {
  test("of a comparison, its student; by itself the weights of its last epoch, and others are named", async () => {
    const { path, ...result } = await exported({ run: run() });
    const { weights } = runFiles(compared.student.directory);
    expect(result).toEqual({ bytes: expect.any(Number), model: "resnet20_cifar10", weights, testAccuracy: compared.student.testAcc });
    expect(hashOf(path)).toBe(hashOf(weights));
    expect(said).toContain(`the weights of the last epoch are exported; ${compared.student.directory} also has others, which --weights-of best or ema exports`);
  });

  test.each(["best", "ema"] as const)("its weights of %s, with their accuracy", async (weightsOf) => {
    const { weights, testAccuracy } = await exported({ run: run(), weightsOf });
    const files = runFiles(compared.student.directory);
    expect([weights, testAccuracy]).toEqual(weightsOf === "best" ? [files.best, compared.student.best!.testAcc] : [files.averaged, compared.student.emaAcc]);
    expect(said).toEqual([]);
  });

  test("the folder of an arm means that arm", async () => {
    const { weights } = await exported({ run: compared.control.directory });
    expect(weights).toBe(runFiles(compared.control.directory).weights);
  });

  test("of several seeds, one has to be named", async () => {
    // With what each reached, of which one is called the best.
    const reached = /3 \(\d+\.0 %(, the best)?\), 4 \(\d+\.0 %(, the best)?\) of the test images right$/;
    for (const said of [await refusal({ run: folder.path("sweep") }), await refusal({ run: folder.path("sweep"), seed: 5 })]) {
      expect(said).toMatch(reached);
      expect(String(said).match(/the best/g)).toHaveLength(1);
    }
    expect(await refusal({ run: folder.path("sweep") })).toContain(`${folder.path("sweep")} holds 2 students: say which by its seed, one of 3 (`);
    expect(await refusal({ run: folder.path("sweep"), seed: 5 })).toContain(`${folder.path("sweep")} has no seed 5: expected one of 3 (`);
    const { weights } = await exported({ run: folder.path("sweep"), seed: 4, weightsOf: "last" });
    expect(weights).toBe(folder.path("sweep", "seed-4", "student", "student.safetensors"));
  });

  test("a model card says what the other arm and the other seeds reached, and whose licences count", async () => {
    const { recipe } = readHeader(compared.student.directory);
    writeRequest(folder.path("sweep"), { recipe, seeds: 2, labels: null, arms: ["control", "student"] });
    const cardOf = async (source: Request["source"]) =>
      readFileSync(join((await exported(source, { format: "timm", options: {}, out: folder.path(`card-${++written}`) })).path, "README.md"), "utf8");
    const percent = (fraction: number) => `${(100 * fraction).toFixed(1)} %`;
    const student = await cardOf({ run: run() });
    expect(student).toContain(`| the control, trained without the teacher | ${percent(compared.control.testAcc)} |`);
    expect(student).toMatch(new RegExp(`\\| all seeds of the comparison \\| 3: ${percent(compared.student.testAcc)}, 4: \\d+\\.\\d % \\|`));
    expect(student).toContain("the licences of the images and of the teacher's weights allow");
    const { length } = readFileSync(join(compared.student.directory, "predictions", "last.csv"), "utf8")
      .trim()
      .split("\n");
    expect(student).toContain(`| accuracy on the test images | ${percent(compared.student.testAcc)} of ${length - 1} test images |`);
    const averaged = await cardOf({ run: run(), weightsOf: "ema" });
    expect(averaged).toContain(`| the control, trained without the teacher | ${percent(compared.control.emaAcc!)} |`);
    expect(averaged).toMatch(new RegExp(`\\| all seeds of the comparison \\| 3: ${percent(compared.student.emaAcc!)}, 4: \\d+\\.\\d % \\|`));
    const best = await cardOf({ run: run(), weightsOf: "best" });
    expect(best).toContain(`| the control, trained without the teacher | ${percent(compared.control.best!.testAcc)} |`);
    const control = await cardOf({ run: compared.control.directory });
    expect(control).toContain("the licences of the images allow");
    expect(control).not.toContain("trained without the teacher");
  });

  test("what another run has no weights of its kind for is labelled as what it is", async () => {
    const copy = folder.path("mixed");
    cpSync(run(), copy, { recursive: true });
    const epochs = runFiles(join(copy, "control")).epochs;
    const [head, line] = readFileSync(epochs, "utf8").trim().split("\n") as [string, string];
    const at = head.split(",").indexOf("ema_acc");
    writeFileSync(
      epochs,
      `${head}\n${line
        .split(",")
        .map((cell, i) => (i === at ? "" : cell))
        .join(",")}\n`,
    );
    const { path } = await exported({ run: copy, weightsOf: "ema" }, { format: "timm", options: {}, out: folder.path("mixed-card") });
    const last = `${(100 * compared.control.testAcc).toFixed(1)} % (last epoch)`;
    expect(readFileSync(join(path, "README.md"), "utf8")).toContain(`| the control, trained without the teacher | ${last} |`);
  });

  test("a run whose records are damaged is exported, with a warning", async () => {
    const copy = folder.path("damaged");
    cpSync(run(), copy, { recursive: true });
    const { epochs } = runFiles(join(copy, "student"));
    writeFileSync(epochs, "x,y");
    await exported({ run: copy, weightsOf: "last" });
    expect(said).toContainEqual(expect.stringContaining(epochs));
  });

  test.each([
    ["empty", "", /recipe\.json is empty, as after a power loss: resume the run, which restores it/],
    ["no JSON", "{", /recipe\.json cannot be used: .*: resume the run, which restores it/],
  ])("a run whose recipe.json is %s is exported by what its checkpoint says of it, with a warning", async (name, content, warning) => {
    const copy = folder.path(`lost-${name}`);
    cpSync(run(), copy, { recursive: true });
    writeFileSync(runFiles(join(copy, "student")).recipe, content);
    const { testAccuracy } = await exported({ run: copy, weightsOf: "last" });
    expect(testAccuracy).toBe(compared.student.testAcc);
    expect(said).toContainEqual(expect.stringMatching(warning));
  });

  test("a comparison whose student is gone says so", async () => {
    const copy = folder.path("headless");
    cpSync(run(), copy, { recursive: true });
    rmSync(join(copy, "student"), { recursive: true });
    expect(await refusal({ run: copy })).toBe(`the folder of the student is gone from ${copy}`);
  });

  test("weights that the run does not have are refused, with those that it has", async () => {
    const plain = (await trainInto(folder.path("plain"), smallRecipe(folder.teacher, { epochs: 1 }))).result as ComparisonResult;
    const { directory } = plain.student;
    expect(await refusal({ run: folder.path("plain"), weightsOf: "ema" })).toBe(
      `${directory} has no weights for ema (average of the weights over the steps), which a run with train.ema has: it has those of last`,
    );
    expect(await refusal({ run: folder.path("nowhere") })).toMatch(/nowhere holds no run: expected a run, a comparison, or several of them/);
  });

  test("a file of weights says its model; one that does not needs it named", async () => {
    expect(await exported({ weights: folder.teacher })).toMatchObject({ model: "resnet20_cifar10", weights: folder.teacher, testAccuracy: null });
    writeFileSync(folder.path("silent.safetensors"), silent());
    expect(await refusal({ weights: folder.path("silent.safetensors") })).toMatch(
      /silent.safetensors do not say which model they are of, and have the shapes of none: name it/,
    );
  });
});

/** A safetensors file with one tensor and no metadata. */
function silent(): Buffer {
  const header = Buffer.from(JSON.stringify({ x: { dtype: "F32", shape: [1], data_offsets: [0, 4] } }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(4)]);
}

describe("where it goes", () => {
  test.each([
    ["timm", "kept"],
    ["training-script", "kept"],
    ["onnx", "kept.onnx"],
    ["torch", "kept.pth"],
    ["safetensors", "kept.safetensors"],
  ] as const)("as %s it leaves what lies beside it, and has the accuracy of what it holds", async (format, name) => {
    const out = join(folder.path(`beside-${format}`), name);
    mkdirSync(`${out}.partial`, { recursive: true });
    writeFileSync(join(`${out}.partial`, "notes.txt"), "mine");
    const { testAccuracy } = await exported({ run: run() }, { format, options: {}, out });
    expect(testAccuracy).toBe(format === "training-script" ? null : compared.student.testAcc);
    expect(readdirSync(dirname(out)).sort()).toEqual([name, `${name}.partial`]);
    expect(readdirSync(`${out}.partial`)).toEqual(["notes.txt"]);
  });

  test("nothing is overwritten, but for a file that a person said may be", async () => {
    const out = folder.path("taken.safetensors");
    writeFileSync(out, "mine");
    expect(await refusal({ run: run() }, { out })).toBe(`${out}: already exists, and nothing is overwritten; choose another name`);
    const long = folder.path(`${"x".repeat(300)}.safetensors`);
    expect(await refusal({ run: run() }, { out: long })).toMatch(/x\.safetensors cannot be written \(ENAMETOOLONG/);
    await exported({ run: run() }, { out, replaces: true });
    expect(readSafetensorsHeader(out).metadata.classes).toBe(JSON.stringify(CIFAR10_CLASSES));
    expect(await refusal({ run: run() }, { out: join(out, "in-it.safetensors") })).toContain(`${out} is a file; choose another place`);
    mkdirSync(folder.path("folder.safetensors"));
    expect(await refusal({ run: run() }, { out: folder.path("folder.safetensors"), replaces: true })).toMatch(/already exists/);
  });

  test("a name of another format, a folder that does not exist, and options of other formats are refused", async () => {
    const out = folder.path("x.pth");
    expect(await refusal({ run: run() }, { out })).toBe(`${out}: as safetensors a file is written whose name ends with .safetensors; choose such a name`);
    expect(await refusal({ run: run() }, { out: folder.path("none", "x.safetensors") })).toMatch(/the folder .*none does not exist; make it first/);
    expect(await refusal({ run: run() }, { format: "onnx", out: folder.path("x.onnx"), options: { precision: "fp32" } })).toBe(
      "onnx takes no --precision: its options are --raw-input, --softmax, --int8",
    );
    expect(existsSync(out)).toBe(false);
  });
});
