import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../../contract/failure";
import { PickleError } from "../../../pickle/refusal";
import { unpickle } from "../../../pickle/unpickle";
import { Made, type Value } from "../../../pickle/values";
import { type Batch, PLANES, type Storage } from "./batch";
import { CIFAR10_PYTHON, CIFAR100_PYTHON, CLASSES_10, COARSE_CLASSES, FINE_CLASSES, type Published } from "./published";

/** The Python version: each file is a pickled dict with the array "data" [count,3072] and a list of labels; another one has the class names. */
interface Pickles {
  published: Published;
  labels: string;
  meta: string;
  names: string;
  classes: readonly string[];
}

/** Every pickle of protocol 2 and later begins with this byte. */
const PROTOCOL = 0x80;
/** Several times the largest file, that of CIFAR-100's training images. */
const LARGEST = 2 ** 30;

function python({ published, labels, meta, names, classes }: Pickles): Storage {
  const inWords = `${published.name}'s ${published.version}`;
  const check = (file: string) => {
    const { size } = statSync(file);
    if (size > LARGEST) throw new InputError(`${file} has ${size} bytes: it is no batch of ${inWords}`);
    if (!isPickle(file)) throw new InputError(`${file} is no pickle: expected a batch of ${inWords}; download it again`);
  };
  const within = <T>(file: string, read: (dict: Dict) => T): T => {
    check(file);
    try {
      return read(new Dict(unpickle(readFileSync(file), { globals: GLOBALS }).value));
    } catch (cause) {
      if (!(cause instanceof PickleError)) throw cause;
      throw new InputError(`${file} is no batch of ${inWords}, or is damaged: it ${cause.message}; download it again`, { cause });
    }
  };
  return {
    published,
    looksRight: isPickle,
    check,
    read: (file) => within(file, (dict) => batchOf(dict, labels)),
    classesIn: (folder) => {
      const file = join(folder, meta);
      return statSync(file, { throwIfNoEntry: false })?.isFile() ? within(file, (dict) => namesOf(dict, names)) : null;
    },
    classes,
  };
}

function isPickle(file: string): boolean {
  const first = Buffer.alloc(1);
  const opened = openSync(file, "r");
  try {
    return readSync(opened, first, 0, 1, 0) === 1 && first[0] === PROTOCOL;
  } finally {
    closeSync(opened);
  }
}

function batchOf(dict: Dict, name: string): Batch {
  const planes = bytesOfArray(dict.at("data"));
  const labels = dict.at(name);
  const count = planes.length / PLANES;
  if (!Array.isArray(labels) || labels.length !== count) throw new PickleError(`has ${count} images, but no list of as many "${name}"`);
  const isLabel = (label: Value): label is number => typeof label === "number" && Number.isInteger(label) && label >= 0;
  if (!labels.every(isLabel)) throw new PickleError(`has "${name}" that are no whole numbers from 0 on`);
  return { labels, planes };
}

function namesOf(dict: Dict, name: string): string[] {
  const names = dict.at(name);
  const texts = Array.isArray(names) ? names.map((each) => textOf(each)) : [];
  if (texts.length < 2 || texts.some((text) => text === null || text.trim() === "")) throw new PickleError(`has no list of texts "${name}"`);
  return texts as string[];
}

// ---- What Python wrote --------------------------------------------------------------------------------------------------------------

/** What an array of numpy is made with, in versions 1 and 2, by Python 2 and 3. Nothing of it is called. */
const GLOBALS: ReadonlySet<string> = new Set([
  ...["numpy.core", "numpy._core"].flatMap((module) => [`${module}.multiarray._reconstruct`, `${module}.numeric._frombuffer`]),
  "numpy.ndarray",
  "numpy.dtype",
  "_codecs.encode",
]);

/** A dict whose keys are texts, or bytes (as `bytesOf` reads them) where Python 3 read what Python 2 had written. */
class Dict {
  readonly #entries: ReadonlyMap<Value, Value>;

  constructor(value: Value) {
    if (!(value instanceof Map)) throw new PickleError("holds no dict");
    this.#entries = value;
  }

  at(name: string): Value {
    for (const [key, value] of this.#entries) if (textOf(key) === name) return value;
    throw new PickleError(`has no entry "${name}"`);
  }
}

function textOf(value: Value): string | null {
  if (typeof value === "string") return value;
  const bytes = bytesOf(value);
  return bytes && Buffer.from(bytes).toString("utf8");
}

/** The bytes of an array [count,3072] of uint8. */
function bytesOfArray(value: Value): Uint8Array {
  const { shape, dtype, isColumnMajor, content } = partsOfArray(value);
  const [count, width] = Array.isArray(shape) ? shape : [];
  if (!Array.isArray(shape) || shape.length !== 2 || typeof count !== "number" || width !== PLANES)
    throw new PickleError(`has "data" that are no array [images,${PLANES}]`);
  if (!isBytes(dtype) || isColumnMajor) throw new PickleError('has "data" that are no rows of uint8');
  const bytes = bytesOf(content);
  if (bytes === null || count === 0 || bytes.length !== count * PLANES)
    throw new PickleError(`has ${bytes?.length ?? 0} bytes of "data", not those of ${count} images`);
  return bytes;
}

interface ArrayParts {
  shape: Value | undefined;
  dtype: Value | undefined;
  isColumnMajor: boolean;
  content: Value | undefined;
}

function partsOfArray(value: Value): ArrayParts {
  if (value instanceof Made && value.name.endsWith("._reconstruct") && Array.isArray(value.state)) {
    const [, shape, dtype, isColumnMajor, content] = value.state;
    return { shape, dtype, isColumnMajor: isColumnMajor !== false && isColumnMajor !== 0, content };
  }
  if (value instanceof Made && value.name.endsWith("._frombuffer")) {
    const [content, dtype, shape, order] = value.args;
    return { shape, dtype, isColumnMajor: order !== "C", content };
  }
  throw new PickleError('has "data" that are no array of numpy');
}

const isBytes = (dtype: Value | undefined) => dtype instanceof Made && dtype.name === "numpy.dtype" && (dtype.args[0] === "u1" || dtype.args[0] === "|u1");

/** Texts of Python 2 are bytes; Python 3 writes bytes in old protocols as a text to encode. */
function bytesOf(value: Value | undefined): Uint8Array | null {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return Buffer.from(value, "latin1");
  const [text, encoding] = value instanceof Made && value.name === "_codecs.encode" ? value.args : [];
  return typeof text === "string" && encoding === "latin1" ? Buffer.from(text, "latin1") : null;
}

export const cifar10Python = python({ published: CIFAR10_PYTHON, labels: "labels", meta: "batches.meta", names: "label_names", classes: CLASSES_10 });
const hundred = { published: CIFAR100_PYTHON, meta: "meta" };
export const cifar100Python = python({ ...hundred, labels: "fine_labels", names: "fine_label_names", classes: FINE_CLASSES });
export const cifar100PythonCoarse = python({ ...hundred, labels: "coarse_labels", names: "coarse_label_names", classes: COARSE_CLASSES });
