/**
 * Files of torch.save: a zip archive with a pickle and one entry for each storage (PyTorch 1.6 and later), or pickles with the storages behind them
 * (earlier). Nothing that they hold is executed.
 */
import { InputError } from "../contract/failure";
import type { OpenFile } from "../disk/open-file";
import { CUT_OFF, ZipFile } from "../disk/zip";
import { PickleError } from "../pickle/refusal";
import { type UnpickleOptions, unpickle } from "../pickle/unpickle";
import { entriesOf, type Value } from "../pickle/values";
import { DTYPE_BYTES } from "./dtypes";
import { bytesIn, countIn, shortened, TensorFile, type TensorHeader } from "./tensor-file";
import {
  type ClassNames,
  classNamesIn,
  type StateDict,
  type Storage,
  stateDictIn,
  storageOf,
  storageValue,
  TORCH_GLOBALS,
  type TorchTensor,
  TorchValueError,
} from "./torch-values";

/** Bytes of a pickle, which holds names and sizes alone. */
const LONGEST_PICKLE = 64_000_000;
/** First of the pickles of the earlier format. */
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;

/** Reads bytes of a storage, from one position in it to another. */
type ReadStorage = (storage: Storage, begin: number, end: number) => Uint8Array<ArrayBuffer>;

export class TorchFile extends TensorFile {
  readonly header: TensorHeader;
  override readonly notes: readonly string[];
  readonly #tensors: ReadonlyMap<string, TorchTensor>;
  readonly #read: ReadStorage;

  /**
   * Reads what the file holds, without values; `fits` chooses among dicts of names, as in `stateDictIn`. Throws an InputError if it cannot be used, a
   * SeveralModelsError if the choice is the user's.
   */
  constructor(
    private readonly file: OpenFile,
    format: "zip" | "legacy",
    fits: (names: readonly string[]) => boolean,
  ) {
    super();
    const { value, read } = naming(file, () => (format === "zip" ? readZip(file) : readLegacy(file)));
    const found = naming(file, () => stateDictIn(value, fits));
    if (!found) throw refused(file, `it holds no state dict, but ${inWords(value)}; save the model's state_dict() alone`);
    this.#tensors = found.tensors;
    this.#read = read;
    const classes = chosenClasses(file, classNamesIn(value, found.place));
    this.notes = [...notesOn(file, found), ...classes.notes];
    const tensors = [...found.tensors].map(([name, { storage, shape }]) => [name, { dtype: storage.dtype, shape }] as const);
    this.header = { metadata: classes.metadata, tensors: new Map(tensors) };
    this.#expectPlausible();
  }

  get path(): string {
    return this.file.path;
  }

  bytesOf(name: string, begin: number, end: number): Uint8Array<ArrayBuffer> {
    const tensor = this.#tensors.get(name)!;
    const size = DTYPE_BYTES.get(tensor.storage.dtype)!;
    const start = tensor.offset * size;
    if (isRowMajor(tensor)) return this.#read(tensor.storage, start + begin, start + end);
    const span = spanOf(tensor);
    return gathered(tensor, this.#read(tensor.storage, start, start + span * size), size).slice(begin, end);
  }

  /** A view may repeat the values of its storage, and so be of any size. Throws an InputError if all tensors together have far more bytes than the file. */
  #expectPlausible(): void {
    const bytes = [...this.#tensors.values()].map((tensor) => {
      const info = { dtype: tensor.storage.dtype, shape: tensor.shape };
      return Math.max(bytesIn(info), isRowMajor(tensor) ? 0 : spanOf(tensor) * DTYPE_BYTES.get(info.dtype)!);
    });
    const total = bytes.reduce((sum, each) => sum + each, 0);
    if (total > mostFrom(this.file)) throw refused(this.file, `its tensors would have ${total} bytes, and the file has ${this.file.size}`);
  }
}

function notesOn({ path }: OpenFile, { place, others }: StateDict): string[] {
  const alone = others.length > 0 ? `; it also has ${others.join(", ")}, which ${others.length > 1 ? "are" : "is"} not read` : "";
  return place || alone ? [`the weights in ${path} are those under ${place || "no key"}${alone}`] : [];
}

/** The classes as metadata of ours would have them, if all that is said of them agrees. */
function chosenClasses({ path }: OpenFile, said: readonly ClassNames[]): { metadata: TensorHeader["metadata"]; notes: string[] } {
  const unusable = said.filter(({ names }) => names === null).map(({ key }) => key);
  const notes = unusable.map(
    (key) => `weights ${path}: its "${key}" is passed over: expected a list of names, or a dict that gives each of 0, 1, 2 and so on one name`,
  );
  const [first, ...others] = said.filter(({ names }) => names !== null);
  if (!first) return { metadata: {}, notes };
  const classes = JSON.stringify(first.names);
  const other = others.find(({ names }) => JSON.stringify(names) !== classes);
  if (other)
    return { metadata: {}, notes: [...notes, `weights ${path}: its "${first.key}" and its "${other.key}" contradict each other: both are passed over`] };
  return {
    metadata: { classes },
    notes: [...notes, `the names of the classes in ${path} are those under ${first.key}: ${shortened(first.names!.join(", "))}`],
  };
}

function inWords(value: Value): string {
  const keys = [...(entriesOf(value) ?? [])].map(([key]) => shortened(String(key)));
  if (keys.length > 0) return `a dict of ${keys.slice(0, 5).join(", ")}${keys.length > 5 ? " ..." : ""}`;
  return Array.isArray(value) ? "a list" : "another value";
}

// ---- Formats ------------------------------------------------------------------------------------------------------------------------

interface Content {
  value: Value;
  read: ReadStorage;
}

/** <root>/data.pkl, and the storage of key k in <root>/data/k. */
function readZip(file: OpenFile): Content {
  const zip = new ZipFile(file, (why) => refused(file, why));
  const root = zip.names.filter((name) => /^([^/]*\/)?data\.pkl$/.test(name)).map((name) => name.slice(0, -"data.pkl".length))[0];
  if (root === undefined) throw refused(file, `it is a zip archive (of ${shortened(zip.names.slice(0, 3).join(", "))}), but none of torch.save`);
  if (zip.names.some((name) => name === `${root}constants.pkl` || name.startsWith(`${root}code/`)))
    throw refused(file, "it is a TorchScript program (torch.jit.save), not a state dict; load it with torch.jit.load and save its state_dict()");
  if (zip.sizeOf(`${root}byteorder`) !== null && Buffer.from(zip.read(`${root}byteorder`, 16)).toString() !== "little") throw bigEndian(file);
  const { value } = unpickled(zip.read(`${root}data.pkl`, LONGEST_PICKLE), new Map());
  return { value, read: storageReader(file, zip, root) };
}

function storageReader(file: OpenFile, zip: ZipFile, root: string): ReadStorage {
  /** The last one that was compressed, and bytes of all so far: tensors may look into them in turn. */
  let total = 0;
  let unpacked: { key: string; bytes: Uint8Array<ArrayBuffer> } | null = null;
  return (storage, begin, end) => {
    const name = `${root}data/${storage.key}`;
    const expected = bytesOfStorage(storage);
    if (zip.sizeOf(name) !== expected)
      throw refused(file, `its storage ${storage.key} has ${zip.sizeOf(name) ?? 0} bytes, and its tensors need ${expected}; it is damaged`);
    const position = zip.positionOf(name);
    if (position !== null) return bytesAt(file, position + begin, position + end);
    if (unpacked?.key !== storage.key) {
      total += expected;
      if (total > mostFrom(file)) throw refused(file, "it unpacks to far more than a file of its size should");
      unpacked = { key: storage.key, bytes: zip.read(name, expected) };
    }
    return unpacked.bytes.slice(begin, end);
  };
}

/** A magic number, a version, what machine wrote it, the value, keys of storages; then for each key a count of 8 bytes and the values. */
function readLegacy(file: OpenFile): Content {
  const head = bytesAt(file, 0, Math.min(file.size, LONGEST_PICKLE));
  const storages = new Map<string, Storage>();
  let at = 0;
  const next = () => {
    const { value, end } = unpickled(head, storages, at);
    at = end;
    return value;
  };
  if (next() !== LEGACY_MAGIC) throw refused(file, "it is a pickle of Python, but none of torch.save; save the model's state_dict() by torch.save");
  next();
  if (entriesOf(next())?.get("little_endian") === false) throw bigEndian(file);
  const value = next();
  const places = legacyPlaces(file, next(), storages, at);
  return { value, read: ({ key }, begin, end) => bytesAt(file, places.get(key)! + begin, places.get(key)! + end) };
}

/** Where the values of each storage begin. */
function legacyPlaces(file: OpenFile, keys: Value, storages: ReadonlyMap<string, Storage>, start: number): Map<string, number> {
  const places = new Map<string, number>();
  let at = start;
  for (const key of Array.isArray(keys) ? keys : []) {
    const storage = storages.get(String(key));
    if (!storage) throw refused(file, `it has a storage ${shortened(String(key))} of no tensor`);
    const count = Number(new DataView(bytesAt(file, at, at + 8).buffer).getBigUint64(0, true));
    if (count !== storage.count) throw refused(file, `its storage ${storage.key} has ${count} values, and its tensors need ${storage.count}; it is damaged`);
    places.set(storage.key, at + 8);
    at += 8 + bytesOfStorage(storage);
  }
  const lost = [...storages.keys()].find((key) => !places.has(key));
  if (lost !== undefined) throw refused(file, `its storage ${lost} is missing; it is damaged`);
  if (at > file.size) throw refused(file, `it has ${file.size} bytes, and its tensors need ${at}; ${CUT_OFF}`);
  return places;
}

/** One pickle, and the storages that it refers to. */
function unpickled(bytes: Uint8Array, storages: Map<string, Storage>, start = 0): { value: Value; end: number } {
  const load: UnpickleOptions["load"] = (id) => {
    const value = storageValue(id);
    const storage = storageOf(value);
    storages.set(storage.key, storage);
    return value;
  };
  return unpickle(bytes, { globals: TORCH_GLOBALS, load, start });
}

// ---- Bytes --------------------------------------------------------------------------------------------------------------------------

const bytesOfStorage = ({ dtype, count }: Storage): number => DTYPE_BYTES.get(dtype)! * count;

function bytesAt(file: OpenFile, begin: number, end: number): Uint8Array<ArrayBuffer> {
  if (end > file.size) throw refused(file, `it has ${file.size} bytes, and ends before byte ${end}; ${CUT_OFF}`);
  const bytes = new Uint8Array(end - begin);
  if (file.read(bytes, begin) < bytes.length) throw refused(file, CUT_OFF);
  return bytes;
}

/** Whether the values lie in the storage in the order of the tensor. */
function isRowMajor({ shape, stride }: TorchTensor): boolean {
  let step = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    if (shape[d] !== 1 && stride[d] !== step) return false;
    step *= shape[d]!;
  }
  return true;
}

/** Values of the storage from a view's first to its last. */
function spanOf({ shape, stride }: TorchTensor): number {
  return shape.includes(0) ? 0 : shape.reduce((span, extent, d) => span + (extent - 1) * stride[d]!, 1);
}

/** Bytes that tensors of an honest file may have: views repeat values, and zeros are compressed well. */
const mostFrom = ({ size }: OpenFile): number => 64 * size + 1e6;

/** The values of a view in row-major order, `size` bytes each; `span`: the storage from its first value to its last. */
function gathered({ shape, stride }: TorchTensor, span: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const count = countIn(shape);
  const bytes = new Uint8Array(count * size);
  const index = shape.map(() => 0);
  let from = 0;
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < size; k++) bytes[i * size + k] = span[from * size + k]!;
    // To the next index: the last one first, with a carry.
    for (let d = shape.length - 1; d >= 0; d--) {
      from += stride[d]!;
      index[d]!++;
      if (index[d]! < shape[d]!) break;
      from -= stride[d]! * shape[d]!;
      index[d] = 0;
    }
  }
  return bytes;
}

// ---- Refusals -----------------------------------------------------------------------------------------------------------------------

const SAVE_ALONE = "load it with PyTorch, if you trust it, and save the model's state_dict() alone";

function refused({ path }: OpenFile, why: string): InputError {
  return new InputError(`weights ${path} cannot be read: ${why}`);
}

const bigEndian = (file: OpenFile) => refused(file, `it was written on a big-endian machine; ${SAVE_ALONE} on another`);

function naming<T>(file: OpenFile, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    if (cause instanceof PickleError && cause.global !== null) throw refused(file, forbidden(cause.global));
    if (cause instanceof PickleError) throw refused(file, `its pickle ${cause.message}; it is damaged, or not what torch.save writes`);
    if (cause instanceof TorchValueError) throw refused(file, `it ${cause.message}; it is damaged, or not what torch.save writes`);
    throw cause;
  }
}

/** What makes tensors of types that have no class of storages. */
const OF_NEW_TYPES = "torch._utils._rebuild_tensor_v3";

/** Whole modules are saved as calls of their classes; they are the usual reason, and no attack. */
function forbidden(name: string): string {
  if (name === OF_NEW_TYPES) return "it has tensors of a type that is not read (float8 or an unsigned integer): save them as float32 or bfloat16";
  const isModule = /^(torch\.nn|torchvision|timm|models?|__main__|ultralytics|src|nets?)\b/.test(name);
  const what = isModule ? "it holds a whole model or an object, not only a state dict" : "it is no plain state dict";
  return `${what}: its pickle asks for the code "${shortened(name)}", and nothing that a file asks for is executed; ${SAVE_ALONE}`;
}
