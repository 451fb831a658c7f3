import type { Methods } from "../../src-main/contract/engine";
import type { RememberedSweep } from "../../src-main/contract/host";
import type { Recipe } from "../../src-main/contract/recipe";
import { MOST_TRIALS } from "../../src-main/contract/search";
import { defaultSpace } from "../../src-main/contract/search-space";
import { MOST_SEEDS } from "../../src-main/contract/statistics";
import { labelOf } from "./form";
import { count } from "./words";

/** How many seeds show how sure a difference is, and still end in bearable time. */
export const SEVERAL_SEEDS = 3;
const MOST_NUMBERS = 100;
const MOST_BATCHES = 100_000_000;

export type SweepKind = RememberedSweep["kind"];

export const SWEEPS: readonly { kind: SweepKind; label: string; help: string }[] = [
  { kind: "one", label: "One comparison", help: "The quickest. What it shows may be chance." },
  { kind: "seeds", label: "Several seeds", help: "The comparison is repeated, each time with another seed: shows how certain the difference is." },
  { kind: "labels", label: "Numbers of labels", help: "The comparison is made with only so many labelled images: shows where a teacher helps most." },
  { kind: "search", label: "Search for settings", help: "The student alone is trained with settings drawn at random, and validation images tell the best." },
];

export type SweepField = "seeds" | "labels" | "trials" | "batches";

/** What of the engine's `start` a choice asks for besides the recipe. */
export type Asked = Pick<Methods["start"]["params"], "kind" | "seeds" | "labels" | "search">;

/** A run of the list, as far as it tells what it was made of. */
interface Duplicated {
  kind: string;
  asked: number;
  byLabels: readonly { labelled: number }[];
  trialBatches: number | null;
}

/** What is made of the form's recipe: one comparison, or several trainings that belong together. It is no part of the recipe, so a preset leaves it as it is. */
export class Sweep {
  kind: SweepKind = $state("one");
  #texts: Record<SweepField, string> = $state({ seeds: String(SEVERAL_SEEDS), labels: "", trials: "20", batches: "50" });

  /** `distills`: whether there is anything to compare. */
  constructor(private readonly distills: () => boolean) {}

  /** Those that the form allows. */
  get choices(): readonly (typeof SWEEPS)[number][] {
    if (this.distills()) return SWEEPS;
    return SWEEPS.filter(({ kind }) => kind === "one" || kind === "search").map((each) =>
      each.kind === "one" ? { ...each, label: "One training", help: "One model is trained on the labels alone." } : each,
    );
  }

  /** What will be run: a form without a teacher compares nothing. */
  get chosen(): SweepKind {
    return this.choices.some(({ kind }) => kind === this.kind) ? this.kind : "one";
  }

  get fields(): readonly SweepField[] {
    return ({ one: [], seeds: ["seeds"], labels: ["labels", "seeds"], search: ["trials", "batches"] } as const)[this.chosen];
  }

  text(field: SweepField): string {
    return this.#texts[field];
  }

  set(field: SweepField, text: string): void {
    this.#texts[field] = text;
  }

  /** So many seeds of the comparison, or one comparison. */
  useSeeds(seeds: number): void {
    this.kind = seeds > 1 ? "seeds" : "one";
    this.#texts.seeds = String(seeds > 1 ? seeds : SEVERAL_SEEDS);
  }

  /** Of each comparison that is asked for. */
  get seeds(): number {
    const { chosen } = this;
    return chosen === "seeds" || chosen === "labels" ? (wholeIn(this.#texts.seeds, 1, MOST_SEEDS) ?? 1) : 1;
  }

  /** Numbers of labelled images, ascending. */
  get labels(): readonly number[] {
    return [...new Set(numbersIn(this.#texts.labels) ?? [])].sort((a, b) => a - b);
  }

  get trials(): number {
    return wholeIn(this.#texts.trials, 1, MOST_TRIALS) ?? 1;
  }

  /** Of each trial at the most; null: all of its epochs. */
  get batches(): number | null {
    return this.#texts.batches.trim() === "" ? null : wholeIn(this.#texts.batches, 1, MOST_BATCHES);
  }

  /** Why a field's text cannot be used, in words; null if it can. `data`: how many classes and labelled images there are. */
  problemOf(field: SweepField, data: { classes: number; images: number } | null): string | null {
    const text = this.#texts[field];
    const expected = (low: number, high: number, more = "") =>
      wholeIn(text, low, high) === null ? `enter a whole number from ${low} to ${count(high)}${more}` : null;
    switch (field) {
      case "seeds":
        return this.chosen === "labels" ? expected(1, MOST_SEEDS) : expected(2, MOST_SEEDS);
      case "trials":
        return expected(1, MOST_TRIALS);
      case "batches":
        return text.trim() === "" ? null : expected(1, MOST_BATCHES, ", or nothing for all epochs");
      case "labels": {
        const [low, high] = data ? [data.classes, data.images] : [1, Number.MAX_SAFE_INTEGER];
        const numbers = numbersIn(text);
        if (numbers?.every((labels) => labels >= low && labels <= high) && numbers.length <= MOST_NUMBERS) return null;
        return data
          ? `enter whole numbers from ${count(low)}, one image of each class, to ${count(high)}, with commas between them`
          : "enter whole numbers, with commas between them";
      }
    }
  }

  /** Numbers of labels that suit so many images: a twentieth, a tenth, a fifth and a half. */
  suggestLabels({ classes, images }: { classes: number; images: number }): void {
    if (this.#texts.labels !== "") return;
    const numbers = [0.05, 0.1, 0.2, 0.5].map((share) => Math.max(classes, Number((share * images).toPrecision(1))));
    this.#texts.labels = [...new Set(numbers)].filter((labels) => labels <= images).join(", ");
  }

  /** What of the engine's `start` it asks for. */
  asked(recipe: Recipe): Asked {
    switch (this.chosen) {
      case "search":
        return { kind: "search", search: { trials: this.trials, batches: this.batches } };
      case "labels":
        return { kind: "compare", seeds: this.seeds, labels: [...this.labels] };
      default:
        return recipe.distillation ? { kind: "compare", ...(this.seeds > 1 && { seeds: this.seeds }) } : { kind: "train" };
    }
  }

  /** The recipe that it is made of: the images without labels are those that the first number leaves. */
  recipeFor(recipe: Recipe): Recipe {
    return this.chosen === "labels" ? { ...recipe, data: { ...recipe.data, labelled: this.labels[0]! } } : recipe;
  }

  /** What a run was made of: so many comparisons or trials. */
  duplicate({ kind, asked, byLabels, trialBatches }: Duplicated): void {
    if (kind === "labels") {
      const seeds = Math.max(1, Math.ceil(asked / Math.max(1, byLabels.length)));
      Object.assign(this.#texts, { seeds: String(seeds), labels: byLabels.map(({ labelled }) => labelled).join(", ") });
      this.kind = kind;
    } else if (kind === "search") {
      Object.assign(this.#texts, { trials: String(asked), batches: trialBatches === null ? "" : String(trialBatches) });
      this.kind = kind;
    } else this.useSeeds(kind === "seeds" ? asked : 1);
  }

  get remembered(): RememberedSweep {
    return { kind: this.kind, ...$state.snapshot(this.#texts) };
  }

  restore({ kind, ...texts }: RememberedSweep): void {
    this.kind = kind;
    this.#texts = texts;
  }
}

/** What a search varies if nothing else is said, as the form calls it: "learning rate, temperature and alpha". */
export function variedInWords(recipe: Recipe): string {
  const names = defaultSpace(recipe).map((text) => labelOf(text.split("=")[0]!, recipe).toLowerCase());
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names[0]!;
}

function wholeIn(text: string, low: number, high: number): number | null {
  const value = /^\s*\d+\s*$/.test(text) ? Number(text) : Number.NaN;
  return value >= low && value <= high ? value : null;
}

/** null if they are no whole numbers. */
function numbersIn(text: string): number[] | null {
  const parts = text.split(/[,;\s]+/).filter(Boolean);
  const numbers = parts.map((part) => wholeIn(part, 1, Number.MAX_SAFE_INTEGER));
  return parts.length > 0 && numbers.every((number) => number !== null) ? (numbers as number[]) : null;
}
