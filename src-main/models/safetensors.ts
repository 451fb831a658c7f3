/**
 * The safetensors file format (huggingface/safetensors): the header's length in 8 bytes, little-endian; the header, a JSON object from name
 * to dtype, shape and byte range; then the tensors' bytes, little-endian, row-major, without gaps.
 */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { InputError } from "../contract/failure";
import type { Tensor } from "../tensor/tensor";

export interface SafetensorsHeader {
  metadata: Record<string, string>;
  tensors: Map<string, StoredTensor>;
}
export interface StoredTensor {
  dtype: string;
  shape: readonly number[];
  /** Positions in the file of the first byte and of the one after the last. */
  begin: number;
  end: number;
}

/** Bytes per value of the format's dtypes. */
const DTYPE_BYTES: ReadonlyMap<string, number> = new Map([
  ...["BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"].map((dtype) => [dtype, 1] as const),
  ...["I16", "U16", "F16", "BF16"].map((dtype) => [dtype, 2] as const),
  ...["I32", "U32", "F32"].map((dtype) => [dtype, 4] as const),
  ...["I64", "U64", "F64"].map((dtype) => [dtype, 8] as const),
]);

/** Limit of the reference implementation; a longer header means a damaged or hostile file. */
const LONGEST_HEADER = 100_000_000;

// ---- Reading ----------------------------------------------------------------------------------------------------------------------

/** What a file holds, without its values. Throws an InputError if it is not a whole, valid safetensors file. */
export function readSafetensorsHeader(path: string): SafetensorsHeader {
  return withFile(path, (file) => readHeader(path, file));
}

/**
 * Reads the named tensors as float32, one at a time, so that only one is in memory. `header` is the file's. Throws an InputError before
 * reading any if one has a dtype that is not a 16-bit or 32-bit float.
 */
export function readSafetensors(path: string, header: SafetensorsHeader, names: Iterable<string>, take: (name: string, values: Float32Array) => void): void {
  const readers = [...names].map((name) => {
    const { dtype, begin, end } = header.tensors.get(name)!;
    const convert = TO_FLOAT32.get(dtype);
    if (!convert) throw new InputError(`weights ${path}: tensor "${name}" has dtype ${dtype}; expected ${[...TO_FLOAT32.keys()].join(", ")}`);
    return (file: number) => take(name, convert(readBytes(path, file, begin, end)));
  });
  withFile(path, (file) => {
    for (const read of readers) read(file);
  });
}

const TO_FLOAT32: ReadonlyMap<string, (bytes: ArrayBuffer) => Float32Array> = new Map([
  ["F32", (bytes) => new Float32Array(bytes)],
  ["BF16", fromBf16],
  ["F16", (bytes) => Float32Array.from(new Uint16Array(bytes), halfToNumber)],
]);

/** bf16 is the upper half of an fp32. A loop: `from` with a function takes a second for the weights of a ResNet-18. */
function fromBf16(bytes: ArrayBuffer): Float32Array {
  const halves = new Uint16Array(bytes);
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  return new Float32Array(bits.buffer);
}

/** IEEE 754 half precision: 1 sign, 5 exponent and 10 fraction bits. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function readHeader(path: string, file: number): SafetensorsHeader {
  const fileSize = fstatSync(file).size;
  if (fileSize < 10) throw damaged(path, `it has only ${fileSize} bytes`);
  const length = Number(new DataView(readBytes(path, file, 0, 8)).getBigUint64(0, true));
  if (length > LONGEST_HEADER) throw damaged(path, "it does not begin with a header length");
  if (8 + length > fileSize) throw damaged(path, `its header should have ${length} bytes, but the whole file has ${fileSize}; it is truncated`);

  const { __metadata__: metadata = {}, ...entries } = parseObject(path, Buffer.from(readBytes(path, file, 8, 8 + length)).toString("utf8"));
  const tensors = new Map(Object.entries(entries).map(([name, entry]) => [name, parseEntry(path, name, entry, 8 + length)]));
  expectNoGaps(path, tensors, 8 + length, fileSize);
  return { metadata: parseMetadata(path, metadata), tensors };
}

function parseObject(path: string, json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    if (isObject(value)) return value;
  } catch {
    // Not JSON at all is reported like JSON of another kind.
  }
  throw damaged(path, "its header is not a JSON object");
}

function parseMetadata(path: string, metadata: unknown): Record<string, string> {
  if (isObject(metadata) && Object.values(metadata).every((value) => typeof value === "string")) return metadata as Record<string, string>;
  throw damaged(path, "its metadata is not an object of strings");
}

function parseEntry(path: string, name: string, entry: unknown, dataStart: number): StoredTensor {
  const { dtype, shape, data_offsets: offsets } = isObject(entry) ? entry : {};
  if (typeof dtype !== "string" || !isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) {
    throw damaged(path, `tensor "${name}" lacks a valid dtype, shape or data_offsets`);
  }
  const bytesPerValue = DTYPE_BYTES.get(dtype);
  if (!bytesPerValue) throw damaged(path, `tensor "${name}" has the unknown dtype ${dtype}`);
  const [begin, end] = offsets as [number, number];
  const expected = shape.reduce((product, extent) => product * extent, bytesPerValue);
  if (end - begin !== expected)
    throw damaged(path, `tensor "${name}" (${dtype} [${shape}]) should have ${expected} bytes, but its offsets span ${end - begin}`);
  return { dtype, shape, begin: dataStart + begin, end: dataStart + end };
}

/** The format forbids gaps and overlaps: sorted by position, each tensor begins where the previous one ends. */
function expectNoGaps(path: string, tensors: Map<string, StoredTensor>, dataStart: number, fileSize: number): void {
  let position = dataStart;
  for (const [name, { begin, end }] of [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== position) throw damaged(path, `tensor "${name}" begins at byte ${begin}, expected ${position}: a gap or an overlap`);
    position = end;
  }
  if (position !== fileSize) throw damaged(path, `its tensors end at byte ${position}, the file at ${fileSize}; it is truncated or has something appended`);
}

function readBytes(path: string, file: number, begin: number, end: number): ArrayBuffer {
  const bytes = new Uint8Array(end - begin);
  for (let done = 0; done < bytes.length; ) {
    const count = readSync(file, bytes, done, bytes.length - done, begin + done);
    if (count === 0) throw damaged(path, `it ended at byte ${begin + done}, expected ${end}`);
    done += count;
  }
  return bytes.buffer;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function withFile<T>(path: string, body: (file: number) => T): T {
  const file = open(path);
  try {
    return body(file);
  } finally {
    closeSync(file);
  }
}

function open(path: string): number {
  try {
    if (statSync(path).isDirectory()) throw new Error("it is a folder; expected a safetensors file");
    return openSync(path, "r");
  } catch (cause) {
    throw new InputError(`weights ${path}: cannot be read (${(cause as Error).message})`, { cause });
  }
}

function damaged(path: string, why: string): InputError {
  return new InputError(`weights ${path}: not a valid safetensors file: ${why}`);
}

// ---- Writing ----------------------------------------------------------------------------------------------------------------------

type Written = Pick<Tensor, "shape" | "size" | "toFloat32">;

const FROM_FLOAT32 = { F32: bytesOf, BF16: (values: Float32Array) => bytesOf(toBf16(values)) } as const;

/** Writes tensors completely or not at all: to a temporary file beside, synced, then renamed over `path`. */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, Written>,
  metadata: Record<string, string> = {},
  dtype: keyof typeof FROM_FLOAT32 = "F32",
): void {
  const partial = `${path}.partial`;
  try {
    const file = openSync(partial, "w");
    try {
      writeBytes(file, headerBytes(tensors, metadata, dtype));
      for (const tensor of tensors.values()) writeBytes(file, FROM_FLOAT32[dtype](tensor.toFloat32()));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(partial, path);
  } catch (cause) {
    rmSync(partial, { force: true });
    if ((cause as NodeJS.ErrnoException).errno === undefined) throw cause;
    throw new InputError(`weights ${path}: cannot be written (${(cause as Error).message})`, { cause });
  }
}

/** Rewrites a file's tensors as bf16 or fp32, with all its metadata. Only one tensor is in memory at a time. */
export function convertSafetensors(from: string, to: string, dtype: "F32" | "BF16"): void {
  const header = readSafetensorsHeader(from);
  const read = (name: string) => {
    const values: Float32Array[] = [];
    readSafetensors(from, header, [name], (_, read) => values.push(read));
    return values[0]!;
  };
  const written = [...header.tensors].map(([name, { shape }]) => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    return [name, { shape, size, toFloat32: () => read(name) }] as const;
  });
  writeSafetensors(to, new Map(written), header.metadata, dtype);
}

/** The upper 16 bits of each fp32, rounded to nearest, ties to even; NaN stays NaN. */
function toBf16({ buffer, byteOffset, length }: Float32Array): Uint16Array {
  const bits = new Uint32Array(buffer, byteOffset, length);
  const halves = new Uint16Array(length);
  for (let i = 0; i < length; i++) {
    const each = bits[i]!;
    const noNumber = (each & 0x7fffffff) > 0x7f800000;
    halves[i] = noNumber ? (each >>> 16) | 0x40 : (each + 0x7fff + ((each >>> 16) & 1)) >>> 16;
  }
  return halves;
}

function headerBytes(tensors: ReadonlyMap<string, Written>, metadata: Record<string, string>, dtype: keyof typeof FROM_FLOAT32): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let position = 0;
  for (const [name, { shape, size }] of tensors) {
    const end = position + DTYPE_BYTES.get(dtype)! * size;
    header[name] = { dtype, shape, data_offsets: [position, end] };
    position = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  // Padded with spaces to a multiple of 8, so that the tensors are aligned.
  const bytes = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, " ");
  bytes.writeBigUInt64LE(BigInt(bytes.length - 8));
  json.copy(bytes, 8);
  return bytes;
}

export function bytesOf(values: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function writeBytes(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
}
