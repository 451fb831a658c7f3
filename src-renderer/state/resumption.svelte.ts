import type { Environment } from "../../src-main/contract/host";
import type { Bridge } from "../bridge";
import type { Bench } from "./bench.svelte";
import type { Candidates } from "./candidates.svelte";
import type { Data } from "./data.svelte";
import type { Engine } from "./engine.svelte";
import type { Fit } from "./fit.svelte";
import type { Launch } from "./launch";
import type { Message } from "./message";
import type { Prediction } from "./prediction.svelte";
import { lastUnfinished, type RunRow, unfinishedInWords } from "./run-rows";
import type { Runs } from "./runs.svelte";
import type { Screen } from "./screens";
import type { Setup } from "./setup.svelte";
import type { Training } from "./training.svelte";

/** What is around it. */
interface Page {
  readonly engine: Engine;
  readonly data: Data;
  readonly setup: Setup;
  readonly fit: Fit;
  readonly candidates: Candidates;
  readonly training: Training;
  readonly launch: Launch;
  readonly prediction: Prediction;
  readonly runs: Runs;
  readonly bench: Bench;
  screen: Screen;
  message: Message | null;
  environment: Environment | null;
  ending: boolean;
  reporting(work: () => Promise<unknown>): Promise<void>;
}

/** How the page goes on after a reload, with a new engine or connection, or beside another window: what it missed is read, and what is trained is followed. */
export class Resumption {
  constructor(
    private readonly bridge: Bridge,
    private readonly page: Page,
  ) {}

  listen(): void {
    const { page } = this;
    this.bridge.onAgain(() => page.reporting(() => this.#afterLoss()));
    this.bridge.onEngineStarted(() => page.reporting(() => this.#joinEngine()));
    this.bridge.onRunStarted(() => page.reporting(() => this.#runStarted()));
  }

  /** The engine outlives the page: a run that was on screen before a reload is on screen again. */
  async afterReload(): Promise<void> {
    if (await this.#followLive()) this.page.screen = "live";
  }

  /** What was trained last, if it is not finished, nobody trains it, and it is not on the screen Live. */
  readonly unfinished: RunRow | null = $derived.by(() => {
    const { training, bench } = this.page;
    const row = training.active ? null : lastUnfinished(bench.all.map((each) => each.row));
    return row?.directory === training.directory ? null : row;
  });

  /** Says that a run is not finished, unless something else is said. */
  offerUnfinished(): void {
    const row = this.unfinished;
    if (row)
      this.page.message ??= {
        kind: "caution",
        text: unfinishedInWords(row),
        action: { label: `Resume ${row.name}`, run: () => this.page.launch.resumeRow(row) },
        holds: () => this.unfinished?.directory === row.directory,
      };
  }

  /** Starts a new engine after the old one died. */
  async restartEngine(): Promise<void> {
    await this.#renewEngine();
    this.page.fit.problem = null;
  }

  /** The connection to the server was lost, and is there again: all stays as it is, and what may have changed meanwhile is read. */
  async #afterLoss(): Promise<void> {
    this.page.ending = false;
    this.page.environment = await this.bridge.environment();
    await this.#renewEngine();
    await this.#followLiveUnlessActive();
  }

  /** Another window has started a new engine: it is this one's too. */
  async #joinEngine(): Promise<void> {
    if (this.page.engine.state.kind !== "dead") return;
    await this.restartEngine();
    await this.#followLiveUnlessActive();
  }

  /** What another window started is on the screen Live run, once somebody looks there. */
  async #runStarted(): Promise<void> {
    await this.#followLiveUnlessActive();
    await this.page.runs.refresh();
  }

  /** Unless a run is on screen that goes on. */
  async #followLiveUnlessActive(): Promise<void> {
    if (!this.page.training.active) await this.#followLive();
  }

  /** Returns whether there is a run to follow: this engine's own before those of others. */
  async #followLive(): Promise<boolean> {
    const runs = await this.page.engine.call("list", {});
    const run = runs.find(({ owner }) => owner === null) ?? runs[0];
    if (run) this.page.training.follow(run);
    return run !== undefined;
  }

  /** Connects to the engine anew, and asks for what it has not answered, and for what may be another now. */
  async #renewEngine(): Promise<void> {
    const { engine, data, setup, runs, prediction, candidates } = this.page;
    await engine.start();
    if (!data.info) await data.open(data.path);
    if (setup.models.length === 0) await setup.loadModels();
    await runs.refresh();
    await prediction.askAgain();
    candidates.forget();
    this.offerUnfinished();
  }
}
