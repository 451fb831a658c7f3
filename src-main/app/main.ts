/** The desktop app's main process. It owns the window, the engine process and all access to the system, and computes nothing itself. */
import path from "node:path";
import { app, BrowserWindow, dialog } from "electron";
import { type PrintJob, printJobIn } from "../contract/printing";
import { OwnedEngine } from "../engine-client/owned";
import { Memory } from "../host/memory";
import { Preferences } from "../host/preferences";
import { ActivityDisplay, bringForward } from "./activity";
import { electronNotice } from "./electron-notice";
import { Ending } from "./ending";
import { startEngine } from "./engine-process";
import { HostServer } from "./host-server";
import { installMenu } from "./menu";
import { filesIn, OpenedFiles } from "./opened-files";
import { allowOnlyOurselves, reachNothing } from "./permissions";
import { printReport } from "./print-report";
import { registerAppScheme, serveApp } from "./protocol";
import { offerReload, openWindow } from "./window";

/** Keeps the settings and runs of tests, or of a portable installation, apart from the user's own. */
const home = process.env.DISTILL_HOME;
if (home) app.setPath("userData", path.join(home, "settings"));

registerAppScheme();
reachNothing();
app.on("window-all-closed", () => app.quit());

const printJob = printJobIn(process.argv);
const files = filesIn(process.argv, process.cwd());
const opened = new OpenedFiles(files);
if (printJob) {
  app.whenReady().then(() => printAlone(printJob));
  // A second instance hands over what it was asked to open, and ends.
} else if (app.requestSingleInstanceLock({ files })) {
  app.on("second-instance", (_event, _argv, _folder, other) => {
    opened.open((other as { files: string[] }).files);
    const [window] = BrowserWindow.getAllWindows();
    if (window) bringForward(window);
  });
  app.whenReady().then(start).catch(fail);
} else {
  app.quit();
}

/** For the command line, beside an app that may run. */
async function printAlone({ page, out, format }: PrintJob): Promise<void> {
  try {
    await printReport(page, out, format);
    app.exit();
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    app.exit(1);
  }
}

function start(): void {
  serveApp(path.join(__dirname, "../renderer"));
  allowOnlyOurselves();

  const notice = electronNotice();
  if (notice) console.error(notice);
  const preferences = new Preferences(path.join(app.getPath("userData"), "preferences.json"));
  const runsDirectory = path.join(home ?? path.join(app.getPath("documents"), app.name), "runs");
  const engine = new OwnedEngine(() => startEngine(path.join(__dirname, "../engine/engine.cjs"), runsDirectory));
  const window = openWindow(preferences);
  const activity = new ActivityDisplay(window);
  const ending = new Ending(window, engine);
  const memory = new Memory(preferences, engine);
  const host = new HostServer({ window, preferences, engine, activity, memory, opened, runsDirectory, notice });

  engine.onExit((exit) => host.send("engine-exit", exit));
  opened.onOpen(() => host.send("command", "opened"));
  ending.onBegin(() => host.send("ending", null));
  offerReload(window, () => ending.begin());
  installMenu({ window, runsDirectory, send: (command) => host.send("command", command) });
}

function fail(error: unknown): void {
  dialog.showErrorBox("Distill Studio could not start", error instanceof Error ? error.message : String(error));
  app.exit(1);
}
