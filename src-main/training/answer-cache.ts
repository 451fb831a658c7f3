import type { Normalization } from "../contract/normalization";
import type { Precision } from "../contract/recipe";

/** The map of one of the teacher's stages, resized to a grid of side x side. */
export interface FeatureNeed {
  stage: string;
  side: number;
}

/** What objectives need from a teacher. */
export interface TeacherNeeds {
  logits: boolean;
  features: readonly FeatureNeed[];
}

/** Everything that determines a teacher's answer to a view, to the last bit. */
export interface AnswerKey extends TeacherNeeds {
  /** The teacher's name in the registry. */
  model: string;
  /** Hash of names, shapes and values. */
  weights: string;
  imageSize: number;
  normalization: Normalization;
  /** Hash of the data set whose samples the view numbers refer to. */
  data: string;
  precision: Precision;
  /** The device that computed them: kernels differ in summation order. */
  device: string;
  isa: string;
}

/** Size limit of a cache in bytes: enough for the logits of 2 million views of 10 classes, or for 60,000 views with a map of 4x4x64. */
const MAX_BYTES = 256 * 2 ** 20;
/** Overhead of a row in the Map, in bytes; measured. */
const ROW_OVERHEAD_BYTES = 80;
const MAX_ROWS_PER_PAGE = 1024;

/** Keeps the answers of one teacher on one data set from run to run, in the process's memory. Answers under any other key are dropped. */
export class AnswerCache {
  #latest: { key: string; answers: KnownAnswers } | null = null;

  constructor(private readonly mostBytes = MAX_BYTES) {}

  /** Rows of `width` values. */
  of(key: AnswerKey, width: number): KnownAnswers {
    const text = JSON.stringify(key);
    if (this.#latest?.key !== text) this.#latest = { key: text, answers: new KnownAnswers(width, this.mostBytes) };
    return this.#latest.answers;
  }
}

/** Answers, as rows of values, by view number. */
export class KnownAnswers {
  readonly #rows = new Map<number, number>();
  readonly #pages: Float32Array[] = [];
  readonly #mostRows: number;
  readonly #rowsPerPage: number;

  constructor(
    private readonly width: number,
    mostBytes: number,
  ) {
    this.#mostRows = Math.floor(mostBytes / (4 * width + ROW_OVERHEAD_BYTES));
    this.#rowsPerPage = Math.min(MAX_ROWS_PER_PAGE, this.#mostRows);
  }

  get(view: number): Float32Array | undefined {
    const row = this.#rows.get(view);
    return row === undefined ? undefined : this.#at(row);
  }

  /** When the cache is full, the earliest rows stay: epochs repeat, so the oldest row is needed again soonest. */
  set(view: number, answer: Float32Array): void {
    const row = this.#rows.get(view) ?? this.#rows.size;
    if (row === this.#mostRows) return;
    if (row === this.#pages.length * this.#rowsPerPage) this.#pages.push(new Float32Array(this.#rowsPerPage * this.width));
    this.#rows.set(view, row);
    this.#at(row).set(answer);
  }

  #at(row: number): Float32Array {
    const first = (row % this.#rowsPerPage) * this.width;
    return this.#pages[Math.floor(row / this.#rowsPerPage)]!.subarray(first, first + this.width);
  }
}
