/** What a pickle holds, as inert data. */

/** `Value[]` are lists, tuples and sets; `Map` is a dict. They may hold themselves: do not walk them without a limit of depth. */
export type Value = null | boolean | number | bigint | string | Uint8Array | Value[] | Map<Value, Value> | Global | Made;

/** A function or class by its name, "collections.OrderedDict". It stands for nothing that could be called. */
export class Global {
  constructor(readonly name: string) {}
}

/** What a call would have made, and what it would have been filled with. Nothing was called. */
export class Made {
  /** Of `__setstate__`, or the attributes. */
  state: Value = null;
  /** What was set by key, as in an OrderedDict. */
  readonly items = new Map<Value, Value>();

  constructor(
    readonly name: string,
    readonly args: readonly Value[],
  ) {}
}

const DICTS = new Set(["collections.OrderedDict", "collections.defaultdict", "builtins.dict", "__builtin__.dict"]);

/** The entries of a dict of any kind; null for other values. */
export function entriesOf(value: Value | undefined): ReadonlyMap<Value, Value> | null {
  if (value instanceof Map) return value;
  if (!(value instanceof Made) || !DICTS.has(value.name)) return null;
  // Python 2 wrote an OrderedDict as a call with a list of pairs.
  const [pairs] = value.args;
  if (!Array.isArray(pairs)) return value.items;
  return new Map([...pairs.flatMap((pair): [Value, Value][] => (Array.isArray(pair) && pair.length === 2 ? [[pair[0]!, pair[1]!]] : [])), ...value.items]);
}
