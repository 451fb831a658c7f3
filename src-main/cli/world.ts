import type { Writable } from "node:stream";
import type { EngineChannel } from "../engine-client/channel";
import type { OwnedProcess } from "../engine-client/owned";
import type { Print } from "./printer";

/** keyboard: Ctrl-C; system: SIGTERM, or a terminal that is closed. */
export type InterruptedBy = "keyboard" | "system";

/** The surroundings of the command line: terminal, clock, signals and engine. */
export interface World {
  /** The folder that relative paths start from. */
  cwd: string;
  /** What starts this program in that folder: `npx distill`, or `node` with a path. For commands that are printed. */
  program: readonly string[];
  /** The folder of this program: with what it is built of, and assets. */
  root: string;
  now(): Date;
  /** Standard output: results only. */
  writeOut(text: string): void;
  /** Standard error: progress and messages. */
  err: Writable & { isTTY?: boolean; columns?: number };
  /** Calls the listener on each request to stop; returns a function that unsubscribes it. */
  onInterrupt(listener: (by: InterruptedBy) => void): () => void;
  /** `threads`: that compute; left out: as many as the environment and the machine say. */
  startEngine(threads?: number): EngineChannel;
  /** The same for many pages, whose runs are kept in a folder. */
  startOwnedEngine(runsDirectory: string, threads?: number): OwnedProcess<EngineChannel>;
  print: Print;
}
