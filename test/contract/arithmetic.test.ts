import { describe, expect, it, test } from "vitest";
import { arithmeticInWords, choiceInWords, chooseArithmetic, type Machine, movedInWords, resolveArithmetic } from "../../src-main/contract/arithmetic";
import { presetOf, presets } from "../../src-main/contract/presets";
import type { Recipe, TrainSettings } from "../../src-main/contract/recipe";

const cpu = (isa: string, fp32: number, bf16: number | null): Machine => ({ device: "cpu", isa, gflops: { fp32, bf16 } });
const gpu = (name: string, capability: string): Machine => ({ device: "cuda", name, capability });

const zen3 = cpu("avx2", 93.3, null);
const zen4 = cpu("avx512_bf16", 116, 231);
const intel = cpu("avx512_bf16", 178, 89);
const intelWithAmx = cpu("amx", 178, 2830);

describe("the faster", () => {
  test.each<[string, Machine, "fp32" | "bf16", string]>([
    ["Zen 3", zen3, "fp32", "fp32 multiply-adds reach 93.3 GFLOP/s per thread, and the avx2 kernels have no instruction for bf16"],
    ["Zen 4", zen4, "bf16", "fp32 multiply-adds reach 116 GFLOP/s per thread, bf16 ones 231"],
    ["Intel without AMX", intel, "fp32", "fp32 multiply-adds reach 178 GFLOP/s per thread, bf16 ones 89"],
    ["Intel with AMX", intelWithAmx, "bf16", "fp32 multiply-adds reach 178 GFLOP/s per thread, bf16 ones 2830"],
    ["a processor where there is little in it", cpu("avx512_bf16", 100, 124), "fp32", "bf16 ones 124, a gain that conversions would use up"],
    ["any processor, with the readable kernels", cpu("scalar", 40.1, null), "fp32", "the scalar kernels have no instruction for bf16"],
    ["arm64", cpu("neon", 51, null), "fp32", "the neon kernels have no instruction for bf16"],
    ["an old GPU", gpu("Tesla T4", "7.5"), "fp32", "Tesla T4 has no tensor cores for bf16 (compute capability 7.5, and such cores begin with 8.0)"],
    ["a new GPU", gpu("NVIDIA H200", "9.0"), "bf16", "NVIDIA H200 has tensor cores for bf16 (compute capability 9.0)"],
    ["one with two digits", gpu("NVIDIA B200", "10.0"), "bf16", "NVIDIA B200 has tensor cores for bf16"],
  ])("on %s is found", (_, machine, faster, reason) => {
    expect(chooseArithmetic(machine)).toEqual({ precision: faster, bf16Products: faster, reason: expect.stringContaining(reason) });
  });

  test.each<[TrainSettings["bf16Products"], Machine, object]>([
    ["fp32", intelWithAmx, { precision: "fp32", bf16Products: "fp32", reason: expect.stringMatching(/ 2830; train.bf16Products asks for fp32 all the same$/) }],
    ["bf16", intel, { precision: "fp32", bf16Products: "bf16", reason: expect.stringMatching(/ 89; train.bf16Products asks for bf16 all the same$/) }],
    ["bf16", zen4, { precision: "bf16", bf16Products: "bf16", reason: expect.stringMatching(/ 231$/) }],
    ["bf16", zen3, { precision: "fp32", bf16Products: "fp32", reason: expect.stringMatching(/for bf16$/) }],
  ])("gives way to train.bf16Products %s, where it can be had: %j", (asked, machine, choice) => {
    expect(chooseArithmetic(machine, asked)).toEqual(choice);
  });
});

const { recipe } = presetOf("demo");
const withTrain = (train: Partial<TrainSettings>): Recipe => ({ ...recipe, train: { ...recipe.train, ...train } });

test.each(presets)("the preset $id leaves its precision to the machine", ({ recipe: { train } }) => {
  expect(train).toMatchObject({ precision: "auto", bf16Products: "auto" });
});

test.each<[Partial<TrainSettings>, Machine, Partial<TrainSettings>, string | null]>([
  [{}, zen3, { precision: "fp32", bf16Products: "auto" }, "train.precision auto is fp32 here: fp32 multiply-adds"],
  [{}, zen4, { precision: "bf16", bf16Products: "bf16" }, "train.precision auto is bf16 here: fp32 multiply-adds"],
  [{ precision: "bf16" }, intel, { precision: "bf16", bf16Products: "fp32" }, "computing in bf16, multiplied in fp32 here: fp32 multiply-adds"],
  [{ precision: "bf16", bf16Products: "bf16" }, intel, { precision: "bf16", bf16Products: "bf16" }, "computing in bf16, multiplied in bf16 here"],
  [{ precision: "fp32" }, zen4, { precision: "fp32", bf16Products: "auto" }, null],
])("a recipe with %j is resolved, and what was chosen is said", (train, machine, resolved, words) => {
  const asked = withTrain(train);
  const choice = chooseArithmetic(machine, asked.train.bf16Products);
  expect(resolveArithmetic(asked, choice)).toEqual(withTrain(resolved));
  expect(choiceInWords(asked, choice)).toEqual(words && expect.stringContaining(words));
});

it("is told of a run in one line", () => {
  const arithmetic = { ...chooseArithmetic(intel), machine: intel };
  expect(arithmeticInWords({ recipe: resolveArithmetic(withTrain({ precision: "bf16" }), arithmetic), arithmetic })).toBe(
    "bf16, multiplied in fp32 (fp32 multiply-adds reach 178 GFLOP/s per thread, bf16 ones 89)",
  );
  expect(arithmeticInWords({ recipe: resolveArithmetic(withTrain({ precision: "bf16" }), arithmetic) })).toBe("bf16");
});

describe("a run that goes on elsewhere", () => {
  const here = (machine: Machine, bf16Products: "fp32" | "bf16") => ({ ...chooseArithmetic(machine), bf16Products, machine });

  it("says so, once the kernels are others", () => {
    expect(movedInWords(zen4, here(cpu("avx512_bf16", 100, 200), "bf16"))).toBeNull();
    expect(movedInWords(zen3, here(zen4, "fp32"))).toMatch(/^the run began with the avx2 kernels .* and goes on with the avx512_bf16 kernels .* alone$/);
    expect(movedInWords(gpu("NVIDIA H200", "9.0"), here(zen4, "bf16"))).toMatch(/began with the kernels of NVIDIA H200 .* alone$/);
  });

  it("says too that its way of multiplying cannot be had", () => {
    expect(movedInWords(intelWithAmx, here(zen3, "bf16"))).toMatch(/; bf16 factors are multiplied in fp32 from here on, as there is no instruction for them$/);
  });
});
