import { Module } from "../nn/module";
import type { Tensor } from "../tensor/tensor";

export interface ModelShape {
  /** Number of classes, K. */
  classes: number;
  /** Side of the input in pixels, Z. */
  imageSize: number;
  /** Side of a patch in pixels; null for models without patches. */
  patchSize: number | null;
}

/** An image classifier of the registry. */
export abstract class Model extends Module {
  readonly classes: number;
  readonly imageSize: number;
  readonly patchSize: number | null;

  constructor(
    readonly name: string,
    { classes, imageSize, patchSize }: ModelShape,
  ) {
    super();
    this.classes = classes;
    this.imageSize = imageSize;
    this.patchSize = patchSize;
  }

  /** images [N,Z,Z,3], normalised -> logits [N,K], f32. Activations are of the images' type: with bf16 the model computes in bf16. */
  abstract forward(images: Tensor): Tensor;
}
