import type { Command, Environment, ReportFormat, Theme } from "../../src-main/contract/host";
import type { RunDetails } from "../../src-main/contract/run";
import type { Bridge } from "../bridge";
import { Data } from "./data.svelte";
import { Engine, inWords, isPerhapsHeld } from "./engine.svelte";
import { Estimate } from "./estimate.svelte";
import { Fit } from "./fit.svelte";
import { SEVERAL_SEEDS } from "./form";
import { Playground } from "./playground.svelte";
import { Prediction } from "./prediction.svelte";
import { lastSignInWords, nameInWords, ownerInWords, type Reported, type RunGroup, Runs } from "./runs.svelte";
import { Setup } from "./setup.svelte";
import { Training } from "./training.svelte";
import { baseName, count, dateTime } from "./words";

export const SCREENS = ["data", "setup", "live", "predict", "runs"] as const;
export type Screen = (typeof SCREENS)[number];

/** A line that reports the result of something the user did, with a possible next step. */
export interface Message {
  kind: "done" | "problem" | "caution";
  text: string;
  action?: { label: string; run: () => void };
}

/** Something that cannot be undone, before it is done. */
export interface Question {
  title: string;
  text: string;
  /** The button that does it. */
  verb: string;
  act: () => Promise<void>;
}

/** The whole state of the page: its parts, which of them is on screen, and what spans them. */
export class Studio {
  screen: Screen = $state("data");
  environment: Environment | null = $state.raw(null);
  theme: Theme = $state("system");
  /** Whether the explanation of distillation is open. */
  lesson = $state(true);
  message: Message | null = $state.raw(null);
  question: Question | null = $state.raw(null);
  /** The app ends as soon as the checkpoint of the run under way is written. */
  ending = $state(false);

  readonly engine: Engine;
  readonly data: Data;
  readonly setup: Setup;
  readonly playground: Playground;
  readonly estimate: Estimate;
  readonly fit: Fit;
  readonly training: Training;
  readonly prediction: Prediction;
  readonly runs: Runs;

  constructor(private readonly bridge: Bridge) {
    const runsDirectory = () => this.environment?.runsDirectory ?? "";
    this.engine = new Engine(bridge);
    this.data = new Data(bridge, this.engine);
    this.setup = new Setup(this.data, this.engine, runsDirectory);
    this.playground = new Playground(this.data, this.setup, this.engine);
    this.estimate = new Estimate(this.data, this.setup, this.engine);
    this.fit = new Fit(bridge, this.engine, runsDirectory);
    this.training = new Training(bridge, this.engine, runsDirectory);
    this.prediction = new Prediction(bridge, this.engine);
    this.runs = new Runs(bridge, this.engine, runsDirectory, () => (this.training.trainsHere ? this.training.directory : null));
  }

  async start(): Promise<void> {
    this.bridge.onCommand((command) => this.#obey(command));
    this.bridge.onEnding(() => {
      this.ending = true;
    });
    this.environment = await this.bridge.environment();
    this.theme = this.environment.theme;
    this.lesson = this.environment.lesson;
    if (this.environment.notice) this.message = { kind: "caution", text: this.environment.notice };
    this.engine.start();
    await Promise.all([this.data.open("bundled"), this.setup.loadModels(), this.runs.refresh(), this.#reporting(() => this.#followAgain())]);
  }

  /** The engine outlives the page: a run that was on screen before a reload is on screen again. */
  async #followAgain(): Promise<void> {
    const runs = await this.engine.call("list", {});
    const run = runs.find(({ owner }) => owner === null) ?? runs[0];
    if (!run) return;
    this.training.follow(run);
    this.screen = "live";
  }

  show(screen: Screen): void {
    this.screen = screen;
    this.message = null;
    if (screen === "runs") {
      this.runs.close();
      this.runs.refresh();
    }
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    this.bridge.setTheme(theme);
  }

  /** Opens or closes the explanation of distillation, also at the next start. */
  showLesson(isOpen: boolean): void {
    this.lesson = isOpen;
    this.bridge.setLesson(isOpen);
  }

  /** Starts a new engine after the old one died. */
  async restartEngine(): Promise<void> {
    await this.engine.start();
    if (!this.data.info) await this.data.open(this.data.path);
    if (this.setup.models.length === 0) await this.setup.loadModels();
  }

  /** Makes a teacher for the data of the form, and takes it for the form. */
  async makeTeacher(): Promise<void> {
    const source = this.setup.dataSource;
    const made = await this.fit.start(source, this.setup.teacherFolder);
    if (made && source.path === this.data.path) this.setup.useTeacher(made.teacher);
  }

  /** Starts the run that the form describes. */
  async startTraining(): Promise<void> {
    const { recipe } = this.setup.result;
    if (!recipe || this.training.trainsHere) return;
    await this.#reporting(() => this.#begin(this.training.start(recipe, this.setup.seeds)));
  }

  /** Trains more seeds of a finished sweep. */
  async addSeeds(directory: string, count: number): Promise<void> {
    await this.#reporting(async () => {
      const recipe = await this.engine.call("recipeOf", { directory, kind: "compare" });
      await this.#resume(directory, (takeOver) => this.training.addSeeds(directory, recipe, count, takeOver));
    });
  }

  /** Compares anew, in another folder, what was compared with one seed. */
  async compareSeveral(directory: string): Promise<void> {
    await this.#reporting(async () => {
      const recipe = await this.engine.call("recipeOf", { directory, kind: "compare" });
      await this.#begin(this.training.start(recipe, SEVERAL_SEEDS));
    });
  }

  /** Resumes a run; one of a sweep with all seeds that are not finished. */
  async resume(group: RunGroup): Promise<void> {
    if (group.sweep) return this.resumeSweep(group.sweep.directory);
    await this.#reporting(async () => {
      const kind = group.arms.some(({ arm }) => arm === "single") ? "train" : "compare";
      await this.#resumeFrom(group.directory, kind, await this.runs.readable(group));
    });
  }

  async resumeSweep(directory: string): Promise<void> {
    await this.#reporting(() => this.#resumeFrom(directory, "compare", []));
  }

  /** `arms`: what is known of it until it goes on. */
  async #resumeFrom(directory: string, kind: "train" | "compare", arms: readonly RunDetails[]): Promise<void> {
    const recipe = await this.engine.call("recipeOf", { directory, kind });
    await this.#resume(directory, (takeOver) => this.training.resume(directory, kind, recipe, arms, takeOver));
  }

  resumeLast(): Promise<void> {
    return this.#reporting(() => this.#resume(this.training.directory, (takeOver) => this.training.resumeLast(takeOver)));
  }

  async #begin(start: Promise<void>): Promise<void> {
    await start;
    this.show("live");
  }

  /** Where the engine cannot tell whether another process still trains the run, a person has to. */
  async #resume(directory: string, resume: (takeOver: boolean) => Promise<void>): Promise<void> {
    try {
      await this.#begin(resume(false));
    } catch (error) {
      if (!isPerhapsHeld(error)) throw error;
      await this.runs.refresh();
      const { name = baseName(directory), owner = null } = this.runs.groups.find((group) => group.directory === directory) ?? {};
      const who = owner ? `${ownerInWords(owner)} (${lastSignInWords(owner)})` : "in another process";
      this.question = {
        title: `Take over ${name}?`,
        text:
          `This run may still be trained ${who}. Take it over only if you know that this process has ended.\n` +
          "The run then continues here, from its last checkpoint. If the other process is still there, it stops writing to the folder, and what it trained since that checkpoint is lost.",
        verb: "Take over",
        act: () => this.#begin(resume(true)),
      };
    }
  }

  /** Shows a run that is being trained, by whichever process. */
  async watch(group: RunGroup): Promise<void> {
    if (this.runs.whereabouts(group) === "here") return this.show("live");
    await this.#reporting(async () => {
      const live = await this.runs.attach(group);
      if (!live) {
        await this.runs.refresh();
        throw new Error("This run has just ended: nobody trains it any more.");
      }
      this.training.follow(live);
      this.show("live");
    });
  }

  stop(group: RunGroup): Promise<void> {
    return this.#reporting(() => this.runs.stop(group));
  }

  askToDelete(group: RunGroup): void {
    this.question = {
      title: `Delete ${nameInWords(group)}?`,
      text: `The run of ${dateTime(group.started)} is deleted with its curves, checkpoints, weights and report. This cannot be undone.\n${group.directory}`,
      verb: "Delete",
      act: () => this.#delete(group),
    };
  }

  async #delete(group: RunGroup): Promise<void> {
    const kept = await this.runs.delete(group);
    this.training.forget(group.directory);
    if (this.prediction.run === group.directory) await this.prediction.useBundledTeacher();
    const stays = `${count(kept.length)} ${kept.length === 1 ? "file that is not the program's stays" : "files that are not the program's stay"} in its folder`;
    this.message = { kind: "done", text: kept.length === 0 ? `${group.name} is deleted.` : `${group.name} is deleted. ${stays}: ${kept.join(", ")}` };
  }

  async answer(yes: boolean): Promise<void> {
    const { question } = this;
    this.question = null;
    if (yes && question) await this.#reporting(question.act);
  }

  async exportReport(what: Reported, format: ReportFormat): Promise<void> {
    await this.#reporting(async () => {
      const path = await this.runs.exportReport(what, format);
      if (path) this.message = { kind: "done", text: `Report written to ${path}`, action: { label: "Open", run: () => this.openReport(path) } };
    });
  }

  openReport(path: string): Promise<void> {
    return this.#reporting(() => this.bridge.openReport(path));
  }

  reveal(path: string): Promise<void> {
    return this.#reporting(() => this.bridge.reveal(path));
  }

  /** Predicts with a run's networks. */
  async predictWith(group: RunGroup): Promise<void> {
    await this.#reporting(async () => {
      this.screen = "predict";
      await this.prediction.useRun(group.directory, await this.runs.details(group));
    });
  }

  /** Predicts with the networks of the run that has just finished. */
  async predictWithLast(): Promise<void> {
    await this.runs.refresh();
    const group = this.runs.groups.find(({ arms }) => arms.some(({ directory }) => directory === this.training.curves.arms[0]?.directory));
    if (group) await this.predictWith(group);
  }

  predictBytes(name: string, bytes: Uint8Array): Promise<void> {
    this.show("predict");
    return this.prediction.show({ name, path: name, bytes });
  }

  chooseWeights(): Promise<string | null> {
    return this.bridge.chooseFile("weights");
  }

  /** Takes what was dropped or pasted: an image is predicted, a folder becomes the data. */
  async take(file: File): Promise<void> {
    if (file.type.startsWith("image/")) {
      this.show("predict");
      await this.prediction.showFile(file);
      return;
    }
    const path = await this.bridge.pathForFile(file);
    if (file.type !== "" || !path) {
      this.message = {
        kind: "problem",
        text: `${file.name} is neither an image nor a folder. Drop an image (JPEG, PNG, WebP, GIF, TIFF or AVIF) to predict, or a folder to use as data.`,
      };
      return;
    }
    this.show("data");
    await this.data.open(path);
  }

  async #obey(command: Command): Promise<void> {
    switch (command) {
      case "openData":
        this.show("data");
        return this.data.chooseFolder();
      case "openImage":
        this.show("predict");
        return this.prediction.chooseFile();
      case "start":
        return this.startTraining();
      case "pause":
        return this.training.togglePause();
      case "stop":
        return this.training.stop();
      default:
        this.show(command);
    }
  }

  async #reporting(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.message = { kind: "problem", text: inWords(error) };
    }
  }
}
