import { setImmediate as nextTurn } from "node:timers/promises";
import packageJson from "../../package.json";
import { useDevice } from "../backend/device";
import { bench } from "../bench/bench";
import { type Method, type Methods, type Notice, PROTOCOL } from "../contract/engine";
import { isDeviceLost, toFailure, UsageError } from "../contract/failure";
import { modelInfos } from "../contract/families";
import { parseRecipe } from "../contract/parse-recipe";
import { dataInfo } from "../data/data-info";
import { CIFAR10, downloadCifar10 } from "../data/download";
import { exportWeights } from "../models/weights";
import { listRuns, readRun } from "../runs/reader";
import { writeReport } from "../runs/report";
import { backend } from "../tensor/tensor";
import { AnswerCache } from "../training/answer-cache";
import type { ClientChannel } from "./channel";
import { doctor } from "./doctor";
import { Job } from "./job";
import type { NoticeBody } from "./notices";
import { checkedParams, isMethod } from "./params";
import { evaluateOnData, predict } from "./predict";
import { compare, type TrainCall, trainOne } from "./train-call";

type Handlers = { [M in Method]: (params: Methods[M]["params"], notify: (notice: NoticeBody) => void) => Methods[M]["result"] | Promise<Methods[M]["result"]> };

/** Answers the calls that arrive over a channel: one training call at a time, and other calls between its batches. */
export class Engine {
  #training: { job: Job; ended: Promise<unknown> } | null = null;
  readonly #cache = new AnswerCache();

  constructor(private readonly channel: ClientChannel) {
    channel.onMessage((message) => void this.#answer(message));
  }

  /** Stops a training call with a checkpoint; resolves when nothing runs. */
  async stop(): Promise<void> {
    this.#training?.job.stop();
    await this.#training?.ended;
  }

  readonly #handlers: Handlers = {
    hello: () => ({ protocol: PROTOCOL, version: packageJson.version }),
    doctor: () => doctor(),
    models: () => [...modelInfos],
    dataInfo: ({ path, format, thumbnailsPerClass }) => dataInfo(path, format, thumbnailsPerClass),
    dataDownload: async ({ directory, url }, notify) => {
      const onProgress = (received: number, total: number) => notify({ type: "download", received, total });
      return { path: await downloadCifar10(directory, { archive: { ...CIFAR10, ...(url && { url }) }, onProgress }) };
    },
    train: (params, notify) => this.#train(trainOne, params, notify),
    compare: (params, notify) => this.#train(compare, params, notify),
    control: ({ action }) => {
      const job = this.#training?.job;
      job?.[action]();
      return { state: job?.state ?? "idle" };
    },
    predict: (request, notify) => this.#urgently(predict(request, notify)),
    evaluate: (request, notify) => evaluateOnData(request, nextTurn, notify),
    exportWeights: (request) => exportWeights(request),
    bench: (request, notify) => {
      if (this.#training) throw new UsageError("a run is training and would distort the measurement: wait until it ends or stop it first");
      backend().useCpu();
      return bench(request, notify);
    },
    listRuns: ({ directory }) => listRuns(directory),
    readRun: ({ directory }) => readRun(directory),
    report: (request) => ({ path: writeReport(request) }),
  };

  async #answer(message: unknown): Promise<void> {
    const { id, method, params } = Object(message) as { id?: unknown; method?: unknown; params?: unknown };
    if (typeof id !== "number") throw new Error(`a message without the id of a call: ${JSON.stringify(message)}`);
    const notify = (notice: NoticeBody) => this.channel.post({ ...notice, id } as Notice);
    try {
      if (!isMethod(method)) throw new UsageError(`there is no method ${JSON.stringify(method)}`);
      this.channel.post({ id, ok: true, result: await this.#call(method, params, notify) });
    } catch (error) {
      // This process cannot use the GPU again: it ends and reports why, and the next call starts a new engine.
      if (isDeviceLost(error)) throw error;
      this.channel.post({ id, ok: false, error: toFailure(error) });
    }
  }

  #call<M extends Method>(method: M, params: unknown, notify: (notice: NoticeBody) => void): unknown {
    const handler: Handlers[M] = this.#handlers[method];
    return handler(checkedParams(method, params), notify);
  }

  async #train<R>(train: (call: TrainCall) => Promise<R>, params: Methods["train"]["params"], notify: TrainCall["notify"]): Promise<R> {
    if (this.#training) throw new UsageError("a run is training: wait until it ends or stop it first; only one runs at a time");
    const recipe = parseRecipe(params.recipe);
    useDevice(backend(), recipe.device);
    const job = new Job();
    const result = train({ ...params, recipe, job, cache: this.#cache, notify });
    this.#training = { job, ended: result.catch(() => {}) };
    try {
      return await result;
    } finally {
      this.#training = null;
    }
  }

  /** Training pauses until this is done. */
  #urgently<R>(call: Promise<R>): Promise<R> {
    this.#training?.job.giveWayTo(call);
    return call;
  }
}
