/** What torch.save pickles: tensors, the storages that they look into, and the dicts that hold them. */
import { entriesOf, type Global, Made, type Value } from "../pickle/values";
import { PLACES, SeveralModelsError } from "./names";

/** Values of one type in a row, stored once, however many tensors look into them. */
export interface Storage {
  key: string;
  dtype: string;
  /** Values. */
  count: number;
}

/** A view of a storage: the value at index i is at offset + sum of i[d] * stride[d]. */
export interface TorchTensor {
  storage: Storage;
  offset: number;
  shape: readonly number[];
  stride: readonly number[];
}

/** PyTorch's classes of storages, and the safetensors format's names of their types. */
const STORAGES: Readonly<Record<string, string>> = {
  "torch.DoubleStorage": "F64",
  "torch.FloatStorage": "F32",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.LongStorage": "I64",
  "torch.IntStorage": "I32",
  "torch.ShortStorage": "I16",
  "torch.CharStorage": "I8",
  "torch.ByteStorage": "U8",
  "torch.BoolStorage": "BOOL",
};

const TENSORS = new Set(["torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2"]);
const PARAMETERS = new Set(["torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"]);
/** With the arguments function, class, its arguments, state. */
const SUBCLASSES = "torch._tensor._rebuild_from_type_v2";

/** What checkpoints carry beside tensors: arguments, best accuracy, paths. It is kept by name, and nobody looks into it. */
const BESIDE_TENSORS = [
  ...["argparse.Namespace", "_codecs.encode", "torch.Size", "torch.device", "types.SimpleNamespace", "datetime.datetime", "datetime.timedelta"],
  ...["collections.OrderedDict", "collections.defaultdict", "collections.Counter", "collections.deque"],
  ...["builtins", "__builtin__"].flatMap((module) =>
    ["dict", "set", "frozenset", "list", "tuple", "int", "float", "str", "bytearray", "slice", "complex"].map((name) => `${module}.${name}`),
  ),
  ...["numpy.core", "numpy._core"].flatMap((module) => [`${module}.multiarray.scalar`, `${module}.multiarray._reconstruct`]),
  ...["numpy.dtype", "numpy.ndarray", "numpy.float64", "numpy.float32", "numpy.int64", "numpy.bool_"],
  ...["Float64", "Float32", "Int64", "Int32", "Bool"].map((type) => `numpy.dtypes.${type}DType`),
  ...["pathlib", "pathlib._local"].flatMap((module) =>
    ["Path", "PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"].map((name) => `${module}.${name}`),
  ),
  ...["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"].map((dtype) => `torch.${dtype}`),
  ...["torch.Tensor", "torch.nn.parameter.Parameter", "torch._C._distributed_c10d.ReduceOp"],
  ...["easydict.EasyDict", "yacs.config.CfgNode", "addict.addict.Dict", "omegaconf.dictconfig.DictConfig", "omegaconf.listconfig.ListConfig"],
  ...["pytorch_lightning.utilities.parsing.AttributeDict", "lightning_fabric.utilities.data.AttributeDict", "lightning.fabric.utilities.data.AttributeDict"],
];

/** All names that may occur in a state dict and what is saved beside it. None of them is called. */
export const TORCH_GLOBALS: ReadonlySet<string> = new Set([...Object.keys(STORAGES), ...TENSORS, ...PARAMETERS, SUBCLASSES, ...BESIDE_TENSORS]);

/** A value that is not what torch.save writes, in words that follow "it". */
export class TorchValueError extends Error {}

const STORAGE = "a storage";

/** The value that a persistent id stands for, ("storage", class, key, place, count), to be read by `tensorOf`. */
export function storageValue(id: Value): Made {
  return new Made(STORAGE, Array.isArray(id) ? id : []);
}

/** The storage of a value of `storageValue`. Throws a TorchValueError if it is none that is known. */
export function storageOf(value: Value | undefined): Storage {
  const [word, type, key, , count, view = null] = value instanceof Made && value.name === STORAGE ? value.args : [];
  const dtype = STORAGES[(type as Global | undefined)?.name ?? ""];
  if (word !== "storage" || dtype === undefined || typeof key !== "string" || !/^\d+$/.test(key) || !isCount(count) || view !== null)
    throw new TorchValueError("has a tensor whose storage is of no known kind");
  return { key, dtype, count };
}

/** The tensor that a value describes, a parameter's included; null for other values. Throws a TorchValueError if it reaches outside its storage. */
export function tensorOf(value: Value | undefined): TorchTensor | null {
  let made = value;
  while (made instanceof Made && !TENSORS.has(made.name)) {
    if (PARAMETERS.has(made.name)) made = made.args[0];
    else if (made.name === SUBCLASSES) made = new Made((made.args[0] as Global | undefined)?.name ?? "", (made.args[2] ?? []) as Value[]);
    else return null;
  }
  if (!(made instanceof Made)) return null;
  const [stored, offset, shape, stride] = made.args;
  const storage = storageOf(stored);
  if (!isCount(offset) || !isSizes(shape) || !isSizes(stride) || shape.length !== stride.length) throw new TorchValueError("has a tensor without valid sizes");
  const isEmpty = shape.includes(0);
  const last = shape.reduce((at, extent, d) => at + (extent - 1) * stride[d]!, offset);
  if (!isEmpty && !(last < storage.count)) throw new TorchValueError("has a tensor that reaches outside its storage");
  return { storage, offset, shape, stride };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const isSizes = (value: unknown): value is number[] => Array.isArray(value) && value.length <= 64 && value.every(isCount);

// ---- Names of classes ----------------------------------------------------------------------------------------------------------------

/** Where checkpoints name the classes of the logits: a list, or a dict from each name to its place, as torchvision's image folders have it. */
const CLASS_KEYS = ["classes", "class_names", "class_to_idx"];

export interface ClassNames {
  key: string;
  /** In the order of the logits; null if it is no list of names, and no dict of a name for each of 0 ... K-1. */
  names: string[] | null;
}

/** What a checkpoint says about its classes, at the top or beside the state dict at `place`. A number of them is no name. */
export function classNamesIn(value: Value, place: string): ClassNames[] {
  const around = [value, ...place.split(".").map((_, i, keys) => keys.slice(0, i + 1).reduce<Value | undefined>(childOf, value))];
  const dicts = new Set(around.flatMap((each) => entriesOf(each) ?? []));
  return [...dicts].flatMap((dict) =>
    CLASS_KEYS.filter((key) => dict.has(key) && typeof dict.get(key) !== "number" && dict.get(key) !== null).map((key) => ({
      key,
      names: namesOf(dict.get(key)!),
    })),
  );
}

const childOf = (value: Value | undefined, key: string): Value | undefined => entriesOf(value)?.get(key);

function namesOf(value: Value): string[] | null {
  if (Array.isArray(value)) return value.every((name) => typeof name === "string") ? value : null;
  const places = [...(entriesOf(value) ?? [])].sort(([, a], [, b]) => Number(a) - Number(b));
  const isWhole = places.length > 0 && places.every(([name, place], i) => typeof name === "string" && place === i);
  return isWhole ? places.map(([name]) => name as string) : null;
}

// ---- Which dict ---------------------------------------------------------------------------------------------------------------------

const DEEPEST = 4;

export interface StateDict {
  tensors: Map<string, TorchTensor>;
  /** Keys on the way to it; none if it is the value itself. */
  place: string;
  /** Places of other state dicts, which are not read. */
  others: string[];
}

/**
 * The state dict in what a checkpoint holds; null if there is none. `fits`: whether names are those of the model that is wanted. Throws a
 * SeveralModelsError if there are several under names of the user's own, and not just one fits.
 */
export function stateDictIn(value: Value, fits: (names: readonly string[]) => boolean): StateDict | null {
  const found = placesIn(value, fits);
  const [first, ...others] = found;
  if (!first) return null;
  return { tensors: tensorsIn(first.dict), place: first.place, others: others.map(({ place }) => place || "the top level") };
}

interface Place {
  place: string;
  dict: ReadonlyMap<Value, Value>;
}

/** The dicts with tensors, in order of preference. */
function placesIn(value: Value, fits: (names: readonly string[]) => boolean): Place[] {
  const seen = new Set<Value>();
  const known = walk(value, "", 0, seen);
  if (known.length > 0) return known;
  // Under a name of the user's own.
  const own = [...(entriesOf(value) ?? [])].map(([key, child]) => walk(child, String(key), 1, seen)).filter((places) => places.length > 0);
  if (own.length < 2) return own.flat();
  const fitting = own.filter(([first]) => fits([...first!.dict.keys()].map(String)));
  if (fitting.length !== 1) throw severalDicts(own.map(([first]) => first!.place));
  return [...fitting, ...own.filter((places) => places !== fitting[0])].flat();
}

function severalDicts(places: readonly string[]): SeveralModelsError {
  const [first] = places;
  const keys = first!.split(".").map((key) => `[${JSON.stringify(key)}]`);
  return new SeveralModelsError(places, `torch.save(checkpoint${keys.join("")}, ${JSON.stringify(`${first}.pth`)})`);
}

/** A dict that only counts something beside a state dict is none itself. */
function walk(value: Value | undefined, place: string, depth: number, seen: Set<Value>): Place[] {
  const dict = entriesOf(value);
  if (!dict || seen.has(value!) || depth > DEEPEST) return [];
  seen.add(value!);
  const below = PLACES.flatMap((key) => walk(dict.get(key), place ? `${place}.${key}` : key, depth + 1, seen));
  const own = countOf(dict);
  if (own === 0) return below;
  const isBeside = below.some((each) => countOf(each.dict) >= own);
  return isBeside ? below : [{ place, dict }, ...below];
}

function countOf(dict: ReadonlyMap<Value, Value>): number {
  let count = 0;
  for (const value of dict.values()) if (value instanceof Made && (TENSORS.has(value.name) || PARAMETERS.has(value.name) || value.name === SUBCLASSES)) count++;
  return count;
}

function tensorsIn(dict: ReadonlyMap<Value, Value>): Map<string, TorchTensor> {
  const tensors = new Map<string, TorchTensor>();
  for (const [key, value] of dict) {
    const tensor = tensorOf(value);
    if (tensor) tensors.set(String(key), tensor);
  }
  return tensors;
}
