import { objectives, type Term } from "../../src-main/contract/objectives";
import { teachersOf } from "../../src-main/contract/recipe-values";
import type { Data } from "./data.svelte";
import { type Engine, inWords } from "./engine.svelte";
import { rounded } from "./form";
import { mostLikely, type Summand, standardized, summandsOf } from "./loss";
import { softened } from "./prediction.svelte";
import type { Setup } from "./setup.svelte";

/** Of one image by the teachers of the form. */
interface Answer {
  question: string;
  /** In the order of the data's classes. */
  logits: number[];
}

/** A row of the picture: a class, or what is left of them. */
export interface LabelRow {
  name: string;
  /** By the teacher, at T and at temperature 1. */
  value: number;
  plain: number;
  isTrue: boolean;
}

/** Classes that are shown one by one; of more, the others together. */
const MOST_ROWS = 10;

/** More than the entropy of any number of classes, in bits. */
const WRONG = 100;

/** One image of the chosen data, and what the recipe of the form teaches the student with it. Logits are kept, so that the temperature acts at once. */
export class Playground {
  busy = $state(false);
  /** Why the teacher has no answer to this image, in words. */
  problem: string | null = $state(null);
  #place = $state(0);
  #answer: Answer | null = $state.raw(null);
  /** Of a recipe that has no temperature. */
  #looseTemperature = $state(1);
  #latest = 0;
  /** For which teachers and data the first image was chosen, and of which data a person chose one. */
  #begun: string | null = null;
  #steppedIn: string | null = null;

  constructor(
    private readonly data: Data,
    private readonly setup: Setup,
    private readonly engine: Engine,
  ) {}

  // ---- The image ------------------------------------------------------------------------------------------------------------------

  /** One of each class, then the next of each. */
  get #images() {
    const { thumbnails } = this.data;
    const seen = new Map<number, number>();
    const rounds = thumbnails.map(({ label }) => {
      const round = seen.get(label) ?? 0;
      seen.set(label, round + 1);
      return round;
    });
    return thumbnails.map((image, i) => ({ image, round: rounds[i]! })).sort((a, b) => a.round - b.round || a.image.label - b.image.label);
  }

  get count(): number {
    return this.data.thumbnails.length;
  }

  /** From 1. */
  get number(): number {
    return (this.#place % this.count) + 1;
  }

  /** Null while there is no data. */
  get image() {
    return this.#images[this.#place % Math.max(1, this.count)]?.image ?? null;
  }

  get className(): string {
    return this.data.info?.classes[this.image?.label ?? -1] ?? "";
  }

  step(by: 1 | -1): void {
    this.#steppedIn = this.data.path;
    this.#place = (this.#place + by + this.count) % this.count;
  }

  /** Another one, at random. */
  shuffle(random: () => number = Math.random): void {
    this.#steppedIn = this.data.path;
    if (this.count > 1) this.#place = (this.#place + 1 + Math.floor(random() * (this.count - 1))) % this.count;
  }

  // ---- The teacher ----------------------------------------------------------------------------------------------------------------

  get #teachers() {
    const { teacher } = this.setup;
    return teacher ? teachersOf({ teacher }).map((each, i) => ({ network: each, weight: i === 0 ? 1 : this.setup.otherTeachers[i - 1]!.weight })) : [];
  }

  /** What is to be asked, as a text that differs where the answer does; null if nothing is. */
  get question(): string | null {
    const { image } = this;
    const classes = this.data.info?.classes;
    return image && classes && this.setup.distills ? JSON.stringify([this.#teachers, this.data.path, this.number, image.url, classes]) : null;
  }

  /**
   * Begins with the image on which the first teacher is right and hesitates most, among the first of each class: a label of which it is sure shows nothing soft. Once for
   * these teachers and data, and not after a person has chosen an image.
   */
  async begin(): Promise<void> {
    const { path, info } = this.data;
    const [first] = this.#teachers;
    const key = JSON.stringify([first?.network, path, info?.classes]);
    if (!info || !first || !this.setup.distills || this.#steppedIn === path || this.#begun === key) return;
    this.#begun = key;
    const shown = this.#images.filter(({ round }) => round === 0).slice(0, MOST_ROWS);
    const images = shown.map(({ image }, n) => (image.path === null ? { path: `image ${n}`, bytes: image.png } : { path: image.path }));
    const { model, weights, imageSize, mean, std } = first.network;
    try {
      const answer = await this.engine.call("predict", { model, weights, imageSize, mean, std, classes: info.classes, images });
      if (this.#begun !== key || this.#steppedIn === path || answer.images.length < images.length) return;
      // Where it is wrong, as it may be of all, its doubt teaches less.
      const entropies = answer.images.map(({ logits }, n) => softened(logits, 1).entropy - (mostLikely(logits) === shown[n]!.image.label ? 0 : WRONG));
      this.#place = entropies.indexOf(Math.max(...entropies));
    } catch {
      // Whoever asks about the image on screen says why there is no answer.
    }
  }

  /** Asks the teachers of the form about the image on screen, unless they have answered. An answer that arrives after a later question is dropped. */
  async ask(): Promise<void> {
    const question = this.question;
    const latest = ++this.#latest;
    if (question === null) return;
    const [image, classes, teachers] = [this.image!, this.data.info!.classes, this.#teachers];
    this.busy = true;
    this.problem = null;
    try {
      const answers: number[][] = [];
      for (const { network } of teachers) {
        const { model, weights, imageSize, mean, std } = network;
        const file = image.path === null ? { path: "image", bytes: image.png } : { path: image.path };
        const { images } = await this.engine.call("predict", { model, weights, imageSize, mean, std, classes, images: [file] });
        answers.push(images[0]!.logits);
      }
      if (latest !== this.#latest) return;
      this.#answer = {
        question,
        logits: meanOf(
          answers,
          teachers.map(({ weight }) => weight),
        ),
      };
    } catch (error) {
      if (latest === this.#latest) this.problem = inWords(error);
    } finally {
      if (latest === this.#latest) this.busy = false;
    }
  }

  /** The teacher's logits for the image on screen; null until they are there. */
  get logits(): readonly number[] | null {
    return this.#answer?.question === this.question ? (this.#answer?.logits ?? null) : null;
  }

  // ---- The soft label -------------------------------------------------------------------------------------------------------------

  /** The first term that has a temperature; -1 if none has. */
  get #softTerm(): number {
    return this.setup.terms.findIndex((term) => "temperature" in term && !(term.kind === "token" && term.targets === "hard"));
  }

  /** The form's setting for the temperature of the picture; null if the recipe has none. */
  get temperatureKey(): string | null {
    return this.#softTerm < 0 ? null : `distillation.terms.${this.#softTerm}.temperature`;
  }

  /** The form's, which the slider changes; where it has none, one that only the picture has. */
  get temperature(): number {
    return this.temperatureKey === null ? this.#looseTemperature : Number(this.setup.value(this.temperatureKey));
  }

  set temperature(value: number) {
    if (this.temperatureKey === null) this.#looseTemperature = value;
    else this.setup.set(this.temperatureKey, String(value));
  }

  /** Gives the recipe soft labels at the temperature of the picture. */
  addSoftLabels(): void {
    const temperature = this.temperature;
    this.setup.addTerm("soft");
    this.temperature = temperature;
  }

  /** The soft label, most likely class first, and its entropy with the highest that it could have, in bits; null until the teacher has answered. */
  get softLabel(): { rows: LabelRow[]; entropy: number; most: number } | null {
    const { logits, image } = this;
    const classes = this.data.info?.classes;
    if (!logits || !image || !classes) return null;
    const shown = this.setup.terms[this.#softTerm]?.kind === "standardized-soft" ? standardized(logits) : logits;
    const [soft, plain] = [softened(shown, this.temperature), softened(shown, 1)];
    const order = [...shown.keys()].sort((a, b) => shown[b]! - shown[a]!);
    const rowOf = (k: number): LabelRow => ({ name: classes[k]!, value: soft.probabilities[k]!, plain: plain.probabilities[k]!, isTrue: k === image.label });
    const rows = classes.length <= MOST_ROWS ? order.map(rowOf) : withOthers(order, image.label).map(rowOf);
    if (rows.length < classes.length) rows.push(restOf(rows, classes.length));
    return { rows, entropy: soft.entropy, most: Math.log2(classes.length) };
  }

  // ---- The loss -------------------------------------------------------------------------------------------------------------------

  /** Of a student that finds all classes equally likely; empty until the teacher has answered. */
  get summands(): Summand[] {
    const { logits, image } = this;
    const { distillation } = this.setup;
    if (!logits || !image || !distillation) return [];
    return summandsOf(distillation, { teacher: logits, student: logits.map(() => 0), label: image.label });
  }

  /** Whether the teacher finds the true class most likely; null until it has answered. */
  get teacherIsRight(): boolean | null {
    return this.logits && this.image && mostLikely(this.logits) === this.image.label;
  }

  /** The term that shares its weight with the labels: the first that trains answers, otherwise none. */
  get #sharing(): { index: number; term: Term } | null {
    const index = this.setup.terms.findIndex(({ kind }) => objectives[kind].trainsAnswers);
    return index < 0 ? null : { index, term: this.setup.terms[index]! };
  }

  /** The teacher's share of the weight that labels and soft labels have together, 0 ... 1; null where no term trains answers. */
  get alpha(): number | null {
    const sharing = this.#sharing;
    const labels = this.setup.distillation?.labels ?? 0;
    return sharing && labels + sharing.term.weight > 0 ? sharing.term.weight / (labels + sharing.term.weight) : null;
  }

  /** The weight that labels and soft labels have together, of which alpha is the teacher's share. */
  get sharedWeight(): number {
    return (this.setup.distillation?.labels ?? 0) + (this.#sharing?.term.weight ?? 0);
  }

  /** Moves weight between both. Their sum stays. */
  set alpha(share: number) {
    const sharing = this.#sharing;
    const { distillation } = this.setup;
    if (!sharing || !distillation) return;
    const sum = distillation.labels + sharing.term.weight;
    this.setup.set(`distillation.terms.${sharing.index}.weight`, String(rounded(sum * share)));
    this.setup.set("distillation.labels", String(rounded(sum * (1 - share))));
  }
}

/** The weighted mean, as the run takes it. */
function meanOf(answers: readonly number[][], weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return answers[0]!.map((_, k) => answers.reduce((sum, logits, i) => sum + (weights[i]! / total) * logits[k]!, 0));
}

/** The most likely classes, and the true one. */
function withOthers(order: readonly number[], label: number): number[] {
  const first = order.slice(0, MOST_ROWS - 1);
  return first.includes(label) ? first : [...first.slice(0, -1), label];
}

function restOf(rows: readonly LabelRow[], classes: number): LabelRow {
  const left = (of: (row: LabelRow) => number) => Math.max(0, 1 - rows.reduce((sum, row) => sum + of(row), 0));
  return { name: `${classes - rows.length} others`, value: left(({ value }) => value), plain: left(({ plain }) => plain), isTrue: false };
}

/** "As unsure as between 2.3 classes": the perplexity. */
export function entropyInWords(entropy: number, most: number): string {
  const classes = 2 ** entropy;
  if (entropy < 0.05) return "It is sure: hardly more than a hard label.";
  if (entropy > most - 0.05) return "All classes look alike: it says hardly anything.";
  return `It is as unsure as among ${classes.toFixed(1)} equally likely classes.`;
}
