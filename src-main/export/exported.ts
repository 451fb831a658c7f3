import type { ExportOptions } from "../contract/exports";
import type { FittedTeacher } from "../contract/fitted-teacher";
import type { NoticeBody } from "../contract/notices";
import type { TrainedRun } from "../runs/trained";
import type { TrainedNetwork } from "../training/network";

/** What leaves the program: a network in evaluation mode, and what is known of it. */
export interface Exported {
  /** Model, normalisation, hash and origin. */
  network: TrainedNetwork;
  /** Names in the order of the logits; "class 0" and so on where the weights name none. */
  classes: readonly string[];
  /** From which the network was loaded. */
  file: string;
  /** The run that trained it; null if only weights are known. */
  run: TrainedRun | null;
  /** What is known of a teacher that was made of a backbone; null of other networks. */
  made: FittedTeacher | null;
}

/** What was left out or assumed, and what is wrong with the values, in sentences. */
export interface Said {
  notes: readonly string[];
  warnings: readonly string[];
  /** Of what was written, 0 ... 1, where it is not that of the run's weights; null if it was not measured. */
  testAccuracy?: number | null;
}

/** Of what takes long. */
export interface WriterContext {
  notify(notice: NoticeBody): void;
  /** Awaited between steps, so that other calls are answered. */
  yieldPoint(): Promise<void>;
}

/** Writes a network to `out`, where there is nothing yet: a file, or a folder that it makes. */
export type Writer = (exported: Exported, out: string, options: ExportOptions, context: WriterContext) => Promise<Said>;
