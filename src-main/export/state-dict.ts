import type { Model } from "../models/model";
import type { Written } from "../models/safetensors";

const AVERAGE = /running_var$/;

/**
 * A model's weights as PyTorch's `load_state_dict` expects them: with `num_batches_tracked` ([], I64) of each batch norm. It counts training batches, and
 * with a momentum nothing depends on it; here it is 0.
 */
export function stateDict(model: Model): Map<string, Written> {
  return new Map(
    [...model.weights()].flatMap(([name, weight]): [string, Written][] =>
      AVERAGE.test(name)
        ? [
            [name, weight],
            [name.replace(AVERAGE, "num_batches_tracked"), COUNTER],
          ]
        : [[name, weight]],
    ),
  );
}

const COUNTER: Written = { dtype: "I64", shape: [], size: 1, bytes: () => [new Uint8Array(8)] };
