import type { Methods } from "../../src-main/contract/engine";
import type { RunEnd } from "../../src-main/contract/host";
import type { Notice, Progress } from "../../src-main/contract/notices";
import type { Recipe } from "../../src-main/contract/recipe";
import type { LiveRun, ProvenSummary, RunOwner } from "../../src-main/contract/run";
import type { SeenImages } from "../../src-main/contract/seen";
import type { Bridge } from "../bridge";
import { ArmCurve, Curves } from "./curves.svelte";
import { type Engine, inWords, isDisconnection, isInterruption, isUnknown } from "./engine.svelte";
import { oncePerFrame } from "./frame";
import { factsOf, type ReadRun, type RunFacts, withEvidence, withFactsOf } from "./seal";
import type { Asked } from "./sweep.svelte";

/** An order takes effect at the next batch (pausing) or within the one under way (stopping). */
export type TrainingState = "idle" | "preparing" | "running" | "pausing" | "paused" | "stopping" | "stopped" | "finished" | "failed";

const ACTIVE: readonly TrainingState[] = ["preparing", "running", "pausing", "paused", "stopping"];

type NoticeOf<Type extends Notice["type"]> = Extract<Notice, { type: Type }>;
type Start = Methods["start"]["params"];
type Kind = Start["kind"];

/** What identifies a run on this page. */
type Shown = Pick<LiveRun, "run" | "directory" | "kind" | "recipe" | "seeds" | "owner"> & { resumes: boolean; isAgain?: boolean };

/**
 * The run on screen, in progress or ended: its curves and figures, and the verbs that act on it. The engine has the run; the page follows it, and
 * may be reloaded meanwhile. Another process may train it.
 */
export class Training {
  state: TrainingState = $state("idle");
  recipe: Recipe | null = $state.raw(null);
  directory = $state("");
  kind: Kind = $state("compare");
  /** The process that trains the run; null if this app's engine does. */
  owner: RunOwner | null = $state.raw(null);
  /** The training under way of a sweep, and which one it is. */
  member: { index: number; total: number; words: string } | null = $state.raw(null);
  phase = $state("");
  problem: string | null = $state(null);
  warnings: string[] = $state.raw([]);
  /** What was decided for the user. */
  notes: string[] = $state.raw([]);
  /** As it is shown, once a frame. */
  progress: Progress | null = $state.raw(null);
  curves = $state.raw(new Curves());
  /** What the run folders have said since training began. */
  facts: RunFacts | null = $state.raw(null);
  /** Path of the report of a finished comparison. */
  report: string | null = $state(null);
  /** What the finished comparison shows, over all its seeds. */
  summary: ProvenSummary | null = $state.raw(null);
  /** What the teachers of a finished comparison had seen of the images before. */
  seen: readonly (SeenImages | null)[] = $state.raw([]);

  /** From asking the engine for a run to its answer. */
  #starting = $state(false);
  #shown: Shown | null = null;
  #ended: Promise<void> = Promise.resolve();

  constructor(
    private readonly bridge: Bridge,
    private readonly engine: Engine,
    private readonly runsDirectory: () => string,
  ) {}

  get active(): boolean {
    return ACTIVE.includes(this.state);
  }

  /** Whether this app trains, or is about to: one run at a time. */
  get trainsHere(): boolean {
    return this.#starting || (this.active && this.owner === null);
  }

  // ---- Which run is on screen -------------------------------------------------------------------------------------------------------

  /**
   * Starts a run in a folder of its own, named by the recipe and the time. `asked`: what is made of the recipe. Rejects if the engine refuses, and changes
   * nothing then.
   */
  async start(recipe: Recipe, asked: Asked = { kind: recipe.distillation ? "compare" : "train" }): Promise<void> {
    const out = `${this.runsDirectory()}/${folderName(recipe.name, new Date())}`;
    await this.#start({ ...asked, recipe, out, resume: false, unique: true }, new Curves(), null);
  }

  /** Trains so many more seeds of the finished comparisons in a folder. Rejects if the engine refuses. */
  async addSeeds(directory: string, recipe: Recipe, addSeeds: number, takeOver = false): Promise<void> {
    await this.#start({ kind: "compare", recipe, out: directory, resume: true, addSeeds, takeOver }, new Curves(), null);
  }

  /**
   * Resumes a run from its last checkpoint; `before` is what its folders hold. Rejects if the engine refuses. `takeOver`: a person says that
   * whoever trained it is gone.
   */
  async resume(directory: string, kind: Kind, recipe: Recipe, before: readonly ReadRun[], takeOver = false): Promise<void> {
    await this.#start({ kind, recipe, out: directory, resume: true, takeOver }, curvesOf(before), factsOf(before));
  }

  /** Resumes the run on screen after a stop or the death of the process that trained it. */
  async resumeLast(takeOver = false): Promise<void> {
    if (!this.#shown) return;
    const { kind, recipe, directory, seeds } = this.#shown;
    // Numbers of labels, and what a search was asked for, its folder says.
    await this.#start({ kind, recipe, out: directory, resume: true, takeOver, ...severalSeeds(seeds) }, this.curves, this.facts);
  }

  /** Follows a run that has begun, whichever process trains it. One that was followed before goes on without being watched. */
  follow(live: LiveRun): void {
    this.#show({ ...live, resumes: true }, "Reading what the run has done", new Curves(), null);
  }

  /** Leaves the screen empty if this run is on it and has ended: its folder is gone. */
  forget(directory: string): void {
    if (!this.active && this.#shown?.directory === directory) this.#leave();
  }

  #leave(): void {
    Object.assign(this, { state: "idle", directory: "", phase: "" });
    this.#shown = null;
    this.#reportActivity();
  }

  async #start(request: Start, curves: Curves, facts: RunFacts | null): Promise<void> {
    if (this.trainsHere) throw new Error("A run is already in progress; stop it first.");
    const { kind, recipe, seeds = 1, resume } = request;
    this.#starting = true;
    try {
      const begun = await this.engine.act("start", request);
      this.#show({ ...begun, kind, recipe, seeds, owner: null, resumes: resume }, resume ? "Going back to the last checkpoint" : "Preparing", curves, facts);
    } finally {
      this.#starting = false;
    }
  }

  #show(shown: Shown, phase: string, curves: Curves, facts: RunFacts | null): void {
    const { recipe, directory, kind, owner } = shown;
    const nothingYet = { member: null, problem: null, warnings: [], notes: [], progress: null, report: null, summary: null, seen: [] };
    Object.assign(this, { recipe, directory, kind, owner, phase, curves, facts, ...nothingYet });
    this.#lastProgress = null;
    this.state = "preparing";
    this.#shown = shown;
    this.#ended = this.#watch(shown);
    this.#reportActivity();
  }

  /** Whether the run on screen ended before it had anything to resume. */
  get neverBegan(): boolean {
    return this.state === "failed" && this.curves.arms.length === 0 && this.#shown?.resumes !== true;
  }

  /** Resolves when the run on screen has ended. */
  async settled(): Promise<void> {
    await this.#ended;
  }

  // ---- Orders -----------------------------------------------------------------------------------------------------------------------

  async togglePause(): Promise<void> {
    if (this.state === "running") await this.#order("pause", "pausing");
    else if (this.state === "pausing" || this.state === "paused") await this.#order("continue", "running");
  }

  /** The run ends with a checkpoint. */
  async stop(): Promise<void> {
    if (this.active && this.state !== "stopping") await this.#order("stop", "stopping");
  }

  /** `state`: what holds from the order on, unless it is refused. */
  async #order(action: "pause" | "continue" | "stop", state: TrainingState): Promise<void> {
    const before = this.state;
    this.state = state;
    try {
      await this.engine.act("control", { run: this.#shown!.run, action });
    } catch (error) {
      if (this.state === state) this.state = before;
      this.problem = inWords(error);
    }
  }

  // ---- What the engine says ---------------------------------------------------------------------------------------------------------

  /** Notices are taken one after the other, as some need a look into the run folder. Those of a run that has left the screen are dropped. */
  async #watch(shown: Shown): Promise<void> {
    const isShown = () => this.#shown === shown;
    let taken: Promise<void> = Promise.resolve();
    const onNotice = (notice: Notice) => {
      taken = taken.then(() => (isShown() ? this.#take(notice) : undefined));
    };
    try {
      const result = await this.engine.call("watch", { run: shown.run, from: 0 }, onNotice);
      await taken;
      if (!isShown()) return;
      await this.#learnFacts();
      this.report = "report" in result ? result.report : null;
      this.summary = "intervalOver" in result ? result : null;
      this.seen = "teacher" in result ? result.teacher.seen : [];
      this.state = "finished";
    } catch (error) {
      await taken;
      if (!isShown()) return;
      if (isDisconnection(error)) return this.#show({ ...shown, resumes: true, isAgain: true }, "Reading what the run has done", new Curves(), null);
      // A new engine: what became of the run, the list of runs says.
      if (shown.isAgain && isUnknown(error)) return this.#leave();
      // Another process that was asked to stop may be gone before its answer is here.
      const stopped = isInterruption(error) || (this.owner !== null && this.state === "stopping");
      this.state = stopped ? "stopped" : "failed";
      if (this.state === "failed") this.problem = inWords(error);
    }
    this.phase = "";
    this.#reportActivity();
    this.bridge.runEnded({ state: this.state as RunEnd["state"], name: shown.recipe.name });
  }

  async #take(notice: Notice): Promise<void> {
    switch (notice.type) {
      case "phase":
        this.phase = notice.text;
        break;
      case "member":
        this.#enterMember(notice);
        break;
      case "started":
        await this.#openArm(notice);
        break;
      case "batches":
        this.curves.addBatches(notice.arm, notice.records);
        this.#lastProgress = notice.progress;
        this.#showProgressSoon();
        this.phase = "";
        this.#becomeRunning();
        break;
      case "epoch":
        this.curves.addEpoch(notice.arm, notice.record);
        break;
      case "machine":
        this.curves.addSample(notice.sample);
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

  #enterMember({ index, total, words }: NoticeOf<"member">): void {
    Object.assign(this, { member: { index, total, words }, curves: new Curves(), facts: null });
    if (index > 0) this.#learnVerdict(this.#shown!);
  }

  /** Of the comparisons that are finished before the last one is. */
  async #learnVerdict(shown: Shown): Promise<void> {
    const summary = await this.engine.call("comparison", { directory: shown.directory }).catch(() => null);
    if (this.#shown === shown && this.active) this.summary = summary;
  }

  /** First comes what the arm's folder holds, from earlier sessions or from before this page was there. What is watched adds to it. */
  async #openArm({ arm, directory, batchesPerEpoch, epochs }: NoticeOf<"started">): Promise<void> {
    const { curves } = this;
    const run = await this.engine.read("readCourse", { directory }).catch(inWords);
    // Another run may have come on screen meanwhile.
    if (curves !== this.curves) return;
    const { batchSize } = (typeof run === "string" ? this.recipe! : run.recipe).train;
    const curve = new ArmCurve(arm, directory, { batchesPerEpoch, epochs, batchSize });
    if (typeof run === "string") {
      this.#warnOfFolder(run);
    } else {
      curve.addAll(run);
      this.facts = withFactsOf(this.facts, run);
      this.#learnEvidence(curves, directory);
    }
    curves.open(curve);
    if (this.member) this.#learnSeeds(curves, directory);
    this.#becomeRunning();
  }

  /** The curves do not wait for it. */
  async #learnEvidence(curves: Curves, directory: string): Promise<void> {
    const evidence = await this.engine.read("readEvidence", { directory }).catch(inWords);
    if (curves !== this.curves) return;
    if (typeof evidence === "string") return this.#warnOfFolder(evidence);
    this.facts = withEvidence(this.facts!, evidence);
    curves.link(evidence);
  }

  async #learnSeeds(curves: Curves, directory: string): Promise<void> {
    const seeds = await this.engine.read("seeds", { directory }).catch(inWords);
    if (curves !== this.curves) return;
    if (typeof seeds === "string") this.#warn(`What other seeds came to could not be read, so the chart shows this one alone: ${seeds}`);
    else curves.addSeeds(seeds);
  }

  /** Reads the folders once more when the run is finished. */
  async #learnFacts(): Promise<void> {
    const read = async ({ directory }: ArmCurve) => ({
      ...(await this.engine.read("readCourse", { directory })),
      evidence: await this.engine.read("readEvidence", { directory }),
    });
    try {
      const runs = await Promise.all(this.curves.arms.map(read));
      this.facts = factsOf(runs);
      for (const { evidence } of runs) this.curves.link(evidence);
    } catch (error) {
      this.#warnOfFolder(inWords(error));
    }
  }

  #warnOfFolder(why: string): void {
    this.#warn(`The run folder could not be read, so earlier batches and the evidence are missing here: ${why}`);
  }

  #warn(text: string): void {
    this.warnings = [...new Set([...this.warnings, text])];
  }

  #becomeRunning(): void {
    if (this.state === "preparing") this.state = "running";
  }

  #lastProgress: Progress | null = null;

  /** With the curves. */
  readonly #showProgressSoon = oncePerFrame(() => {
    this.progress = this.#lastProgress;
  });

  #reported = "";

  /** Reports to the program around the page only what has changed. A run of another process does not depend on this app. */
  #reportActivity(): void {
    const { done, total } = this.#lastProgress ?? { done: 0, total: 1 };
    const progress = Math.round((100 * done) / total) / 100;
    const state = !this.active || this.owner ? ("idle" as const) : this.state === "paused" ? ("paused" as const) : ("running" as const);
    const report = `${state} ${progress}`;
    if (report === this.#reported) return;
    this.#reported = report;
    this.bridge.setActivity({ state, progress });
  }
}

/** Left out for one seed: a run that is resumed then has as many as it was asked for. */
const severalSeeds = (seeds: number): { seeds?: number } => (seeds > 1 ? { seeds } : {});

/** The curves that run folders hold. */
export function curvesOf(runs: readonly ReadRun[]): Curves {
  const curves = new Curves();
  for (const run of runs) {
    const { arm, directory, columns, epochs, recipe, evidence } = run;
    const curve = new ArmCurve(arm, directory, { batchesPerEpoch: Math.max(1, columns.perEpoch), epochs, batchSize: recipe.train.batchSize });
    curve.addAll(run);
    curves.open(curve);
    if (evidence) curves.link(evidence);
  }
  return curves;
}

/** "quick look" at 09:05 on 24 Nov 2026 -> "2026-11-24-0905-quick-look": sorted by time, and of letters that every system takes. */
export function folderName(name: string, now: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const date = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}`;
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  return [date, time, slug].filter(Boolean).join("-");
}
