/** The one engine of a program that brings pages to it. If it dies (a fault in a kernel, no memory left), the program survives; if a page dies, the run does. */
import { sep } from "node:path";
import type { EngineEnd } from "../contract/engine";
import { isExactOf, isHubPath } from "../contract/hub-path";
import type { Access, OwnerAnswer, OwnerMessage, OwnerRequest } from "../contract/owner";

/** An engine's process that has not ended yet. `Page`: a page's end of a connection to it. */
export interface OwnedProcess<Page> {
  readonly ended: Promise<EngineEnd>;
  tell(message: OwnerMessage): void;
  onAnswer(listener: (answer: OwnerAnswer) => void): void;
  connect(): Page;
  /** Ends it at once. */
  kill(): void;
}

/** One process for the program's life, started when it is first needed, and again after it died. */
export class OwnedEngine<Page> {
  #running: Running<Page> | null = null;
  #isLeaving = false;
  #hadOne = false;
  #again: () => void = () => {};
  #listener: (end: EngineEnd) => void = () => {};
  /** What the user chose. A new engine is told before any page can ask it. */
  readonly #grants: { path: string; access: Access }[] = [];

  constructor(private readonly begin: () => OwnedProcess<Page>) {}

  /** The listener is called when an engine ends without having been asked to. */
  onExit(listener: (end: EngineEnd) => void): void {
    this.#listener = listener;
  }

  /** The listener is called when an engine is started in place of one that ended. */
  onAgain(listener: () => void): void {
    this.#again = listener;
  }

  async connect(): Promise<Page> {
    if (this.#isLeaving) throw new Error("The program is ending.");
    this.#running ??= this.#start();
    const { process, ready } = this.#running;
    await ready;
    return process.connect();
  }

  /** Resolves once the engine knows that pages may name this path. */
  async grant(path: string, access: Access): Promise<void> {
    this.#grants.push({ path, access });
    await this.#running?.ask({ type: "grant", path, access });
  }

  /** Whether the user chose this path, or a folder that it is in; of the hub, this model or a file of it. */
  isChosen(file: string): boolean {
    return this.#grants.some(({ path }) => file === path || file.startsWith(path + sep) || (isHubPath(path) && isExactOf(file, path)));
  }

  /** Whether the engine trains. Resolves when it answers. */
  async isTraining(): Promise<boolean> {
    return (await this.#running?.ask({ type: "training" })) ?? false;
  }

  /** Asks the engine to write a checkpoint of the run under way and to end. Resolves when it is gone. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    await this.#running?.ask({ type: "leave" });
  }

  /** Ends the engine at once, without a checkpoint. */
  kill(): void {
    this.#isLeaving = true;
    this.#running?.process.kill();
  }

  #start(): Running<Page> {
    const running = new Running(this.begin(), this.#grants);
    if (this.#hadOne) this.#again();
    this.#hadOne = true;
    running.process.ended.then((end) => {
      this.#running = null;
      if (!this.#isLeaving) this.#listener(end);
    });
    return running;
  }
}

/** An engine that has not ended yet, and the questions that it has not answered. */
class Running<Page> {
  /** It knows what pages may name. */
  readonly ready: Promise<unknown>;
  readonly #questions = new Map<number, (training: boolean) => void>();
  #lastId = 0;

  constructor(
    readonly process: OwnedProcess<Page>,
    grants: readonly { path: string; access: Access }[],
  ) {
    process.onAnswer(({ id, training }) => {
      this.#questions.get(id)?.(training);
      this.#questions.delete(id);
    });
    this.ready = Promise.all(grants.map((grant) => this.ask({ type: "grant", ...grant })));
  }

  /** Resolves with whether it trains, when it has answered; null when it is gone. */
  ask(request: OwnerRequest): Promise<boolean | null> {
    const id = ++this.#lastId;
    const answer = new Promise<boolean>((resolve) => this.#questions.set(id, resolve));
    this.process.tell({ id, ...request });
    return Promise.race([answer, this.process.ended.then(() => null)]);
  }
}
