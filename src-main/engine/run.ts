import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fewerThreadsNote } from "../backend/threads";
import type { ArithmeticChoice } from "../contract/arithmetic";
import { armInWords, armsOf, type ComparedArm } from "../contract/arms";
import type { Methods } from "../contract/engine";
import { InputError, UsageError } from "../contract/failure";
import type { NoticeBody } from "../contract/notices";
import type { Recipe } from "../contract/recipe";
import type { ComparisonResult, LiveRun, RunResult, SearchRequest, TrainResult } from "../contract/run";
import { visible } from "../contract/visible";
import { EngineError } from "../engine-client/client";
import { choiceIn } from "../runs/choice";
import { searchFiles } from "../runs/files";
import { holdsRun } from "../runs/header";
import { FolderLock, type LockContent } from "../runs/lock";
import { armsBegun, hasBegun, holdsSweep, type Request, readRequest, removeRequest, writeRequest } from "../runs/request";
import { comparisonArms } from "../training/compare";
import { comparisonsAsked } from "./comparisons-asked";
import { Notifier } from "./notices";
import { expectAbsent, expectNothingMoved, expectOutside, expectWritable } from "./out-folder";
import { askedOf, searchTrials, shownInSearch } from "./search";
import { isSweep, type Member, membersOf, type Sweep, sweepByLabels, sweepBySeed } from "./sweep";
import type { TrainerThread, Training } from "./trainer-thread";

/** A run as its callers see it, whichever process trains it. */
export interface Watchable {
  readonly live: LiveRun;
  watch(from: number, notify: (notice: NoticeBody) => void): Promise<RunResult>;
  control(action: Action): Promise<LiveRun["state"]> | LiveRun["state"];
}

export type Action = Methods["control"]["params"]["action"];

/** What `start` asks for; the recipe is checked and complete. */
export interface RunRequest extends Omit<Methods["start"]["params"], "recipe"> {
  recipe: Recipe;
}

/** Who owns runs in this process, and where it can be asked about them. */
export type Owner = Pick<LockContent, "program" | "socket" | "token">;

const BEAT_MS = 5000;

/**
 * A run of this engine, from start to end: it holds the locks of its folders, gives the work to the thread that trains, and remembers what
 * happened, for watchers that come later. A sweep trains its members one after the other.
 */
export class Run implements Watchable {
  readonly id = randomUUID();
  readonly directory: string;
  readonly ended: Promise<RunResult>;
  #state: LiveRun["state"] = "running";
  /** Whether it was asked to pause, which the next member of a sweep has to know too. */
  #isPaused = false;
  #training: Training | null = null;
  /** Folders of this run, in the order in which they were locked or made. */
  readonly #locks: FolderLock[] = [];
  readonly #made: string[] = [];
  /** Folders in which this run wrote what was asked for. */
  readonly #requested: string[] = [];
  readonly #seeds: number;
  readonly #labels: readonly number[] | null;
  /** The arms to which it is held, having begun with them; null: all that its recipe has. */
  readonly #heldTo: readonly ComparedArm[] | null;
  readonly #search: SearchRequest | null;
  /** The arithmetic in which its first member began, which all others take; null until one has. */
  #choice: ArithmeticChoice | null;
  /** Whether its comparisons lie in folders of their own. */
  readonly #isSweep: boolean;
  readonly #notices: NoticeBody[] = [];
  readonly #watchers = new Set<(notice: NoticeBody) => void>();
  /** The member under way, its place among all, and when it began. */
  #member = { index: 0, total: 1, began: performance.now() };

  /** Throws an InputError, and leaves nothing behind, if the folder cannot be written to or another process trains there. */
  constructor(
    private readonly request: RunRequest,
    private readonly owner: Owner,
    private readonly thread: TrainerThread,
  ) {
    const { out, resume, unique, kind, recipe, seeds, addSeeds, labels, search } = request;
    // Before any folder is made.
    if (kind === "compare") comparisonArms(recipe);
    else if (seeds !== undefined && seeds > 1) throw new UsageError(`seeds: one arm is trained with one seed, got ${seeds}`);
    if (addSeeds !== undefined && (kind !== "compare" || !resume || seeds !== undefined))
      throw new UsageError("addSeeds: expected a comparison that is resumed, without seeds");
    if (labels && kind !== "compare") throw new UsageError("labels: expected a comparison; one arm is trained with the data.labelled of its recipe");
    if (search && kind !== "search") throw new UsageError(`search: expected a run of the kind search, got ${kind}`);
    expectWritable(out);
    if (!resume) expectOutside(recipe.data, out);
    if (resume && !existsSync(out)) throw new InputError(`${out} holds no run: there is no such folder`);
    if (resume) expectNothingMoved(recipe);
    const comparisons = kind === "compare" ? comparisonsAsked(request) : { seeds: 1, labels: null };
    this.#seeds = comparisons.seeds;
    this.#labels = comparisons.labels;
    this.#heldTo = resume && kind === "compare" ? armsBegun(out) : null;
    this.#choice = resume ? choiceIn(out) : null;
    this.#search = kind === "search" ? askedOf(request) : null;
    this.#isSweep = this.#search !== null || this.#labels !== null || this.#seeds > 1 || (resume && kind === "compare" && holdsSweep(out));
    // One of a new name finds nothing in its folder.
    if (this.#isSweep && !resume && !unique)
      expectAbsent(this.#search ? Object.values(searchFiles(out)) : [join(out, "comparison.json"), join(out, "report.html")]);
    this.directory = unique && !resume ? this.#makeUnique(out) : out;
    try {
      this.#lock(this.#foldersOf(this.directory, this.#isSweep ? null : recipe));
      if (kind !== "train") this.#writeRequest(this.directory, this.#asked);
    } catch (error) {
      this.#leave();
      throw error;
    }
    const beat = setInterval(() => this.#beat(), BEAT_MS);
    beat.unref();
    this.ended = this.#train().finally(() => {
      clearInterval(beat);
      this.#leave();
    });
    // Whoever watches hears of a failure; nobody has to.
    this.ended.catch(() => {});
  }

  /** What it is asked for, as its folder keeps it. */
  get #asked(): Omit<Request, "arms"> {
    return { recipe: this.request.recipe, seeds: this.#seeds, labels: this.#labels, ...(this.#search && { search: this.#search }) };
  }

  get live(): LiveRun {
    const { kind, recipe } = this.request;
    return { run: this.id, directory: this.directory, kind, seeds: this.#seeds, recipe, state: this.#state, owner: null };
  }

  /** Sends what happened so far and what happens from now on. */
  async watch(from: number, notify: (notice: NoticeBody) => void): Promise<RunResult> {
    const notifier = new Notifier(notify);
    const show = (notice: NoticeBody) => (notice.type === "batches" ? notifier.batches(notice) : notifier.send(notice));
    for (const notice of withoutFirst(from, this.#notices)) show(notice);
    notifier.flush();
    this.#watchers.add(show);
    try {
      return await this.ended;
    } finally {
      this.#watchers.delete(show);
      notifier.flush();
    }
  }

  control(action: Action): LiveRun["state"] {
    if (this.isOver || this.#state === "stopping") return this.#state;
    if (action === "stop") this.#enter("stopping");
    if (action !== "checkpoint") this.#isPaused = action === "pause";
    this.#training?.order(action);
    if (action === "pause") return "paused";
    return action === "continue" ? "running" : this.#state;
  }

  get isOver(): boolean {
    return this.#state === "finished" || this.#state === "stopped" || this.#state === "failed";
  }

  // ---- Training ---------------------------------------------------------------------------------------------------------------------

  async #train(): Promise<RunResult> {
    // `start` answers first.
    await null;
    this.#sayWhatIsLeftOut();
    const fewerThreads = fewerThreadsNote();
    if (fewerThreads) this.#send({ type: "note", text: fewerThreads });
    try {
      const work = await this.#work();
      this.#member.total = membersOf(work).length;
      if (isSweep(work)) this.#sayFewer();
      const result = await (isSweep(work) ? this.#trainSweep(work) : this.#trainMember(work));
      this.#state = "finished";
      return result;
    } catch (error) {
      this.#state = (error as { code?: unknown }).code === "INTERRUPTED" ? "stopped" : "failed";
      throw error;
    }
  }

  async #work(): Promise<Member | Sweep> {
    const { kind, recipe } = this.request;
    if (kind === "search") return searchTrials(this.directory, recipe, this.#search!, (text) => this.#send({ type: "note", text }));
    if (this.#labels) return sweepByLabels(this.directory, recipe, this.#labels, this.#seeds);
    if (this.#isSweep) return sweepBySeed(this.directory, recipe, this.#seeds);
    return { kind, recipe, directory: this.directory, name: "", words: "" };
  }

  /** That a sweep is resumed for a part of what it was asked for. */
  #sayFewer(): void {
    const wanted = readRequest(this.directory)?.seeds ?? this.#seeds;
    if (wanted > this.#seeds) this.#send({ type: "note", text: fewerInWords(this.directory, this.#seeds, wanted) });
  }

  async #trainSweep({ children, trainWith, summarize }: Sweep): Promise<RunResult> {
    const results: RunResult[] = [];
    for (const child of children) {
      this.#lock(this.#foldersOf(child.directory, isSweep(child) ? null : child.recipe));
      if (isSweep(child)) {
        this.#writeRequest(child.directory, child.request);
        results.push(await this.#trainSweep(child));
      } else {
        if (child.kind === "compare") this.#writeRequest(child.directory, { recipe: child.recipe, seeds: 1, labels: null });
        const train = () => this.#trainNext(child);
        results.push(await (trainWith ? trainWith(child, train) : train()));
        this.#member.index++;
      }
    }
    return summarize(results);
  }

  /** The next member of a sweep. */
  async #trainNext(member: Member): Promise<RunResult> {
    const { index, total } = this.#member;
    this.#member.began = performance.now();
    this.#send({ type: "member", index, total, words: member.words, directory: member.directory });
    return this.#trainMember(member);
  }

  async #trainMember({ kind, recipe, directory }: Member): Promise<TrainResult | ComparisonResult> {
    if (this.#state === "stopping") throw new EngineError({ code: "INTERRUPTED", message: "stopped on request" });
    // A sweep that is resumed may not have begun this one.
    const resume = this.request.resume && (!this.#isSweep || this.#foldersOf(directory, recipe).some(holdsRun));
    const locks = new Map(this.#locks.map(({ directory, identity }) => [directory, identity]));
    this.#training = this.thread.train({ kind, recipe, choice: this.#choice, out: directory, arms: this.#armsOf(recipe), resume, locks }, (notice) =>
      this.#send(notice),
    );
    if (this.#isPaused) this.#training.order("pause");
    const outcome = await this.#training.outcome;
    this.#training = null;
    if (this.#isSweep) this.#choice ??= choiceIn(directory);
    if (outcome.ok) return outcome.result;
    // This process cannot use the GPU again: it ends and reports why, and the next call starts a new engine.
    if (outcome.deviceLost) throw Object.assign(new Error(outcome.failure.message), { code: "CUDA_LOST" });
    throw new EngineError(outcome.failure);
  }

  /** Writes what a comparison is asked for, before its first arm begins. One that has begun keeps what it began with, for more seeds and numbers of labels if it is given more. */
  #writeRequest(directory: string, request: Omit<Request, "arms">): void {
    const before = readRequest(directory);
    if (hasBegun(directory)) {
      if (this.request.resume && before)
        writeRequest(directory, { ...before, ...request, recipe: before.recipe, seeds: Math.max(before.seeds, request.seeds) });
      return;
    }
    writeRequest(directory, { ...request, arms: this.#armsOf(request.recipe) });
    if (!before) this.#requested.push(directory);
  }

  // ---- What happens, and who hears of it --------------------------------------------------------------------------------------------

  #send(notice: NoticeBody): void {
    // Until the run has stopped, it says that it is stopping.
    if (notice.type === "state" && this.#state === "stopping" && notice.state !== "stopping") return;
    if (notice.type === "state") this.#state = notice.state;
    const shown = this.#search ? shownInSearch(notice, this.#notices) : notice;
    if (!shown) return;
    const sent = shown.type === "batches" ? { ...shown, progress: this.#overall(shown.progress) } : shown;
    this.#notices.push(sent);
    for (const show of this.#watchers) show(sent);
  }

  #enter(state: "stopping"): void {
    this.#state = state;
    this.#send({ type: "state", state });
  }

  /** A member's progress as that of the whole run: all members take about as long. */
  #overall(progress: Extract<NoticeBody, { type: "batches" }>["progress"]) {
    const { index, total, began } = this.#member;
    if (!this.#isSweep) return progress;
    const memberSeconds = (performance.now() - began) / 1000 + progress.secondsLeft;
    return {
      ...progress,
      done: index * progress.total + progress.done,
      total: total * progress.total,
      secondsLeft: progress.secondsLeft + (total - index - 1) * memberSeconds,
    };
  }

  // ---- Folders and their locks ------------------------------------------------------------------------------------------------------

  /** A folder, and those of the arms that a comparison of a recipe has in it. */
  #foldersOf(directory: string, recipe: Recipe | null): string[] {
    return [directory, ...(recipe ? this.#armsOf(recipe) : []).map((arm) => join(directory, arm))];
  }

  /** Of a comparison of this recipe; none of a run of one arm. */
  #armsOf(recipe: Recipe): ComparedArm[] {
    return this.request.kind === "compare" ? armsOf(recipe).filter((arm) => this.#heldTo?.includes(arm) ?? true) : [];
  }

  #sayWhatIsLeftOut(): void {
    const { kind, recipe } = this.request;
    const left = kind === "compare" ? armsOf(recipe).filter((arm) => !this.#armsOf(recipe).includes(arm)) : [];
    if (left.length === 0) return;
    const words = left.map((arm) => `the ${armInWords(arm)}`).join(" and ");
    this.#send({ type: "note", text: `an earlier version began this comparison without ${words}, so it goes on without; a new comparison has it` });
  }

  #lock(directories: readonly string[]): void {
    for (const directory of directories) {
      this.#make(directory);
      this.#locks.push(FolderLock.take(directory, { ...this.owner, run: this.id }, this.request.takeOver));
    }
  }

  #make(directory: string): void {
    if (existsSync(directory)) return;
    this.#make(dirname(directory));
    if (makeNew(directory)) this.#made.push(directory);
  }

  /** The first free name of "first", "first-2", "first-3" ...; the folder is this run's from then on. */
  #makeUnique(out: string): string {
    this.#make(dirname(out));
    for (let number = 1; ; number++) {
      const directory = number === 1 ? out : `${out}-${number}`;
      if (!makeNew(directory)) continue;
      this.#made.push(directory);
      return directory;
    }
  }

  #beat(): void {
    for (const lock of this.#locks) lock.beat();
  }

  /** Releases the locks, and removes what this run made and never used. */
  #leave(): void {
    for (const directory of this.#requested.splice(0).reverse()) if (!hasBegun(directory)) removeRequest(directory);
    for (const lock of this.#locks.splice(0)) lock.release();
    for (const directory of this.#made.splice(0).reverse()) {
      try {
        rmdirSync(directory);
      } catch {
        // It is in use, or gone.
      }
    }
  }
}

/** That a sweep is resumed for a part of what it was asked for, which its folder still says. */
function fewerInWords(directory: string, seeds: number, wanted: number): string {
  const first = seeds === 1 ? "the first seed alone is" : `the first ${seeds} seeds are`;
  return `${visible(directory)} was begun with ${wanted} seeds, of which ${first} trained and summarized now; resumed without a number of seeds, it goes on with all of them`;
}

/** Makes a folder. Returns whether it was this call that made it. */
function makeNew(directory: string): boolean {
  try {
    mkdirSync(directory);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  }
}

/** The notices without the first `from` records of batches. */
function withoutFirst(from: number, notices: readonly NoticeBody[]): NoticeBody[] {
  let left = from;
  return notices.flatMap((notice): NoticeBody[] => {
    if (notice.type !== "batches") return [notice];
    const records = notice.records.slice(left);
    left = Math.max(0, left - notice.records.length);
    return records.length > 0 ? [{ ...notice, records }] : [];
  });
}
