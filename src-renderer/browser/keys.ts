/** The keys of the app's menu, as far as browsers leave them to a page. */
import type { Command } from "../../src-main/contract/host";
import { BROWSER_COMMANDS, commandKeys } from "../../src-main/contract/shortcuts";

/** Of the computer that the browser runs on, as Node calls it. */
export const platform = /^(Mac|iP)/.test(navigator.platform) ? "darwin" : "other";

const NAMES: Record<string, string> = { Return: "enter" };

/** Calls the listener with each command whose keys are pressed. Returns a function that unsubscribes it. */
export function listenToKeys(listener: (command: Command) => void): () => void {
  const press = (event: KeyboardEvent) => {
    const command = BROWSER_COMMANDS.find((each) => isPressed(commandKeys[each].keys, event));
    if (!command) return;
    event.preventDefault();
    // Held down, a key is one press.
    if (!event.repeat) listener(command);
  };
  document.addEventListener("keydown", press);
  return () => document.removeEventListener("keydown", press);
}

/** `keys`: as Electron writes them. */
function isPressed(keys: string, { key, shiftKey, altKey, ctrlKey, metaKey }: KeyboardEvent): boolean {
  const parts = keys.split("+");
  const main = parts.at(-1)!;
  const [wanted, other] = platform === "darwin" ? [metaKey, ctrlKey] : [ctrlKey, metaKey];
  return (
    key.toLowerCase() === (NAMES[main] ?? main.toLowerCase()) &&
    wanted === parts.includes("CmdOrCtrl") &&
    shiftKey === parts.includes("Shift") &&
    !other &&
    !altKey
  );
}
