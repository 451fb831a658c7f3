// Recipes, run folders and checkpoints of the last version before runs had evidence.jsonl (test/fixtures/runs-before-evidence).
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Isa } from "../../src-main/backend/addon";
import { loadAddon } from "../../src-main/backend/load";
import { EARLIER, resolveArithmetic } from "../../src-main/contract/arithmetic";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import { presetOf } from "../../src-main/contract/presets";
import type { Recipe } from "../../src-main/contract/recipe";
import { atOnce } from "../../src-main/contract/turns";
import { bytesOf } from "../../src-main/models/dtypes";
import { readSafetensors, readSafetensorsHeader } from "../../src-main/models/safetensors";
import { runFiles } from "../../src-main/runs/files";
import { listRuns, readRun } from "../../src-main/runs/reader";
import { writeReport } from "../../src-main/runs/report";
import { backend, useBackend } from "../../src-main/tensor/tensor";
import { textOf } from "../runs/page-text";
import { trainInto } from "./experiment";

useBackend(loadAddon());

const fixture = join(import.meta.dirname, "../fixtures/runs-before-evidence");
const inFixture = (name: string) => JSON.parse(readFileSync(join(fixture, name), "utf8"));

let copy: string;
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), "earlier-runs-"));
  cpSync(fixture, copy, { recursive: true });
});
afterAll(() => rmSync(copy, { recursive: true }));

const report = (run: string, format: "html" | "csv" | "json" = "html") =>
  readFileSync(atOnce(writeReport({ runs: [join(copy, run)], format, out: join(copy, "reports", `${run}.${format}`) })), "utf8");

/** Its precision was fp32 where nothing else was said. */
const earlier = (recipe: Recipe) => resolveArithmetic(recipe, EARLIER);

describe("recipes", () => {
  test.each(["article", "quick-look"] as const)("of preset %s mean what they meant", (id) => {
    expect(parseRecipe(inFixture(`recipes/${id}.json`))).toEqual(earlier(presetOf(id).recipe));
  });

  test("of the demo mean what they meant, when its student learned from soft labels", () => {
    const { distillation } = parseRecipe({ ...presetOf("demo").recipe, distillation: { temperature: 0.212, alpha: 0.62 } });
    expect(parseRecipe(inFixture("recipes/demo.json"))).toEqual({ ...earlier(presetOf("demo").recipe), distillation });
  });

  test("in the short form of a distillation, with a control of its own settings, and of one arm", () => {
    const soft = { labels: 0.5, terms: [{ kind: "soft", weight: 0.5, temperature: 2 }], images: "all", cacheTeacher: true };
    expect(parseRecipe(inFixture("recipes/comparison.json"))).toMatchObject({ distillation: soft, control: { train: {} } });
    expect(parseRecipe(inFixture("recipes/tuned.json"))).toMatchObject({ distillation: soft, control: { train: { learningRate: 0.02 } } });
    expect(parseRecipe(inFixture("recipes/single.json"))).toMatchObject({ distillation: null, teacher: null, data: { path: "images" } });
  });
});

describe("run folders", () => {
  test("are listed and open", () => {
    const found = listRuns(copy).map(({ directory, arm, state, epochsDone, epochs }) => [directory.slice(copy.length + 1), arm, state, epochsDone, epochs]);
    expect(found.sort()).toEqual([
      ["comparison-stopped/control", "control", "stopped", 2, 3],
      ["comparison-stopped/student", "student", "stopped", 1, 3],
      ["comparison/control", "control", "finished", 3, 3],
      ["comparison/student", "student", "finished", 3, 3],
      ["single-stopped", "single", "stopped", 1, 2],
      ["tuned/control", "control", "finished", 3, 3],
      ["tuned/student", "student", "finished", 3, 3],
    ]);
    const student = readRun(join(copy, "comparison-stopped/student"));
    expect(student.batches.map(({ epoch, iter, chain }) => [epoch, iter, chain])).toEqual([
      [1, 1, null],
      [1, 2, null],
      [1, 3, null],
      [2, 1, null],
    ]);
    expect(student.batches.every(({ parts }) => parts.ce! > 0 && parts.kd! > 0)).toBe(true);
    expect(student.normalization).toBeUndefined();
  });

  test.each(["comparison", "tuned", "comparison-stopped"])("of %s: the report says that their evidence is of the old kind, and claims no more", (run) => {
    const text = textOf(report(run));
    expect(text).toMatch(/evidence (is )?of the old kind/i);
    expect(text).not.toMatch(/A fair comparison|Not a controlled comparison|proven up to|were the same/i);
    expect(text.includes("Tuned separately")).toBe(run === "tuned");
  });

  test("of a finished comparison: the hashes of that version still count", () => {
    expect(textOf(report("comparison"))).toMatch(/Batches equal hashes of the old kind: order and augmentation by plan, not by pixels [0-9a-f]{16} /);
    cpSync(join(copy, "comparison"), join(copy, "other/batches"), { recursive: true });
    const { recipe } = runFiles(join(copy, "other/batches/student"));
    writeFileSync(recipe, readFileSync(recipe, "utf8").replace(/"batches": "\w+"/, '"batches": "other"'));
    expect(textOf(report("other/batches"))).toMatch(/Not a controlled comparison.*✗ different hashes of the old kind/);
    rmSync(join(copy, "other"), { recursive: true });
  });

  test("are reported as tables and as JSON", () => {
    expect(report("comparison", "csv").trimEnd().split("\n")).toHaveLength(1 + 2 * 3);
    expect(report("single-stopped", "csv").trimEnd().split("\n")).toHaveLength(1 + 1);
    expect(JSON.parse(report("comparison-stopped", "json")).runs.map(({ batches }: { batches: unknown[] }) => batches.length)).toEqual([6, 4]);
  });
});

/** By instruction set and run: a digest of the weights and the test loss in which that version ended when it resumed them. */
const endings: { [isa in Isa]?: { [run: string]: { weights: string; testLoss: number } } } = inFixture("endings.json");

describe.each(backend().cpuFeatures().isas)("resumed with %s", (isa) => {
  let resumed: string;
  beforeAll(() => {
    backend().selectIsa(isa);
    resumed = mkdtempSync(join(tmpdir(), "earlier-runs-resumed-"));
    cpSync(fixture, resumed, { recursive: true });
  });
  afterAll(() => {
    backend().selectIsa(backend().cpuFeatures().isas.at(-1)!);
    rmSync(resumed, { recursive: true });
  });

  const exact = isa in endings ? "in the same bits" : "with the same test loss within 1e-3 (no bits are recorded for this instruction set)";
  const expectEnding = (run: string) => {
    const directory = join(resumed, run);
    const { weights, testLoss } = (endings[isa] ?? endings.scalar)![run]!;
    expect(Math.abs(readRun(directory).epochRecords.at(-1)!.testLoss! - testLoss)).toBeLessThan(1e-3);
    if (isa in endings) expect(digestOf(runFiles(directory).weights)).toBe(weights);
  };

  test(`a comparison that was stopped in the middle of an epoch ends ${exact}, and is not called controlled`, async () => {
    const out = join(resumed, "comparison-stopped");
    const resume = async () => (await trainInto(out, parseRecipe(inFixture("recipes/comparison.json")), { resume: true })).result;
    const expected = { controlled: false, tunedSeparately: false, provenTo: 0, difference: expect.any(Number) };
    expect(await resume()).toMatchObject(expected);
    for (const arm of ["control", "student"]) expectEnding(`comparison-stopped/${arm}`);
    expect(JSON.parse(readFileSync(join(out, "comparison.json"), "utf8"))).toMatchObject(expected);

    const text = textOf(readFileSync(join(out, "report.html"), "utf8"));
    expect(text).toContain("Evidence of the old kind");
    expect(text).not.toMatch(/✗|A fair comparison|Not a controlled comparison/);
    const [control, student] = ["control", "student"].map((arm) => readRun(join(out, arm)).batches.map(({ chain }) => chain !== null));
    // Those that this version trained have evidence, which proves nothing without that of the others.
    expect(control).toEqual([false, false, false, false, false, false, true, true, true]);
    expect(student).toEqual([false, false, false, false, true, true, true, true, true]);

    expect(await resume()).toMatchObject(expected);
    for (const arm of ["control", "student"]) expectEnding(`comparison-stopped/${arm}`);
  });

  test(`a run on a folder of images goes on with CIFAR-10's normalisation, says so, and ends ${exact}`, async () => {
    const out = join(resumed, "single-stopped");
    const recipe = parseRecipe(inFixture("recipes/single.json"));
    const elsewhere: Recipe = { ...recipe, data: { ...recipe.data, path: join(resumed, "images") } };
    const { said } = await trainInto(out, elsewhere, { resume: true });
    expect(said).toEqual([
      expect.stringContaining("4 test images cannot show any difference"),
      expect.stringContaining("an earlier version began this run with CIFAR-10's mean and deviation"),
    ]);
    expectEnding("single-stopped");
  });
});

/** SHA-256 over names and values, in order of the names. */
function digestOf(path: string): string {
  const header = readSafetensorsHeader(path);
  const hash = createHash("sha256");
  readSafetensors(path, [...header.tensors.keys()].sort(), (name, values) => hash.update(name).update(bytesOf(values)));
  return hash.digest("hex");
}
