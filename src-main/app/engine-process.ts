/** The engine in a process of its own. If it dies (a fault in a kernel, no memory left), the window survives; if the page dies, the run does. */
import { sep } from "node:path";
import { MessageChannelMain, type MessagePortMain, type UtilityProcess, utilityProcess } from "electron";
import type { EngineEnd } from "../contract/engine";
import { isExactOf, isHubPath } from "../contract/hub-path";
import type { Access, OwnerAnswer, OwnerMessage, OwnerRequest } from "../contract/owner";
import { engineEnvironment } from "../engine-client/environment";
import { engineEnd } from "../engine-client/exit";

/** How many characters of standard error to keep, to explain an exit. */
const KEPT = 4000;

/**
 * On Linux the GLib of the image library and that of Electron's GTK use the same symbol names, so each image triggers warnings. They are
 * harmless here (github.com/lovell/sharp/issues/1449), but would push out the lines that explain an exit.
 */
const GLIB_NOISE = /\s*\(process:\d+\): GLib-GObject-CRITICAL \*\*:.*\n/g;

/** One process for the app's life, started when it is first needed, and again after it died. */
export class EngineProcess {
  #running: Running | null = null;
  #isLeaving = false;
  #listener: (end: EngineEnd) => void = () => {};
  /** What the user chose. A new engine is told before any page can ask it. */
  readonly #grants: { path: string; access: Access }[] = [];

  constructor(
    private readonly script: string,
    private readonly runsDirectory: string,
  ) {}

  /** The listener is called when an engine ends without having been asked to. */
  onExit(listener: (end: EngineEnd) => void): void {
    this.#listener = listener;
  }

  /** A page's end of a channel to the engine. */
  async connect(): Promise<MessagePortMain> {
    if (this.#isLeaving) throw new Error("The app is ending.");
    this.#running ??= this.#start();
    const { child, ready } = this.#running;
    await ready;
    const { port1, port2 } = new MessageChannelMain();
    child.postMessage("page", [port1]);
    return port2;
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

  #start(): Running {
    const running = new Running(this.script, this.runsDirectory, this.#grants);
    running.ended.then((end) => {
      this.#running = null;
      if (!this.#isLeaving) this.#listener(end);
    });
    return running;
  }
}

/** An engine process that has not ended yet. */
class Running {
  readonly child: UtilityProcess;
  readonly ended: Promise<EngineEnd>;
  /** It knows what pages may name. */
  readonly ready: Promise<unknown>;
  /** The port of its owner: if it closes, the engine leaves. */
  readonly #owner: MessagePortMain;
  readonly #questions = new Map<number, (training: boolean) => void>();
  #lastId = 0;

  constructor(script: string, runsDirectory: string, grants: readonly { path: string; access: Access }[]) {
    this.child = utilityProcess.fork(script, [runsDirectory], {
      serviceName: "distill-engine",
      stdio: ["ignore", "ignore", "pipe"],
      env: engineEnvironment(),
    });
    const { port1, port2 } = new MessageChannelMain();
    this.#owner = port2;
    this.child.postMessage("owner", [port1]);
    port2.on("message", ({ data }) => this.#hear(data as OwnerAnswer));
    port2.start();
    this.ended = endOf(this.child);
    this.ready = Promise.all(grants.map((grant) => this.ask({ type: "grant", ...grant })));
  }

  /** Resolves with whether it trains, when it has answered; null when it is gone. */
  ask(request: OwnerRequest): Promise<boolean | null> {
    const id = ++this.#lastId;
    const answer = new Promise<boolean>((resolve) => this.#questions.set(id, resolve));
    this.#owner.postMessage({ id, ...request } satisfies OwnerMessage);
    return Promise.race([answer, this.ended.then(() => null)]);
  }

  #hear({ id, training }: OwnerAnswer): void {
    this.#questions.get(id)?.(training);
    this.#questions.delete(id);
  }
}

function endOf(child: UtilityProcess): Promise<EngineEnd> {
  let errors = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString()).replace(GLIB_NOISE, "").slice(-KEPT);
  });
  return new Promise((resolve) => {
    // Electron reports a signal by its number, like an exit code.
    child.on("exit", (code: number) => resolve(engineEnd({ status: `exit code ${code}`, signal: code, errors })));
  });
}
