/** The engine in a process of its own: what happens to it (a fault in a kernel, no memory left) never takes the window along. */
import { MessageChannelMain, type MessagePortMain, type UtilityProcess, utilityProcess } from "electron";
import type { EngineExit } from "../contract/host";
import { engineEnd } from "../engine-client/exit";

/** Characters of standard error that are kept to explain an exit. */
const KEPT = 4000;

export class EngineProcess {
  #process: UtilityProcess | null = null;
  #listener: (exit: EngineExit) => void = () => {};

  constructor(private readonly script: string) {}

  /** Called when an engine ends that was not asked to. */
  onExit(listener: (exit: EngineExit) => void): void {
    this.#listener = listener;
  }

  /** Starts a fresh engine, ending the one before, and returns the page's end of a channel to it. */
  start(): MessagePortMain {
    this.stop();
    const child = utilityProcess.fork(this.script, [], { serviceName: "distill-engine", stdio: ["ignore", "ignore", "pipe"] });
    const { port1, port2 } = new MessageChannelMain();
    child.postMessage(null, [port1]);
    this.#process = child;
    this.#watch(child);
    return port2;
  }

  stop(): void {
    this.#process?.kill();
    this.#process = null;
  }

  #watch(child: UtilityProcess): void {
    let errors = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-KEPT);
    });
    child.on("exit", (code: number) => {
      if (this.#process !== child) return;
      this.#process = null;
      // Here a signal arrives as its number, like an exit code.
      this.#listener(engineEnd({ status: `exit code ${code}`, signal: code, errors }));
    });
  }
}
