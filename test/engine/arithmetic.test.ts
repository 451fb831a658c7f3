// In what arithmetic a run computes: decided when it starts, and kept. What the machine is measured to do is made up here.
import { createHash } from "node:crypto";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { Addon, ProductRates } from "../../src-main/backend/addon";
import { loadAddon } from "../../src-main/backend/load";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import type { TrainSettings } from "../../src-main/contract/recipe";
import type { ComparisonResult, SweepResult } from "../../src-main/contract/run";
import { doctor } from "../../src-main/engine/doctor";
import { Run } from "../../src-main/engine/run";
import { SameThread } from "../../src-main/engine/trainer-thread";
import { runFiles } from "../../src-main/runs/files";
import { readRun } from "../../src-main/runs/reader";
import { useBackend } from "../../src-main/tensor/tensor";
import { textOf } from "../runs/page-text";
import { experimentFolder, nobody, smallRecipe, trainInto } from "./experiment";

const NO_BF16: ProductRates = { fp32: 93e9, bf16: null };
const BF16_SLOWER: ProductRates = { fp32: 178e9, bf16: 89e9 };
const BF16_FASTER: ProductRates = { fp32: 116e9, bf16: 231e9 };
const REASON = "fp32 multiply-adds reach 116 GFLOP/s per thread, bf16 ones 231";

let addon: Addon;
let folder: ReturnType<typeof experimentFolder>;
beforeAll(() => {
  addon = loadAddon();
  useBackend(addon);
});
beforeEach(() => {
  folder = experimentFolder();
});
afterEach(() => folder.remove());
afterAll(() => {
  addon.selectBf16Products("bf16");
  useBackend(addon);
});

/** From now on the processor is measured to be as fast as that. */
function measured(rates: ProductRates, more: Partial<Addon> = {}): void {
  useBackend({ ...addon, measureProducts: () => rates, ...more });
}

const auto = (train: Partial<TrainSettings> = {}) => smallRecipe(folder.teacher, { precision: "auto", ...train });
const alone = (train: Partial<TrainSettings> = {}) => ({ ...auto(train), teacher: null, distillation: null, control: null });
const hashOf = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
const weightsOf = (directory: string) => hashOf(runFiles(directory).weights);

test("without an instruction for bf16, auto is fp32 to the bit; the run says why, and records it", async () => {
  measured(NO_BF16);
  const { said } = await trainInto(folder.path("auto"), alone());
  const reason = `fp32 multiply-adds reach 93 GFLOP/s per thread, and the ${addon.cpuFeatures().isa} kernels have no instruction for bf16`;
  expect(said).toEqual([`train.precision auto is fp32 here: ${reason}`]);
  const run = readRun(folder.path("auto"));
  expect(run).toMatchObject({
    recipe: { train: { precision: "fp32" } },
    arithmetic: {
      ...{ precision: "fp32", bf16Products: "fp32", reason },
      machine: { device: "cpu", isa: addon.cpuFeatures().isa, gflops: { fp32: 93, bf16: null } },
    },
  });
  expect(run.events).toContainEqual(expect.objectContaining({ type: "note", text: said[0] }));
  expect((await trainInto(folder.path("fp32"), alone({ precision: "fp32" }))).said).toEqual([]);
  expect(weightsOf(folder.path("auto"))).toBe(weightsOf(folder.path("fp32")));
});

test("where bf16 is faster, both arms take it, and the comparison is controlled", async () => {
  measured(BF16_FASTER);
  const { result, said } = await trainInto(folder.path("auto"), auto({ epochs: 1 }));
  expect(said).toEqual([`train.precision auto is bf16 here: ${REASON}`]);
  expect(result).toMatchObject({ controlled: true });
  const arms = ["control", "student"].map((arm) => readRun(folder.path("auto", arm)));
  for (const arm of arms) expect(arm).toMatchObject({ recipe: { train: { precision: "bf16", bf16Products: "bf16" } }, arithmetic: { reason: REASON } });
  const text = textOf(readFileSync((result as ComparisonResult).report, "utf8"));
  expect(text).toContain("train.precision bf16 bf16");
  expect(text).toContain(`Arithmetic bf16, multiplied in bf16 (${REASON})`);
});

test("a run that is resumed goes on as it began, whatever is measured then, and ends in the same bits", async () => {
  measured(BF16_FASTER);
  await trainInto(folder.path("whole"), alone());
  await trainInto(folder.path("parts"), alone(), { stopAfter: 2 });
  measured(NO_BF16);
  expect((await trainInto(folder.path("parts"), alone(), { resume: true })).said).toEqual([]);
  expect(weightsOf(folder.path("parts"))).toBe(weightsOf(folder.path("whole")));
  expect(readRun(folder.path("parts"))).toMatchObject({ recipe: { train: { precision: "bf16" } }, arithmetic: { reason: REASON }, damage: null });
});

test("a run that began in one precision is not resumed in another", async () => {
  measured(NO_BF16);
  await trainInto(folder.path("run"), alone(), { stopAfter: 2 });
  const { failure } = await trainInto(folder.path("run"), alone({ precision: "bf16" }), { resume: true });
  expect(failure).toContain('was started with train.precision "fp32", and the recipe now says "bf16"');
});

test.each(["train", "compare"])("a run in bf16 goes on in bf16 when its recipe now leaves the precision open (%s)", async (kind) => {
  measured(BF16_SLOWER);
  const recipe = kind === "train" ? alone : auto;
  await trainInto(folder.path("run"), recipe({ precision: "bf16", epochs: 1 }), { stopAfter: 2 });
  expect((await trainInto(folder.path("run"), recipe({ epochs: 1 }), { resume: true })).failure).toBeNull();
  const arm = kind === "train" ? folder.path("run") : folder.path("run", "student");
  expect(readRun(arm)).toMatchObject({ state: "finished", recipe: { train: { precision: "bf16" } }, arithmetic: { precision: "bf16", bf16Products: "fp32" } });
});

test("fp32 that the recipe asks for is recorded as asked for", async () => {
  measured(BF16_FASTER);
  await trainInto(folder.path("run"), alone({ precision: "fp32" }), { stopAfter: 2 });
  expect(readRun(folder.path("run")).arithmetic).toMatchObject({ precision: "fp32", reason: "as the recipe says" });
});

test("an arithmetic that was edited is neither believed nor written into the next checkpoint", async () => {
  measured(BF16_SLOWER);
  await trainInto(folder.path("run"), alone({ precision: "bf16" }), { stopAfter: 2 });
  const path = folder.path("run", "recipe.json");
  const whole = readFileSync(path, "utf8");
  writeFileSync(path, whole.replace(/"bf16Products":\s*"fp32",(\s*)"reason"/, '"bf16Products": "bf16",$1"reason"'));
  expect(readFileSync(path, "utf8")).not.toBe(whole);
  expect(readRun(folder.path("run")).damage).toContain("recipe.json and the checkpoint differ in the arithmetic: one of them was changed");
  const { failure } = await trainInto(folder.path("run"), alone({ precision: "bf16" }), { resume: true });
  expect(failure).toContain("belongs to a run with another arithmetic");
  expect(failure).toContain("recipe.json was changed, delete it: resuming restores it");
});

test("products in bf16 that this machine cannot take are warned of", async () => {
  measured(NO_BF16);
  await trainInto(folder.path("run"), alone({ precision: "bf16", bf16Products: "bf16" }), { stopAfter: 2 });
  expect(readRun(folder.path("run")).events).toContainEqual(
    expect.objectContaining({
      type: "warning",
      text: "train.bf16Products is bf16, and this processor has no instruction for that: bf16 numbers are multiplied in fp32",
    }),
  );
});

test("a recipe of bf16 is multiplied as is faster, unless it says how, and the run keeps that too", async () => {
  const selectBf16Products = vi.fn(addon.selectBf16Products);
  const selected = () => selectBf16Products.mock.calls.at(-1)![0];
  measured(BF16_SLOWER, { selectBf16Products });
  const { said } = await trainInto(folder.path("auto"), alone({ precision: "bf16" }), { stopAfter: 2 });
  expect(said).toEqual(["computing in bf16, multiplied in fp32 here: fp32 multiply-adds reach 178 GFLOP/s per thread, bf16 ones 89"]);
  expect(selected()).toBe("fp32");
  await trainInto(folder.path("asked"), alone({ precision: "bf16", bf16Products: "bf16" }), { stopAfter: 2 });
  expect(selected()).toBe("bf16");
  measured(BF16_FASTER, { selectBf16Products });
  await trainInto(folder.path("auto"), alone({ precision: "bf16" }), { resume: true });
  expect(selected()).toBe("fp32");
  expect(readRun(folder.path("auto"))).toMatchObject({ recipe: { train: { bf16Products: "fp32" } }, arithmetic: { bf16Products: "fp32" } });
});

test("the comparisons of a sweep compute as the first does", async () => {
  measured(BF16_FASTER);
  const run = new Run({ kind: "compare", recipe: auto({ epochs: 1 }), out: folder.path("sweep"), resume: false, seeds: 2 }, nobody, new SameThread());
  const notes: string[] = [];
  const { comparisons } = (await run.watch(0, (notice) => {
    if (notice.type === "note") notes.push(notice.text);
    if (notice.type === "member" && notice.index === 1) measured(NO_BF16);
  })) as SweepResult;
  const precisions = comparisons.flatMap(({ control, student }) => [control, student].map(({ directory }) => readRun(directory).recipe.train.precision));
  expect(precisions).toEqual(["bf16", "bf16", "bf16", "bf16"]);
  expect(notes).toEqual([`train.precision auto is bf16 here: ${REASON}`]);
});

test("a comparison that goes on where other kernels compute says so once, and falls back to fp32 products", async () => {
  // Another than this computer's.
  const isa = addon.cpuFeatures().isa === "avx512_bf16" ? "amx" : "avx512_bf16";
  measured(BF16_FASTER, { cpuFeatures: () => ({ ...addon.cpuFeatures(), isa }) });
  await trainInto(folder.path("run"), auto({ epochs: 1 }), { stopAfter: 4 });
  measured(NO_BF16);
  const { said } = await trainInto(folder.path("run"), auto({ epochs: 1 }), { resume: true });
  expect(said).toEqual([
    `the run began with the ${isa} kernels of a processor and goes on with the ${addon.cpuFeatures().isa} kernels of a processor: what they compute differs in the last ` +
      "digits, so its results will not be those of either alone; bf16 factors are multiplied in fp32 from here on, as there is no instruction for them",
  ]);
  expect(readRun(folder.path("run", "student")).events).toContainEqual(expect.objectContaining({ type: "warning", text: said[0] }));
});

test("a comparison of an earlier version stays in fp32, where its recipe now leaves the precision open", async () => {
  measured(BF16_FASTER);
  cpSync(fileURLToPath(new URL("../fixtures/runs-before-evidence", import.meta.url)), folder.path("earlier"), { recursive: true });
  const json = JSON.parse(readFileSync(folder.path("earlier", "recipes", "comparison.json"), "utf8"));
  const recipe = parseRecipe({ ...json, train: { ...json.train, precision: undefined } });
  expect(recipe.train.precision).toBe("auto");
  expect((await trainInto(folder.path("earlier", "comparison-stopped"), recipe, { resume: true })).failure).toBeNull();
  expect(readRun(folder.path("earlier", "comparison-stopped", "student"))).toMatchObject({ state: "finished", recipe: { train: { precision: "fp32" } } });
});

test("the doctor says what a run would choose, and why", () => {
  measured(BF16_SLOWER);
  expect(doctor("cpu").arithmetic).toMatchObject({
    cpu: { precision: "fp32", bf16Products: "fp32", reason: "fp32 multiply-adds reach 178 GFLOP/s per thread, bf16 ones 89" },
  });
});
