import { UsageError } from "../contract/failure";
import { type ModelSizes, type Stage, stagesOf } from "../contract/families";
import { Module } from "../nn/module";
import type { Tensor } from "../tensor/tensor";

export interface ModelShape extends ModelSizes {
  /** Number of classes, K. */
  classes: number;
}

/** Logits [N,K], f32, with the activations that were asked for, by the name of their stage. */
export interface Features {
  logits: Tensor;
  features: Map<string, Tensor>;
}

/** Shown what each stage computed. */
export type Observe = (stage: string, activations: Tensor) => void;

/** An image classifier of the registry. */
export abstract class Model extends Module {
  readonly classes: number;
  readonly sizes: ModelSizes;
  /** The places whose activations can be asked for, in the order of the forward pass. */
  readonly stages: readonly Stage[];

  constructor(
    readonly name: string,
    { classes, imageSize, patchSize }: ModelShape,
  ) {
    super();
    this.classes = classes;
    this.sizes = { imageSize, patchSize };
    this.stages = stagesOf(name, this.sizes);
  }

  /** Side of the input in pixels, Z. */
  get imageSize(): number {
    return this.sizes.imageSize;
  }

  /** images [N,Z,Z,3], normalised -> logits [N,K], f32. Activations are of the images' type: with bf16 the model computes in bf16. */
  forward(images: Tensor): Tensor {
    return this.compute(images, () => {});
  }

  /**
   * As `forward`, in the same bits, with the activations of the named stages, which live as long as the logits do. Gradients flow through
   * both. Maps are of the images' type, tokens are f32. Throws a UsageError that lists the stages if there is none of a name.
   */
  forwardFeatures(images: Tensor, names: readonly string[]): Features {
    for (const name of names) this.stage(name);
    const features = new Map<string, Tensor>();
    const logits = this.compute(images, (stage, activations) => {
      if (names.includes(stage)) features.set(stage, activations);
    });
    return { logits, features };
  }

  /** Throws a UsageError that lists the stages if there is none of that name. */
  stage(name: string): Stage {
    const found = this.stages.find((stage) => stage.name === name);
    if (found) return found;
    throw new UsageError(
      `${this.name} has no stage "${name}" whose activations can be taken; expected one of ${this.stages.map(({ name }) => name).join(", ")}`,
    );
  }

  /** The forward pass; shows the activations of every stage, in order. */
  protected abstract compute(images: Tensor, observe: Observe): Tensor;
}
