import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import type { Answer, Method } from "../../src-main/contract/engine";
import type { Notice } from "../../src-main/contract/notices";
import type { TrainResult } from "../../src-main/contract/run";

const SCRIPT = path.resolve(__dirname, "../../out/engine/engine.cjs");

/** The engine as its own process, used as by any parent. */
export class EngineProcess {
  readonly child: ChildProcess = fork(SCRIPT, [], { serialization: "advanced", stdio: ["ignore", "inherit", "pipe", "ipc"] });
  errors = "";
  readonly #answers = new Map<number, (answer: Answer) => void>();
  #lastId = 0;
  onNotice: (notice: Notice) => void = () => {};

  constructor() {
    this.child.stderr!.on("data", (chunk) => {
      this.errors += chunk;
    });
    this.child.on("message", (message: Answer | Notice) => {
      if ("type" in message) this.onNotice(message);
      else this.#answers.get(message.id)!(message);
    });
  }

  ask(method: Method, params: unknown): Promise<Answer> {
    const id = ++this.#lastId;
    this.child.send({ id, method, params });
    return new Promise((resolve) => this.#answers.set(id, resolve));
  }

  /** Starts a run and follows it to its end. */
  async train(request: object): Promise<TrainResult> {
    const { run } = await this.result<{ run: string }>("start", request);
    return this.result("watch", { run, from: 0 });
  }

  async result<T>(method: Method, params: unknown): Promise<T> {
    const answer = await this.ask(method, params);
    if (!answer.ok) throw new Error(answer.error.message);
    return answer.result as T;
  }

  /** Acts when the record of this epoch and batch has arrived. */
  at(epoch: number, iter: number, act: () => void): void {
    this.onNotice = (notice) => {
      if (notice.type === "batches" && notice.records.some((record) => record.epoch === epoch && record.iter >= iter)) act();
    };
  }

  /** Exit code, or the signal that ended it. */
  async end(): Promise<number | string> {
    const [code, signal] = await once(this.child, "exit");
    return signal ?? code;
  }
}
