import type { Normalization } from "../contract/normalization";
import type { Precision } from "../contract/recipe";
import type { ViewKey } from "./plan";

/** The map of one of the teacher's stages, brought to a grid of side x side. */
export interface FeatureNeed {
  stage: string;
  side: number;
}

/** What objectives want to know of a teacher. */
export interface TeacherNeeds {
  logits: boolean;
  features: readonly FeatureNeed[];
}

/** All that a teacher's answers to a view depend on, to the last bit. */
export interface AnswerKey extends TeacherNeeds {
  /** Of the teacher. */
  model: string;
  /** Hash of names, shapes and values. */
  weights: string;
  imageSize: number;
  normalization: Normalization;
  /** Hash of the data set, whose samples the views are of. */
  data: string;
  precision: Precision;
  /** What computed them: kernels differ in the order of their sums. */
  device: string;
  isa: string;
}

/** Bytes that a cache may take: enough for the logits of 2 million views of 10 classes, or for 60,000 views with a map of 4x4x64. */
const MOST_BYTES = 256 * 2 ** 20;
/** What a row takes in the map beside its values, by the type of its key; measured. */
const BYTES_TO_FIND_A_ROW = { number: 80, string: 120 };
const ROWS_PER_PAGE = 1024;

/** Keeps the answers of one teacher on one data set from run to run, in the memory of the process; those of any other key are forgotten. */
export class AnswerCache {
  #latest: { key: string; answers: KnownAnswers } | null = null;

  constructor(private readonly mostBytes = MOST_BYTES) {}

  /** Rows of `width` values. */
  of(key: AnswerKey, width: number): KnownAnswers {
    const text = JSON.stringify(key);
    if (this.#latest?.key !== text) this.#latest = { key: text, answers: new KnownAnswers(width, this.mostBytes) };
    return this.#latest.answers;
  }
}

/** Answers, rows of values, by the key of a view. */
export class KnownAnswers {
  readonly #rows = new Map<ViewKey, number>();
  readonly #pages: Float32Array[] = [];
  #room: number;

  constructor(
    private readonly width: number,
    mostBytes: number,
  ) {
    this.#room = mostBytes;
  }

  get(view: ViewKey): Float32Array | undefined {
    const row = this.#rows.get(view);
    return row === undefined ? undefined : this.#at(row);
  }

  /** Where there is no room, what came first stays: epochs go round, so that the oldest row is the one that is wanted again soonest. */
  set(view: ViewKey, answer: Float32Array): void {
    const row = this.#rows.get(view) ?? this.#add(view);
    if (row !== null) this.#at(row).set(answer);
  }

  /** A row for a key that has none; null where there is no room. */
  #add(view: ViewKey): number | null {
    const bytes = 4 * this.width + BYTES_TO_FIND_A_ROW[typeof view as "number" | "string"];
    if (bytes > this.#room) return null;
    this.#room -= bytes;
    const row = this.#rows.size;
    if (row === this.#pages.length * ROWS_PER_PAGE) this.#pages.push(new Float32Array(ROWS_PER_PAGE * this.width));
    this.#rows.set(view, row);
    return row;
  }

  #at(row: number): Float32Array {
    const first = (row % ROWS_PER_PAGE) * this.width;
    return this.#pages[Math.floor(row / ROWS_PER_PAGE)]!.subarray(first, first + this.width);
  }
}
