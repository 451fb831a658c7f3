/** Long work in turns, each so short that whoever else waits for the thread does not notice. */
export type InTurns<T> = Generator<void, T>;

/** Does all of it in one turn, where nobody else waits. */
export function atOnce<T>(work: InTurns<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** `yieldPoint` is awaited between the turns. */
export async function byTurns<T>(work: InTurns<T>, yieldPoint: () => Promise<unknown>): Promise<T> {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    await yieldPoint();
  }
}
