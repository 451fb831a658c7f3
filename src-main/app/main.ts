/** The desktop app's main process. It owns the window, the engine process and all access to the system, and computes nothing itself. */
import path from "node:path";
import { app, BrowserWindow, dialog } from "electron";
import { TrainingGuard } from "./activity";
import { EngineProcess } from "./engine-process";
import { HostServer } from "./host-server";
import { installMenu } from "./menu";
import { allowOnlyOurselves } from "./permissions";
import { Preferences } from "./preferences";
import { registerAppScheme, serveApp } from "./protocol";
import { openWindow } from "./window";

/** Keeps the settings and runs of tests, or of a portable installation, apart from the user's own. */
const home = process.env.DISTILL_HOME;
if (home) app.setPath("userData", path.join(home, "settings"));

registerAppScheme();
app.on("window-all-closed", () => app.quit());

if (app.requestSingleInstanceLock()) {
  app.on("second-instance", () => showAgain(BrowserWindow.getAllWindows()[0]));
  app.whenReady().then(start, (error) => fail(error));
} else {
  app.quit();
}

function start(): void {
  serveApp(path.join(__dirname, "../renderer"));
  allowOnlyOurselves();

  const preferences = new Preferences(path.join(app.getPath("userData"), "preferences.json"));
  const engine = new EngineProcess(path.join(__dirname, "../engine/engine.cjs"));
  const window = openWindow(preferences);
  const guard = new TrainingGuard(window);
  const runsDirectory = path.join(home ?? path.join(app.getPath("documents"), app.name), "runs");
  const host = new HostServer({ window, preferences, engine, guard, runsDirectory });

  engine.onExit((exit) => host.send("engine-exit", exit));
  guard.onQuitAsked(() => host.send("command", "quit"));
  installMenu({ window, runsDirectory, send: (command) => host.send("command", command) });
}

function showAgain(window: BrowserWindow | undefined): void {
  if (window?.isMinimized()) window.restore();
  window?.focus();
}

function fail(error: unknown): void {
  dialog.showErrorBox("Distill Studio could not start", error instanceof Error ? error.message : String(error));
  app.exit(1);
}
