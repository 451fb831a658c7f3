import type { ArmName } from "../../src-main/contract/arms";
import type { RunExamples } from "../../src-main/contract/examples";
import type { Distillation } from "../../src-main/contract/recipe";
import type { ArmCurve, Curves } from "./curves.svelte";
import { imageUrl } from "./data.svelte";
import { type Engine, inWords } from "./engine.svelte";

/** One arm's probabilities [N,K] after each epoch. */
interface ArmAnswers {
  arm: ArmName;
  epochs: Map<number, Float64Array>;
}

/** A network as these pictures show it. */
export type ExampleNetwork = "teacher" | ArmName;

/** What a network answers to one image. */
export interface ExampleAnswer {
  network: ExampleNetwork;
  /** Over the classes; null where it has not answered yet. */
  probabilities: readonly number[] | null;
}

/** The few test images of the run on screen, and what its networks answer to them after one epoch or another. */
export class Examples {
  /** Of that run; null before there is one. */
  curves: Curves | null = $state.raw(null);
  known: Omit<RunExamples, "pictures"> | null = $state.raw(null);
  /** Object URLs; none where the run keeps no pictures. */
  pictures: string[] = $state.raw([]);
  /** The epoch that was chosen; null follows the run. */
  chosen: number | null = $state(null);
  /** The image that is looked at closely, by its place; null for none. */
  open: number | null = $state(null);
  /** Whether the teacher is shown at the temperature at which it teaches. */
  softened = $state(false);
  problem: string | null = $state(null);

  #answers: readonly ArmAnswers[] = $state.raw([]);
  /** Epochs that can be looked at: those of all arms; of those that have any, while one has none. */
  readonly epochs: readonly number[] = $derived.by(() => {
    const begun = this.#answers.filter(({ epochs }) => epochs.size > 0);
    const known = [...new Set(begun.flatMap(({ epochs }) => [...epochs.keys()]))].sort((a, b) => a - b);
    const last = Math.min(...begun.map(({ epochs }) => Math.max(...epochs.keys())));
    return known.filter((epoch) => epoch <= last);
  });
  /** The one that is shown; null before there is one. */
  readonly epoch: number | null = $derived(this.chosen !== null && this.epochs.includes(this.chosen) ? this.chosen : (this.epochs.at(-1) ?? null));

  /** The last epoch of each arm that was asked for. */
  readonly #asked = new Map<ArmName, number>();
  #learning: Promise<void> | null = null;

  constructor(private readonly engine: Engine) {}

  /** Learns what the run on screen has come to since the last time. */
  async follow(curves: Curves): Promise<void> {
    if (curves !== this.curves) this.#begin(curves);
    this.#learning ??= this.#learn();
    return this.#learning;
  }

  /** Shows an epoch by its place among `epochs`; the last one follows the run. */
  showAt(place: number): void {
    const { epochs } = this;
    this.chosen = place >= epochs.length - 1 ? null : (epochs[Math.max(0, place)] ?? null);
  }

  /** The teacher first, then the arms. */
  answersTo(image: number): ExampleAnswer[] {
    const { known, epoch } = this;
    if (!known) return [];
    const K = known.classes.length;
    const row = (all: Float64Array | undefined) => (all ? [...all.subarray(image * K, (image + 1) * K)] : null);
    const arms = this.#answers.map(({ arm, epochs }): ExampleAnswer => ({ network: arm, probabilities: epoch === null ? null : row(epochs.get(epoch)) }));
    return known.teacher ? [{ network: "teacher", probabilities: row(known.teacher) }, ...arms] : arms;
  }

  /** The probability of an image's true class after each epoch that each arm has. */
  courseOf(image: number): { arm: ArmName; points: { x: number; y: number }[] }[] {
    const { classes = [], images = [] } = this.known ?? {};
    const at = image * classes.length + images[image]!.label;
    return this.#answers.map(({ arm, epochs }) => ({ arm, points: [...epochs].sort(([a], [b]) => a - b).map(([x, answers]) => ({ x, y: answers[at]! })) }));
  }

  /** Frees the pictures when the run leaves the screen. */
  #begin(curves: Curves | null): void {
    for (const url of this.pictures) URL.revokeObjectURL(url);
    this.curves = curves;
    this.#asked.clear();
    this.#answers = [];
    Object.assign(this, { known: null, pictures: [], chosen: null, open: null, problem: null });
  }

  /** Until there is nothing new: epochs may end meanwhile, and another run may come on screen. */
  async #learn(): Promise<void> {
    for (let isOver = false; !isOver; ) {
      const curves = this.curves!;
      try {
        const isNew = await this.#learnOf(curves);
        if (curves !== this.curves) continue;
        if (isNew) this.problem = null;
        // An epoch may have ended since it looked.
        isOver = this.#due(curves).length === 0;
      } catch (error) {
        if (curves !== this.curves) continue;
        this.problem = inWords(error);
        isOver = true;
      }
    }
    // Within the same turn as the last look: who follows from now on begins anew.
    this.#learning = null;
  }

  #due(curves: Curves): ArmCurve[] {
    return curves.arms.filter(({ arm, epochs }) => (epochs.at(-1)?.epoch ?? 0) > (this.#asked.get(arm) ?? -1));
  }

  /** Resolves to whether there was anything to ask for. */
  async #learnOf(curves: Curves): Promise<boolean> {
    const isShown = () => curves === this.curves;
    const due = this.#due(curves);
    for (const { arm, directory, epochs } of due) {
      this.#asked.set(arm, epochs.at(-1)?.epoch ?? 0);
      // Pictures are there from the start, unless this was quicker than the engine.
      if (this.pictures.length === 0) {
        const { pictures, ...known } = await this.engine.call("examples", { directory });
        if (!isShown()) return true;
        this.known = known;
        this.pictures = pictures.map(imageUrl);
      }
      const before = this.#answers.find((answers) => answers.arm === arm)?.epochs ?? new Map<number, Float64Array>();
      const { epochs: more, probabilities } = await this.engine.call("exampleAnswers", { directory, after: Math.max(0, ...before.keys()) });
      if (!isShown()) return true;
      const each = probabilities.length / (more.length || 1);
      const after = new Map([...before, ...more.map((epoch, n) => [epoch, probabilities.slice(n * each, (n + 1) * each)] as const)]);
      const answersOf = (name: ArmName) => (name === arm ? after : (this.#answers.find((answers) => answers.arm === name)?.epochs ?? new Map()));
      this.#answers = curves.arms.map((curve) => ({ arm: curve.arm, epochs: answersOf(curve.arm) }));
    }
    return due.length > 0;
  }
}

/** A network's answer to an image of this class. */
export function verdictOn(probabilities: readonly number[], label: number): { isRight: boolean; answer: number; truth: number } {
  const answer = probabilities.indexOf(Math.max(...probabilities));
  return { isRight: answer === label, answer, truth: probabilities[label]! };
}

/** The same probabilities at another temperature: logits differ from their logarithms by a constant only. */
export function atTemperature(probabilities: readonly number[], temperature: number): number[] {
  const highest = Math.max(...probabilities);
  const powers = probabilities.map((p) => (p / highest) ** (1 / temperature));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** The temperature of the first soft labels that a student learns from; null without any, and where logits are standardized first. */
export function teachingTemperature(distillation: Distillation | null): number | null {
  for (const term of distillation?.terms ?? [])
    if (term.kind === "soft" || term.kind === "dkd" || (term.kind === "token" && term.targets === "soft")) return term.temperature;
  return null;
}

/** Classes of an image, the likeliest by the first network that has answered first. */
export function classOrder(answers: readonly ExampleAnswer[]): number[] {
  const first = answers.find(({ probabilities }) => probabilities !== null)?.probabilities ?? [];
  return first.map((_, k) => k).sort((a, b) => first[b]! - first[a]!);
}

/** Images without files of their own are known by their place among the test images, from 0. */
export const imageInWords = (name: string): string => (/^\d+$/.test(name) ? `Test image ${name}, counted from 0` : name);
