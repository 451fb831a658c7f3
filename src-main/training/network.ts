import type { Model } from "../models/model";
import type { Normalization } from "../tensor/ops/prepare-image";

/** A model with the normalisation that its input has: its side in pixels is the model's. */
export interface Network {
  model: Model;
  normalization: Normalization;
}
