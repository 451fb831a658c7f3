/** How the app ends. Whoever ends it, the run under way first gets its checkpoint, however long that takes. */
import { app, type BrowserWindow, dialog, powerMonitor } from "electron";
import type { EngineProcess } from "./engine-process";

/** How long the engine may take to say whether it trains, before a person is asked. */
const PATIENCE_MS = 3000;

export class Ending {
  #isEnding = false;
  #isAsking = false;
  #listener: () => void = () => {};

  constructor(
    private readonly window: BrowserWindow,
    private readonly engine: EngineProcess,
  ) {
    // By the system or another program: without a question. Electron's own handlers for signals are in place by now, and would only close windows.
    for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const) process.on(signal, () => this.#endForSystem());
    powerMonitor.on("shutdown", (event?: Electron.Event) => this.#endInsteadOf(event));
    app.on("before-quit", (event) => this.#endInsteadOf(event));
    // Windows: the first delays the end of the session until the app is gone, the second is too late for that.
    window.on("query-session-end", (event) => this.#endInsteadOf(event));
    window.on("session-end", () => this.#endForSystem());
    // By hand.
    window.on("close", (event) => {
      event.preventDefault();
      this.#close();
    });
  }

  /** The listener is called when the engine is asked for its last checkpoint. */
  onBegin(listener: () => void): void {
    this.#listener = listener;
  }

  /** Ends the app without a question, once the engine has written its checkpoint and is gone. */
  begin(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    if (!this.window.isDestroyed()) {
      this.window.setTitle("Distill Studio: writing a checkpoint");
      this.window.setProgressBar(2);
    }
    this.#listener();
    this.engine.leave().then(() => app.exit());
  }

  #endInsteadOf(event?: Electron.Event): void {
    event?.preventDefault();
    this.#endForSystem();
  }

  /**
   * At a logout all processes of the app may be asked to end at once, those that draw among them. Electron tries to start these again, and if it
   * cannot, it crashes and takes the engine with it, unless failures have no limit. Without a window there is soon nothing to draw.
   */
  #endForSystem(): void {
    app.commandLine.appendSwitch("disable-gpu-process-crash-limit");
    this.begin();
    if (!this.window.isDestroyed()) this.window.destroy();
  }

  /** A person closes the window. */
  async #close(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const trains = await this.#trains();
    if (!this.#isEnding && (!trains || (await this.#confirms(STOP)))) this.begin();
    else if (this.#isEnding && trains && (await this.#confirms(GIVE_UP))) app.exit();
    this.#isAsking = false;
  }

  /** An engine that does not answer may be training. */
  async #trains(): Promise<boolean> {
    const silence = new Promise<true>((resolve) => setTimeout(resolve, PATIENCE_MS, true));
    return Promise.race([this.engine.isTraining(), silence]);
  }

  async #confirms({ yes, ...question }: Question): Promise<boolean> {
    const { response } = await dialog.showMessageBox(this.window, { type: "question", ...question });
    return response === yes;
  }
}

interface Question extends Electron.MessageBoxOptions {
  buttons: string[];
  /** Number of the button that ends the app. */
  yes: number;
}

const STOP: Question = {
  message: "Training has not finished.",
  detail: "It can stop here with a checkpoint. You can resume it later from the list of runs, and the result will be the same as without the break.",
  buttons: ["Stop and quit", "Keep training"],
  yes: 0,
  defaultId: 1,
  cancelId: 1,
};

const GIVE_UP: Question = {
  message: "The checkpoint is still being written.",
  detail: "The window closes by itself as soon as it is. Without it, the run loses what it has trained since its last checkpoint.",
  buttons: ["Keep waiting", "Quit without it"],
  yes: 1,
  defaultId: 0,
  cancelId: 0,
};
