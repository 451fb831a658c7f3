/**
 * What the app's main process tells the engine that it owns, over a port that no page has. The engine answers each message with its id once it
 * is done. Closing the port asks it to leave as well.
 */
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
