import type { Distillation } from "../contract/recipe";
import type { Weight } from "../nn/weight";
import { add } from "../tensor/ops/add";
import { distillationLoss } from "../tensor/ops/distillation-loss";
import { scale } from "../tensor/ops/scale";
import { noGrad, type Tensor } from "../tensor/tensor";
import type { FeatureNeed, TeacherNeeds } from "./answer-cache";
import type { Network } from "./network";
import type { Computed, Objective, ObjectiveContext, ObjectiveInputs, Reading } from "./objectives/objective";
import { createObjective } from "./objectives/table";
import type { Answers } from "./teacher";

/** A batch on the device: everything that the loss of a step depends on. */
export interface Batch {
  /** [N,Z,Z,3], as the student sees them. */
  images: Tensor;
  /** i32 [N] */
  labels: Tensor;
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
  /** The term that computes the labels' part in its own pass. */
  readonly #fused: WeightedObjective | null;

  /** `context` is required if there is a distillation. */
  constructor(student: Network, distillation: Distillation | null, context: ObjectiveContext | null) {
    this.#student = student;
    this.#labels = distillation?.labels ?? 1;
    this.#terms = distillation ? weighted(distillation, context!) : [];
    this.#fused = this.#terms.find(({ objective, weight }) => objective.withLabels && this.#labels + weight > 0) ?? null;
    const needs = this.#terms.map(({ objective }) => objective.needs);
    this.needs = {
      logits: needs.some(({ teacherLogits }) => teacherLogits),
      features: distinct(needs.flatMap(({ teacherFeatures }) => teacherFeatures ?? [])),
    };
    this.parts = ["ce", ...this.#terms.flatMap(({ names }) => [...names.values()])];
  }

  /** Forward pass and loss; the readings hold "loss", the parts by name, and "correct". */
  compute({ images, labels, teacher }: Batch): Computed {
    const stages = this.#terms.flatMap(({ objective }) => objective.needs.studentFeatures ?? []);
    const { logits, features } = this.#student.model.forwardFeatures(images, stages);
    const inputs = { logits, labels, features, teacher };
    const computed = [this.#withLabels(inputs), ...this.#terms.filter((term) => term !== this.#fused).map((term) => this.#weigh(term, inputs))];
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

  #withLabels(inputs: ObjectiveInputs): { loss: Tensor | null; readings: readonly Reading[] } {
    if (this.#fused) {
      const { objective, weight, names } = this.#fused;
      const { loss, readings } = objective.withLabels!(inputs, { labels: this.#labels, own: weight });
      return { loss, readings: renamed(readings, names) };
    }
    const compute = () => distillationLoss(inputs.logits, { labels: inputs.labels });
    // Labels of weight 0 are still compared, for the records.
    const { loss, metrics } = this.#labels === 0 ? noGrad(compute) : compute();
    const readings = [{ names: ["ce", "", "correct"], tensor: metrics }];
    return { loss: this.#labels === 0 ? null : times(loss, this.#labels), readings };
  }

  #weigh({ objective, weight, names }: WeightedObjective, inputs: ObjectiveInputs): Computed {
    const { loss, readings } = objective.compute(inputs);
    return { loss: times(loss, weight), readings: renamed(readings, names) };
  }
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
