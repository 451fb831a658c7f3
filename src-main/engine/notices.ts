import type { NoticeBody } from "../contract/notices";

type Batches = Extract<NoticeBody, { type: "batches" }>;

const MOST_PER_SECOND = 10;

/** Sends a run's notices: batches in groups, so that fast training does not flood the connection, everything else immediately and in order. */
export class Notifier {
  #batches: Batches | null = null;
  #lastSent = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly post: (notice: NoticeBody) => void,
    /** Milliseconds. */
    private readonly clock: () => number = () => performance.now(),
  ) {}

  batches(notice: Batches): void {
    if (notice.arm !== this.#batches?.arm) this.flush();
    this.#batches = { ...notice, records: [...(this.#batches?.records ?? []), ...notice.records] };
    if (this.clock() - this.#lastSent >= 1000 / MOST_PER_SECOND) this.flush();
  }

  send(notice: NoticeBody): void {
    this.flush();
    this.post(notice);
  }

  /** Sends the batches collected so far. */
  flush(): void {
    if (!this.#batches) return;
    this.post(this.#batches);
    this.#batches = null;
    this.#lastSent = this.clock();
  }
}
