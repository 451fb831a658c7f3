/** While training runs, the computer stays awake and the task bar shows the progress. When a run ends behind other windows, the system says so. */
import { type BrowserWindow, Notification, powerSaveBlocker } from "electron";
import type { Activity, RunEnd } from "../contract/host";

const ENDS: Record<RunEnd["state"], string> = { finished: "The run has finished", stopped: "The run has stopped", failed: "The run has failed" };

export class ActivityDisplay {
  #blocker: number | null = null;
  /** Kept, or a click on it would be lost. */
  #notification: Notification | null = null;

  constructor(private readonly window: BrowserWindow) {
    window.on("focus", () => window.flashFrame(false));
  }

  show({ state, progress }: Activity): void {
    this.#stayAwake(state === "running");
    this.window.setProgressBar(state === "idle" ? -1 : progress, { mode: state === "paused" ? "paused" : "normal" });
  }

  tellEnd({ state, name }: RunEnd): void {
    if (this.window.isFocused()) return;
    this.window.flashFrame(true);
    if (!Notification.isSupported()) return;
    this.#notification = new Notification({ title: ENDS[state], body: name });
    this.#notification.on("click", () => bringForward(this.window));
    this.#notification.show();
  }

  #stayAwake(wanted: boolean): void {
    if (wanted && this.#blocker === null) this.#blocker = powerSaveBlocker.start("prevent-app-suspension");
    if (!wanted && this.#blocker !== null) {
      powerSaveBlocker.stop(this.#blocker);
      this.#blocker = null;
    }
  }
}

export function bringForward(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}
