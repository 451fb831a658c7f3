import type { NoticeBody } from "../contract/notices";

type Progress = (NoticeBody & { type: "batches" })["progress"];

/** What all jobs together have come to. */
export class Fleet {
  /** On which node each job was. */
  readonly nodes = new Map<string, string>();
  readonly #last = new Map<string, Progress>();
  readonly #going = new Map<string, Progress>();
  readonly #said = new Set<string>();
  #done = 0;
  #total = 0;
  #isLost = false;

  /** `jobs`: how many there are to be, all told. */
  constructor(
    private readonly jobs: number,
    private readonly tell: (notice: NoticeBody) => void,
  ) {}

  /** Of one job; the bar shows all of them. */
  show(notice: NoticeBody): void {
    if (notice.type === "batches") this.tell({ ...notice, progress: this.#withAll(notice.job!, notice.progress) });
    else if (!this.#isKnown(notice)) this.tell(notice);
  }

  #withAll(job: string, progress: Progress): Progress {
    const before = this.#last.get(job);
    this.#done += progress.done - (before?.done ?? 0);
    this.#total += progress.total - (before?.total ?? 0);
    this.#last.set(job, progress);
    if (progress.done < progress.total) this.#going.set(job, progress);
    else this.#going.delete(job);
    const going = [...this.#going.values()];
    const waiting = Math.max(0, this.jobs - this.#last.size);
    return {
      done: this.#done,
      total: Math.round(this.#total * (1 + waiting / this.#last.size)),
      imagesPerSecond: going.reduce((sum, each) => sum + each.imagesPerSecond, 0),
      // Those that wait begin when others have ended.
      secondsLeft: Math.max(0, ...going.map(({ secondsLeft }) => secondsLeft)) * (1 + Math.ceil(waiting / Math.max(1, going.length))),
    };
  }

  /** What another job has said too. */
  #isKnown(notice: NoticeBody): boolean {
    if (notice.type !== "note" && notice.type !== "warning") return false;
    const isKnown = this.#said.has(notice.text);
    this.#said.add(notice.text);
    return isKnown;
  }

  connection(isThere: boolean, why: string): void {
    if (this.#isLost === !isThere) return;
    this.#isLost = !isThere;
    const text = isThere ? "The cluster answers again." : `${why}. The jobs do not need this connection, and this program keeps trying.`;
    this.tell(isThere ? { type: "note", text } : { type: "warning", text });
  }
}
