/** The two things outside the page, the engine and the program around it, as tests drive them. */

import type { ArmName } from "../../src-main/contract/arms";
import { columnsOf } from "../../src-main/contract/columns";
import type { Failure, Method } from "../../src-main/contract/engine";
import type { Command, OpenedRecipe, RememberedForm } from "../../src-main/contract/host";
import type { Notice } from "../../src-main/contract/notices";
import type { BatchRecord, EpochRecord, LiveRun, RunDetails, RunEvidence, RunOwner } from "../../src-main/contract/run";
import { type CallOptions, type EngineClient, EngineError } from "../../src-main/engine-client/client";
import type { Bridge } from "../../src-renderer/bridge";
import { ArmCurve, Curves } from "../../src-renderer/state/curves.svelte";
import { Engine } from "../../src-renderer/state/engine.svelte";
import type { ReadRun } from "../../src-renderer/state/seal";
import { controlRecipe, studentRecipe, summary } from "../contract/run-summary";

type Notify = (notice: Partial<Notice> & { type: Notice["type"] }) => void;
type Answers = { [M in Method]?: (params: never, notify: Notify) => unknown };

/** An engine that answers as a test says, and the calls that it received. */
export class FakeEngine {
  readonly calls: { method: Method; params: unknown }[] = [];
  /** Ends it without being asked to. */
  die: (end: { message: string; details: string }) => void = () => {};

  readonly answers: Answers;

  /** Unless a test says otherwise, each teacher knows the classes of the data. */
  constructor(answers: Answers = {}) {
    this.answers = {
      listFolders: () => [],
      checkTeacher: ({ model }: { model: string | null }) => ({ model: model ?? "resnet20_cifar10", imageSize: 32, problem: null, warnings: [] }),
      ...answers,
    };
  }

  readonly client = {
    write: (method: Method, params: unknown, options: CallOptions) => {
      const stop = () => void this.client.call("stopWriting", {});
      options.signal?.addEventListener("abort", stop);
      return this.client.call(method as "exportModel", params as never, options).finally(() => options.signal?.removeEventListener("abort", stop));
    },
    call: async (method: Method, params: unknown, { onNotice }: CallOptions = {}) => {
      this.calls.push({ method, params });
      const answer = this.answers[method] ?? (method === "readEvidence" ? this.#evidence : undefined);
      if (!answer) throw failure(`no answer to ${method}`);
      return answer(params as never, (notice) => onNotice?.({ id: 1, ...notice } as Notice));
    },
  } as unknown as EngineClient;

  /** That of the folder which `readCourse` answers with. */
  #evidence = async (params: never, notify: Notify) => ((await this.answers.readCourse!(params, notify)) as ReturnType<typeof details>).evidence;

  paramsOf(method: Method): unknown[] {
    return this.calls.filter((call) => call.method === method).map(({ params }) => params);
  }
}

export const failure = (message: string, code: Failure["code"] = "INPUT") => new EngineError({ code, message });

/** The program around the page: it records what the page asks, and answers every dialog with what `picks` gives then. */
export function fakeBridge(engine: FakeEngine, picks: () => string | null = () => null) {
  const asked: { call: string; args: unknown[] }[] = [];
  const listeners: ((command: Command) => void)[] = [];
  const endings: (() => void)[] = [];
  const agains: (() => void)[] = [];
  const engineStarts: (() => void)[] = [];
  const answering =
    <T>(call: string, answer: () => T) =>
    async (...args: unknown[]) => {
      asked.push({ call, args });
      return answer();
    };
  const nothing = () => null;
  const bridge: Bridge = {
    can: { reveal: true, print: true, paths: true },
    server: null,
    chooseImages: async () => {
      const path = await answering("chooseFile", picks)("image");
      return path === null ? null : { path };
    },
    onEngineStarted: (listener) => {
      engineStarts.push(listener);
    },
    onRunStarted: () => {},
    onConnection: () => {},
    onAgain: (listener) => {
      agains.push(listener);
    },
    environment: answering("environment", () => ({
      versions: { app: "1", electron: "1", chrome: "1", node: "1" },
      commit: null as string | null,
      platform: "linux",
      theme: "dark",
      lesson: true,
      runsDirectory: "/runs",
      hub: "huggingface.co",
      recentData: [] as string[],
      form: null as RememberedForm | null,
      notice: null as string | null,
    })),
    chooseFolder: answering("chooseFolder", picks),
    chooseFile: answering("chooseFile", picks),
    allowHub: answering("allowHub", picks),
    chooseReportFile: async (format, name) => {
      const chosen = await answering("chooseReportFile", picks)(format, name);
      return chosen === null ? null : { chosen, written: format === "pdf" || format === "png" ? "/tmp/page.html" : chosen };
    },
    chooseModelPlace: answering("chooseModelPlace", picks),
    printReport: answering("printReport", nothing),
    saveRecipe: answering("saveRecipe", picks),
    saveLeftOut: answering("saveLeftOut", picks),
    openReport: answering("openReport", nothing),
    reveal: answering("reveal", nothing),
    setLesson: answering("setLesson", nothing),
    setTheme: answering("setTheme", nothing),
    takeOpened: answering("takeOpened", nothing as () => OpenedRecipe | null),
    rememberData: async (folder) => {
      asked.push({ call: "rememberData", args: [folder] });
      return [folder];
    },
    rememberForm: answering("rememberForm", nothing),
    runEnded: answering("runEnded", nothing),
    setActivity: answering("setActivity", nothing),
    connectEngine: async (onDeath) => {
      engine.die = onDeath;
      return engine.client;
    },
    pathForFile: async ({ name }) => (name === "pathless" ? "" : `/dropped/${name}`),
    onCommand: (listener) => {
      listeners.push(listener);
      return () => {};
    },
    onEnding: (listener) => {
      endings.push(listener);
      return () => {};
    },
  };
  return {
    bridge,
    asked,
    command: (command: Command) => {
      for (const listener of listeners) listener(command);
    },
    end: () => {
      for (const listener of endings) listener();
    },
    /** The connection was lost, and is there again. */
    again: () => {
      for (const listener of agains) listener();
    },
    /** Another window has started a new engine. */
    engineStarted: () => {
      for (const listener of engineStarts) listener();
    },
    argsOf: (call: string) => asked.filter((one) => one.call === call).map(({ args }) => args),
  };
}

/** An engine that is connected. */
export async function startedEngine(bridge: Bridge): Promise<Engine> {
  const started = new Engine(bridge);
  await started.start();
  return started;
}

/** Lets answers arrive that are there already. */
export const settle = () => new Promise((resolve) => setTimeout(resolve));

/** A promise that a test settles. */
export function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Batch `index`, from 0, of epochs of `perEpoch` batches. */
export const batch = (index: number, perEpoch: number, values: Partial<BatchRecord> = {}): BatchRecord => ({
  epoch: Math.floor(index / perEpoch) + 1,
  iter: (index % perEpoch) + 1,
  loss: 2,
  parts: { ce: 2 },
  trainAcc: 0.5,
  lr: 1e-3,
  imagesPerSecond: 100,
  chain: `link ${index}`,
  ...values,
});

export const batches = (count: number, perEpoch: number, values: Partial<BatchRecord> = {}): BatchRecord[] =>
  Array.from({ length: count }, (_, index) => batch(index, perEpoch, values));

export const epoch = (number: number, testAcc: number | null): EpochRecord => ({
  epoch: number,
  trainLoss: 2,
  trainAcc: 0.5,
  testAcc,
  testLoss: testAcc === null ? null : 2,
  emaAcc: null,
  emaLoss: null,
  seconds: 1,
  valAcc: null,
  valLoss: null,
});

export { controlRecipe, studentRecipe, summary };

/** A process of the command line that is alive. */
export const owner = (values: Partial<RunOwner> = {}): RunOwner => ({
  pid: 123,
  host: null,
  program: "command line",
  since: "2026-11-24T09:05:00Z",
  lastSign: new Date().toISOString(),
  ...values,
});

export const liveRun = (values: Partial<LiveRun> = {}): LiveRun => ({
  run: "id",
  directory: "/runs/one",
  kind: "compare",
  seeds: 1,
  recipe: studentRecipe,
  state: "running",
  owner: null,
  ...values,
});

/** Arms that have begun, in epochs of so many batches. */
export function begunCurves(arms: readonly ArmName[], perEpoch: number, epochs: number): Curves {
  const curves = new Curves();
  for (const arm of arms) curves.open(new ArmCurve(arm, `/runs/one/${arm}`, { batchesPerEpoch: perEpoch, epochs, batchSize: 10 }));
  return curves;
}

/** What a run folder holds, evidence and all. */
export function details(arm: ArmName, values: Partial<RunDetails> = {}): ReadRun & { evidence: RunEvidence } {
  const { batches: records = batches(4, 2), evidenceDamage = null, ...others } = values;
  return {
    ...summary(arm),
    recipe: arm === "control" ? controlRecipe : studentRecipe,
    hashes: { data: "data", initialWeights: "start", batches: "end", teacher: null },
    classes: ["cat", "dog"],
    parameters: 1000,
    columns: columnsOf(records),
    evidence: { arm, chain: records.map(({ chain }) => chain), damage: evidenceDamage },
    epochRecords: [epoch(1, 0.4), epoch(2, 0.5)],
    teacherTestAcc: 0.9,
    events: [],
    ...others,
  };
}
