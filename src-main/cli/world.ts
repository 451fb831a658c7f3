import type { Writable } from "node:stream";
import type { EngineChannel } from "../engine-client/channel";

/** What is around the command line: the terminal, the clock, signals and the engine. */
export interface World {
  /** Folder that relative paths start from. */
  cwd: string;
  now(): Date;
  /** Standard output: results only. */
  writeOut(text: string): void;
  /** Standard error: progress and messages. */
  err: Writable & { isTTY?: boolean; columns?: number };
  /** Tells of each request to stop (Ctrl-C, SIGTERM); returns how to end the subscription. */
  onInterrupt(listener: () => void): () => void;
  startEngine(): EngineChannel;
}
