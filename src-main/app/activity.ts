/** While training runs, the computer stays awake and the task bar shows the progress. */
import { type BrowserWindow, powerSaveBlocker } from "electron";
import type { Activity } from "../contract/host";

export class ActivityDisplay {
  #blocker: number | null = null;

  constructor(private readonly window: BrowserWindow) {}

  show({ state, progress }: Activity): void {
    this.#stayAwake(state === "running");
    this.window.setProgressBar(state === "idle" ? -1 : progress);
  }

  #stayAwake(wanted: boolean): void {
    if (wanted && this.#blocker === null) this.#blocker = powerSaveBlocker.start("prevent-app-suspension");
    if (!wanted && this.#blocker !== null) {
      powerSaveBlocker.stop(this.#blocker);
      this.#blocker = null;
    }
  }
}
