import path from "node:path";
import { BrowserWindow, dialog, nativeTheme, screen } from "electron";
import type { Preferences, Values } from "../host/preferences";
import { PAGE } from "./protocol";

const SMALLEST = { width: 880, height: 600 };
const FIRST = { width: 1280, height: 840 };
/** A remembered position counts only if at least this many pixels of the window are on a display. */
const GRIP = 100;

/** The page's own background (the renderer's token --ground), so that nothing flashes before its first frame. */
const ground = () => (nativeTheme.shouldUseDarkColors ? "#16171a" : "#f7f6f3");

/** Opens the only window where it was last time, and shows it once there is something to see. */
export function openWindow(preferences: Preferences): BrowserWindow {
  nativeTheme.themeSource = preferences.get("theme");
  const remembered = onSomeDisplay(preferences.get("window"));
  const window = new BrowserWindow({
    ...(remembered ?? FIRST),
    minWidth: SMALLEST.width,
    minHeight: SMALLEST.height,
    show: false,
    title: "Distill Studio",
    backgroundColor: ground(),
    autoHideMenuBar: true,
    webPreferences: {
      preload: path.join(__dirname, "preload.cjs"),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webSecurity: true,
      webviewTag: false,
      spellcheck: false,
      disableDialogs: true,
      disableHtmlFullscreenWindowResize: true,
      // The browser's own dialogs for files would let the page write.
      disableBlinkFeatures: "FileSystemAccess,FileSystemAccessLocal",
    },
  });
  window.once("ready-to-show", () => {
    if (remembered?.maximized) window.maximize();
    window.show();
  });
  window.on("close", () => preferences.set("window", { ...window.getNormalBounds(), maximized: window.isMaximized() }));
  nativeTheme.on("updated", () => window.setBackgroundColor(ground()));
  window.loadURL(PAGE);
  return window;
}

type WindowState = NonNullable<Values["window"]>;

function onSomeDisplay(state: WindowState | null): WindowState | null {
  const visible = ({ workArea }: Electron.Display) =>
    state !== null &&
    Math.min(state.x + state.width, workArea.x + workArea.width) - Math.max(state.x, workArea.x) >= GRIP &&
    Math.min(state.y + state.height, workArea.y + workArea.height) - Math.max(state.y, workArea.y) >= GRIP;
  return screen.getAllDisplays().some(visible) ? state : null;
}

/** Where the page crashed, a person chooses between another one and the end. */
export function offerReload(window: BrowserWindow, quit: () => void): void {
  window.webContents.on("render-process-gone", async (_event, { reason }) => {
    const { response } = await dialog.showMessageBox(window, {
      type: "error",
      message: "The window's content stopped unexpectedly.",
      detail: `Reason: ${reason}. A run under way goes on, and the window shows it again once it is reloaded.`,
      buttons: ["Reload", "Quit"],
      defaultId: 0,
    });
    if (response === 0) window.loadURL(PAGE);
    else quit();
  });
}
