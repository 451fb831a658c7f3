import { createHash } from "node:crypto";
import type { Normalization } from "../contract/normalization";
import type { Precision } from "../contract/recipe";
import { render, rowsOf, type Shown } from "../data/batches";
import type { Dataset } from "../data/dataset";
import { channelsOf, gridOf } from "../models/grid";
import { add } from "../tensor/ops/add";
import { resizeGrid } from "../tensor/ops/resize-grid";
import { scale } from "../tensor/ops/scale";
import { backend, fromArray, keep, noGrad, scope, type Tensor } from "../tensor/tensor";
import type { AnswerCache, FeatureNeed, KnownAnswers, TeacherNeeds } from "./answer-cache";
import { type Network, renderingFor } from "./network";
import { type BatchPlan, type ViewKey, viewKeys } from "./plan";

/** The answers to a plan by name: "logits" [N,K], and each feature as `featureName` [N,S,S,C]; f32. */
export type Answers = ReadonlyMap<string, Tensor>;

export function featureName({ stage, side }: FeatureNeed): string {
  return `${stage}@${side}`;
}

/** In evaluation mode, with the hash of its weights. */
export type TeachingNetwork = Network & { hash: string };

/** A teacher besides the first. */
export interface OtherTeaching {
  network: TeachingNetwork;
  /** In the mean of the logits, where the first has 1. */
  weight: number;
}

export interface TeacherOptions {
  network: TeachingNetwork;
  /** Features are the first network's; logits are the weighted mean of all. */
  others?: readonly OtherTeaching[];
  data: Dataset;
  precision: Precision;
  needs: TeacherNeeds;
  /** Answers known from earlier runs; null: the teacher computes every plan. */
  cache: AnswerCache | null;
}

interface Field {
  name: string;
  /** Values in one image's answer. */
  shape: readonly number[];
  size: number;
}

/**
 * A teacher as training sees it: it answers plans. A cache makes it compute each view of an image only once: without augmentation only in the
 * first epoch, with flips in two epochs on average. With crops by c pixels there are (2c+1)^2 times as many views, and with mixup no end of them:
 * they seldom repeat within one run (unless `augment.views` limits them), but all repeat in another run with the same seed. Results are bitwise
 * equal to those of a teacher without a cache, because the answer to an image does not depend on its batch.
 */
export class Teacher {
  /** Of the weights; of everything that the answers follow from, where there are several networks. */
  readonly hash: string;
  readonly #options: TeacherOptions;
  readonly #others: readonly OtherTeaching[];
  readonly #fields: readonly Field[];
  readonly #known: KnownAnswers | null;
  readonly #counts = { computed: 0, known: 0 };
  /** Answers on their way from the device, and the views that they belong to. */
  #arriving: { views: readonly ViewKey[]; read: (() => Float32Array)[] } | null = null;
  #shown: string | null = null;

  constructor(options: TeacherOptions) {
    this.#options = options;
    this.#others = options.others ?? [];
    this.hash = this.#others.length === 0 ? options.network.hash : hashOf(options.network, this.#others);
    this.#fields = fieldsOf(options);
    const width = this.#fields.reduce((sum, { size }) => sum + size, 0);
    this.#known = options.cache && knownTo(options, options.cache, width);
  }

  get normalization(): Normalization {
    return this.#options.network.normalization;
  }

  /** Counts since the run was last started or resumed. */
  get summary(): string {
    const { computed, known } = this.#counts;
    return `teacher's answers: ${computed} computed, ${known} from the cache`;
  }

  /** Checksum of what the teacher was shown for the last plan, for the evidence; null if it was not asked. */
  get shown(): string | null {
    return this.#shown;
  }

  /** `checked`: whether to take a checksum of what the teacher is shown. */
  answer(plan: BatchPlan, checked: boolean): Answers {
    this.#remember();
    const views = viewKeys(plan);
    const missing = [...plan.indices.keys()].filter((n) => !this.#known?.get(views[n]!));
    this.#counts.computed += missing.length;
    this.#counts.known += views.length - missing.length;
    this.#shown = null;
    return missing.length === views.length && views.length > 1 ? this.#askAll(plan, views, checked) : this.#complete(plan, views, missing, checked);
  }

  /** Answers on their way are taken, as the device keeps them until then. After an error on it none arrive, and that error is the one to report. */
  release(): void {
    try {
      this.#remember();
    } catch {}
  }

  /** Stores answers of the previous plan. Reading them immediately would leave a GPU without work. */
  #remember(): void {
    const { views, read } = this.#arriving ?? { views: [], read: [] };
    this.#arriving = null;
    const values = read.map((take) => take());
    for (const [n, view] of views.entries()) this.#keep(view, values, n);
  }

  #askAll(plan: Shown, views: readonly ViewKey[], checked: boolean): Answers {
    const answers = this.#ask(plan, checked);
    if (this.#known?.hasRoomFor(views[0]!)) this.#arriving = { views, read: [...answers.values()].map((tensor) => tensor.toFloat32Later()) };
    return answers;
  }

  /** The known answers, completed by the teacher's for the missing rows. */
  #complete(plan: Shown, views: readonly ViewKey[], missing: readonly number[], checked: boolean): Answers {
    // A single image is shown twice: convolutions of one image sum in a different order than those of a batch.
    const rows = missing.length === 1 ? [missing[0]!, missing[0]!] : missing;
    const answers = rows.length > 0 ? [...this.#ask(rowsOf(plan, rows), checked).values()].map((tensor) => tensor.toFloat32()) : [];
    const whole = this.#fields.map(({ size }) => new Float32Array(views.length * size));
    for (const [n, view] of views.entries()) {
      const known = this.#known?.get(view);
      if (known) this.#spread(known, whole, n);
    }
    for (const [i, n] of missing.entries()) {
      for (const [field, { size }] of this.#fields.entries()) whole[field]!.set(answers[field]!.subarray(i * size, (i + 1) * size), n * size);
      this.#keep(views[n]!, answers, i);
    }
    return new Map(this.#fields.map(({ name, shape }, i) => [name, fromArray(whole[i]!, [views.length, ...shape])]));
  }

  /** What the forward pass needs besides the answers is freed at once: at 224 px a batch of images alone is 77 MB. */
  #ask(shown: Shown, checked: boolean): Map<string, Tensor> {
    const { network, needs } = this.#options;
    return scope(() =>
      noGrad(() => {
        const images = this.#render(network, shown);
        this.#shown = checked ? backend().checksum(images.handle) : null;
        const { logits, features } = network.model.forwardFeatures(
          images,
          needs.features.map(({ stage }) => stage),
        );
        const maps = needs.features.map((need) => [featureName(need), keep(this.#mapOf(need, features.get(need.stage)!))] as const);
        return new Map([...(needs.logits ? [["logits", keep(this.#withOthers(logits, shown))] as const] : []), ...maps]);
      }),
    );
  }

  /**
   * The weighted mean of all networks' logits. Its softmax is the weighted geometric mean of their class probabilities at any temperature (Hinton,
   * Vinyals and Dean 2015: "an arithmetic or geometric mean of their individual predictive distributions").
   */
  #withOthers(logits: Tensor, shown: Shown): Tensor {
    const total = this.#others.reduce((sum, { weight }) => sum + weight, 1);
    return this.#others.reduce(
      (mean, { network, weight }) => {
        const own = scope(() => keep(network.model.forward(this.#render(network, shown))));
        return add(mean, scale(own, weight / total));
      },
      total === 1 ? logits : scale(logits, 1 / total),
    );
  }

  #mapOf({ stage, side }: FeatureNeed, activations: Tensor): Tensor {
    return inFloat32(resizeGrid(gridOf(this.#options.network.model.gridStage(stage), activations), side));
  }

  #render(network: Network, shown: Shown): Tensor {
    const { data, precision } = this.#options;
    return render(data.train, shown, renderingFor(network, precision));
  }

  /** Keeps the answer to the n-th image of a batch, whose answers are given by field, if the cache has room. */
  #keep(view: ViewKey, answers: readonly Float32Array[], n: number): void {
    const row = this.#known?.place(view);
    if (!row) return;
    let at = 0;
    for (const [i, { size }] of this.#fields.entries()) {
      row.set(answers[i]!.subarray(n * size, (n + 1) * size), at);
      at += size;
    }
  }

  /** The n-th image's answer from its row of the cache. */
  #spread(row: Float32Array, whole: readonly Float32Array[], n: number): void {
    let at = 0;
    for (const [i, { size }] of this.#fields.entries()) {
      whole[i]!.set(row.subarray(at, at + size), n * size);
      at += size;
    }
  }
}

/** Converts bf16 on the processor: the cache holds f32, and cached and fresh answers must be bitwise equal. */
function inFloat32(x: Tensor): Tensor {
  return x.dtype === "f32" ? x : fromArray(x.toFloat32(), x.shape);
}

function fieldsOf({ network: { model }, needs }: TeacherOptions): Field[] {
  const logits = { name: "logits", shape: [model.classes], size: model.classes };
  const features = needs.features.map((need) => {
    const channels = channelsOf(model.gridStage(need.stage));
    return { name: featureName(need), shape: [need.side, need.side, channels], size: need.side * need.side * channels };
  });
  return needs.logits ? [logits, ...features] : features;
}

/** What a network's answers follow from, besides the images. */
function identityOf({ model, hash, normalization }: TeachingNetwork) {
  return { model: model.name, weights: hash, imageSize: model.imageSize, normalization };
}

const identitiesOf = (others: readonly OtherTeaching[]) => others.map(({ network, weight }) => ({ ...identityOf(network), weight }));

function hashOf(first: TeachingNetwork, others: readonly OtherTeaching[]): string {
  return createHash("sha256")
    .update(JSON.stringify([first.hash, identitiesOf(others)]))
    .digest("hex");
}

function knownTo({ network, others = [], data, precision, needs }: TeacherOptions, cache: AnswerCache, width: number): KnownAnswers {
  const { isa, bf16Products } = backend().cpuFeatures();
  const key = {
    ...identityOf(network),
    ...(others.length > 0 && { others: identitiesOf(others) }),
    ...needs,
    data: data.hash,
    precision,
    device: backend().device(),
    isa,
    bf16Products,
  };
  return cache.of(key, width);
}
