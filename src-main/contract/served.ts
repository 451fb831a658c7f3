/**
 * What a page in a browser and `distill serve` say to each other, over one WebSocket. Calls to the engine pass through as they are; the others are
 * answered by the server. Both sides pack messages as engine-client/packed.ts does.
 */
import type { Answer, EngineEnd } from "./engine";
import type { ExportFormatName } from "./exports";
import type { FolderPurpose, HostAnswer, HostCalls, ReportFormat } from "./host";
import type { Notice } from "./notices";

/** Where the connection is. */
export const SOCKET_PATH = "/socket";
/** Its protocol; the page's key follows as a second one, as a browser lets a page send no other header. */
export const SOCKET_PROTOCOL = "distill-studio";
/** Whether a browser is signed in is asked, and it signs in and out, here. */
export const SESSION_PATH = "/session";
/** The page that does so, with the token after "#token=", whoever asks for it. */
export const SIGN_IN_PATH = "/sign-in";
/** The same page, for a browser that has just signed out. */
export const SIGNED_OUT_HASH = "#signed-out";
/** Why nobody is signed in, in words. */
export const WRONG_TOKEN =
  "That is not the token of this server. It makes a new one at each start, unless it was given one: copy the line that it printed last.";
export const NO_ANSWER = "The server does not answer. Is it still running?";
/** The header of such a question, with the page's key. */
export const KEY_HEADER = "distill-key";
/** Where the page keeps its key, in the storage of its origin. */
export const KEY_ITEM = "distill-key";

/** How often each side hears of the other at least, in milliseconds. */
export const SIGN_OF_LIFE_MS = 10_000;

/** Largest message from a page, in bytes: images to predict, from the user's own computer. */
export const MOST_BYTES = 64 << 20;

export type FromPage = { type: "call"; id: number; name: ServerCall; args: unknown[] } | { type: "engine"; call: unknown };

export type FromServer =
  | { type: "answer"; id: number; answer: HostAnswer }
  | { type: "engine"; message: Answer | Notice }
  | { type: "engineEnded"; end: EngineEnd }
  /** In place of one that ended, as a window asked for. */
  | { type: "engineStarted" }
  /** Comes every SIGN_OF_LIFE_MS. */
  | { type: "alive" }
  /** Another window has started a run. */
  | { type: "runStarted" }
  /** The server ends as soon as the engine has written its checkpoint. */
  | { type: "ending" }
  /** A window of this browser has signed out, and this one is closed. */
  | { type: "signedOut" };

type SharedCalls = { [Name in "environment" | "connectEngine" | "allowHub" | "setLesson" | "setTheme" | "rememberData" | "rememberForm"]: HostCalls[Name] };

/** What is picked on the server: for what, and so what fits. */
export type Wanted = { kind: "folder"; purpose: FolderPurpose } | { kind: "file"; of: "image" | "weights" } | { kind: "model"; format: ExportFormatName };

export interface ServerCalls extends SharedCalls {
  /** The folders that may be picked from, and the one in which something of this kind was picked last. */
  places: { args: [wanted: Wanted]; result: Places };
  /** What is in a folder, at or below one of those. `part`: of the names, in any case; "" for all. */
  listFolder: { args: [folder: string, wanted: Wanted, part: string]; result: Listing };
  /**
   * The user picked this: the engine takes it from pages from now on. Returns the path as the engine is to be told it; null where a file is there that a model
   * would replace, and the user has not said that it may.
   */
  picked: { args: [path: string, wanted: Wanted, replaces: boolean]; result: string | null };
  /** A new file for a report, in a folder of the server's own, from where `linkTo` delivers it. */
  reportFile: { args: [format: ReportFormat, suggestedName: string]; result: string };
  /**
   * The address at which a browser that is signed in gets this: a run or report in the runs folder, or a report or model that the user had written. A folder
   * comes as a zip archive.
   */
  linkTo: { args: [path: string]; result: string };
}
export type ServerCall = keyof ServerCalls;

export const SERVER_CALLS = [
  "environment",
  "connectEngine",
  "allowHub",
  "setLesson",
  "setTheme",
  "rememberData",
  "rememberForm",
  "places",
  "listFolder",
  "picked",
  "reportFile",
  "linkTo",
] as const satisfies readonly ServerCall[];

export interface Places {
  roots: string[];
  /** At or below one of them. */
  start: string;
}

export interface Listing {
  path: string;
  /** Folders first, by name. */
  entries: Entry[];
  /** How many of the folder's are not shown. */
  left: {
    /** Their names begin with a dot. */
    hidden: number;
    /** Files of other kinds. */
    unfit: number;
    /** Links that lead out of the roots, or nowhere. */
    outside: number;
    /** Their names are not UTF-8, so that no path in a text names them. */
    nameless: number;
  };
  /** More than are shown, as the folder has too many. */
  more: number;
}

export interface Entry {
  name: string;
  isFolder: boolean;
  /** 0 of a folder */
  bytes: number;
  /** Milliseconds since 1970. */
  changed: number;
}
