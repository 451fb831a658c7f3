import type { Notice, Progress } from "../contract/engine";
import type { ArmName, BatchRecord } from "../contract/run";

/** A notice without the id of its call. */
export type NoticeBody = Notice extends infer N ? (N extends Notice ? Omit<N, "id"> : never) : never;

const MOST_PER_SECOND = 10;

/** Sends a training call's notices: batches in groups, so that fast training does not flood the connection, everything else immediately and in order. */
export class Notifier {
  #records: BatchRecord[] = [];
  #arm: ArmName | null = null;
  #progress: Progress | null = null;
  #lastSent = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly post: (notice: NoticeBody) => void,
    /** Milliseconds. */
    private readonly clock: () => number = () => performance.now(),
  ) {}

  batch(arm: ArmName, record: BatchRecord, progress: Progress): void {
    if (arm !== this.#arm) this.flush();
    this.#arm = arm;
    this.#records.push(record);
    this.#progress = progress;
    if (this.clock() - this.#lastSent >= 1000 / MOST_PER_SECOND) this.flush();
  }

  send(notice: NoticeBody): void {
    this.flush();
    this.post(notice);
  }

  /** Sends the batches collected so far. */
  flush(): void {
    if (this.#records.length === 0) return;
    this.post({ type: "batches", arm: this.#arm!, records: this.#records, progress: this.#progress! });
    this.#records = [];
    this.#lastSent = this.clock();
  }
}
