// distill train-teacher --data, as installed, on a small folder of pictures.
import { execFile } from "node:child_process";
import { appendFileSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { EvaluateResult } from "../../src-main/contract/answers";
import type { FittedTeacher } from "../../src-main/contract/fitted-teacher";
import { createModel } from "../../src-main/models/registry";
import { readSafetensorsHeader } from "../../src-main/models/safetensors";
import { saveWeights } from "../../src-main/models/weights";
import { useBackend } from "../../src-main/tensor/tensor";
import { distill, type Finished, PROGRAM } from "./distill";

let cwd: string;
const at = (...names: string[]) => path.join(cwd, ...names);
const env = () => ({ ...process.env, DISTILL_CACHE: at("cache") });
const COLOURS = { cherry: [200, 40, 60], lime: [90, 190, 60], plum: [90, 40, 150] } as const;

/** Pictures of one colour, more or less, in a folder for each class. */
async function fill(folder: string, count: number, classes: readonly (keyof typeof COLOURS)[] = ["cherry", "lime", "plum"]): Promise<void> {
  for (const name of classes) {
    mkdirSync(at(folder, name), { recursive: true });
    for (let n = 0; n < count; n++) {
      const [r, g, b] = COLOURS[name].map((value, i) => value + 40 * Math.sin(7 * n + 3 * i));
      const image = sharp({ create: { width: 40, height: 32, channels: 3, background: { r: r!, g: g!, b: b! } } });
      writeFileSync(at(folder, name, `${n}.png`), await image.png().toBuffer());
    }
  }
}

/** Small and untrained: even its features tell colours apart. */
function saveBackbone(): void {
  const model = createModel("resnet8_cifar10", { classes: 5, seed: 1 });
  saveWeights(model, at("backbone.safetensors"), { classes: [..."abcde"], mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] });
  model.release();
}

const FIT = ["train-teacher", "--data", "fruit", "--from", "backbone.safetensors"];
let made: Finished;
let found: FittedTeacher;
beforeAll(async () => {
  cwd = mkdtempSync(path.join(tmpdir(), "distill-teacher-"));
  useBackend(loadAddon());
  saveBackbone();
  await fill("fruit", 12);
  made = await distill([...FIT, "--out", "made", "--json"], cwd, undefined, env());
  found = JSON.parse(made.out);
}, 60_000);
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

describe("train-teacher --data", () => {
  it("makes a teacher of a folder without a split, and says how good it is", () => {
    expect([made.status, found.images]).toEqual([0, { train: 30, validation: 6, test: 6, mirrored: true }]);
    expect(made.err).toContain("6 of the 30 training images, the same share of each class, are held back: the weight decay is chosen on them");
    expect(made.err).toContain("6 held back images choose the weight decay: too few to choose it well, and no temperature is fitted to fewer than 60.");
    expect(found.test.accuracy).toBe(1);
    expect(found.test.confusion).toEqual([
      [2, 0, 0],
      [0, 2, 0],
      [0, 0, 2],
    ]);
    expect([found.temperature, found.test.calibrated]).toEqual([null, null]);
    expect(found.features).toEqual({ computed: 66, known: 0 });
  });

  it("writes an ordinary file, with where it came from", () => {
    expect(readdirSync(at("made")).sort()).toEqual(["compare.json", "report.html", "teacher.json", "teacher.safetensors"]);
    const { metadata } = readSafetensorsHeader(at("made/teacher.safetensors"));
    expect(metadata).toMatchObject({
      model: "resnet8_cifar10",
      imageSize: "32",
      classes: '["cherry","lime","plum"]',
      mean: "[0.5,0.5,0.5]",
      backbone: at("backbone.safetensors"),
      backboneHash: found.backbone.hash,
      weightDecay: String(found.decay),
    });
    expect(metadata).not.toHaveProperty("temperature");
    expect(JSON.parse(readFileSync(at("made/teacher.json"), "utf8"))).toEqual(found);
    expect(readFileSync(at("made/report.html"), "utf8")).toContain("<b>100.0 %</b> of the 6 test images");
  });

  it("says itself of which model it is, to predict and to evaluate", async () => {
    const { weights } = found.teacher;
    const predicted = await distill(["predict", "--weights", weights, "--images", "fruit/lime/0.png", "--json"], cwd);
    expect(JSON.parse(predicted.out)).toMatchObject({ model: "resnet8_cifar10", classes: found.classes });
    const evaluated = await distill(["evaluate", "--weights", weights, "--data", "fruit", "--json"], cwd);
    expect(JSON.parse(evaluated.out).models).toMatchObject([{ model: "resnet8_cifar10", scores: { accuracy: 1 } }]);
    const several = await distill(["predict", "--weights", "bundled", "--images", "fruit/lime/0.png"], cwd);
    expect([several.status, several.err]).toEqual([2, expect.stringContaining("several networks come with the program: name one with --model")]);
  });

  it("is what evaluate finds it to be, and a comparison's teacher", async () => {
    const { model, weights, imageSize } = found.teacher;
    mkdirSync(at("tests"), { recursive: true });
    await fill("tests/train", 1);
    await fill("tests/test", 12);
    const evaluated = await distill(["evaluate", "--model", model, "--weights", weights, "--data", "tests", "--json"], cwd);
    const result = JSON.parse(evaluated.out) as EvaluateResult;
    expect([result.models[0]!.scores!.accuracy, result.classes]).toEqual([1, ["cherry", "lime", "plum"]]);
    writeFileSync(
      at("recipe.json"),
      JSON.stringify({
        data: { path: "fruit" },
        teacher: { model, weights, imageSize },
        student: { model: "resnet8_cifar10", imageSize: 8 },
        train: { epochs: 1, batchSize: 15 },
        distillation: { temperature: 1, alpha: 0.5 },
        control: { train: {} },
      }),
    );
    const compared = await distill(["compare", "--recipe", "recipe.json", "--seeds", "1", "--out", "compared", "--json"], cwd);
    const seen = [{ fitted: 30, test: { count: 6, fitted: 0, chosen: 0, accuracy: null }, labelled: { count: 30, fitted: 30, distinct: 30 } }];
    expect(JSON.parse(compared.out)).toMatchObject({ teacher: { model, testAcc: found.test.accuracy, seen }, controlled: true });
    expect(compared.err).not.toContain("the teacher was fitted to");
    expect(readFileSync(at("compared/report.html"), "utf8")).toContain("The teacher was fitted to the same 30 labels that the control has.");
  });

  it("is found out where it was fitted to images that test it, before anything is trained and in the report", async () => {
    const other = ["--set", "data.splitSeed=1", "--set", "student.imageSize=16"];
    const compared = await distill(["compare", "--recipe", "recipe.json", "--seeds", "1", ...other, "--out", "seen"], cwd);
    const words = /the teacher was fitted to (\d) of these 6 test images: its accuracy on them, 100\.0 %, says nothing of how good it is/i;
    const [, count] = words.exec(compared.err)!;
    expect(Number(count)).toBeGreaterThan(0);
    const shared = 30 - Number(count);
    for (const text of [compared.out, readFileSync(at("seen/report.html"), "utf8")]) {
      expect(text).toMatch(words);
      expect(text).toContain(`The teacher was fitted to ${shared} of the 30 labels that the control has, and to ${count} more.`);
    }
  });

  it("says where its backbone knows the images that judge it, in its report too", async () => {
    const again = ["train-teacher", "--data", "fruit", "--from", "made/teacher.safetensors", "--set", "data.splitSeed=5", "--out", "known"];
    const { status, out, err } = await distill(again, cwd, undefined, env());
    expect(status, err).toBe(0);
    expect(out).toMatch(
      /These figures say less than they seem to:\n.*- the backbone was fitted to \d of these 6 test images: its accuracy on them says nothing/s,
    );
    const { warnings, report } = JSON.parse(readFileSync(at("known", "teacher.json"), "utf8")) as FittedTeacher;
    expect(warnings).toContainEqual(expect.stringMatching(/^the backbone was fitted to \d of the 6 images that choose the weight decay/));
    expect(readFileSync(report, "utf8")).toContain("The backbone was fitted to");
  });

  it("is listed, shown and reported beside runs, and a comparison with its name, its note and what came of it", async () => {
    const run = async (...args: string[]) => {
      const { status, out, err } = await distill(args, cwd);
      expect([args, status, err]).toEqual([args, 0, ""]);
      return out;
    };
    const table = /\nteacher +network +classes +training images +test accuracy\n.*made +resnet8_cifar10 at 32 px +3 +30 +100\.0 %\n/s;
    expect(await run("runs", "list", ".")).toMatch(table);
    expect(await run("runs", "show", "made")).toMatch(/^Teacher: made\n.*The weight decay of .*Report: made\/report\.html\n/s);
    expect(await run("report", "--runs", "made", "--out", "made.html")).toBe("Report: made.html\n");
    expect(readFileSync(at("made.html"), "utf8")).toContain("<b>100.0 %</b> of the 6 test images");
    const exported = await distill(["export", "--run", "made", "--format", "timm", "--out", "card"], cwd);
    expect(exported.out).toContain("Model: card (resnet8_cifar10");
    const card = readFileSync(at("card/README.md"), "utf8");
    expect(card).toContain(": a last layer on the backbone `backbone.safetensors`, fitted to 30 images.");
    expect(card).toContain("| accuracy on the test images | 100.0 % of 6 test images |");
    const seeded = await distill(["export", "--run", "made", "--seed", "1", "--out", "seeded.safetensors"], cwd);
    expect([seeded.status, seeded.err]).toEqual([
      2,
      expect.stringContaining("made holds a teacher, which has one file of weights: leave --seed and --weights-of out"),
    ]);
    const csv = await distill(["report", "--runs", "made", "--format", "csv"], cwd);
    expect([csv.status, csv.err]).toEqual([1, expect.stringContaining("holds a teacher, which has no epochs: its report is html or json, and not csv")]);

    await run("runs", "rename", "compared", "a fruity one");
    await run("runs", "note", "compared", "the light was bad");
    const shown = await run("runs", "show", "compared");
    expect(shown).toMatch(/^Note on compared: the light was bad\n\nThe teacher (adds|takes) .+ 6 test images\)\.\n/);
    expect(shown).toMatch(/Test accuracy: control [\d.]+ %, student [\d.]+ %\.\n\ncompared\/control\n +name +a fruity one\n/);
    await run("report", "--runs", "compared", "--out", "named.html");
    expect(readFileSync(at("named.html"), "utf8")).toMatch(/<h1>a fruity one<\/h1>.*the light was bad/s);
  });

  it("ends with the command of a comparison, which runs as it is printed", async () => {
    const data = "fruit of mine";
    await fill(data, 12);
    const flags = ["--from", "backbone.safetensors", "--set", "data.testShare=0.25", "--set", "data.trainLimit=24"];
    const teacher = await distill(["train-teacher", "--data", data, ...flags, "--out", "it's mine"], cwd, undefined, env());
    const command = teacher.out.trimEnd().split("\n").at(-1)!.trim();
    expect(command).toMatch(/ compare --recipe 'it'\\''s mine\/compare\.json'$/);
    // Two epochs of one seed are enough to see that it runs; the program is the bundle itself, without the set-up before it.
    const own = command.replace(/^.*?(?= compare )/, `'${process.execPath}' '${PROGRAM}'`);
    const { stdout } = await promisify(execFile)("bash", ["-c", `${own} --seeds 1 --set train.epochs=2 --out first --json`], { cwd, env: env() });
    const { directory, ...compared } = JSON.parse(stdout);
    expect(compared).toMatchObject({ controlled: true, teacher: { model: "resnet8_cifar10" } });
    const { recipe } = JSON.parse(readFileSync(path.join(directory, "student/recipe.json"), "utf8"));
    expect(recipe).toMatchObject({
      data: { path: at(data), testShare: 0.25, trainLimit: 24 },
      teacher: { weights: at("it's mine/teacher.safetensors"), imageSize: 32 },
    });
  });

  it("is shown images of the size in its file, where a recipe does not say it", async () => {
    await distill([...FIT, "--image-size", "24", "--out", "small"], cwd, undefined, env());
    const { imageSize, ...teacher } = JSON.parse(readFileSync(at("small/compare.json"), "utf8")).teacher;
    const recipe = { data: { path: at("fruit") }, teacher, student: { model: "resnet8_cifar10", imageSize: 8 }, train: { epochs: 1 }, control: { train: {} } };
    writeFileSync(at("small/unsized.json"), JSON.stringify({ ...recipe, distillation: { temperature: 1, alpha: 0.5 } }));
    const said = `the teacher is shown images of 24 px (teacher.imageSize), as the weights ${at("small/teacher.safetensors")} say`;
    const compared = await distill(["compare", "--recipe", "small/unsized.json", "--seeds", "1", "--out", "small/run"], cwd);
    expect([compared.status, compared.err]).toEqual([0, expect.stringContaining(said)]);
    expect(compared.err).not.toContain("the teacher was trained on images of");
    expect([imageSize, JSON.parse(readFileSync(at("small/run/student/recipe.json"), "utf8")).recipe.teacher.imageSize]).toEqual([24, 24]);
    const set = ["--set", "teacher.imageSize=32", "--seeds", "1", "--out", "small/set"];
    expect((await distill(["compare", "--recipe", "small/unsized.json", ...set], cwd)).err).toContain("the teacher was trained on images of 24 px and sees");
  });

  describe("is tested", () => {
    const evaluated = async (...args: string[]) => {
      const run = await distill(["evaluate", ...args, "--json"], cwd);
      return { ...run, result: JSON.parse(run.out || "null") as EvaluateResult };
    };
    const teacher = () => ["--model", found.teacher.model, "--weights", found.teacher.weights];
    const HELD_BACK = "so those are tested that its weights say were held back";

    it("on the images of its folder that were held back, wherever that lies now", async () => {
      cpSync(at("fruit"), at("moved"), { recursive: true });
      for (const folder of ["fruit", "moved"]) {
        const { err, result } = await evaluated(...teacher(), "--data", folder);
        expect(err).toContain(HELD_BACK);
        expect(result).toMatchObject({ images: 6, tested: { path: at(folder), drawn: { testShare: 0.2, splitSeed: 0 } }, models: [{ seen: { fitted: 0 } }] });
      }
      const shown = await distill(["evaluate", ...teacher(), "--data", "moved"], cwd);
      expect(shown.out).toContain(`Tested on 6 images of ${at("moved")}, a share of 0.2 of each class (data.testShare), drawn by the seed 0 (data.splitSeed).`);
      expect(shown.out).toMatch(/of them it was fitted to +0\n/);
    });

    it("likewise with the run that it taught, whose own data moved", async () => {
      cpSync(at("fruit"), at("lost"), { recursive: true });
      await distill(["compare", "--recipe", "recipe.json", "--seeds", "1", "--set", `data.path=${at("lost")}`, "--out", "of-lost"], cwd);
      rmSync(at("lost"), { recursive: true });
      const gone = await evaluated("--run", "of-lost");
      expect([gone.status, gone.err]).toEqual([1, expect.stringContaining("does not exist: if it was moved, name the folder where it is now with --data")]);
      const { err, result } = await evaluated("--run", "of-lost", "--data", "moved");
      expect(err).toContain(`control was fitted to images in this folder, ${HELD_BACK}`);
      expect(result.images).toBe(6);
      expect(result.models.map(({ name, seen }) => [name, seen])).toEqual(
        ["control", "student", "teacher"].map((name) => [name, { count: 6, fitted: 0, chosen: 0, accuracy: null }]),
      );
    });

    it("on others where that is asked for, and found out", async () => {
      const { err, result } = await evaluated(...teacher(), "--data", "fruit", "--set", "data.splitSeed=1", "--set", "data.testShare=0.5");
      expect(result).toMatchObject({ images: 18, tested: { drawn: { testShare: 0.5, splitSeed: 1 } } });
      const { fitted } = result.models[0]!.seen!;
      expect(fitted).toBeGreaterThan(10);
      expect(err).toContain(
        `${found.teacher.model} was fitted to ${fitted} of these 18 test images: its accuracy on them, 100.0 %, says nothing of how good it is`,
      );
    });

    it("on all images of a folder that it has not seen", async () => {
      await fill("fresh", 12);
      for (const name of Object.keys(COLOURS)) for (let n = 0; n < 12; n++) appendFileSync(at("fresh", name, `${n}.png`), "another file");
      const { err, result } = await evaluated(...teacher(), "--data", "fresh");
      expect([result.images, result.models[0]!.seen!.fitted]).toEqual([36, 0]);
      expect(err).not.toContain(HELD_BACK);
    });

    it("at another size with a warning, and predict likewise", async () => {
      const words = "sees images of 16 px here, and its weights were trained on images of 32 px: at another size its answers are often wrong";
      const teacher = ["--model", "resnet8_cifar10", "--weights", "made/teacher.safetensors", "--image-size", "16"];
      expect((await distill(["evaluate", ...teacher, "--data", "fruit"], cwd, undefined, env())).err).toContain(words);
      expect((await distill(["predict", ...teacher, "--images", "fruit/lime/0.png"], cwd, undefined, env())).err).toContain(words);
    });

    it("and predict says which images it has learned from", async () => {
      const files = (folder: string) => [0, 1, 2, 3, 4, 5].map((n) => path.join(folder, "cherry", `${n}.png`));
      const taught = await distill(["predict", ...teacher(), "--images", ...files("fruit")], cwd);
      expect(taught.err).toMatch(/the network was fitted to [456] of these 6 images: its answers to them say nothing of how good it is on others/);
      const other = await distill(["predict", ...teacher(), "--images", ...files("fresh")], cwd);
      expect([other.status, other.err]).toEqual([0, expect.not.stringContaining("fitted to")]);
    });

    it("with no other settings", async () => {
      const { status, err } = await evaluated(...teacher(), "--data", "fruit", "--set", "train.epochs=3");
      expect([status, err]).toEqual([2, expect.stringContaining("--set train.epochs=3: expected one of data.testShare, data.splitSeed")]);
    });
  });

  it("computes the features of a new image alone", async () => {
    await fill("growing", 12);
    await distill(["train-teacher", "--data", "growing", "--from", "backbone.safetensors", "--out", "before"], cwd, undefined, env());
    await fill("more", 13, ["lime"]);
    copyFileSync(at("more/lime/12.png"), at("growing/lime/12.png"));
    const grown = await distill(["train-teacher", "--data", "growing", "--from", "backbone.safetensors", "--out", "after", "--json"], cwd, undefined, env());
    const { features, images } = JSON.parse(grown.out) as FittedTeacher;
    expect(images.train + images.test).toBe(37);
    expect([features.computed, features.known]).toEqual([2, 2 * images.train + images.test - 2]);
  });

  it("is found in its folder, which is said", async () => {
    const args = ["evaluate", "--model", found.teacher.model, "--weights", "made", "--data", "fruit", "--json"];
    const { status, err } = await distill(args, cwd);
    expect([status, err]).toEqual([0, expect.stringContaining(`weights ${at("made")}: of this folder, teacher.safetensors is taken`)]);
  });

  it("computes no feature twice, and finds the same head", async () => {
    const again = await distill([...FIT, "--out", "again"], cwd, undefined, env());
    expect(again.err).toContain("the features of 66 images were kept by an earlier start, 0 are new");
    expect(again.out).toMatch(/accuracy +100\.0 %/);
    expect(again.out).toContain(`"teacher": ${JSON.stringify({ ...found.teacher, weights: at("again/teacher.safetensors") })}`);
    expect(readFileSync(at("again/teacher.safetensors")).equals(readFileSync(at("made/teacher.safetensors")))).toBe(true);
  });
});

describe("train-teacher --data refuses", () => {
  beforeAll(async () => {
    await fill("single", 6, ["cherry"]);
    await fill("damaged", 12);
    writeFileSync(at("damaged/lime/0.png"), "no picture");
    const model = createModel("resnet8_cifar10", { classes: 2 });
    saveWeights(Object.assign(model, { name: "convnext_huge" }), at("unknown.safetensors"), { classes: ["a", "b"], mean: [0, 0, 0], std: [1, 1, 1] });
    model.release();
  });

  it.each<[string, string[], number, string]>([
    ["one class", ["--data", "single", "--from", "backbone.safetensors"], 1, "has one class only, cherry/"],
    [
      "weights of an unknown family",
      ["--data", "fruit", "--from", "unknown.safetensors"],
      1,
      'are of the model "convnext_huge", which this program does not have: name it with --model',
    ],
    ["what cannot be read", ["--data", "damaged", "--from", "backbone.safetensors"], 1, "damaged/lime/0.png cannot be read as an image"],
    ["a folder that has a teacher", ["--data", "fruit", "--from", "backbone.safetensors", "--out", "made"], 1, "already exists, and nothing is overwritten"],
    ["settings of a training", ["--data", "fruit", "--set", "train.epochs=3"], 2, "--set train.epochs=3 has no effect with --data"],
    ["a recipe beside it", ["--data", "fruit", "--preset", "teacher-quick"], 2, "leave one of them out"],
    ["to resume", ["--data", "fruit", "--resume", "--out", "made"], 2, "give the same command again"],
    ["epochs without fine-tuning", ["--data", "fruit", "--epochs", "3"], 2, "--epochs needs --fine-tune last or all"],
    ["fine-tuning without data", ["--fine-tune", "all"], 2, "--fine-tune needs --data"],
    ["a backbone without data", ["--from", "backbone.safetensors"], 2, "--from needs --data"],
  ])("%s", async (_, args, status, words) => {
    const run = await distill(["train-teacher", ...args], cwd);
    expect([run.status, run.err]).toEqual([status, expect.stringContaining(words)]);
  });

  it("nothing of these where it is told to skip what cannot be read, and says so", async () => {
    const run = await distill(["train-teacher", "--data", "damaged", "--from", "backbone.safetensors", "--skip-unreadable", "--out", "skipped"], cwd);
    expect([run.status, run.err]).toEqual([0, expect.stringContaining("1 of 36 images cannot be read and is skipped")]);
    expect(readFileSync(at("skipped/left-out.csv"), "utf8")).toContain("lime/0.png,");
  });
});

describe("train-teacher --fine-tune", () => {
  const tune = ["--fine-tune", "last", "--epochs", "1", "--set", "train.learningRate=0.001"];
  const tuned = (out: string) => JSON.parse(readFileSync(at(out, "teacher.json"), "utf8")) as FittedTeacher;

  it("trains a network on, and says how it compares with the last layer alone", async () => {
    await fill("orchard", 100);
    const run = await distill(["train-teacher", "--data", "orchard", "--from", "backbone.safetensors", ...tune, "--out", "tuned"], cwd, undefined, env());
    expect([run.status, run.err]).toEqual([
      0,
      expect.stringContaining("fine-tuning trains the last stage and layer on the 180 training images that are not held back, for 1 epoch at"),
    ]);
    expect(run.out).toMatch(/last layer alone +100\.0 % .*\nfine-tuned +100\.0 % /);
    expect(tuned("tuned").fineTuning).toMatchObject({ stages: "last", epochs: 1, learningRate: 0.001 });
  });

  it("is not begun where the few images that choose could not show that it helps, and says what to do", async () => {
    const run = await distill([...FIT, ...tune, "--out", "untuned"], cwd, undefined, env());
    const why = "of the 6 held back images the last layer alone gets fewer than 6 wrong, too few to show beyond chance that another network is better";
    expect([run.status, run.err, run.out]).toEqual([
      0,
      expect.stringContaining(
        `the network is not fine-tuned: ${why}. With 60 the loss decides: take more pictures: of 240 training images 60 are held back, and here are 30`,
      ),
      expect.stringContaining(`The network was not fine-tuned: ${why}`),
    ]);
    expect(tuned("untuned").fineTuning).toMatchObject({ kept: false, decision: "undecidable", fineTuned: null });
  });
});

it("takes a decay by default where there are too few images to choose by, and says so", async () => {
  await fill("few", 5);
  const run = await distill(["train-teacher", "--data", "few", "--from", "backbone.safetensors", "--out", "few-out", "--json"], cwd);
  expect(run.err).toContain("12 training images are too few to hold any back, so the weight decay is 0.03, and no temperature is fitted");
  expect(JSON.parse(run.out)).toMatchObject({ decay: 0.03, temperature: null, validation: null, trials: [] });
});

it("says which figures pictures that are there twice spoil, and what helps", async () => {
  await fill("twice", 12);
  for (const name of Object.keys(COLOURS))
    for (const n of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) copyFileSync(at("twice", name, `${n}.png`), at("twice", name, `z${n}.png`));
  const fitted = (out: string, ...more: string[]) =>
    distill(["train-teacher", "--data", "twice", "--from", "backbone.safetensors", "--out", out, ...more], cwd);
  const { out, err } = await fitted("twice-out");
  const said =
    /\d+ of the \d+ images that are held back to choose by have copies among the training images: .+ \(to leave out the copies: data\.skipCopies=true\)/;
  expect(err).toMatch(said);
  expect(out).toMatch(said);
  expect(out).toMatch(/\d+ of the \d+ test images are training images too .+ \(to leave them out of training: data\.skipLeaks=true\)/);
  const settled = await fitted("twice-settled", "--set", "data.skipCopies=true", "--set", "data.skipLeaks=true");
  expect(settled.err).not.toContain("have copies");
  expect(settled.out).not.toContain("are training images too");
});
