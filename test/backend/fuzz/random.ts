/** Numbers that depend on a seed alone (xorshift32), so that what a fuzz found can be repeated. */
export class Random {
  #state: number;

  /** One sequence for each list of keys. */
  constructor(...keys: number[]) {
    let state = 0x9e3779b9;
    for (const key of keys) state = Math.imul(state ^ key, 0x85ebca6b) ^ (state >>> 13);
    this.#state = state >>> 0 || 1;
    for (let i = 0; i < 4; i++) this.below(1);
  }

  /** A whole number in 0 ... count - 1. */
  below(count: number): number {
    let s = this.#state;
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    this.#state = s >>> 0;
    return Math.floor((this.#state / 2 ** 32) * count);
  }

  /** A whole number in low ... high. */
  integer(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** Whether something happens that does so once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}
