/** While training runs, the computer stays awake, the task bar shows the progress, and closing the window asks for confirmation. */
import { app, type BrowserWindow, dialog, powerSaveBlocker } from "electron";
import type { Activity } from "../contract/host";

/** How long the page has to stop training with a checkpoint before the window closes anyway. */
const STOP_PATIENCE_MS = 60_000;

export class TrainingGuard {
  #activity: Activity = { state: "idle", progress: 0 };
  #blocker: number | null = null;
  #mayClose = false;
  #askToQuit: () => void = () => {};

  constructor(private readonly window: BrowserWindow) {
    window.on("close", (event) => {
      if (this.#activity.state === "idle" || this.#mayClose) return;
      event.preventDefault();
      this.#confirmClosing();
    });
  }

  onQuitAsked(listener: () => void): void {
    this.#askToQuit = listener;
  }

  set(activity: Activity): void {
    this.#activity = activity;
    this.#stayAwake(activity.state === "running");
    this.window.setProgressBar(activity.state === "idle" ? -1 : activity.progress);
  }

  quit(): void {
    this.#mayClose = true;
    app.quit();
  }

  #stayAwake(wanted: boolean): void {
    if (wanted && this.#blocker === null) this.#blocker = powerSaveBlocker.start("prevent-app-suspension");
    if (!wanted && this.#blocker !== null) {
      powerSaveBlocker.stop(this.#blocker);
      this.#blocker = null;
    }
  }

  async #confirmClosing(): Promise<void> {
    const { response } = await dialog.showMessageBox(this.window, {
      type: "question",
      message: "Training has not finished.",
      detail: "It can stop here with a checkpoint. You can resume it later from the list of runs, and the result will be the same as without the break.",
      buttons: ["Stop and quit", "Keep training"],
      defaultId: 1,
      cancelId: 1,
    });
    if (response !== 0) return;
    this.#askToQuit();
    setTimeout(() => this.quit(), STOP_PATIENCE_MS).unref();
  }
}
