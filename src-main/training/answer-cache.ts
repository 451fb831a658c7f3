import type { Normalization } from "../contract/normalization";
import type { Precision } from "../contract/recipe";
import { ANSWER_CACHE_BYTES } from "../contract/teacher";
import type { ViewKey } from "./plan";

/** The map or the patch tokens of one of the teacher's stages, resized to a grid of side x side. */
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
  /** Hash of the data set, whose samples the views are of. */
  data: string;
  precision: Precision;
  /** The device that computed them: kernels differ in summation order. */
  device: string;
  isa: string;
  /** How bf16 factors are multiplied. */
  bf16Products: string;
  /** Teachers besides that one, whose logits are averaged with its; left out where there are none. */
  others?: readonly OtherKey[];
}

interface OtherKey extends Pick<AnswerKey, "model" | "weights" | "imageSize" | "normalization"> {
  weight: number;
}

/** Overhead of a row in the Map, in bytes, by the type of its key; measured. */
const ROW_OVERHEAD_BYTES = { number: 80, string: 120 };
const MAX_ROWS_PER_PAGE = 1024;

/** Keeps the answers of one teacher on one data set from run to run, in the process's memory. Answers under any other key are dropped. */
export class AnswerCache {
  #latest: { key: string; answers: KnownAnswers } | null = null;

  constructor(private readonly mostBytes = ANSWER_CACHE_BYTES) {}

  /** Rows of `width` values. */
  of(key: AnswerKey, width: number): KnownAnswers {
    const text = JSON.stringify(key);
    if (this.#latest?.key !== text) this.#latest = { key: text, answers: new KnownAnswers(width, this.mostBytes) };
    return this.#latest.answers;
  }
}

/** Answers, as rows of values, by the key of a view. */
export class KnownAnswers {
  readonly #rows = new Map<ViewKey, number>();
  readonly #pages: Float32Array[] = [];
  readonly #rowsPerPage: number;
  #room: number;

  constructor(
    private readonly width: number,
    mostBytes: number,
  ) {
    this.#room = mostBytes;
    this.#rowsPerPage = Math.max(1, Math.min(MAX_ROWS_PER_PAGE, Math.floor(mostBytes / (4 * width + ROW_OVERHEAD_BYTES.number))));
  }

  get(view: ViewKey): Float32Array | undefined {
    const row = this.#rows.get(view);
    return row === undefined ? undefined : this.#at(row);
  }

  /** The row to write the answer to a view into; null if there is no room for it. When the cache is full, the earliest rows stay: epochs repeat, so the oldest row is needed again soonest. */
  place(view: ViewKey): Float32Array | null {
    const row = this.#rows.get(view) ?? this.#add(view);
    return row === null ? null : this.#at(row);
  }

  /** Whether the answer to a view that is not known yet could be kept. */
  hasRoomFor(view: ViewKey): boolean {
    return this.#bytesOf(view) <= this.#room;
  }

  #bytesOf(view: ViewKey): number {
    return 4 * this.width + ROW_OVERHEAD_BYTES[typeof view as "number" | "string"];
  }

  /** A row for a key that has none; null where there is no room. */
  #add(view: ViewKey): number | null {
    if (!this.hasRoomFor(view)) return null;
    this.#room -= this.#bytesOf(view);
    const row = this.#rows.size;
    if (row === this.#pages.length * this.#rowsPerPage) this.#pages.push(new Float32Array(this.#rowsPerPage * this.width));
    this.#rows.set(view, row);
    return row;
  }

  #at(row: number): Float32Array {
    const first = (row % this.#rowsPerPage) * this.width;
    return this.#pages[Math.floor(row / this.#rowsPerPage)]!.subarray(first, first + this.width);
  }
}
