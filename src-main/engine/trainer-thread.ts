/** The thread that trains. The engine's own thread answers calls meanwhile, however long a batch takes. */
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { type Failure, isDeviceLost, toFailure } from "../contract/failure";
import type { NoticeBody } from "../contract/notices";
import type { ComparisonResult, TrainResult } from "../contract/run";
import { AnswerCache } from "../training/answer-cache";
import { type Assignment, type Order, type StopFlag, Work } from "./work";

/** How an assignment ended. `deviceLost`: the process can use its GPU no more. */
export type Outcome = { ok: true; result: TrainResult | ComparisonResult } | { ok: false; failure: Failure; deviceLost: boolean };

/** Does one assignment at a time. */
export interface TrainerThread {
  train(assignment: Assignment, notify: (notice: NoticeBody) => void): Training;
}
export interface Training {
  order(order: Order): void;
  readonly outcome: Promise<Outcome>;
}

/** Trains in the thread that calls it: for tests. */
export class SameThread implements TrainerThread {
  readonly #cache = new AnswerCache();

  train(assignment: Assignment, notify: (notice: NoticeBody) => void): Training {
    const work = new Work(assignment, notify, newFlag(), this.#cache);
    return { order: (order) => work.order(order), outcome: outcomeOf(work) };
  }
}

type ToThread = { type: "train"; assignment: Assignment; stop: StopFlag } | { type: "order"; order: Order };
type FromThread = { type: "notice"; notice: NoticeBody } | { type: "outcome"; outcome: Outcome };

/** Trains in a thread of its own, which runs this process's script and lives as long as the process. */
export class OwnThread implements TrainerThread {
  #worker: Worker | null = null;

  constructor(private readonly script: string) {}

  train(assignment: Assignment, notify: (notice: NoticeBody) => void): Training {
    this.#worker ??= new Worker(this.script);
    const worker = this.#worker;
    const stop = newFlag();
    const outcome = new Promise<Outcome>((resolve) => {
      const end = (outcome: Outcome) => {
        worker.off("message", receive).off("error", fail).off("exit", exit);
        resolve(outcome);
      };
      const receive = (message: FromThread) => (message.type === "notice" ? notify(message.notice) : end(message.outcome));
      const fail = (error: unknown) => {
        this.#worker = null;
        end({ ok: false, failure: toFailure(error), deviceLost: false });
      };
      const exit = (code: number) => fail(new Error(`the thread that trains ended with exit code ${code}`));
      worker.on("message", receive).on("error", fail).on("exit", exit);
    });
    const send = (message: ToThread) => worker.postMessage(message);
    send({ type: "train", assignment, stop });
    return {
      order: (order) => {
        // The thread may be in the middle of a batch, where it hears nothing.
        if (order === "stop") Atomics.store(stop, 0, 1);
        send({ type: "order", order });
      },
      outcome,
    };
  }
}

/** What the thread itself does. */
export function workAsThread(): void {
  if (isMainThread || !parentPort) throw new Error("only the engine starts this thread");
  const port = parentPort;
  const cache = new AnswerCache();
  const send = (message: FromThread) => port.postMessage(message);
  let work: Work | null = null;
  port.on("message", async (message: ToThread) => {
    if (message.type === "order") {
      work?.order(message.order);
      return;
    }
    work = new Work(message.assignment, (notice) => send({ type: "notice", notice }), message.stop, cache);
    const outcome = await outcomeOf(work);
    work = null;
    send({ type: "outcome", outcome });
  });
}

async function outcomeOf(work: Work): Promise<Outcome> {
  try {
    return { ok: true, result: await work.run() };
  } catch (error) {
    return { ok: false, failure: toFailure(error), deviceLost: isDeviceLost(error) };
  }
}

const newFlag = (): StopFlag => new Int32Array(new SharedArrayBuffer(4));
