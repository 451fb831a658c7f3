// Comparisons with few labels, and the best epoch by validation images, in run folders.
import { createHash } from "node:crypto";
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { bestEpoch } from "../../src-main/contract/best-epoch";
import type { Recipe } from "../../src-main/contract/recipe";
import type { ComparisonResult, SweepResult, TrainResult } from "../../src-main/contract/run";
import { atOnce } from "../../src-main/contract/turns";
import { evaluateOnData } from "../../src-main/engine/evaluate";
import { Run } from "../../src-main/engine/run";
import { SameThread } from "../../src-main/engine/trainer-thread";
import { deleteRun } from "../../src-main/runs/delete";
import { summaryIn } from "../../src-main/runs/figures";
import { readPredictions } from "../../src-main/runs/predictions";
import { listRuns, readRun } from "../../src-main/runs/reader";
import { recipeOfRun } from "../../src-main/runs/request";
import { useBackend } from "../../src-main/tensor/tensor";
import { textOf } from "../runs/page-text";
import { experimentFolder, nobody, smallRecipe, trainInto } from "./experiment";

let folder: ReturnType<typeof experimentFolder>;
beforeAll(() => {
  useBackend(loadAddon());
  folder = experimentFolder();
});
afterAll(() => folder.remove());

/** 60 images: 20 held back, 10 labelled, 30 without a label. */
const fewLabels = (epochs = 2): Recipe => {
  const recipe = smallRecipe(folder.teacher, { epochs });
  return { ...recipe, data: { ...recipe.data, trainLimit: 60, validation: 20, labelled: 10, unlabelled: "rest" } };
};
const hashOf = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

const COMPARED = ["control", "same-images", "student"] as const;
const chainOf = (directory: string) => readRun(directory).batches.map(({ chain }) => chain);

describe("a comparison with images that have no label", () => {
  const whole = () => folder.path("whole");
  let result: ComparisonResult;
  let said: string[];
  beforeAll(async () => {
    ({ result, said } = (await trainInto(whole(), fewLabels())) as { result: ComparisonResult; said: string[] });
  });

  test("has three arms of as many steps from one start: labels alone, the teacher on the same images, and on more", () => {
    expect(said).toContainEqual(
      expect.stringMatching(/^10 training images have labels, 30 have none: the student .*, the other arms not at all; 20 images are/),
    );
    const runs = COMPARED.map((arm) => readRun(`${whole()}/${arm}`));
    expect(runs.map(({ batches }) => batches.length)).toEqual([10, 10, 10]);
    const [control, sameImages, student] = runs.map(({ hashes }) => hashes);
    for (const hashes of [sameImages, student]) expect(hashes).toMatchObject({ data: control!.data, initialWeights: control!.initialWeights });
    expect([sameImages!.teacher, control!.teacher]).toEqual([student!.teacher, null]);
    expect(new Set(runs.map(({ directory }) => hashOf(`${directory}/student.safetensors`))).size).toBe(3);
  });

  test("control and the arm with the teacher on the same images are a controlled comparison, proven in every batch", () => {
    expect(chainOf(`${whole()}/same-images`)).toEqual(chainOf(`${whole()}/control`));
    expect(chainOf(`${whole()}/student`)[0]).not.toBe(chainOf(`${whole()}/control`)[0]);
    const evidence = COMPARED.map((arm) => readFileSync(`${whole()}/${arm}/evidence.jsonl`, "utf8").trimEnd().split("\n"));
    const seen = evidence.map((lines) => lines.map((line) => (({ plan, pixels, targets }) => ({ plan, pixels, targets }))(JSON.parse(line))));
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[0]!.every(({ pixels, targets }) => pixels !== null && targets !== null)).toBe(true);
    expect(result.sameImages!.teacherAdds).toMatchObject({ controlled: true, reason: null, provenTo: 10, differentImages: false });
    expect(result).toMatchObject({ controlled: false, differentImages: true, tunedSeparately: false });
    expect(result.reason).toMatch(/^different images by design/);
  });

  test("its difference is the sum of what the teacher and what the images add, in the result, its file and the report", () => {
    const { control, sameImages, student, difference } = result;
    expect(sameImages!.teacherAdds.difference).toBe(sameImages!.testAcc - control.testAcc);
    expect(sameImages!.imagesAdd.difference).toBe(student.testAcc - sameImages!.testAcc);
    expect(sameImages!.teacherAdds.difference + sameImages!.imagesAdd.difference).toBeCloseTo(difference, 12);
    for (const { interval, intervalOver } of [sameImages!.teacherAdds, sameImages!.imagesAdd])
      expect([interval?.length, intervalOver]).toEqual([2, "test images"]);
    expect(JSON.parse(readFileSync(`${whole()}/comparison.json`, "utf8")).sameImages).toMatchObject({
      directory: "same-images",
      arm: "same-images",
      testAcc: sameImages!.testAcc,
    });
    const { teacherAdds: __, ...figures } = atOnce(summaryIn(whole()))!.sameImages!;
    expect(sameImages).toMatchObject(figures);

    const html = readFileSync(`${whole()}/report.html`, "utf8");
    const text = textOf(html);
    expect(text).toMatch(/Control and teacher on the same images: a fair comparison .* Control and student: different images by design/);
    expect(text).toMatch(/the teacher on the same labelled images gives [+−]\d+\.\d \(([^)]*; )?controlled\), and the images without labels give [+−]\d/);
    for (const figure of html.split("<figure").slice(1))
      expect([...figure.matchAll(/<path class="line ([\w-]+)"/g)].map(([, tone]) => tone)).toEqual([...COMPARED]);
  });

  test("stopped and resumed, every arm ends in the same bits", async () => {
    const resumed = folder.path("resumed");
    await trainInto(resumed, fewLabels(), { stopAfter: 22 });
    expect(COMPARED.map((arm) => readRun(`${resumed}/${arm}`).batches.length)).toEqual([10, 7, 5]);
    const again = (await trainInto(resumed, recipeOfRun(resumed, "compare"), { resume: true })) as { result: ComparisonResult };
    expect(again.result.sameImages).toMatchObject({ testAcc: result.sameImages!.testAcc, teacherAdds: { controlled: true } });
    for (const arm of COMPARED) {
      expect(readRun(`${resumed}/${arm}`).batches.length).toBe(10);
      for (const file of ["student.safetensors", "student-best.safetensors", "predictions/best.csv", "predictions/last.csv"])
        expect(hashOf(`${resumed}/${arm}/${file}`)).toBe(hashOf(`${whole()}/${arm}/${file}`));
    }
  });

  test("its three students are evaluated, and deleting it leaves nothing", async () => {
    const { models } = await evaluateOnData(
      { models: [], runs: [whole()], data: null, format: "auto" },
      async () => {},
      () => {},
    );
    expect(models.map(({ name, scores }) => [name, scores?.accuracy])).toEqual([
      ...COMPARED.map((arm) => [arm, (arm === "same-images" ? result.sameImages! : result[arm]).testAcc]),
      ["teacher", expect.any(Number)],
    ]);
    const copy = folder.path("deleted");
    cpSync(whole(), copy, { recursive: true });
    expect(deleteRun(copy)).toEqual({ deleted: 3, kept: [] });
    expect(existsSync(copy)).toBe(false);
  });

  test("an arm whose folder was moved away is missed", async () => {
    const stopped = folder.path("moved");
    await trainInto(stopped, fewLabels(), { stopAfter: 16 });
    rmSync(`${stopped}/same-images`, { recursive: true });
    const { failure } = await trainInto(stopped, fewLabels(), { resume: true });
    expect(failure).toMatch(/same-images holds no run, though the control beside it has a checkpoint/);
  });

  test("of which the teacher is asked about the labelled ones alone is a controlled one of two arms", async () => {
    const recipe = fewLabels();
    const onLabelled: Recipe = { ...recipe, distillation: { ...recipe.distillation!, images: "labelled" } };
    const { result: two, said } = (await trainInto(folder.path("labelled"), onLabelled)) as { result: ComparisonResult; said: string[] };
    expect(said).toContainEqual(expect.stringMatching(/30 have none: no arm learns from those/));
    expect(two).toMatchObject({ controlled: true, differentImages: false, provenTo: 10, sameImages: null });
    expect(two.student.testAcc).toBe(result.sameImages!.testAcc);
    expect(hashOf(`${two.student.directory}/student.safetensors`)).toBe(hashOf(`${whole()}/same-images/student.safetensors`));
  });

  describe("of an earlier version has two arms", () => {
    /** As that version left it: without the third arm, and without the settings and names that it did not know. */
    const asEarlier = (comparison: string) => {
      rmSync(`${comparison}/same-images`, { recursive: true });
      const edit = (path: string) =>
        writeFileSync(
          path,
          readFileSync(path, "utf8")
            .replace(/,\s*"arms": \[[^\]]*\]/, "")
            .replace(/"images": "all",\s*/, ""),
        );
      for (const path of ["request.json", "student/recipe.json"]) edit(`${comparison}/${path}`);
    };

    test("and goes on with them, says so, and is reported and listed", async () => {
      const out = folder.path("earlier");
      await trainInto(out, fewLabels(), { stopAfter: 22 });
      asEarlier(out);
      expect(readFileSync(`${out}/request.json`, "utf8")).not.toContain("arms");
      const { result: resumed, said } = (await trainInto(out, recipeOfRun(out, "compare"), { resume: true })) as { result: ComparisonResult; said: string[] };
      expect(said).toContainEqual(expect.stringMatching(/^an earlier version began this comparison without the arm with the teacher on the same images/));
      expect(resumed).toMatchObject({ differentImages: true, sameImages: null, difference: result.difference });
      expect(existsSync(`${out}/same-images`)).toBe(false);
      for (const arm of ["control", "student"]) expect(hashOf(`${out}/${arm}/student.safetensors`)).toBe(hashOf(`${whole()}/${arm}/student.safetensors`));
      expect(listRuns(out).map(({ arm, state }) => [arm, state])).toEqual(
        expect.arrayContaining([
          ["control", "finished"],
          ["student", "finished"],
        ]),
      );
      const text = textOf(readFileSync(`${out}/report.html`, "utf8"));
      expect(text).toContain("Different images by design");
      expect(text).not.toMatch(/on the same images|All three/);
    });

    test("in a sweep, to which seeds are added that have as many", async () => {
      const out = folder.path("earlier-sweep");
      const recipe = fewLabels(1);
      const run = (more: object) => new Run({ kind: "compare", recipe, out, resume: false, ...more }, nobody, new SameThread()).watch(0, () => {});
      const three = (await run({ seeds: 2 })) as SweepResult;
      expect(three.sameImages).toMatchObject({ teacherAdds: { controlled: true, intervalOver: "seeds" }, imagesAdd: { intervalOver: "seeds" } });
      for (const seed of ["seed-3", "seed-4"]) asEarlier(`${out}/${seed}`);
      writeFileSync(`${out}/request.json`, readFileSync(`${out}/request.json`, "utf8").replace(/,\s*"arms": \[[^\]]*\]/, ""));
      const more = (await run({ resume: true, addSeeds: 1 })) as SweepResult;
      expect([more.seeds, more.sameImages, more.controlled]).toEqual([[3, 4, 5], null, false]);
      expect(existsSync(`${out}/seed-5/same-images`)).toBe(false);
    });
  });
});

test("the best epoch's weights and predictions are kept beside the last's; a resumed run says if they are gone", async () => {
  const recipe = { ...fewLabels(3), distillation: null, teacher: null, control: null };
  const [out, stopped] = [folder.path("best"), folder.path("stopped")];
  const { result } = (await trainInto(out, recipe)) as { result: TrainResult };
  const run = readRun(out);
  expect(result.best).toEqual(bestEpoch(run.epochRecords));
  const { labels, probabilities, classes } = readPredictions(`${out}/predictions/best.csv`)!;
  const right = labels.filter((label, n) => {
    const row = [...probabilities.subarray(n * classes.length, (n + 1) * classes.length)];
    return row.indexOf(Math.max(...row)) === label;
  });
  expect(right.length / labels.length).toBe(result.best!.testAcc);

  await trainInto(stopped, recipe, { stopAfter: 7 });
  rmSync(`${stopped}/student-best.safetensors`);
  const { said } = await trainInto(stopped, recipe, { resume: true });
  expect(said).toContainEqual(expect.stringMatching(/student-best\.safetensors, of epoch 1, is gone/));
});
