import { backend, Tensor, unscoped } from "../tensor/tensor";
import type { Initial } from "./initial";

/** A tensor that belongs to a module: a parameter, which is trained, or a buffer, which is only stored. It lives until `release`. */
export class Weight extends Tensor {
  /** The content is undefined until `Module.initialize` runs or weights are loaded. */
  private constructor(
    shape: readonly number[],
    readonly initial: Initial,
    readonly trained: boolean,
    /** Whether weight decay of matrices alone leaves it out, whatever its shape; vectors are always left out. */
    readonly undecayed: boolean,
  ) {
    super(backend().alloc("f32", shape), "f32", shape);
    this.requiresGrad = trained;
  }

  static parameter(shape: readonly number[], initial: Initial, { undecayed = false }: { undecayed?: boolean } = {}): Weight {
    return unscoped(() => new Weight(shape, initial, true, undecayed));
  }

  static buffer(shape: readonly number[], initial: Initial): Weight {
    return unscoped(() => new Weight(shape, initial, false, false));
  }
}
