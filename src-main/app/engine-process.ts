/** The engine in a process of its own. If it dies (a fault in a kernel, no memory left), the window survives. */
import { MessageChannelMain, type MessagePortMain, type UtilityProcess, utilityProcess } from "electron";
import type { EngineEnd } from "../contract/engine";
import { engineEnd } from "../engine-client/exit";

/** How many characters of standard error to keep, to explain an exit. */
const KEPT = 4000;

/**
 * On Linux the GLib of the image library and that of Electron's GTK use the same symbol names, so each image triggers warnings. They are
 * harmless here (github.com/lovell/sharp/issues/1449), but would push out the lines that explain an exit.
 */
const GLIB_NOISE = /\s*\(process:\d+\): GLib-GObject-CRITICAL \*\*:.*\n/g;

export class EngineProcess {
  #process: UtilityProcess | null = null;
  #listener: (end: EngineEnd) => void = () => {};

  constructor(private readonly script: string) {}

  /** The listener is called when an engine ends without having been asked to. */
  onExit(listener: (end: EngineEnd) => void): void {
    this.#listener = listener;
  }

  /** Ends the current engine, starts a fresh one, and returns the page's end of a channel to it. */
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
      errors = (errors + chunk.toString()).replace(GLIB_NOISE, "").slice(-KEPT);
    });
    child.on("exit", (code: number) => {
      if (this.#process !== child) return;
      this.#process = null;
      // Electron reports a signal by its number, like an exit code.
      this.#listener(engineEnd({ status: `exit code ${code}`, signal: code, errors }));
    });
  }
}
