/** Answers the page's host calls. Checks the sender first, then the arguments: the page shows files from others, so it is not trusted. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { app, type BrowserWindow, dialog, type IpcMainInvokeEvent, ipcMain, nativeTheme, shell } from "electron";
import { leftOutTable } from "../contract/csv";
import type { EngineEnd } from "../contract/engine";
import { exportFormatNamed } from "../contract/exports";
import {
  type Command,
  DROPPED,
  ENGINE_PORT,
  HOST_CALLS,
  type HostAnswer,
  type HostCall,
  type HostCalls,
  type PrintedFormat,
  type ReportFormat,
} from "../contract/host";
import { HUB, hostOf, hubEndpoint, typedHubPath } from "../contract/hub-path";
import type { Access } from "../contract/owner";
import { parseRecipe } from "../contract/parse-recipe";
import { isWithin } from "../disk/within";
import { argumentsOf, checked, filePath, isPrinted, reportFormat } from "../host/arguments";
import { commitIn } from "../host/commit";
import type { Memory } from "../host/memory";
import type { Preferences } from "../host/preferences";
import type { ActivityDisplay } from "./activity";
import type { EngineProcess } from "./engine-process";
import type { OpenedFiles } from "./opened-files";
import { printReport } from "./print-report";
import { isOurPage } from "./protocol";

const RECIPES = { name: "Recipes", extensions: ["distill", "json"] };
const TABLES = { name: "Tables", extensions: ["csv"] };

type Handlers = { [Name in HostCall]: (...args: HostCalls[Name]["args"]) => HostCalls[Name]["result"] | Promise<HostCalls[Name]["result"]> };

interface Parts {
  window: BrowserWindow;
  preferences: Preferences;
  engine: EngineProcess;
  activity: ActivityDisplay;
  memory: Memory;
  opened: OpenedFiles;
  runsDirectory: string;
  notice: string | null;
}

interface Events {
  command: Command;
  "engine-exit": EngineEnd;
  ending: null;
}

export class HostServer {
  /** Reports and models outside the runs folder that the user asked for. */
  readonly #exports = new Set<string>();
  /** The web pages that reports are printed from, by the files that they become. */
  readonly #pages = new Map<string, { page: string; format: PrintedFormat }>();

  #isAskingForHub = false;

  constructor(private readonly parts: Parts) {
    for (const name of HOST_CALLS) ipcMain.handle(name, (event, ...args) => this.#answer(name, event, args));
    ipcMain.handle(DROPPED, async (event, file: unknown) => {
      this.#checkSender(event);
      await this.parts.engine.grant(filePath.parse(file), "read");
    });
  }

  send<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    if (!this.parts.window.isDestroyed()) this.parts.window.webContents.send(name, value);
  }

  async #answer(name: HostCall, event: IpcMainInvokeEvent, args: unknown[]): Promise<HostAnswer> {
    try {
      this.#checkSender(event);
      const handler = this.#handlers[name] as (...args: unknown[]) => unknown;
      return { ok: true, value: await handler(...checked(name, argumentsOf[name], args)) };
    } catch (error) {
      return { ok: false, message: error instanceof Error ? error.message : String(error) };
    }
  }

  #checkSender({ senderFrame }: IpcMainInvokeEvent): void {
    const { webContents } = this.parts.window;
    if (!senderFrame || senderFrame !== webContents.mainFrame || !isOurPage(senderFrame.url)) throw new Error("Only the app's own page may make this call.");
  }

  readonly #handlers: Handlers = {
    environment: () => ({
      versions: { app: app.getVersion(), electron: process.versions.electron ?? "", chrome: process.versions.chrome ?? "", node: process.versions.node },
      commit: commitIn(app.getAppPath()),
      platform: process.platform,
      theme: this.parts.preferences.get("theme"),
      lesson: this.parts.preferences.get("lesson"),
      runsDirectory: this.parts.runsDirectory,
      hub: hostOf(hubEndpoint(process.env)),
      recentData: this.parts.memory.recentData,
      form: this.parts.memory.form,
      notice: this.parts.notice,
    }),

    connectEngine: async () => {
      this.parts.window.webContents.postMessage(ENGINE_PORT, null, [await this.parts.engine.connect()]);
      return null;
    },

    chooseFolder: async (purpose) => {
      const title = purpose === "data" ? "Choose the folder of a data set" : "Choose where the download goes";
      const { filePaths } = await dialog.showOpenDialog(this.parts.window, {
        title,
        ...this.#lastFolder(purpose),
        properties: ["openDirectory", "createDirectory"],
      });
      return this.#take(purpose, filePaths[0], purpose === "data" ? "read" : "write", (folder) => folder);
    },

    chooseFile: async (kind) => {
      const filters =
        kind === "image"
          ? [{ name: "Images", extensions: ["png", "jpg", "jpeg", "webp"] }]
          : [
              { name: "Weights", extensions: ["safetensors", "onnx", "pth", "pt", "bin", "tar", "ckpt"] },
              { name: "All files", extensions: ["*"] },
            ];
      const { filePaths } = await dialog.showOpenDialog(this.parts.window, { ...this.#lastFolder(kind), filters, properties: ["openFile"] });
      return this.#take(kind, filePaths[0], "read", path.dirname);
    },

    allowHub: async (typed) => {
      const endpoint = hubEndpoint(process.env);
      const model = typedHubPath(typed, endpoint);
      if (this.#isAskingForHub) throw new Error("Another question about the hub is open: answer it first.");
      this.#isAskingForHub = true;
      try {
        const { response } = await dialog.showMessageBox(this.parts.window, hubQuestion(model, hostOf(endpoint)));
        if (response !== 0) return null;
      } finally {
        this.#isAskingForHub = false;
      }
      await this.parts.engine.grant(model, "read");
      return model;
    },

    chooseReportFile: async (format, suggestedName) => {
      const filters = [{ name: REPORT_NAMES[format], extensions: [format] }];
      const defaultPath = this.#placeFor("report", `${path.basename(suggestedName)}.${format}`);
      const { filePath: chosen } = await dialog.showSaveDialog(this.parts.window, { title: "Save report", defaultPath, filters });
      if (!chosen) return null;
      this.#rememberFolder("report", path.dirname(chosen));
      this.#exports.add(path.resolve(chosen));
      const written = isPrinted(format) ? path.join(mkdtempSync(path.join(app.getPath("temp"), "distill-report-")), "report.html") : chosen;
      if (isPrinted(format)) this.#pages.set(chosen, { page: written, format });
      await this.parts.engine.grant(written, "write");
      return { chosen, written };
    },

    chooseModelPlace: async (format, suggestedName) => {
      const { ending, label } = exportFormatNamed(format);
      const defaultPath = this.#placeFor("model", `${path.basename(suggestedName)}${ending ?? ""}`);
      const filters = ending === null ? [] : [{ name: label, extensions: [ending.slice(1)] }];
      const title = ending === null ? "Name the new folder of the model" : "Save model";
      const { filePath: named } = await dialog.showSaveDialog(this.parts.window, { title, defaultPath, filters });
      if (!named) return null;
      this.#rememberFolder("model", path.dirname(named));
      // Not every system adds the ending.
      const chosen = named.toLowerCase().endsWith(ending ?? "") ? named : `${named}${ending}`;
      // The dialog has asked about the name alone.
      if (chosen !== named && existsSync(chosen)) throw new Error(`${chosen} already exists: choose another name, or that one with its ending.`);
      this.#exports.add(path.resolve(chosen));
      await this.parts.engine.grant(chosen, "write");
      return chosen;
    },

    printReport: async (chosen) => {
      const printed = this.#pages.get(chosen);
      if (!printed) throw new Error(`${chosen} is not a file that you chose for a PDF or a picture.`);
      try {
        await printReport(printed.page, chosen, printed.format);
      } finally {
        this.#pages.delete(chosen);
        rmSync(path.dirname(printed.page), { recursive: true, force: true });
      }
      return null;
    },

    saveRecipe: (given) => {
      const recipe = parseRecipe(given);
      const name = path.basename(recipe.name).replace(/[^\p{L}\p{N} _.-]/gu, "-");
      return this.#save("Export recipe", `${name}.distill`, RECIPES, `${JSON.stringify(recipe, null, 2)}\n`);
    },

    saveLeftOut: (files) => this.#save("Save the list of what is left out", "left-out.csv", TABLES, leftOutTable(files)),

    openReport: async (file) => {
      this.#expectOurs(file);
      if (!reportFormat.safeParse(path.extname(file).slice(1)).success) throw new Error(`${file} is not a report (expected .html, .pdf, .png, .csv or .json).`);
      const problem = await shell.openPath(file);
      if (problem) throw new Error(`${file} could not be opened: ${problem}`);
      return null;
    },

    reveal: (file) => {
      this.#expectOurs(file);
      shell.showItemInFolder(file);
      return null;
    },

    setLesson: (isOpen) => {
      this.parts.preferences.set("lesson", isOpen);
      return null;
    },

    setTheme: (theme) => {
      this.parts.preferences.set("theme", theme);
      nativeTheme.themeSource = theme;
      return null;
    },

    takeOpened: () => this.parts.opened.take(),

    rememberData: (folder) => this.parts.memory.rememberData(folder),

    rememberForm: (form) => {
      this.parts.memory.rememberForm(form);
      return null;
    },

    runEnded: (end) => {
      this.parts.activity.tellEnd(end);
      return null;
    },

    setActivity: (activity) => {
      this.parts.activity.show(activity);
      return null;
    },
  };

  /** Writes a text to the file that the user picks; null if none. */
  async #save(title: string, name: string, kind: typeof RECIPES, text: string): Promise<string | null> {
    const defaultPath = this.#placeFor(kind.name, name);
    const { filePath: chosen } = await dialog.showSaveDialog(this.parts.window, { title, defaultPath, filters: [kind] });
    if (!chosen) return null;
    this.#rememberFolder(kind.name, path.dirname(chosen));
    writeFileSync(chosen, text);
    return chosen;
  }

  /** Where something of this purpose was chosen last: images lie elsewhere than reports. */
  #lastFolder(purpose: string): { defaultPath?: string } {
    const folder = this.parts.preferences.get("lastFolders")[purpose];
    return folder ? { defaultPath: folder } : {};
  }

  /** Where a dialog suggests to save a file. */
  #placeFor(purpose: string, name: string): string {
    return path.join(this.#lastFolder(purpose).defaultPath ?? app.getPath("documents"), name);
  }

  #rememberFolder(purpose: string, folder: string): void {
    this.parts.preferences.set("lastFolders", { ...this.parts.preferences.get("lastFolders"), [purpose]: folder });
  }

  /** What the user picked, if anything; from now on the page may name it to the engine. */
  async #take(purpose: string, chosen: string | undefined, access: Access, folderOf: (chosen: string) => string): Promise<string | null> {
    if (!chosen) return null;
    this.#rememberFolder(purpose, folderOf(chosen));
    await this.parts.engine.grant(chosen, access);
    return chosen;
  }

  #expectOurs(file: string): void {
    if (!isWithin(file, this.parts.runsDirectory) && !this.#exports.has(path.resolve(file)))
      throw new Error(`${file} is neither in the runs folder nor a file that you chose.`);
  }
}

function hubQuestion(model: string, host: string) {
  return {
    type: "question" as const,
    title: "Download from the hub",
    message: `Ask ${host} for ${model.slice(HUB.length)}?`,
    detail:
      "The app sends this name to that server, and your Hugging Face token if this computer has one. It downloads the model's weights into the folder that " +
      "Python's huggingface_hub uses. Nothing else is sent.",
    buttons: ["Download", "Cancel"],
    defaultId: 0,
    cancelId: 1,
    noLink: true,
  };
}

const REPORT_NAMES: Record<ReportFormat | PrintedFormat, string> = { html: "Web page", pdf: "PDF", png: "Picture", csv: "Table", json: "Data" };
