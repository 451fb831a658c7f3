/** What the engine says while it works on a call. */
import type { ArmName } from "./arms";
import type { BenchRecord } from "./bench";
import type { BatchRecord, EpochRecord } from "./run";

/** A notice without the id of its call. */
export type NoticeBody = Notice extends infer N ? (N extends Notice ? Omit<N, "id"> : never) : never;

/** Progress of a long call, with that call's id. `job`: of several trainings at once, on other machines, which one, as "seed 3". */
export type Notice = { job?: string } & (
  | { id: number; type: "phase"; text: string }
  | { id: number; type: "started"; arm: ArmName; directory: string; batchesPerEpoch: number; epochs: number }
  | { id: number; type: "batches"; arm: ArmName; records: BatchRecord[]; progress: Progress }
  | { id: number; type: "epoch"; arm: ArmName; record: EpochRecord }
  | { id: number; type: "state"; state: "running" | "paused" | "stopping" }
  /** A training of a sweep begins, number `index` from 0 of `total`: the notices that follow are its own. `words`: which one, as "seed 3". */
  | { id: number; type: "member"; index: number; total: number; words: string; directory: string }
  | { id: number; type: "download"; received: number; total: number; secondsLeft: number | null }
  | { id: number; type: "work"; name: string; done: number; total: number; secondsLeft: number | null }
  /** What training takes of the machine, every few seconds; not kept with the run. */
  | { id: number; type: "machine"; sample: MachineSample }
  | { id: number; type: "measured"; record: BenchRecord }
  | { id: number; type: "warning"; text: string }
  /** A decision made for the user, reported once. */
  | { id: number; type: "note"; text: string }
);

export interface MachineSample {
  /** Milliseconds since 1970. */
  at: number;
  /** How many the process has kept busy since the sample before, on average. */
  processors: number;
  /** That compute. */
  threads: number;
  /** In tensors, on the device that trains. */
  tensorBytes: number;
  /** Of the whole process, in the computer's memory. */
  processBytes: number;
  /** Free for this process. */
  freeBytes: number;
}

export interface Progress {
  /** Batches done and in total, for all arms and seeds together. */
  done: number;
  total: number;
  imagesPerSecond: number;
  secondsLeft: number;
}
