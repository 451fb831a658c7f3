/** The engine in a process of its own: what happens to it (a fault in a kernel, no memory left) never takes the window along. */
import { MessageChannelMain, type MessagePortMain, type UtilityProcess, utilityProcess } from "electron";
import type { EngineEnd } from "../contract/engine";
import { engineEnd } from "../engine-client/exit";

/** Characters of standard error that are kept to explain an exit. */
const KEPT = 4000;

/**
 * On Linux the image library's GLib and the one of Electron's GTK share their names, so that each image is followed by complaints, here
 * without consequence (github.com/lovell/sharp/issues/1449). They would push out what explains an end.
 */
const GLIB_NOISE = /\s*\(process:\d+\): GLib-GObject-CRITICAL \*\*:.*\n/g;

export class EngineProcess {
  #process: UtilityProcess | null = null;
  #listener: (end: EngineEnd) => void = () => {};

  constructor(private readonly script: string) {}

  /** Called when an engine ends that was not asked to. */
  onExit(listener: (end: EngineEnd) => void): void {
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
      errors = (errors + chunk.toString()).replace(GLIB_NOISE, "").slice(-KEPT);
    });
    child.on("exit", (code: number) => {
      if (this.#process !== child) return;
      this.#process = null;
      // Here a signal arrives as its number, like an exit code.
      this.#listener(engineEnd({ status: `exit code ${code}`, signal: code, errors }));
    });
  }
}
