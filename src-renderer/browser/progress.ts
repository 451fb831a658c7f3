/** What the task bar and the system's notifications are in the app: the title of the tab, and the browser's notifications if the user allows them. */
import type { Activity, RunEnd } from "../../src-main/contract/host";

const TITLE = "Distill Studio";
const ENDS: Record<RunEnd["state"], string> = { finished: "The run has finished", stopped: "The run has stopped", failed: "The run has failed" };

export function showActivity({ state, progress }: Activity): null {
  const percent = `${Math.round(100 * progress)} %`;
  document.title = state === "idle" ? TITLE : `${state === "paused" ? "Paused at " : ""}${percent} - ${TITLE}`;
  return null;
}

export function tellEnd({ state, name }: RunEnd): null {
  if (document.hasFocus()) return null;
  document.title = `${ENDS[state]} - ${TITLE}`;
  if ("Notification" in window && Notification.permission === "granted") {
    const notification = new Notification(ENDS[state], { body: name });
    notification.onclick = () => window.focus();
  }
  return null;
}
