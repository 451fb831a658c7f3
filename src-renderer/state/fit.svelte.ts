import type { DataInfo } from "../../src-main/contract/data-info";
import { type FINE_TUNED, FINE_TUNING } from "../../src-main/contract/fine-tuning";
import type { FittedTeacher } from "../../src-main/contract/fitted-teacher";
import type { Notice } from "../../src-main/contract/notices";
import type { DataSource } from "../../src-main/contract/recipe";
import type { Bridge } from "../bridge";
import { type Engine, inWords } from "./engine.svelte";
import { folderName } from "./training.svelte";

/** How long a fit takes besides the features, in seconds; measured on 5,000 images. */
const LAST_LAYER_SECONDS = 15;

interface Timed {
  /** Whose time it is. */
  from: string;
  model: string;
  imageSize: number;
  secondsPerImage: number;
  /** To train on one once. */
  fineTuning: Record<Stages, number>;
}

type Stages = (typeof FINE_TUNED)[number];
type Counts = Pick<DataInfo, "train" | "validation" | "test">;

/** What is trained besides the last layer, as the form offers it. */
export const FINE_TUNINGS = [
  { value: "none", label: "No: the last layer alone" },
  { value: "last", label: "Its last stage" },
  { value: "all", label: "All of it" },
] as const;

/** What a recipe takes of the images that there are. */
export function limited({ train, validation, test }: Counts, { trainLimit, testLimit }: DataSource): Counts {
  const atMost = (split: Counts["test"], limit: number | null) => ({ ...split, count: Math.min(split.count, limit ?? split.count) });
  return { train: atMost(train, trainLimit), validation, test: atMost(test, testLimit) };
}

/** A teacher that is made here: a last layer for the chosen data, on a backbone that is bundled or a file. */
export class Fit {
  /** "bundled" or a file. */
  from = $state("bundled");
  /** Whether the network is trained on from the fitted last layer. */
  fineTune: (typeof FINE_TUNINGS)[number]["value"] = $state("none");
  /** How long the backbone takes; null until that is measured. */
  timed: Timed | null = $state.raw(null);
  /** What is being done, and how far it is; null while nothing is. */
  progress: { name: string; done: number; total: number; secondsLeft: number | null } | null = $state.raw(null);
  problem: string | null = $state(null);
  /** What came of the last one, and of which data. */
  made: (FittedTeacher & { data: string }) | null = $state.raw(null);
  #measuring: string | null = null;

  constructor(
    private readonly bridge: Bridge,
    private readonly engine: Engine,
    private readonly runsDirectory: () => string,
  ) {}

  get busy(): boolean {
    return this.progress !== null;
  }

  /** Measures the backbone once. An answer for another one than is chosen now is dropped. */
  async measure(): Promise<void> {
    const { from } = this;
    if (this.timed?.from === from || this.#measuring === from) return;
    this.#measuring = from;
    this.problem = null;
    try {
      const timed = await this.engine.call("timeBackbone", { from });
      if (this.from === from) this.timed = { from, ...timed };
    } catch (error) {
      if (this.from === from) this.problem = inWords(error);
    } finally {
      this.#measuring = null;
    }
  }

  /** Of a fit to these images, by what was measured; null until then. Training images are seen mirrored too, and judged in the end. */
  secondsFor({ train, validation, test }: Counts, fineTune = this.fineTune): number | null {
    if (!this.timed) return null;
    const others = (validation?.count ?? 0) + test.count;
    const head = LAST_LAYER_SECONDS + (2 * train.count + others) * this.timed.secondsPerImage;
    if (fineTune === "none") return head;
    return head + FINE_TUNING.epochs * train.count * this.timed.fineTuning[fineTune] + others * this.timed.secondsPerImage;
  }

  async chooseBackbone(): Promise<void> {
    const file = await this.bridge.chooseFile("weights");
    if (file) await this.useBackbone(file);
  }

  /** A file, or weights that were downloaded from the hub. */
  async useBackbone(from: string): Promise<void> {
    this.from = from;
    this.timed = null;
    await this.measure();
  }

  /** Makes one in a folder of its own, or in this one. Resolves to null if that failed or was stopped. */
  async start(data: DataSource, folder: string | null = null): Promise<FittedTeacher | null> {
    if (this.busy) return null;
    Object.assign(this, { problem: null, made: null, progress: { name: "Reading the images", done: 0, total: 0, secondsLeft: null } });
    const fineTune = this.fineTune === "none" ? null : { stages: this.fineTune, ...FINE_TUNING };
    const out = folder ?? `${this.runsDirectory()}/${folderName("teacher", new Date())}`;
    try {
      const made = await this.engine.call("fitTeacher", { data, from: this.from, fineTune, out, unique: folder === null }, (notice) => this.#take(notice));
      this.made = { ...made, data: data.path };
      return made;
    } catch (error) {
      this.problem = inWords(error);
      return null;
    } finally {
      this.progress = null;
    }
  }

  async stop(): Promise<void> {
    if (this.busy) await this.engine.call("stopFitting", {});
  }

  #take(notice: Notice): void {
    if (notice.type === "phase") this.progress = { name: notice.text, done: 0, total: 0, secondsLeft: null };
    if (notice.type === "work")
      this.progress = { name: NAMES[notice.name] ?? notice.name, done: notice.done, total: notice.total, secondsLeft: notice.secondsLeft };
  }
}

const NAMES: Record<string, string | undefined> = {
  features: "Computing features",
  "last layer": "Fitting the last layer",
  "fine-tuning": "Training the network",
};
