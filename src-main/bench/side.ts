import type { Work } from "./work";

/** One of the two that are measured: this engine, or PyTorch in a process of its own. */
export interface Side {
  open(work: Work): Promise<Subject>;
}

/** A work made ready by one side. */
export interface Subject {
  /** Seconds of the last repetition in opening it. */
  readonly first: number;
  /** Seconds that so many repetitions take. */
  time(repeats: number): Promise<number>;
  setThreads(count: number): Promise<void>;
  /** Bytes: the highest while it is done, with all that was made for it. */
  peakMemory(): Promise<number>;
  close(): void;
}
