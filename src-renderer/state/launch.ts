/** Starts runs, and resumes them. */
import type { RunCourse } from "../../src-main/contract/run";
import type { Data } from "./data.svelte";
import { type Engine, isPerhapsHeld } from "./engine.svelte";
import type { Question } from "./message";
import type { RunRow } from "./run-rows";
import { lastSignInWords, ownerInWords, type RunGroup, type Runs } from "./runs.svelte";
import type { Screen } from "./screens";
import type { Setup } from "./setup.svelte";
import { SEVERAL_SEEDS } from "./sweep.svelte";
import type { Training } from "./training.svelte";
import { baseName } from "./words";

/** What is around it. */
interface Page {
  readonly engine: Engine;
  readonly data: Data;
  readonly setup: Setup;
  readonly training: Training;
  readonly runs: Runs;
  question: Question | null;
  show(screen: Screen): void;
  reporting(work: () => Promise<unknown>): Promise<void>;
}

export class Launch {
  constructor(private readonly page: Page) {}

  /** Starts the run that the form describes, unless a teacher of it cannot teach: the form then says why, and what helps. */
  async start(): Promise<void> {
    const { recipe } = this.page.setup.result;
    if (!recipe || this.page.training.trainsHere) return;
    await this.page.setup.teacherCheck.ask();
    if (this.page.training.trainsHere) return;
    if (this.page.setup.blocked) return this.page.show("setup");
    await this.page.reporting(() => this.#begin(this.page.training.start(this.page.setup.sweep.recipeFor(recipe), this.page.setup.sweep.asked(recipe))));
  }

  /** Trains more seeds of a finished sweep. */
  async addSeeds(directory: string, count: number): Promise<void> {
    await this.page.reporting(async () => {
      const recipe = await this.page.engine.call("recipeOf", { directory, kind: "compare" });
      await this.#resume(directory, (takeOver) => this.page.training.addSeeds(directory, recipe, count, takeOver));
    });
  }

  /** Compares anew, in another folder, what was compared with one seed. */
  async compareSeveral(directory: string): Promise<void> {
    await this.page.reporting(async () => {
      const recipe = await this.page.engine.call("recipeOf", { directory, kind: "compare" });
      await this.#begin(this.page.training.start(recipe, { kind: "compare", seeds: SEVERAL_SEEDS }));
    });
  }

  /** Resumes what a person started, with all that is not finished of it. */
  resumeRow({ kind, directory, groups }: RunRow): Promise<void> {
    if (kind === "search") return this.resumeSweep(directory, "search");
    return kind === "model" || kind === "comparison" ? this.resume(groups[0]!) : this.resumeSweep(directory);
  }

  /** Resumes a run; one of a sweep with all seeds that are not finished. */
  async resume(group: RunGroup): Promise<void> {
    if (group.sweep) return this.resumeSweep(group.sweep.directory);
    await this.page.reporting(async () => {
      const kind = group.arms.some(({ arm }) => arm === "single") ? "train" : "compare";
      await this.#resumeFrom(group.directory, kind, await this.page.runs.readable(group));
    });
  }

  /** With all comparisons or trials that are not finished. */
  async resumeSweep(directory: string, kind: "compare" | "search" = "compare"): Promise<void> {
    await this.page.reporting(() => this.#resumeFrom(directory, kind, []));
  }

  /** `arms`: what is known of it until it goes on. */
  async #resumeFrom(directory: string, kind: "train" | "compare" | "search", arms: readonly RunCourse[]): Promise<void> {
    const recipe = await this.page.engine.call("recipeOf", { directory, kind });
    await this.#resume(directory, (takeOver) => this.page.training.resume(directory, kind, recipe, arms, takeOver));
  }

  resumeLast(): Promise<void> {
    return this.page.reporting(() => this.#resume(this.page.training.directory, (takeOver) => this.page.training.resumeLast(takeOver)));
  }

  async #begin(start: Promise<void>): Promise<void> {
    await start;
    this.page.show("live");
    this.page.training.settled().then(() => {
      // The data may be gone since they were chosen: the screens Data and Set up say so, too.
      if (this.page.training.neverBegan) this.page.data.recheck();
    });
  }

  /** Where the engine cannot tell whether another process still trains the run, a person has to. */
  async #resume(directory: string, resume: (takeOver: boolean) => Promise<void>): Promise<void> {
    try {
      await this.#begin(resume(false));
    } catch (error) {
      if (!isPerhapsHeld(error)) throw error;
      await this.page.runs.refresh();
      const { name = baseName(directory), owner = null } = this.page.runs.groups.find((group) => group.directory === directory) ?? {};
      const who = owner ? `${ownerInWords(owner)} (${lastSignInWords(owner)})` : "in another process";
      this.page.question = {
        title: `Take over ${name}?`,
        text:
          `This run may still be trained ${who}. Take it over only if you know that this process has ended.\n` +
          "The run then continues here, from its last checkpoint. If the other process is still there, it stops writing to the folder, and what it trained since that checkpoint is lost.",
        verb: "Take over",
        act: () => this.#begin(resume(true)),
      };
    }
  }
}
