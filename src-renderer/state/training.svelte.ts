import type { Notice, Progress } from "../../src-main/contract/engine";
import type { Recipe } from "../../src-main/contract/recipe";
import type { ComparisonResult, RunDetails, TrainResult } from "../../src-main/contract/run";
import type { Bridge } from "../bridge";
import { Curves } from "./curves.svelte";
import { type Engine, inWords, isInterruption } from "./engine.svelte";
import { factsOf, type RunFacts } from "./seal";

export type TrainingState = "idle" | "preparing" | "running" | "paused" | "stopping" | "stopped" | "finished" | "failed";

const ACTIVE: readonly TrainingState[] = ["preparing", "running", "paused", "stopping"];

/** The run in progress, or the last one: its curves and figures, and the verbs that act on it. */
export class Training {
  state: TrainingState = $state("idle");
  recipe: Recipe | null = $state.raw(null);
  directory = $state("");
  phase = $state("");
  problem: string | null = $state(null);
  warnings: string[] = $state.raw([]);
  /** What was decided for the user. */
  notes: string[] = $state.raw([]);
  progress: Progress | null = $state.raw(null);
  curves = $state.raw(new Curves());
  /** What the run folders have said since training began. */
  facts: RunFacts | null = $state.raw(null);
  comparison: ComparisonResult | null = $state.raw(null);

  constructor(
    private readonly bridge: Bridge,
    private readonly engine: Engine,
    private readonly runsDirectory: () => string,
  ) {}

  get active(): boolean {
    return ACTIVE.includes(this.state);
  }

  /** Starts a run in a new folder, named by the recipe and the time. */
  async start(recipe: Recipe): Promise<void> {
    await this.#run(recipe, `${this.runsDirectory()}/${folderName(recipe.name, new Date())}`, new Curves(), null);
  }

  /** Resumes from the last checkpoint; `before` is what the run's folders hold. */
  async resume(directory: string, recipe: Recipe, before: readonly RunDetails[]): Promise<void> {
    await this.#run(recipe, directory, curvesOf(before), factsOf(before));
  }

  /** Resumes this run from its last checkpoint after a stop or the death of the engine. */
  async resumeLast(): Promise<void> {
    if (this.recipe) await this.#run(this.recipe, this.directory, this.curves, this.facts ?? NO_FACTS);
  }

  async togglePause(): Promise<void> {
    if (this.state === "running") await this.#control("pause");
    else if (this.state === "paused") await this.#control("continue");
  }

  /** The run stops at its next batch, with a checkpoint. */
  async stop(): Promise<void> {
    if (!this.active || this.state === "stopping") return;
    this.state = "stopping";
    await this.#control("stop");
  }

  /** Resolves when no run is in progress. */
  async settled(): Promise<void> {
    await this.#call;
  }

  #call: Promise<void> = Promise.resolve();

  /** `before`: what is known of a run that is resumed; null for a new one. */
  async #run(recipe: Recipe, directory: string, curves: Curves, before: RunFacts | null): Promise<void> {
    if (this.active) throw new Error("A run is already in progress; stop it first.");
    Object.assign(this, {
      recipe,
      directory,
      curves,
      phase: before ? "Going back to the last checkpoint" : "Preparing",
      problem: null,
      warnings: [],
      notes: [],
      progress: null,
      facts: before,
      comparison: null,
    });
    this.state = "preparing";
    this.#call = this.#follow(recipe, directory, before !== null);
    await this.#call;
  }

  async #follow(recipe: Recipe, out: string, resume: boolean): Promise<void> {
    const method = recipe.distillation ? "compare" : "train";
    try {
      const result = await this.engine.call(method, { recipe, out, resume }, (notice) => this.#notice(notice));
      this.comparison = isComparison(result) ? result : null;
      await this.#learnFacts();
      this.state = "finished";
    } catch (error) {
      this.state = isInterruption(error) ? "stopped" : "failed";
      if (this.state === "failed") this.problem = inWords(error);
    } finally {
      this.phase = "";
      this.#reportActivity();
    }
  }

  #notice(notice: Notice): void {
    switch (notice.type) {
      case "phase":
        this.phase = notice.text;
        break;
      case "started":
        this.curves.open(notice.arm, notice.directory, notice.batchesPerEpoch, notice.epochs);
        this.#becomeRunning();
        this.#learnFacts();
        break;
      case "batches":
        this.curves.addBatches(notice.arm, notice.records);
        this.progress = notice.progress;
        this.phase = "";
        this.#becomeRunning();
        break;
      case "epoch":
        this.curves.addEpoch(notice.arm, notice.record);
        break;
      case "state":
        if (this.state !== "stopping") this.state = notice.state;
        break;
      case "warning":
        this.#warn(notice.text);
        break;
      case "note":
        this.notes = [...new Set([...this.notes, notice.text])];
        break;
    }
    this.#reportActivity();
  }

  /** Reads the folders of the arms that have started. An answer that arrives after a later run began is dropped. */
  async #learnFacts(): Promise<void> {
    const { curves } = this;
    try {
      const runs = await Promise.all(curves.arms.map(({ directory }) => this.engine.call("readRun", { directory })));
      if (curves === this.curves && runs.length === curves.arms.length) this.facts = factsOf(runs);
    } catch (error) {
      if (curves === this.curves) this.#warn(`The run folder could not be read, so nothing is known of its evidence: ${inWords(error)}`);
    }
  }

  #warn(text: string): void {
    this.warnings = [...new Set([...this.warnings, text])];
  }

  #becomeRunning(): void {
    if (this.state === "preparing") this.state = "running";
  }

  async #control(action: "pause" | "continue" | "stop"): Promise<void> {
    try {
      const { state } = await this.engine.call("control", { action });
      if (this.active && (state === "running" || state === "paused")) this.state = state;
    } catch (error) {
      this.problem = inWords(error);
    }
  }

  #reported = "";

  /** Reports to the program around the page only what has changed. */
  #reportActivity(): void {
    const progress = this.progress ? Math.round((100 * this.progress.done) / this.progress.total) / 100 : 0;
    const state = !this.active ? ("idle" as const) : this.state === "paused" ? ("paused" as const) : ("running" as const);
    const report = `${state} ${progress}`;
    if (report === this.#reported) return;
    this.#reported = report;
    this.bridge.setActivity({ state, progress });
  }
}

const isComparison = (result: TrainResult | ComparisonResult): result is ComparisonResult => "student" in result;

const NO_FACTS: RunFacts = { teacherTestAcc: null, arms: {} };

/** The curves that run folders hold. */
export function curvesOf(runs: readonly RunDetails[]): Curves {
  const curves = new Curves();
  for (const { arm, directory, batches, epochRecords, epochs } of runs) {
    const perEpoch = batches.reduce((most, { epoch, iter }) => (epoch === 1 ? Math.max(most, iter) : most), 1);
    curves.open(arm, directory, perEpoch, epochs);
    curves.addBatches(arm, batches);
    for (const record of epochRecords) curves.addEpoch(arm, record);
  }
  return curves;
}

/** "quick look" at 09:05:07 on 24 Nov 2026 -> "2026-11-24-090507-quick-look": sorted by time, and of letters that every system takes. */
export function folderName(name: string, now: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const date = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  return [date, time, slug].filter(Boolean).join("-");
}
