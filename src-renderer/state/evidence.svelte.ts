import type { ComparedArm } from "../../src-main/contract/arms";
import type { ShownBatch } from "../../src-main/contract/engine";
import type { Curves } from "./curves.svelte";
import { imageUrl } from "./data.svelte";
import { type Engine, inWords } from "./engine.svelte";

/** What one arm was shown in a batch, with pictures that a page can show. */
export interface Seen extends Omit<ShownBatch, "images"> {
  arm: ComparedArm;
  images: { label: string | null; student: string; teacher: string | null }[];
}

/** Images of a batch that are shown. */
const MOST = 6;

/** The evidence behind a seal, opened as a picture: two arms batch by batch, and what each was shown in one of them. */
export class Evidence {
  /** Those of the run whose seal is open; null if none is. */
  curves: Curves | null = $state.raw(null);
  /** The batch that is looked at, from 1; null for none. */
  batch: number | null = $state(null);
  /** What the arms that have it were shown in it. */
  seen: Seen[] = $state.raw([]);
  loading = $state(false);
  problem: string | null = $state(null);

  constructor(private readonly engine: Engine) {}

  open(curves: Curves): void {
    this.#forget();
    Object.assign(this, { curves, batch: null });
  }

  close(): void {
    this.#forget();
    this.curves = null;
  }

  /** Renders what the arms were shown in a batch. The last that was asked for is shown. */
  async look(batch: number): Promise<void> {
    const { curves } = this;
    if (!curves) return;
    this.batch = batch;
    this.loading = true;
    const isWanted = () => this.curves === curves && this.batch === batch;
    const arms = curves.arms.filter((arm) => arm.batches >= batch);
    try {
      const shown: Seen[] = [];
      // One after the other: each reads the data.
      for (const { arm, directory } of arms) {
        const found = await this.engine.call("shownBatch", { directory, batch, most: MOST });
        if (!isWanted()) return;
        shown.push({ ...found, arm: arm as ComparedArm, images: [] });
        shown.at(-1)!.images = found.images.map(({ label, student, teacher }) => ({
          label,
          student: imageUrl(student),
          teacher: teacher && imageUrl(teacher),
        }));
      }
      this.#forget();
      this.seen = shown;
    } catch (error) {
      if (!isWanted()) return;
      this.#forget();
      this.problem = inWords(error);
    } finally {
      if (isWanted()) this.loading = false;
    }
  }

  #forget(): void {
    for (const { images } of this.seen) for (const { student, teacher } of images) for (const url of [student, teacher]) if (url) URL.revokeObjectURL(url);
    Object.assign(this, { seen: [], problem: null });
  }
}
