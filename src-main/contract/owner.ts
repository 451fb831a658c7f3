/**
 * What the app's main process, or the server, tells the engine that it owns, over a connection that no page has. The engine answers each message
 * with its id once it is done. Closing the connection asks it to leave as well.
 */
import type { Answer } from "./engine";
import type { Notice } from "./notices";

export type OwnerMessage = { id: number } & OwnerRequest;

export type OwnerRequest =
  /** The user chose a path in a dialog or dropped it on the window, or allowed to ask the hub for it: from now on the page may name it. */
  | { type: "grant"; path: string; access: Access }
  /** Whether a run of this engine is under way. */
  | { type: "training" }
  /** Stop the run under way with a checkpoint, then end. There is no answer: the process is gone. */
  | { type: "leave" };

export interface OwnerAnswer {
  id: number;
  training: boolean;
}

/** What a grant allows. write: this very file, or to fill this very folder; what may be written may be read. */
export type Access = "read" | "write";

/**
 * Node gives a process one channel to its child, so there the owner's messages and those of each page say whose they are. A page is there from its
 * first message on, until it is `closed`.
 */
export type FromOwner = { owner: OwnerMessage } | { page: number; message: unknown } | { page: number; closed: true };
export type ToOwner = { owner: OwnerAnswer } | { page: number; message: Answer | Notice };

const FLAG = "--runs=";

/** The arguments of an engine's process that serves pages: the folder of their runs. */
export const runsArguments = (runsDirectory: string): string[] => [`${FLAG}${runsDirectory}`];

/** The folder that `runsArguments` gave; null if there is none. */
export function runsInArguments(args: readonly string[]): string | null {
  return args.find((arg) => arg.startsWith(FLAG))?.slice(FLAG.length) ?? null;
}
