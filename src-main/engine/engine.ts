import { setImmediate as nextTurn } from "node:timers/promises";
import packageJson from "../../package.json";
import { machineOf } from "../backend/device";
import { bench } from "../bench/bench";
import { chooseArithmetic } from "../contract/arithmetic";
import type { DownloadName } from "../contract/data-formats";
import { type Audience, type Method, type Methods, PEER, PROTOCOL, TERMINAL_ONLY } from "../contract/engine";
import { Interrupted, isDeviceLost, toFailure, UsageError } from "../contract/failure";
import { modelInfos } from "../contract/families";
import type { Notice, NoticeBody } from "../contract/notices";
import { parseRecipe } from "../contract/parse-recipe";
import type { RunOwner } from "../contract/run";
import { byTurns } from "../contract/turns";
import { dataInfo } from "../data/data-info";
import { type DownloadOptions, downloadData } from "../data/download";
import type { Received } from "../download/fetch-file";
import { exportWeights } from "../models/weights";
import { readAbout } from "../runs/about";
import { moveToBin, restoreFromBin } from "../runs/bin";
import { readCourse, readEvidence } from "../runs/course";
import { deleteRun } from "../runs/delete";
import { answersAfter, readExamples } from "../runs/examples";
import { summaryIn } from "../runs/figures";
import { describeRun, listFolders } from "../runs/folders";
import { listRuns, readRunInTurns } from "../runs/reader";
import { writeReport } from "../runs/report";
import { recipeOfRun } from "../runs/request";
import { readSeeds } from "../runs/seeds";
import { madeIn } from "../runs/teacher";
import { backend } from "../tensor/tensor";
import { listTeachers, testTeacher } from "./candidates";
import type { ClientChannel } from "./channel";
import { doctor } from "./doctor";
import { evaluateOnData } from "./evaluate";
import { exportModel } from "./export";
import { fitTeacher, timeBackbone } from "./fit-teacher";
import { downloadNamed, fetchNamed } from "./hub";
import { checkedParams, isMethod } from "./params";
import type { Permits } from "./permits";
import { plan } from "./plan";
import { predict } from "./predict";
import { ResidentNetworks } from "./resident-networks";
import { Runs } from "./runs";
import { shownBatch } from "./shown-batch";
import { checkTeacher, knownTestImages } from "./teachers";
import { timeRecipe } from "./time-recipe";
import type { TrainerThread } from "./trainer-thread";

type Notify = (notice: NoticeBody) => void;
type Handlers = { [M in Method]: (params: Methods[M]["params"], notify: Notify) => Methods[M]["result"] | Promise<Methods[M]["result"]> };

/** Answers the calls of its clients, while a thread of its own trains. */
export class Engine {
  readonly #runs: Runs;
  /** Released before what needs memory. */
  readonly #networks = new ResidentNetworks();
  /** Aborted, and replaced, to end the fits under way, and the downloads. */
  #fitting = new AbortController();
  #downloading = new AbortController();
  #writing = new AbortController();

  /** `permits`: which paths a page may name. Without them there are no pages. */
  constructor(
    program: RunOwner["program"],
    thread: TrainerThread,
    private readonly permits: Permits | null = null,
  ) {
    this.#runs = new Runs(program, thread, (channel) => this.serve(channel, "peer"));
  }

  /** Answers what this client may ask, from now on. Clients come and go; what they started goes on. */
  serve(channel: ClientChannel, audience: Audience): void {
    channel.onMessage((message) => void this.#answer(channel, audience, message));
  }

  get isTraining(): boolean {
    return this.#runs.training !== null;
  }

  /** Stops the runs of this engine with a checkpoint; resolves when nothing runs. */
  stop(): Promise<void> {
    return this.#runs.stop();
  }

  readonly #handlers: Handlers = {
    hello: () => ({ protocol: PROTOCOL, version: packageJson.version }),
    doctor: () => doctor(this.#runs.device),
    models: () => [...modelInfos],
    dataInfo: ({ path, format, thumbnailsPerClass, settings }) => dataInfo({ path, format, ...settings }, thumbnailsPerClass),
    dataDownload: ({ name, directory }, notify) => download(name, directory, { signal: this.#downloading.signal }, notify),
    dataDownloadFrom: ({ name, directory, url }, notify) => download(name, directory, { from: { url }, signal: this.#downloading.signal }, notify),
    weightsDownload: async ({ weights }, notify) => {
      const found = await downloadNamed(weights, notify, this.#downloading.signal);
      this.permits?.grant(found.weights, "read");
      return found;
    },
    stopDownloads: () => {
      this.#downloading.abort();
      this.#downloading = new AbortController();
      return null;
    },
    start: async (params) => {
      this.#networks.release();
      const { id, directory } = await this.#runs.start({ ...params, recipe: parseRecipe(params.recipe) });
      return { run: id, directory };
    },
    plan: (request, notify) => plan(request, (text) => notify({ type: "note", text })),
    watch: ({ run, from }, notify) => this.#runs.find(run).watch(from, notify),
    control: async ({ run, action }) => ({ state: await this.#runs.find(run).control(action) }),
    list: () => this.#runs.list(),
    attach: ({ directory }) => this.#runs.attach(directory),
    recipeOf: ({ directory, kind }) => recipeOfRun(directory, kind),
    binRun: ({ directory, runs }) => ({ directory: moveToBin(directory, runs) }),
    restoreRun: ({ directory, runs }) => ({ directory: restoreFromBin(directory, runs) }),
    deleteRun: ({ directory }) => deleteRun(directory),
    predict: (request, notify) => predict(request, this.#networks, notify),
    evaluate: (request, notify) => {
      this.#networks.release();
      return evaluateOnData(request, nextTurn, notify);
    },
    fitTeacher: (request, notify) => {
      this.#networks.release();
      return fitTeacher(request, { signal: this.#fitting.signal, yieldPoint: nextTurn, notify });
    },
    checkTeacher: async (request) => ({ ...checkTeacher(request), warnings: await knownTestImages(request) }),
    listTeachers: ({ directory }) => listTeachers(directory),
    listMade: ({ directory }) => madeIn(directory),
    testTeacher: (request) => testTeacher(request, nextTurn),
    stopFitting: () => {
      this.#fitting.abort();
      this.#fitting = new AbortController();
      return null;
    },
    timeBackbone: (request, notify) => timeBackbone(request, nextTurn, notify),
    timeRecipe: ({ recipe, classes }) => {
      if (this.#runs.training) throw new UsageError("a run is training and would distort the measurement: wait until it ends or stop it first");
      return timeRecipe(parseRecipe(recipe), classes);
    },
    exportModel: (request, notify) => exportModel(request, unlessStopped(this.#writing.signal), notify, this.#writing.signal),
    exportWeights: async (request, notify) => {
      const { signal } = this.#writing;
      const fetched = await fetchNamed([request.weights], notify, signal);
      await unlessStopped(signal)();
      const { notes, warnings, ...written } = exportWeights({ ...request, weights: fetched(request.weights) });
      for (const text of [...fetched.notes, ...notes]) notify({ type: "note", text });
      for (const text of warnings) notify({ type: "warning", text });
      return written;
    },
    stopWriting: () => {
      this.#writing.abort();
      this.#writing = new AbortController();
      return null;
    },
    bench: (request, notify) => {
      if (this.#runs.training) throw new UsageError("a run is training and would distort the measurement: wait until it ends or stop it first");
      backend().useCpu();
      backend().selectBf16Products(chooseArithmetic(machineOf(backend(), null)).bf16Products);
      return bench(request, notify);
    },
    listRuns: ({ directory }) => listRuns(directory),
    aboutRun: ({ directory }) => readAbout(directory),
    listFolders: ({ directory }) => listFolders(directory),
    describeRun: ({ directory, ...words }) => describeRun(directory, words),
    readRun: ({ directory }) => byTurns(readRunInTurns(directory), nextTurn),
    readCourse: ({ directory }) => readCourse(directory, nextTurn),
    readEvidence: ({ directory }) => readEvidence(directory, nextTurn),
    seeds: ({ directory }) => readSeeds(directory),
    examples: ({ directory }) => readExamples(directory),
    exampleAnswers: ({ directory, after }) => answersAfter(directory, after),
    comparison: ({ directory }) => byTurns(summaryIn(directory), nextTurn),
    shownBatch: (request) => shownBatch(request),
    report: async (request, notify) => ({
      path: await byTurns(writeReport(request, { onDamage: (text) => notify({ type: "warning", text }) }), unlessStopped(this.#writing.signal)),
    }),
  };

  /** Whatever comes, the engine goes on: what is no call is answered if it has an id, and dropped otherwise. */
  async #answer(channel: ClientChannel, audience: Audience, message: unknown): Promise<void> {
    const { id, method, params } = Object(message) as { id?: unknown; method?: unknown; params?: unknown };
    if (typeof id !== "number") return;
    const notify = (notice: NoticeBody) => channel.post({ ...notice, id } as Notice);
    try {
      if (!isMethod(method)) throw new UsageError(`there is no method ${JSON.stringify(method)}`);
      expectAllowed(audience, method);
      channel.post({ id, ok: true, result: await this.#call(audience, method, params, notify) });
    } catch (error) {
      // This process cannot use the GPU again: it ends and reports why, and the next call starts a new engine.
      if (isDeviceLost(error)) throw error;
      channel.post({ id, ok: false, error: toFailure(error) });
    }
  }

  #call<M extends Method>(audience: Audience, method: M, params: unknown, notify: Notify): unknown {
    const handler: Handlers[M] = this.#handlers[method];
    const checked = checkedParams(method, params);
    if (audience === "page") this.#expectPermitted(method, checked);
    return handler(checked, notify);
  }

  #expectPermitted<M extends Method>(method: M, params: Methods[M]["params"]): void {
    if (!this.permits) throw new UsageError("this engine serves no pages");
    this.permits.expect(method, params);
  }
}

/** Lets other calls in, such as the one to stop, and throws if that has come. */
function unlessStopped(signal: AbortSignal): () => Promise<void> {
  return async () => {
    await nextTurn();
    if (signal.aborted) throw new Interrupted("stopped on request: nothing was written");
  };
}

function expectAllowed(audience: Audience, method: Method): void {
  if (audience === "page" && TERMINAL_ONLY.includes(method)) throw new UsageError(`${method} is for the command line: the app's page may not call it`);
  if (audience === "peer" && !PEER.includes(method)) throw new UsageError(`${method} is not for other processes: they may call ${PEER.join(", ")}`);
}

async function download(name: DownloadName, directory: string, options: Pick<DownloadOptions, "from" | "signal">, notify: Notify): Promise<{ path: string }> {
  const onProgress = ({ received, total, secondsLeft }: Received) => notify({ type: "download", received, total: total ?? 0, secondsLeft });
  const onRetry = (text: string) => notify({ type: "note", text });
  return { path: await downloadData(name, directory, { ...options, onProgress, onRetry }) };
}
