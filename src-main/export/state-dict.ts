import type { Model } from "../models/model";
import type { Tensor } from "../tensor/tensor";

/** A weight, fp32, or a counter, of which only the bytes are wanted. */
export type StateTensor = Pick<Tensor, "shape" | "size" | "toFloat32"> | typeof COUNTER;

const COUNTER = { dtype: "I64", shape: [] as readonly number[], size: 1, bytes: () => [new Uint8Array(8)] };

const AVERAGE = /running_var$/;

/**
 * A model's weights as PyTorch's `load_state_dict` expects them: with `num_batches_tracked` ([], I64) of each batch norm. It counts training batches, and
 * with a momentum nothing depends on it; here it is 0.
 */
export function stateDict(model: Model): Map<string, StateTensor> {
  return new Map(
    [...model.weights()].flatMap(([name, weight]): [string, StateTensor][] =>
      AVERAGE.test(name)
        ? [
            [name, weight],
            [name.replace(AVERAGE, "num_batches_tracked"), COUNTER],
          ]
        : [[name, weight]],
    ),
  );
}
