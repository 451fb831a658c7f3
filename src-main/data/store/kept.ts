import type { DiskStore } from "./disk-store";

/** Keeps decoded images on the disk and, what has no room there, in memory; what has no room there either, it forgets: the oldest first. */
export class Kept {
  readonly #held = new Map<number, Uint8Array>();
  #isDiskWritable: boolean;

  constructor(
    private disk: DiskStore | null,
    /** How many images memory holds. */
    private readonly mostHeld: number,
    /** Called at most once, when the disk takes no more. */
    private readonly onRefusal: (reason: string) => void,
  ) {
    this.#isDiskWritable = disk !== null;
  }

  has(n: number): boolean {
    return this.#held.has(n) || (this.disk?.has(n) ?? false);
  }

  read(n: number, to: Uint8Array): boolean {
    const held = this.#held.get(n);
    if (held) to.set(held);
    return held !== undefined || this.#tried(() => this.disk?.read(n, to) ?? false);
  }

  write(n: number, pixels: Uint8Array): void {
    if (this.#isDiskWritable && this.#tried(() => this.disk!.write(n, pixels))) return;
    this.#isDiskWritable = false;
    if (this.mostHeld === 0) return;
    if (this.#held.size >= this.mostHeld) this.#held.delete(this.#held.keys().next().value!);
    this.#held.set(n, pixels);
  }

  close(): void {
    this.disk?.close();
    this.disk = null;
    this.#held.clear();
  }

  /** What the disk refuses is told once, and goes on without it. */
  #tried(act: () => boolean): boolean {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof Error && "syscall" in error)) throw error;
      if (this.#isDiskWritable) this.onRefusal(error.message);
      this.#isDiskWritable = false;
      return false;
    }
  }
}
