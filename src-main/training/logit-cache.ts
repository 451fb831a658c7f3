import type { Normalization } from "../contract/normalization";
import type { Precision } from "../contract/recipe";

/** All that a teacher's logits of a view depend on, to the last bit. */
export interface LogitKey {
  /** Of the teacher. The hash of its weights covers their shapes. */
  model: string;
  weights: string;
  imageSize: number;
  normalization: Normalization;
  /** Hash of the data set, whose samples the views number. */
  data: string;
  precision: Precision;
  /** What computed them: kernels differ in the order of their sums. */
  device: string;
  isa: string;
}

/** Bytes that a cache may take: enough for 50,000 images of 1000 classes, or for 2 million views of 10 classes. */
const MOST_BYTES = 256 * 2 ** 20;
/** What a row takes in the map beside its values; measured. */
const BYTES_TO_FIND_A_ROW = 80;
const ROWS_PER_PAGE = 1024;

/** Keeps the logits of one teacher on one data set from run to run, in the memory of the process; those of any other key are forgotten. */
export class LogitCache {
  #latest: { key: string; logits: KnownLogits } | null = null;

  constructor(private readonly mostBytes = MOST_BYTES) {}

  /** Rows of `classes` values. */
  of(key: LogitKey, classes: number): KnownLogits {
    const text = JSON.stringify(key);
    if (this.#latest?.key !== text) this.#latest = { key: text, logits: new KnownLogits(classes, this.mostBytes) };
    return this.#latest.logits;
  }
}

/** Logits [K] by the number of a view. */
export class KnownLogits {
  readonly #rows = new Map<number, number>();
  readonly #pages: Float32Array[] = [];
  readonly #mostRows: number;

  constructor(
    private readonly classes: number,
    mostBytes: number,
  ) {
    this.#mostRows = Math.floor(mostBytes / (4 * classes + BYTES_TO_FIND_A_ROW));
  }

  get(view: number): Float32Array | undefined {
    const row = this.#rows.get(view);
    return row === undefined ? undefined : this.#at(row);
  }

  /** Where there is no room, what came first stays: epochs go round, so that the oldest row is the one that is wanted again soonest. */
  set(view: number, logits: Float32Array): void {
    const row = this.#rows.get(view) ?? this.#rows.size;
    if (row === this.#mostRows) return;
    if (row === this.#pages.length * ROWS_PER_PAGE) this.#pages.push(new Float32Array(ROWS_PER_PAGE * this.classes));
    this.#rows.set(view, row);
    this.#at(row).set(logits);
  }

  #at(row: number): Float32Array {
    const first = (row % ROWS_PER_PAGE) * this.classes;
    return this.#pages[Math.floor(row / ROWS_PER_PAGE)]!.subarray(first, first + this.classes);
  }
}
