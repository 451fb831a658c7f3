import type { LeftOutFile } from "./data-info";
import type { EngineEnd } from "./engine";
import type { ExportFormatName } from "./exports";
import type { Recipe } from "./recipe";

/**
 * What the page asks of the program around it (in the desktop app: the main process, through the preload). That side checks the caller and
 * the arguments of each call. The engine is not behind these calls: `connectEngine` hands the page a port to it.
 */
export interface HostCalls {
  environment: { args: []; result: Environment };
  /** A connection to the app's one engine, which is started if there is none. Its port arrives as a window message with the data `ENGINE_PORT`. */
  connectEngine: { args: []; result: null };
  /** The folder that the user picks; null if none. */
  chooseFolder: { args: [purpose: FolderPurpose]; result: string | null };
  chooseFile: { args: [kind: FileKind]; result: string | null };
  /**
   * Asks the user whether the hub may be asked for the model that was typed, in a dialog of the program's own; then the page may name it to the engine. The
   * answer is its path, hf:owner/name; null if the user says no. Rejects if no model is named.
   */
  allowHub: { args: [typed: string]; result: string | null };
  /** Asks the user where to write a report; null if nowhere. */
  chooseReportFile: { args: [format: ReportFormat | PrintedFormat, suggestedName: string]; result: ReportPlace | null };
  /** Asks the user where to write a model in a format: a file, or a new folder; null if nowhere. */
  chooseModelPlace: { args: [format: ExportFormatName, suggestedName: string]; result: string | null };
  /** Prints the web page that was written for the chosen file, which becomes a document or a picture by its format. */
  printReport: { args: [chosen: string]; result: null };
  /** Writes a recipe to a file that the user picks, and says to which; null if to none. */
  saveRecipe: { args: [recipe: Recipe]; result: string | null };
  /** Writes which files of the data are not used, and why, as a table (CSV) that the user picks; says to which file, null if to none. */
  saveLeftOut: { args: [files: LeftOutFile[]]; result: string | null };
  /** Opens a report in the system's default program. Only reports that the user requested or that lie in the runs folder. */
  openReport: { args: [path: string]; result: null };
  /** Shows a file or folder in the system's file manager. Same limits as `openReport`. */
  reveal: { args: [path: string]; result: null };
  /** Whether the explanation of distillation is open, from now on and at the next start. */
  setLesson: { args: [isOpen: boolean]; result: null };
  setTheme: { args: [theme: Theme]; result: null };
  /** The recipe file that the system asked the app to open, once; null if there is none. Rejects if it cannot be read. */
  takeOpened: { args: []; result: OpenedRecipe | null };
  /** A data folder was opened: it becomes the first of the recent ones, which are the answer. Only folders that the user chose. */
  rememberData: { args: [folder: string]; result: string[] };
  /** The form is there again at the next start, with what the user chose for it. */
  rememberForm: { args: [form: RememberedForm]; result: null };
  /** A run has ended. If the window is not in front, the system tells it. */
  runEnded: { args: [end: RunEnd]; result: null };
  /** Keeps the computer awake while training runs, and shows progress in the task bar. */
  setActivity: { args: [activity: Activity]; result: null };
}
export type HostCall = keyof HostCalls;

export const HOST_CALLS = [
  "environment",
  "connectEngine",
  "chooseFolder",
  "chooseFile",
  "allowHub",
  "chooseReportFile",
  "chooseModelPlace",
  "printReport",
  "saveRecipe",
  "saveLeftOut",
  "openReport",
  "reveal",
  "setLesson",
  "setTheme",
  "takeOpened",
  "rememberData",
  "rememberForm",
  "runEnded",
  "setActivity",
] as const satisfies readonly HostCall[];

/** An error thrown in one process reaches another only as text, so it travels as a value. */
export type HostAnswer = { ok: true; value: unknown } | { ok: false; message: string };

export const ENGINE_PORT = "engine-port";

/** From the preload alone: the user dropped this file or folder. The page cannot make this call; it hands over the browser's File. */
export const DROPPED = "dropped";

export type Theme = "system" | "light" | "dark";
export type FolderPurpose = "data" | "download";
export type FileKind = "image" | "weights";
/** As the engine writes them. */
export type ReportFormat = "html" | "csv" | "json";
/** Made from the web page, by the browser that is part of the app. */
export type PrintedFormat = "pdf" | "png";

export interface ReportPlace {
  /** The file that the user picked. */
  chosen: string;
  /** Where the engine writes: there, or a web page to print from. */
  written: string;
}

export interface Environment {
  versions: { app: string; electron: string; chrome: string; node: string };
  /** Of the source that this copy was packaged from; null if that is not known. */
  commit: string | null;
  platform: string;
  theme: Theme;
  /** Whether the explanation of distillation is open. */
  lesson: boolean;
  /** Where runs are kept. */
  runsDirectory: string;
  /** Host of the hub that weights are downloaded from. */
  hub: string;
  /** Data folders that were opened, the last one first. */
  recentData: string[];
  /** As it was left; null at the first start. */
  form: RememberedForm | null;
  /** What the user has to know about this copy of the app; null if nothing. */
  notice: string | null;
}

export interface Activity {
  state: "idle" | "running" | "paused";
  /** 0 ... 1 */
  progress: number;
}

export interface OpenedRecipe {
  /** Of the file. */
  name: string;
  text: string;
}

export interface RememberedForm {
  /** The preset that the form shows unchanged; null if it was changed. */
  preset: string | null;
  sweep: RememberedSweep;
  recipe: Recipe;
}

/** What is made of the recipe: one comparison, or several trainings that belong together, with their numbers as typed. */
export interface RememberedSweep {
  kind: "one" | "seeds" | "labels" | "search";
  seeds: string;
  labels: string;
  trials: string;
  batches: string;
}

export interface RunEnd {
  state: "finished" | "stopped" | "failed";
  /** Of the recipe. */
  name: string;
}

/** What the menu asks of the page. `opened`: to take the recipe that the system asked the app to open. */
export const COMMANDS = [
  "data",
  "setup",
  "live",
  "predict",
  "runs",
  "openData",
  "openImage",
  "start",
  "pause",
  "stop",
  "opened",
  "shortcuts",
  "about",
] as const;
export type Command = (typeof COMMANDS)[number];

/** What the preload puts on the page's window as `host`. A `DroppedFile` is the browser's File. */
export type Host<DroppedFile = unknown> = {
  [Name in HostCall]: (...args: HostCalls[Name]["args"]) => Promise<HostAnswer>;
} & {
  /** Path of a dropped file or folder, which the engine then takes from the page; empty if it has none (an image dragged from a web page). */
  pathForFile: (file: DroppedFile) => Promise<string>;
  /** The app ends as soon as the engine has written its checkpoint. This and the next two return a function that unsubscribes. */
  onEnding: (listener: () => void) => () => void;
  onCommand: (listener: (command: Command) => void) => () => void;
  onEngineExit: (listener: (end: EngineEnd) => void) => () => void;
};
