/** So many at once, in the order in which they came; how many may change meanwhile. */
export class Turns {
  #taken = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(private most: number) {}

  async take<R>(work: () => Promise<R>): Promise<R> {
    if (this.#taken < this.most) this.#taken++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      this.#taken--;
      this.#next();
    }
  }

  allow(most: number): void {
    this.most = most;
    this.#next();
  }

  #next(): void {
    while (this.#taken < this.most && this.#waiting.length > 0) {
      this.#taken++;
      this.#waiting.shift()!();
    }
  }
}
