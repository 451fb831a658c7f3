/** Why a pickle is refused, to follow "it". */
export class PickleError extends Error {
  /** `global`: the name of the function or class that it asks for, if that is why. */
  constructor(
    why: string,
    readonly global: string | null = null,
  ) {
    super(why);
    this.name = "PickleError";
  }
}
