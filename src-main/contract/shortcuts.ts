/** Every key that the app gives a meaning to: the menu is built from this list, and the page shows it. Inside charts and lists, arrows and Escape do what they do everywhere. */
import type { Command } from "./host";

export interface Shortcut {
  /** As Electron writes accelerators; CmdOrCtrl is Command on macOS. */
  keys: string;
  words: string;
}

/** What the menu asks of the page, by the same names. */
export const commandKeys = {
  openData: { keys: "CmdOrCtrl+O", words: "Open a data folder" },
  openImage: { keys: "CmdOrCtrl+I", words: "Open an image to predict" },
  start: { keys: "CmdOrCtrl+Return", words: "Start training" },
  pause: { keys: "CmdOrCtrl+Shift+P", words: "Pause the run, or continue it" },
  stop: { keys: "CmdOrCtrl+Shift+S", words: "Stop the run with a checkpoint" },
  data: { keys: "CmdOrCtrl+1", words: "Show Data" },
  setup: { keys: "CmdOrCtrl+2", words: "Show Set up" },
  live: { keys: "CmdOrCtrl+3", words: "Show Live run" },
  predict: { keys: "CmdOrCtrl+4", words: "Show Predict" },
  runs: { keys: "CmdOrCtrl+5", words: "Show Runs" },
  shortcuts: { keys: "F1", words: "Show this list" },
} as const satisfies { [Name in Command]?: Shortcut };

/** What the menu does by itself. */
export const windowKeys = {
  zoomIn: { keys: "CmdOrCtrl+Plus", words: "Larger" },
  zoomOut: { keys: "CmdOrCtrl+-", words: "Smaller" },
  resetZoom: { keys: "CmdOrCtrl+0", words: "Normal size" },
  togglefullscreen: { keys: "F11", words: "Whole screen, or not" },
  quit: { keys: "CmdOrCtrl+Q", words: "Quit; a run under way can stop with a checkpoint" },
} as const satisfies Record<string, Shortcut>;

/** What the page listens to. */
export const pageKeys = {
  shortcuts: { keys: "?", words: "Keyboard shortcuts (when no text field has the focus)" },
  close: { keys: "Escape", words: "Close a menu, or a window over the page" },
} as const satisfies Record<string, Shortcut>;

const { shortcuts: list, start, pause, stop, openData, openImage, ...screens } = commandKeys;

export const shortcutGroups: readonly { title: string; shortcuts: readonly Shortcut[] }[] = [
  { title: "Screens", shortcuts: Object.values(screens) },
  { title: "Training", shortcuts: [start, pause, stop] },
  { title: "Files", shortcuts: [openData, openImage] },
  { title: "Window", shortcuts: [...Object.values(windowKeys), pageKeys.close] },
  { title: "Help", shortcuts: [list, pageKeys.shortcuts] },
];

/** What a browser leaves to the page. The others it has uses of its own for: to change tabs, to open a private window, to print. */
export const BROWSER_COMMANDS = ["openData", "openImage", "start", "stop", "shortcuts"] as const satisfies readonly (keyof typeof commandKeys)[];

const inBrowser: readonly Shortcut[] = [...BROWSER_COMMANDS.map((command) => commandKeys[command]), ...Object.values(pageKeys)];

/** The same, in a browser. */
export const browserShortcutGroups: typeof shortcutGroups = shortcutGroups
  .map(({ title, shortcuts }) => ({ title, shortcuts: shortcuts.filter((shortcut) => inBrowser.includes(shortcut)) }))
  .filter(({ shortcuts }) => shortcuts.length > 0);

const WORDS: Record<string, string> = { Return: "Enter", Plus: "+", "-": "−" };
const ON_MACOS: Record<string, string> = { CmdOrCtrl: "⌘", Shift: "⇧", Return: "↩" };

/** "CmdOrCtrl+Return" -> ["Ctrl", "Enter"]; on macOS ["⌘", "↩"]. */
export function keysInWords(keys: string, platform: string): string[] {
  const parts = keys.split("+").map((part) => (platform === "darwin" ? (ON_MACOS[part] ?? part) : part === "CmdOrCtrl" ? "Ctrl" : part));
  return parts.map((part) => WORDS[part] ?? part);
}
