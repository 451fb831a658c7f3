/**
 * In what arithmetic a run computes: the precision of its activations, and how products with factors in bf16 are taken. Which is faster is up to the
 * machine: VDPBF16PS has half the rate of the fp32 multiply-add on Intel processors and twice on Zen 4, AMX sixteen times, and most processors have no
 * such instruction. So it is decided once, when a run starts, by what its machine is measured to do, and kept when the run is resumed.
 */
import type { Precision, Recipe, ResolvedRecipe, TrainSettings } from "./recipe";

/** fp32: bf16 factors are widened, and multiplied as fp32 ones are. bf16: by the instruction for them, of processor or GPU. */
export type Bf16Products = Exclude<TrainSettings["bf16Products"], "auto">;

/** What multiplies. */
export type Machine =
  | {
      device: "cpu";
      /** The variant of the kernels. */
      isa: string;
      /** Multiply-adds of one thread in 10^9 operations per second, measured on registers; bf16: null where the variant has no instruction for them. */
      gflops: { fp32: number; bf16: number | null };
    }
  | {
      device: "cuda";
      name: string;
      /** CUDA's compute capability: "9.0". */
      capability: string;
    };

/** What is taken where a recipe says "auto"; of a run, what it computes in. */
export interface ArithmeticChoice {
  precision: Precision;
  bf16Products: Bf16Products;
  /** Why, in words that follow "here: ". */
  reason: string;
}

/** In what a run computes, and the machine on which it began. */
export interface Arithmetic extends ArithmeticChoice {
  machine: Machine;
}

/** What versions that did not choose did: fp32 where a recipe said nothing, and bf16 factors by the instruction for them, where there was one. */
export const EARLIER: ArithmeticChoice = { precision: "fp32", bf16Products: "bf16", reason: "an earlier version began it" };

/** How much faster bf16 multiply-adds have to be than fp32 ones: less would be lost again to conversions. The measured ratios are 0.5, 2 and 16. */
const WORTHWHILE = 1.25;
/** NVIDIA's first compute capability with bf16 in its tensor cores (Ampere), as the CUDA library uses them. */
const FIRST_WITH_BF16 = 8;

/**
 * What is faster on a machine. `asked`: a recipe's `train.bf16Products`, which overrides how bf16 factors are multiplied where the machine can do it. bf16
 * activations alone, with products in fp32, save memory and no time.
 */
export function chooseArithmetic(machine: Machine, asked: TrainSettings["bf16Products"] = "auto"): ArithmeticChoice {
  if (machine.device === "cuda") return chooseOnGpu(machine);
  const { fp32, bf16 } = machine.gflops;
  const fp32Rate = `fp32 multiply-adds reach ${rounded(fp32)} GFLOP/s per thread`;
  if (bf16 === null) {
    return { precision: "fp32", bf16Products: "fp32", reason: `${fp32Rate}, and the ${machine.isa} kernels have no instruction for bf16` };
  }
  const faster: Bf16Products = bf16 >= WORTHWHILE * fp32 ? "bf16" : "fp32";
  const bf16Products = asked === "auto" ? faster : asked;
  const tooLittle = bf16 > fp32 && faster === "fp32" ? ", a gain that conversions would use up" : "";
  const overridden = asked === "auto" || asked === faster ? "" : `; train.bf16Products asks for ${asked} all the same`;
  return {
    precision: bf16Products === "bf16" ? faster : "fp32",
    bf16Products,
    reason: `${fp32Rate}, bf16 ones ${rounded(bf16)}${tooLittle}${overridden}`,
  };
}

function chooseOnGpu({ name, capability }: Extract<Machine, { device: "cuda" }>): ArithmeticChoice {
  const hasBf16 = Number.parseFloat(capability) >= FIRST_WITH_BF16;
  const faster = hasBf16 ? "bf16" : "fp32";
  const begins = hasBf16 ? "" : `, and such cores begin with ${FIRST_WITH_BF16}.0`;
  return {
    precision: faster,
    bf16Products: faster,
    reason: `${name} has ${hasBf16 ? "" : "no "}tensor cores for bf16 (compute capability ${capability}${begins})`,
  };
}

/** A recipe without "auto" in what decides its arithmetic. */
export function resolveArithmetic(recipe: Recipe, choice: ArithmeticChoice): ResolvedRecipe {
  const { train } = recipe;
  const precision = train.precision === "auto" ? choice.precision : train.precision;
  // With fp32 activations no product has a factor in bf16.
  const bf16Products = train.bf16Products === "auto" && precision === "bf16" ? choice.bf16Products : train.bf16Products;
  return { ...recipe, train: { ...train, precision, bf16Products } };
}

/** In what a run of this recipe computes, for its records: the precision of the choice or of the recipe, and why. */
export function recordedArithmetic({ train: { precision } }: Recipe, chosen: Arithmetic): Arithmetic {
  if (precision === "auto") return chosen;
  return { ...chosen, precision, reason: precision === "fp32" ? "as the recipe says" : chosen.reason };
}

const CHOICE = "train.precision auto is ";

/** Whether a note only tells which precision was taken, which the settings of a run tell too. */
export const isChoiceOfPrecision = (note: string): boolean => note.startsWith(CHOICE);

/** What was chosen for a recipe, to say when a run starts; null where it asks for fp32, and nothing was. */
export function choiceInWords({ train: { precision } }: Recipe, choice: ArithmeticChoice): string | null {
  if (precision === "auto") return `${CHOICE}${choice.precision} here: ${choice.reason}`;
  return precision === "bf16" ? `computing in bf16, multiplied in ${choice.bf16Products} here: ${choice.reason}` : null;
}

/** That a recipe asks for products that this machine cannot take, in words; null if it does not. */
export function unmetInWords({ train: { precision, bf16Products } }: Recipe, machine: Machine): string | null {
  if (bf16Products !== "bf16" || machine.device !== "cpu" || machine.gflops.bf16 !== null) return null;
  const instead = precision === "bf16" ? "bf16 numbers are multiplied in fp32" : "it has no effect";
  return `train.bf16Products is bf16, and this processor has no instruction for that: ${instead}`;
}

/** In what a run computes, and why: "bf16, multiplied in fp32 (...)". */
export function arithmeticInWords({ recipe: { train }, arithmetic }: { recipe: ResolvedRecipe; arithmetic?: Arithmetic }): string {
  if (!arithmetic) return train.precision;
  const products = train.precision === "bf16" ? `, multiplied in ${arithmetic.bf16Products}` : "";
  return `${train.precision}${products} (${arithmetic.reason})`;
}

/** That a run goes on where other kernels compute than those that it began with; null where they are the same. */
export function movedInWords(began: Machine, { machine: here, bf16Products }: Arithmetic): string | null {
  const [was, is] = [began, here].map(kernelsOf);
  if (was === is) return null;
  const canMultiply = here.device === "cuda" || here.gflops.bf16 !== null;
  const products = bf16Products === "bf16" && !canMultiply ? "; bf16 factors are multiplied in fp32 from here on, as there is no instruction for them" : "";
  return `the run began with the ${was} and goes on with the ${is}: what they compute differs in the last digits, so its results will not be those of either alone${products}`;
}

const kernelsOf = (machine: Machine) => (machine.device === "cpu" ? `${machine.isa} kernels of a processor` : `kernels of ${machine.name}`);

/** Three digits: a second measurement has others after them. */
const rounded = (gflops: number) => Number(gflops.toPrecision(3));
