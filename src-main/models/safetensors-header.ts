/**
 * The header of a safetensors file (huggingface/safetensors): its length in 8 bytes, little-endian; then a JSON object from name to dtype, shape
 * and byte range. The tensors' bytes follow, little-endian, row-major, without gaps.
 */
import { InputError } from "../contract/failure";
import { parseJson } from "../contract/json";
import type { OpenFile } from "../disk/open-file";
import { DTYPE_BYTES } from "./dtypes";
import { bytesIn, shortened, type TensorInfo } from "./tensor-file";

export interface SafetensorsHeader {
  metadata: Record<string, string>;
  tensors: Map<string, StoredTensor>;
}
export interface StoredTensor extends TensorInfo {
  /** Positions in the file of the first byte and of the one after the last. */
  begin: number;
  end: number;
}

/** Bytes. A model of 100,000 tensors needs as much; the limit of the reference implementation is ten times this. */
const LONGEST = 10_000_000;

/** The header, an entry, and its shape or data_offsets; foreign metadata may go deeper. */
const DEEPEST = 32;

/** Reads and checks the header of a whole file, in time and memory that grow with its length alone. Throws an InputError that names the file. */
export function readHeader(file: OpenFile): SafetensorsHeader {
  const { path, size } = file;
  if (size < 10) throw damaged(path, `it has only ${size} bytes`);
  const length = Number(new DataView(bytesAt(file, 0, 8).buffer).getBigUint64(0, true));
  if (length > LONGEST) throw damaged(path, `it does not begin with a header length of at most ${LONGEST / 1e6} MB`);
  if (8 + length > size) throw damaged(path, `its header should have ${length} bytes, but the whole file has ${size}; it is truncated`);

  const { __metadata__: metadata = {}, ...entries } = parseObject(path, bytesAt(file, 8, 8 + length));
  const tensors = new Map(Object.entries(entries).map(([name, entry]) => [name, parseEntry(path, name, entry, 8 + length)]));
  expectNoGaps(path, tensors, 8 + length, size);
  return { metadata: parseMetadata(metadata), tensors };
}

/** The first bytes of a file that holds these tensors one after the other. */
export function headerBytes(tensors: Iterable<readonly [string, TensorInfo]>, metadata: object): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let position = 0;
  for (const [name, info] of tensors) {
    const end = position + bytesIn(info);
    header[name] = { dtype: info.dtype, shape: info.shape, data_offsets: [position, end] };
    position = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  // Padded with spaces to a multiple of 8, so that the tensors are aligned.
  const bytes = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, " ");
  bytes.writeBigUInt64LE(BigInt(bytes.length - 8));
  json.copy(bytes, 8);
  return bytes;
}

/** The bytes of a file between two positions. Throws an InputError if it ends before. */
export function bytesAt(file: OpenFile, begin: number, end: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(end - begin);
  const count = file.read(bytes, begin);
  if (count < bytes.length) throw damaged(file.path, `it ended at byte ${begin + count}, expected ${end}`);
  return bytes;
}

export function damaged(path: string, why: string): InputError {
  return new InputError(`weights ${path}: not a valid safetensors file: ${why}`);
}

function parseObject(path: string, bytes: Uint8Array): Record<string, unknown> {
  try {
    const value = parseJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8"), DEEPEST);
    if (isObject(value)) return value;
  } catch {
    // Not JSON at all is reported like JSON of another kind.
  }
  throw damaged(path, "its header is not a JSON object of tensors");
}

/** Other programs store what they like: the format asks for texts, and what is something else becomes its JSON. */
function parseMetadata(metadata: unknown): Record<string, string> {
  if (!isObject(metadata)) return {};
  return Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]));
}

function parseEntry(path: string, name: string, entry: unknown, dataStart: number): StoredTensor {
  const { dtype, shape, data_offsets: offsets } = isObject(entry) ? entry : {};
  const tensor = `tensor "${shortened(name)}"`;
  if (typeof dtype !== "string" || !isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) {
    throw damaged(path, `${tensor} lacks a valid dtype, shape or data_offsets`);
  }
  const bytesPerValue = DTYPE_BYTES.get(dtype);
  if (!bytesPerValue) throw damaged(path, `${tensor} has the unknown dtype ${shortened(dtype)}`);
  const [begin, end] = offsets as [number, number];
  const expected = shape.reduce((product, extent) => product * extent, bytesPerValue);
  if (end - begin !== expected)
    throw damaged(path, `${tensor} (${dtype} [${shortened(String(shape))}]) should have ${expected} bytes, but its offsets span ${end - begin}`);
  return { dtype, shape, begin: dataStart + begin, end: dataStart + end };
}

/** The format forbids gaps and overlaps: sorted by position, each tensor begins where the previous one ends. */
function expectNoGaps(path: string, tensors: Map<string, StoredTensor>, dataStart: number, fileSize: number): void {
  let position = dataStart;
  for (const [name, { begin, end }] of [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== position) throw damaged(path, `tensor "${shortened(name)}" begins at byte ${begin}, expected ${position}: a gap or an overlap`);
    position = end;
  }
  if (position !== fileSize) throw damaged(path, `its tensors end at byte ${position}, the file at ${fileSize}; it is truncated or has something appended`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
