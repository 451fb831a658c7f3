import { UsageError } from "../contract/failure";
import { type GridStage, hasGrid, type ModelSizes, type Stage, stagesOf } from "../contract/families";
import { Module } from "../nn/module";
import type { Graph, Value } from "../onnx/graph";
import { withBatchOutside } from "../tensor/ops/image-layout";
import type { Tensor } from "../tensor/tensor";

export interface ModelShape extends ModelSizes {
  /** Number of classes, K. */
  classes: number;
}

/** Logits [N,K], f32, with the requested activations by stage name. */
export interface Features {
  logits: Tensor;
  features: Map<string, Tensor>;
}

/** Receives what each stage computed, images in any layout. */
export type Observe = (stage: string, activations: Tensor) => void;

/** An image classifier of the registry. */
export abstract class Model extends Module {
  readonly classes: number;
  readonly sizes: ModelSizes;
  /** The places whose activations can be requested, in the order of the forward pass. */
  readonly featureStages: readonly Stage[];

  constructor(
    readonly name: string,
    { classes, imageSize, patchSize }: ModelShape,
  ) {
    super();
    this.classes = classes;
    this.sizes = { imageSize, patchSize };
    this.featureStages = stagesOf(name, this.sizes);
  }

  /** Side of the input in pixels, Z. */
  get imageSize(): number {
    return this.sizes.imageSize;
  }

  /** images [N,Z,Z,3], normalised -> logits [N,K], f32. Activations have the images' type: with bf16 the model computes in bf16. */
  forward(images: Tensor): Tensor {
    return this.compute(images, () => {});
  }

  /**
   * Like `forward`, with bitwise equal logits, plus the activations of the named stages, which live as long as the logits. Gradients flow
   * through both. Maps have the images' type, tokens are f32. Throws a UsageError that lists the stages if a name is unknown.
   */
  forwardFeatures(images: Tensor, names: readonly string[]): Features {
    for (const name of names) this.stage(name);
    const features = new Map<string, Tensor>();
    const logits = this.compute(images, (stage, activations) => {
      if (names.includes(stage)) features.set(stage, withBatchOutside(activations));
    });
    return { logits, features };
  }

  /** Throws a UsageError that lists the stages if the name is unknown. */
  stage(name: string): Stage {
    const found = this.featureStages.find((stage) => stage.name === name);
    if (found) return found;
    throw new UsageError(
      `${this.name} has no stage "${name}" whose activations can be requested; expected one of ${this.featureStages.map(({ name }) => name).join(", ")}`,
    );
  }

  /** Like `stage`, of those with a grid. */
  gridStage(name: string): GridStage {
    const stage = this.stage(name);
    if (hasGrid(stage)) return stage;
    throw new UsageError(`${this.name}: expected a stage with a grid, got "${name}"`);
  }

  /** The forward pass as nodes: images [N,3,Z,Z], normalised -> logits [N,K]. Mirrors `compute`. */
  abstract export(graph: Graph, images: Value): Value;

  /** The forward pass; passes the activations of every stage to the observer, in order. */
  protected abstract compute(images: Tensor, observe: Observe): Tensor;
}
