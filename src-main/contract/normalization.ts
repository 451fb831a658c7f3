/** How images are normalised for a network: (value - mean) / std for each channel (red, green, blue), with values in 0 ... 1. */
export interface Normalization {
  mean: readonly number[];
  std: readonly number[];
}

/** How the networks of a run see their images. */
export interface RunNormalization {
  student: Normalization;
  /** null if the run has no teacher. */
  teacher: Normalization | null;
}

/** Mean and deviation of CIFAR-10's training images. */
export const CIFAR10_NORMALIZATION: Normalization = { mean: [0.49139968, 0.48215827, 0.44653124], std: [0.24703233, 0.24348505, 0.26158768] };

/** Mean and deviation of ImageNet's training images, as published with DeiT's weights and torchvision's. */
export const IMAGENET_NORMALIZATION: Normalization = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** Values in -1 ... 1, as TensorFlow's models and many of timm's vision transformers have them. */
export const SYMMETRIC_NORMALIZATION: Normalization = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

/** "mean 0.491, 0.482, 0.447 and deviation 0.247, 0.243, 0.262 (CIFAR-10's)" */
export function normalizationInWords({ mean, std }: Normalization): string {
  const rounded = (values: readonly number[]) => values.map((value) => value.toFixed(3)).join(", ");
  const same = (a: readonly number[], b: readonly number[]) => a.join() === b.join();
  const isCifar10 = same(mean, CIFAR10_NORMALIZATION.mean) && same(std, CIFAR10_NORMALIZATION.std);
  return `mean ${rounded(mean)} and deviation ${rounded(std)}${isCifar10 ? " (CIFAR-10's)" : ""}`;
}
