import type { Remedy } from "../../src-main/contract/concerns";
import type { NamedTeacher } from "../../src-main/contract/fitted-teacher";
import type { Command, Environment, PrintedFormat, RememberedForm, ReportFormat, Theme } from "../../src-main/contract/host";
import { type Preset, presetOf } from "../../src-main/contract/presets";
import type { Recipe } from "../../src-main/contract/recipe";
import type { Abilities, Bridge, ConnectionState, SignIn } from "../bridge";
import { Bench } from "./bench.svelte";
import { Bin } from "./bin";
import { Candidates } from "./candidates.svelte";
import { Data } from "./data.svelte";
import { Engine, inWords } from "./engine.svelte";
import { Estimate } from "./estimate.svelte";
import { Evidence } from "./evidence.svelte";
import { Examples } from "./examples.svelte";
import { Files } from "./files";
import { Fit } from "./fit.svelte";
import { HubWeights } from "./hub-weights.svelte";
import { Launch } from "./launch";
import type { Message, Question } from "./message";
import { ModelExport } from "./model-export.svelte";
import { Playground } from "./playground.svelte";
import { Prediction } from "./prediction.svelte";
import { Resumption } from "./resumption.svelte";
import type { RunRow } from "./run-rows";
import { type Reported, type RunGroup, Runs } from "./runs.svelte";
import type { Screen } from "./screens";
import { Setup } from "./setup.svelte";
import { Teachers } from "./teachers";
import { Training } from "./training.svelte";
import { baseName } from "./words";

/** The whole state of the page: its parts, which of them is on screen, and what spans them. */
export class Studio {
  screen: Screen = $state("data");
  environment: Environment | null = $state.raw(null);
  theme: Theme = $state("system");
  /** Whether the explanation of distillation is open. */
  lesson = $state(true);
  message: Message | null = $state.raw(null);
  question: Question | null = $state.raw(null);
  /** What the menu Help shows over the page. */
  help: "shortcuts" | "about" | null = $state(null);
  /** The app ends as soon as the checkpoint of the run under way is written. */
  ending = $state(false);
  /** To the server, where the page is shown by a browser. */
  connection: ConnectionState = $state("there");

  /** Whether the form is as it was left, so that what it becomes is worth remembering. */
  #restored = $state(false);

  readonly engine: Engine;
  readonly data: Data;
  readonly setup: Setup;
  readonly playground: Playground;
  readonly estimate: Estimate;
  readonly fit: Fit;
  readonly teachers: Teachers;
  readonly candidates: Candidates;
  readonly hub: HubWeights;
  readonly training: Training;
  readonly launch: Launch;
  readonly resumption: Resumption;
  readonly prediction: Prediction;
  readonly runs: Runs;
  readonly bench: Bench;
  readonly bin: Bin;
  readonly modelExport: ModelExport;
  readonly evidence: Evidence;
  readonly examples: Examples;
  readonly files: Files;

  constructor(private readonly bridge: Bridge) {
    const runsDirectory = () => this.environment?.runsDirectory ?? "";
    this.engine = new Engine(bridge);
    this.data = new Data(bridge, this.engine, () => this.setup);
    this.setup = new Setup(this.data, this.engine, runsDirectory);
    this.playground = new Playground(this.data, this.setup, this.engine);
    this.estimate = new Estimate(this.data, this.setup, this.engine);
    this.fit = new Fit(bridge, this.engine, runsDirectory);
    this.candidates = new Candidates(bridge, this.engine, this.data, this.setup, runsDirectory);
    this.hub = new HubWeights(bridge, this.engine);
    this.teachers = new Teachers(bridge, this);
    this.training = new Training(bridge, this.engine, runsDirectory);
    this.prediction = new Prediction(bridge, this.engine, (path) => this.data.truthOf(path));
    this.evidence = new Evidence(this.engine);
    this.examples = new Examples(this.engine);
    this.runs = new Runs(bridge, this.engine, runsDirectory, () => (this.training.trainsHere ? this.training.directory : null));
    this.files = new Files(bridge, this);
    this.bench = new Bench(this.engine, this.runs, runsDirectory);
    this.launch = new Launch(this);
    this.resumption = new Resumption(bridge, this);
    this.bin = new Bin(this);
    this.modelExport = new ModelExport(bridge, this.engine, (path) => this.fetch(path));
  }

  async start(): Promise<void> {
    this.bridge.onCommand((command) => this.#obey(command));
    this.bridge.onConnection((state) => {
      this.connection = state;
      this.engine.isReachable = state === "there";
    });
    this.bridge.onEnding(() => {
      this.ending = true;
    });
    this.resumption.listen();
    this.environment = await this.bridge.environment();
    this.theme = this.environment.theme;
    this.lesson = this.environment.lesson;
    if (this.environment.notice) this.message = { kind: "caution", text: this.environment.notice };
    this.engine.start();
    const { form, recentData } = this.environment;
    this.data.recent = recentData;
    await Promise.all([this.#restore(form), this.setup.loadModels(), this.runs.refresh(), this.reporting(() => this.resumption.afterReload())]);
    await this.#takeOpened();
    this.resumption.offerUnfinished();
  }

  /** The form and its data as they were left. */
  async #restore(form: RememberedForm | null): Promise<void> {
    if (form) this.setup.restore(form);
    const path = form?.recipe.data.path ?? "bundled";
    if (path === "bundled") await this.data.open(path);
    else await this.#reopen(path);
    this.#restored = true;
  }

  /** A folder of the last time; if it cannot be used any more, the bundled sample, which is said. */
  async #reopen(path: string): Promise<void> {
    // Chosen before it is read: the form says already which of its images are taken.
    this.data.path = path;
    const problem = await this.data.openIfUsable(path);
    if (!problem) return;
    await this.data.open("bundled");
    this.files.say(`The data of the last time cannot be used: ${problem}\nThe bundled sample is chosen instead.`, this.data.stays());
  }

  /** What is said goes once it is no longer true. For an effect, which calls it at each change. */
  dropOutdated(): void {
    if (this.message?.holds?.() === false) this.message = null;
  }

  /** Keeps the form for the next start, at once: the window may be closed next. For an effect, which calls it at each change. */
  rememberForm(): void {
    const { recipe } = this.setup.result;
    const { preset, sweep } = this.setup;
    if (!this.#restored || !recipe) return;
    this.bridge.rememberForm({ preset, sweep: sweep.remembered, recipe: $state.snapshot(recipe) as Recipe });
  }

  /** The recipe file that the system asked the app to open fills the form. */
  #takeOpened(): Promise<void> {
    return this.reporting(async () => {
      const opened = await this.bridge.takeOpened();
      if (opened) await this.files.fillForm(opened.text, opened.name, "");
    });
  }

  /** What the surroundings of the page can do. */
  get can(): Abilities {
    return this.bridge.can;
  }

  /** The way into and out of the server; null in the app. */
  get server(): SignIn | null {
    return this.bridge.server;
  }

  /** Of this browser, with all of its windows. */
  signOut(): Promise<void> {
    return this.reporting(() => this.server!.signOut());
  }

  show(screen: Screen): void {
    this.screen = screen;
    this.message = null;
    if (screen === "runs") {
      this.runs.close();
      this.bench.close();
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

  /** Fills the form with a preset. Settings of one's own, and a teacher that was made here, can be brought back. */
  usePreset(id: Preset["id"]): void {
    const hadOwn = this.setup.preset === null;
    const undo = this.setup.undoing();
    this.setup.usePreset(id);
    this.message = null;
    if (!hadOwn) return;
    const run = () => {
      undo();
      this.message = null;
    };
    this.message = {
      kind: "done",
      text: `Your settings, the teacher among them, were replaced by those of “${presetOf(id).title}”.`,
      action: { label: "Undo", run },
    };
  }

  /** Shows a run that is being trained, by whichever process. */
  async watch(group: RunGroup): Promise<void> {
    if (this.runs.whereabouts(group) === "here") return this.show("live");
    await this.reporting(async () => {
      const live = await this.runs.attach(group);
      if (!live) {
        await this.runs.refresh();
        throw new Error("This run has just ended: nobody trains it any more.");
      }
      this.training.follow(live);
      this.show("live");
    });
  }

  /** Shows a sweep or a search as a whole, trained or not. */
  async openSweep(directory: string): Promise<void> {
    this.show("runs");
    await this.runs.refresh();
    this.bench.openAt(directory);
  }

  stop(group: RunGroup): Promise<void> {
    return this.reporting(() => this.runs.stop(group));
  }

  /** Does something with the list of runs, and says why it failed if it did. */
  withBench(work: (bench: Bench) => Promise<unknown>): Promise<void> {
    return this.reporting(() => work(this.bench));
  }

  /** Fills the form with the recipe that a run began with, to change something and start another. */
  duplicate(row: RunRow): Promise<void> {
    const { directory, kind, name } = row;
    return this.reporting(async () => {
      const recipe = await this.engine.call("recipeOf", { directory, kind: kind === "model" ? "train" : kind === "search" ? "search" : "compare" });
      const problem = recipe.data.path === this.data.path ? null : await this.data.openIfUsable(recipe.data.path);
      this.setup.useRecipe(recipe);
      this.setup.sweep.duplicate(row);
      this.show("setup");
      const data = problem === null ? "" : `\nIts data cannot be used: ${problem}\nThe recipe is used on the data chosen before.`;
      this.message = { kind: problem === null ? "done" : "caution", text: `The form has the recipe of ${name}. Change what you like and start.${data}` };
    });
  }

  async answer(yes: boolean): Promise<void> {
    const { question } = this;
    this.question = null;
    if (yes && question) await this.reporting(question.act);
  }

  async exportReport(what: Reported, format: ReportFormat | PrintedFormat): Promise<void> {
    await this.reporting(async () => {
      const path = await this.runs.exportReport(what, format);
      const text = this.can.reveal ? `Report written to ${path}` : `The report is ready: ${baseName(path ?? "")}`;
      if (path) this.message = { kind: "done", text, action: { label: "Open", run: () => this.openReport(path) } };
    });
  }

  openReport(path: string): Promise<void> {
    return this.reporting(() => this.bridge.openReport(path));
  }

  /** Shows a file or folder in the file manager, or has the browser save it: a folder as a zip archive. */
  fetch(path: string): Promise<void> {
    return this.reporting(() => this.bridge.reveal(path));
  }

  /** Shows where a file or folder is, in the system's file manager or in words. */
  reveal(path: string): Promise<void> {
    return this.reporting(async () => {
      if (this.can.reveal) await this.bridge.reveal(path);
      else this.message = { kind: "done", text: `On the server it is in\n${path}` };
    });
  }

  /** Predicts with a run's networks. */
  async predictWith(group: RunGroup): Promise<void> {
    await this.reporting(async () => {
      this.screen = "predict";
      await this.prediction.useRun(group.directory, await this.runs.details(group));
    });
  }

  /** Predicts with a teacher that was made here. */
  async predictWithTeacher({ model, weights, imageSize }: NamedTeacher, name: string): Promise<void> {
    await this.reporting(async () => {
      this.screen = "predict";
      await this.prediction.useTeacher({ model, weights, imageSize }, name);
    });
  }

  /** Predicts with the networks of the run that has just finished. */
  async predictWithLast(): Promise<void> {
    await this.runs.refresh();
    const group = this.runs.groups.find(({ arms }) => arms.some(({ directory }) => directory === this.training.curves.arms[0]?.directory));
    if (group) await this.predictWith(group);
  }

  /** `truth`: its class, if that is known. */
  predictBytes(name: string, bytes: Uint8Array, truth: string | null = null): Promise<void> {
    this.show("predict");
    return this.prediction.show({ name, path: name, bytes, truth });
  }

  chooseWeights(): Promise<string | null> {
    return this.bridge.chooseFile("weights");
  }

  /** Settles a concern of the data, or undoes that. If the data cannot be taken so, all stays as it was, and the reason is said. */
  async settle(remedy: Remedy): Promise<void> {
    const before = Object.fromEntries(Object.keys(remedy.settings).map((key) => [key, this.setup.value(key) ?? null]));
    this.setup.settle(remedy);
    const problem = await this.data.follow();
    if (problem === null) return;
    this.setup.settle({ words: "", settings: before });
    this.data.follow();
    this.message = { kind: "problem", text: `${problem}\nAll stays as it was.`, holds: this.data.stays() };
  }

  /** Saves which files of the data are not used, and why. */
  saveLeftOut(): Promise<void> {
    return this.reporting(async () => {
      const path = await this.bridge.saveLeftOut($state.snapshot(this.data.info?.leftOut ?? []));
      if (path) this.message = { kind: "done", text: `The list is written to ${path}` };
    });
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
        return this.launch.start();
      case "pause":
        return this.training.togglePause();
      case "stop":
        return this.training.stop();
      case "opened":
        return this.#takeOpened();
      case "shortcuts":
      case "about":
        this.help = command;
        return;
      default:
        this.show(command);
    }
  }

  /** Does the work, and says why it failed. */
  async reporting(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.message = { kind: "problem", text: inWords(error) };
    }
  }
}
