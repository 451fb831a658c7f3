import type { Distillation } from "../contract/recipe";
import type { Weight } from "../nn/weight";
import { add } from "../tensor/ops/add";
import { distillationLoss } from "../tensor/ops/distillation-loss";
import { linear } from "../tensor/ops/linear";
import { logSumExp } from "../tensor/ops/log-sum-exp";
import { mean } from "../tensor/ops/mean";
import { multiply } from "../tensor/ops/multiply";
import { oneHot } from "../tensor/ops/one-hot";
import { scale } from "../tensor/ops/scale";
import { sumRows } from "../tensor/ops/sum-rows";
import { full, noGrad, type Tensor } from "../tensor/tensor";
import type { FeatureNeed, TeacherNeeds } from "./answer-cache";
import type { Network } from "./network";
import type { Computed, Objective, ObjectiveContext, ObjectiveInputs, Reading } from "./objectives/objective";
import { createObjective } from "./objectives/table";
import type { Answers } from "./teacher";

/** A batch on the device: everything that the loss of a step depends on. */
export interface Batch {
  /** [N,Z,Z,3], as the student sees them. */
  images: Tensor;
  /** i32 [N], of the images themselves where they are mixed. */
  labels: Tensor;
  /** f32 [N,K], the classes of each mixture: rows sum to 1, or to the weights of the labels; null or left out where images are not mixed. */
  mixture?: Tensor | null;
  /** f32 [N], factors of the labels' cross-entropy, with mean 1 and 0 for an image without a label; null or left out: all have labels. */
  labelWeights?: Tensor | null;
  /** Empty for a control. */
  teacher: Answers;
}

interface WeightedObjective {
  weight: number;
  objective: Objective;
  /** Its parts by their names in records: those of a second term of a kind are numbered, "kd2". */
  names: ReadonlyMap<string, string>;
  /** Prefix of its own weights' names in a checkpoint. */
  prefix: string;
}

/** What an arm learns from: the labels and a weighted sum of objectives. A control learns only from the labels. */
export class Criterion {
  readonly needs: TeacherNeeds;
  /** Names of the parts in records, "ce" (cross-entropy with the labels) first. */
  readonly parts: readonly string[];
  readonly #student: Network;
  readonly #labels: number;
  readonly #terms: readonly WeightedObjective[];
  /** Stages of the student that are needed. */
  readonly #stages: readonly string[];
  /** Whether the labels teach the class token's head alone, as in DeiT; otherwise they teach the mean of both heads, as without a teacher. */
  readonly #splitsHeads: boolean;
  /** The term that takes the labels into its own pass, where each image has one class. */
  readonly #fused: WeightedObjective | null;

  /** `context` is required if there is a distillation. */
  constructor(
    student: Network,
    distillation: Distillation | null,
    context: ObjectiveContext | null,
    /** 0 ... 1, of the labels alone: the share of each target that is spread over all classes. torch.nn.functional.cross_entropy. */
    private readonly labelSmoothing = 0,
  ) {
    this.#student = student;
    this.#labels = distillation?.labels ?? 1;
    this.#terms = distillation ? weighted(distillation, context!) : [];
    this.#fused = this.#terms.find(({ objective, weight }) => objective.withLabels && this.#labels + weight > 0) ?? null;
    const needs = this.#terms.map(({ objective }) => objective.needs);
    this.needs = {
      logits: needs.some(({ teacherLogits }) => teacherLogits),
      features: distinct(needs.flatMap(({ teacherFeatures }) => teacherFeatures ?? [])),
    };
    this.#splitsHeads = needs.some(({ splitsHeads }) => splitsHeads);
    this.#stages = [...needs.flatMap(({ studentFeatures }) => studentFeatures ?? []), ...(this.#splitsHeads ? ["head"] : [])];
    this.parts = ["ce", ...this.#terms.flatMap(({ names }) => [...names.values()])];
  }

  /** Forward pass and loss; the readings hold "loss", the parts by name, and "correct". */
  compute({ images, labels, mixture, labelWeights, teacher }: Batch): Computed {
    const { logits: all, features } = this.#student.model.forwardFeatures(images, this.#stages);
    const logits = this.#splitsHeads ? features.get("head")! : all;
    const inputs = { logits, labels, labelWeights, features, teacher };
    const targets = this.labelSmoothing > 0 ? smoothed({ labels, labelWeights, mixture }, logits.shape[1]!, this.labelSmoothing) : mixture;
    const fused = targets ? null : this.#fused;
    const first = fused ? this.#withLabels(fused, inputs) : this.#labelsAlone(inputs, targets);
    const computed = [first, ...this.#terms.filter((term) => term !== fused).map((term) => this.#weigh(term, inputs))];
    const losses = computed.flatMap(({ loss }) => loss ?? []);
    const loss = losses.slice(1).reduce(add, losses[0]!);
    return { loss, readings: [{ names: ["loss"], tensor: loss }, ...computed.flatMap(({ readings }) => readings)] };
  }

  /** The objectives' own weights by name; none of them belongs to the student. */
  weights(): Map<string, Weight> {
    return new Map(
      this.#terms.flatMap(({ prefix, objective }) => [...(objective.weights?.weights() ?? [])].map(([name, weight]) => [prefix + name, weight] as const)),
    );
  }

  release(): void {
    for (const { objective } of this.#terms) objective.weights?.release();
  }

  #withLabels({ objective, weight, names }: WeightedObjective, inputs: ObjectiveInputs): Computed {
    const { loss, readings } = objective.withLabels!(inputs, { labels: this.#labels, own: weight });
    return { loss, readings: renamed(readings, names) };
  }

  #labelsAlone(inputs: ObjectiveInputs, mixture: Tensor | null | undefined): { loss: Tensor | null; readings: readonly Reading[] } {
    const compute = () => (mixture ? crossEntropyWithMixture(inputs, mixture) : crossEntropy(inputs));
    // Labels of weight 0 are still compared with, for the records.
    const { loss, readings } = this.#labels === 0 ? noGrad(compute) : compute();
    return { loss: this.#labels === 0 ? null : times(loss, this.#labels), readings };
  }

  #weigh({ objective, weight, names }: WeightedObjective, inputs: ObjectiveInputs): Computed {
    const { loss, readings } = objective.compute(inputs);
    return { loss: times(loss, weight), readings: renamed(readings, names) };
  }
}

function crossEntropy({ logits, labels, labelWeights }: ObjectiveInputs): Computed {
  const { loss, metrics } = distillationLoss(logits, { labels, labelWeights });
  return { loss, readings: [{ names: ["ce", "", "correct"], tensor: metrics }] };
}

/** -sum over k of mixture_k log softmax(z)_k = (sum of the mixture) log(sum of exp(z)) - mixture . z, mean over the batch. The sum is 1 if all have labels. */
function crossEntropyWithMixture({ logits, labels, labelWeights }: ObjectiveInputs, mixture: Tensor): Computed {
  const whole = logSumExp(logits);
  const logSums = labelWeights ? multiply(whole, labelWeights.reshape(whole.shape)) : whole;
  const loss = mean(add(logSums, scale(sumRows(multiply(mixture, logits)), -1)));
  const { metrics } = noGrad(() => distillationLoss(logits, { labels, labelWeights }));
  const readings = [
    { names: ["ce"], tensor: loss },
    { names: ["", "", "correct"], tensor: metrics },
  ];
  return { loss, readings };
}

/** Targets [N,K], whose rows sum to 1, or to the weights of the labels, and keep that. */
function smoothed({ labels, labelWeights, mixture }: Pick<Batch, "labels" | "labelWeights" | "mixture">, K: number, smoothing: number): Tensor {
  const sums = labelWeights ? linear(labelWeights.reshape([labelWeights.size, 1]), full([K, 1], 1)) : full([labels.size, K], 1);
  const targets = mixture ?? multiply(oneHot(labels, K), sums);
  return add(scale(targets, 1 - smoothing), scale(sums, smoothing / K));
}

function times(loss: Tensor, weight: number): Tensor {
  return weight === 1 ? loss : scale(loss, weight);
}

function weighted({ terms }: Distillation, context: ObjectiveContext): WeightedObjective[] {
  return terms.map((term, index) => {
    const earlier = terms.slice(0, index).filter(({ kind }) => kind === term.kind).length;
    const number = earlier === 0 ? "" : String(earlier + 1);
    // Terms of the same kind would otherwise begin from the same weights.
    const objective = createObjective(term, context && { ...context, seed: context.seed + earlier });
    const names = new Map(objective.parts.map((part) => [part, part + number]));
    return { weight: term.weight, objective, names, prefix: `objective.${term.kind}${number}.` };
  });
}

function renamed(readings: readonly Reading[], names: ReadonlyMap<string, string>): Reading[] {
  return readings.map(({ names: own, tensor }) => ({ names: own.map((name) => names.get(name) ?? name), tensor }));
}

function distinct(needs: readonly FeatureNeed[]): FeatureNeed[] {
  return needs.filter((need, index) => needs.findIndex(({ stage, side }) => stage === need.stage && side === need.side) === index);
}
