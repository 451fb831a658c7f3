/** Values of a pyramid's block on the level below it. */
const BLOCK = 16;
/** Values are kept in pieces of so many (a power of two), so that a long column grows without being copied. */
const PIECE = 1 << 16;

/** Least and most of each block of the level below: of 16 values, of 256, and so on. */
interface Level {
  least: Float32Array;
  most: Float32Array;
  length: number;
}

/**
 * One figure of every batch, in 32 bits; NaN stands for whatever is no finite number. Values are only ever added. Least, most and mean of any stretch take a time that hardly depends on its length,
 * so that a chart of a million values looks at a few for each pixel. What is appended is taken in when the column is first looked at: a long run opens without the columns of charts that are not shown.
 */
export class Column {
  /** Of the values that are taken in. */
  #length = 0;
  /** Appended and not looked at yet. */
  #waiting: ArrayLike<number>[] = [];
  readonly #values: Float32Array[] = [];
  /** Sum of the values up to and including each one, those that are no finite numbers left out. */
  readonly #sums: Float64Array[] = [];
  /** Places of values that are no finite numbers, as after a divergence. Ascending. */
  readonly #gaps: number[] = [];
  readonly #levels: Level[] = [];

  get length(): number {
    return this.#waiting.reduce((length, { length: more }) => length + more, this.#length);
  }

  /** NaN outside the column. */
  at(index: number): number {
    this.#takeIn();
    return index >= 0 && index < this.#length ? this.#values[Math.floor(index / PIECE)]![index % PIECE]! : Number.NaN;
  }

  get last(): number {
    return this.at(this.length - 1);
  }

  push(value: number): void {
    this.#takeIn();
    const index = this.#length;
    const [piece, place] = [Math.floor(index / PIECE), index % PIECE];
    if (place === 0) this.#makeRoom();
    const kept = Math.fround(value);
    const isKnown = Number.isFinite(kept);
    this.#values[piece]![place] = isKnown ? kept : Number.NaN;
    this.#sums[piece]![place] = this.sumTo(index) + (isKnown ? kept : 0);
    this.#length++;
    if (isKnown) this.#raise(index, kept);
    else this.#gaps.push(index);
  }

  /** The same as pushing each, many times as fast. The values belong to the column from now on. */
  append(values: ArrayLike<number>): void {
    this.#waiting.push(values);
  }

  #takeIn(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const values of waiting) this.#take(values);
  }

  #take(values: ArrayLike<number>): void {
    const first = this.#length;
    for (let done = 0; done < values.length; ) {
      const [piece, place] = [Math.floor(this.#length / PIECE), this.#length % PIECE];
      if (place === 0) this.#makeRoom();
      const count = Math.min(PIECE - place, values.length - done);
      const [into, sums] = [this.#values[piece]!, this.#sums[piece]!];
      let sum = this.sumTo(this.#length);
      for (let i = 0; i < count; i++) into[place + i] = values[done + i]!;
      for (let at = place; at < place + count; at++) {
        const kept = into[at]!;
        if (Number.isFinite(kept)) sum += kept;
        else {
          into[at] = Number.NaN;
          this.#gaps.push(piece * PIECE + at);
        }
        sums[at] = sum;
      }
      this.#length += count;
      done += count;
    }
    for (let index = first; index < this.#length; ) index = this.#raiseBlock(index);
  }

  /** Of the values before an index. */
  sumTo(end: number): number {
    this.#takeIn();
    const last = Math.min(end, this.#length) - 1;
    return last < 0 ? 0 : this.#sums[Math.floor(last / PIECE)]![last % PIECE]!;
  }

  /** Of the values in [from, end); NaN if there are none. */
  mean(from: number, end: number): number {
    this.#takeIn();
    const [first, last] = [Math.max(0, from), Math.min(end, this.#length)];
    const known = last - first - (this.#gaps.length > 0 ? before(this.#gaps, last) - before(this.#gaps, first) : 0);
    return known > 0 ? (this.sumTo(last) - this.sumTo(first)) / known : Number.NaN;
  }

  /** Writes least and most of the values in [from, end) to `out`; NaN if there are none. */
  extremes(from: number, end: number, out: Float64Array): void {
    this.#takeIn();
    let [first, last] = [Math.max(0, from), Math.min(end, this.#length)];
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    let below: Level | null = null;
    const scan = (a: number, b: number) => {
      for (let i = a; i < b; i++) {
        const low = below ? below.least[i]! : this.#values[Math.floor(i / PIECE)]![i % PIECE]!;
        const high = below ? below.most[i]! : low;
        if (low < least) least = low;
        if (high > most) most = high;
      }
    };
    // Ends that fill no block are looked at on their own level, what lies between them on the next.
    for (const level of this.#levels) {
      if (last - first < 2 * BLOCK) break;
      const [up, down] = [Math.ceil(first / BLOCK), Math.floor(last / BLOCK)];
      scan(first, up * BLOCK);
      scan(down * BLOCK, last);
      [first, last, below] = [up, down, level];
    }
    scan(first, last);
    out[0] = least <= most ? least : Number.NaN;
    out[1] = least <= most ? most : Number.NaN;
  }

  /** Takes the values from an index to the end of its block, or of the column, into their blocks. Returns where the next block begins. */
  #raiseBlock(index: number): number {
    const end = Math.min(this.#length, (Math.floor(index / BLOCK) + 1) * BLOCK);
    // Blocks lie within pieces.
    const values = this.#values[Math.floor(index / PIECE)]!;
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = index; i < end; i++) {
      const value = values[i % PIECE]!;
      if (value < least) least = value;
      if (value > most) most = value;
    }
    if (least <= most) {
      this.#raise(index, least);
      this.#raise(index, most);
    }
    return end;
  }

  /** Takes a value into its blocks, up to the first that it changes nothing in. */
  #raise(index: number, value: number): void {
    let block = index;
    for (let depth = 0; block >= BLOCK || depth === 0; depth++) {
      block = Math.floor(block / BLOCK);
      const level = this.#level(depth);
      while (level.length <= block) this.#open(level);
      if (level.least[block]! <= value && value <= level.most[block]!) return;
      level.least[block] = Math.min(level.least[block]!, value);
      level.most[block] = Math.max(level.most[block]!, value);
    }
  }

  /** A level that is begun takes what the level below has so far. */
  #level(depth: number): Level {
    const there = this.#levels[depth];
    if (there) return there;
    const begun: Level = { least: new Float32Array(BLOCK), most: new Float32Array(BLOCK), length: 0 };
    this.#levels.push(begun);
    const below = this.#levels[depth - 1];
    for (let block = 0; below && block < below.length; block += BLOCK) {
      this.#open(begun);
      for (let i = block; i < Math.min(block + BLOCK, below.length); i++) {
        begun.least[block / BLOCK] = Math.min(begun.least[block / BLOCK]!, below.least[i]!);
        begun.most[block / BLOCK] = Math.max(begun.most[block / BLOCK]!, below.most[i]!);
      }
    }
    return begun;
  }

  /** An empty block at the end of a level. */
  #open(level: Level): void {
    if (level.length === level.least.length) {
      level.least = grown(level.least, 2 * level.length);
      level.most = grown(level.most, 2 * level.length);
    }
    level.least[level.length] = Number.POSITIVE_INFINITY;
    level.most[level.length] = Number.NEGATIVE_INFINITY;
    level.length++;
  }

  #makeRoom(): void {
    this.#values.push(new Float32Array(PIECE));
    this.#sums.push(new Float64Array(PIECE));
  }
}

function grown(values: Float32Array, room: number): Float32Array {
  const larger = new Float32Array(room);
  larger.set(values);
  return larger;
}

/** How many of ascending places lie before an index. */
function before(places: readonly number[], index: number): number {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (places[middle]! < index) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Exponential moving average of a column without the bias of its start, so that the first values are not pulled towards zero. A constant stays as it is.
 * A value that is no finite number stays one, and leaves the average as it was. Computed once for each value, as the column grows.
 */
export class Smoothed {
  readonly #average = new Column();
  #sum = 0;
  #known = 0;

  /** `weight`: share of the past, 0 ... 1; 0 is the column itself. */
  constructor(
    readonly source: Column,
    readonly weight: number,
  ) {}

  get column(): Column {
    if (this.weight === 0) return this.source;
    const begin = this.#average.length;
    const averages = new Float64Array(this.source.length - begin);
    for (let i = 0; i < averages.length; i++) averages[i] = this.#next(this.source.at(begin + i));
    this.#average.append(averages);
    return this.#average;
  }

  #next(value: number): number {
    if (!Number.isFinite(value)) return Number.NaN;
    this.#sum = this.weight * this.#sum + (1 - this.weight) * value;
    this.#known = this.weight * this.#known + (1 - this.weight);
    return this.#sum / this.#known;
  }
}
