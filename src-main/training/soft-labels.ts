import type { Recipe } from "../contract/recipe";
import { assemble, viewNumbers } from "../data/batches";
import type { Dataset } from "../data/dataset";
import { backend, fromArray, noGrad, type Tensor } from "../tensor/tensor";
import type { KnownLogits, LogitCache } from "./logit-cache";
import { type Network, trainingView } from "./network";

/** A network with its weights' hash. */
export type Teacher = Network & { hash: string };

export interface SoftLabelsOptions {
  recipe: Recipe;
  data: Dataset;
  teacher: Teacher;
  /** Not used if the recipe does not want it. */
  cache: LogitCache;
}

/**
 * The teacher's logits of training images as an epoch shows them. Each view of an image, which is a crop and a flip, is asked for once:
 * without augmentation in the first epoch alone; with flips alone in two epochs in the mean; with crops by c pixels there are (2c+1)^2
 * times as many views, which within one run seldom come again, but all do in another run of the same seed (another temperature, say).
 * The bits are those that the teacher gives when it is asked every time, as the logits of an image do not depend on the batch it is in.
 */
export class SoftLabels {
  readonly #counts = { computed: 0, known: 0 };
  readonly #options: SoftLabelsOptions;
  readonly #known: KnownLogits | null;
  #epoch: { epoch: number; views: Float64Array } | null = null;
  #answer: { views: number[]; read: () => Float32Array } | null = null;

  constructor(options: SoftLabelsOptions) {
    this.#options = options;
    this.#known = options.recipe.distillation!.cacheTeacher ? knownTo(options) : null;
  }

  /** Since the run was last started or resumed. */
  get summary(): string {
    const { computed, known } = this.#counts;
    return `soft labels: ${computed} computed, ${known} from the cache`;
  }

  /** [N,K] of the samples `indices` */
  of(indices: Int32Array, epoch: number): Tensor {
    const views = this.#viewsOf(indices, epoch);
    const missing = [...indices.keys()].filter((n) => !this.#known?.get(views[n]!));
    this.#counts.computed += missing.length;
    this.#counts.known += views.length - missing.length;
    return missing.length === views.length && views.length > 1 ? this.#askAll(indices, epoch, views) : this.#complete(indices, epoch, views, missing);
  }

  /** Remembers what the last batch was answered. Waits for it: to be called when it is there, so that a GPU is not left without work. */
  remember(): void {
    const { views, read } = this.#answer ?? { views: [], read: () => new Float32Array() };
    this.#answer = null;
    const logits = read();
    for (const [n, view] of views.entries()) this.#known!.set(view, this.#row(logits, n));
  }

  #askAll(indices: Int32Array, epoch: number, views: number[]): Tensor {
    const logits = this.#ask(indices, epoch);
    if (this.#known) this.#answer = { views, read: logits.toFloat32Later() };
    return logits;
  }

  /** What is known, with what the teacher says of the rows that are missing. */
  #complete(indices: Int32Array, epoch: number, views: number[], missing: number[]): Tensor {
    const { classes } = this.#options.teacher.model;
    const asked = missing.map((n) => indices[n]!);
    // An image alone is shown twice: the convolutions of one image sum up in another order than those of a batch.
    const shown = asked.length === 1 ? [asked[0]!, asked[0]!] : asked;
    const answers = shown.length > 0 ? this.#ask(Int32Array.from(shown), epoch).toFloat32() : new Float32Array();
    const logits = new Float32Array(views.length * classes);
    for (const [n, view] of views.entries()) {
      const known = this.#known?.get(view);
      if (known) logits.set(known, n * classes);
    }
    for (const [i, n] of missing.entries()) {
      logits.set(this.#row(answers, i), n * classes);
      this.#known?.set(views[n]!, this.#row(answers, i));
    }
    return fromArray(logits, [views.length, classes]);
  }

  #ask(indices: Int32Array, epoch: number): Tensor {
    const { teacher, data, recipe } = this.#options;
    return noGrad(() => teacher.model.forward(assemble(data.train, indices, trainingView(teacher, recipe, epoch))));
  }

  #row(logits: Float32Array, n: number): Float32Array {
    const { classes } = this.#options.teacher.model;
    return logits.subarray(n * classes, (n + 1) * classes);
  }

  #viewsOf(indices: Int32Array, epoch: number): number[] {
    const { teacher, data, recipe } = this.#options;
    if (this.#epoch?.epoch !== epoch) this.#epoch = { epoch, views: viewNumbers(data.train.count, trainingView(teacher, recipe, epoch)) };
    const { views } = this.#epoch;
    return Array.from(indices, (index) => views[index]!);
  }
}

function knownTo({ cache, teacher: { model, hash, normalization }, data, recipe }: SoftLabelsOptions): KnownLogits {
  const key = {
    model: model.name,
    weights: hash,
    imageSize: model.imageSize,
    normalization,
    data: data.hash,
    precision: recipe.train.precision,
    device: backend().device(),
    isa: backend().cpuFeatures().isa,
  };
  return cache.of(key, model.classes);
}
