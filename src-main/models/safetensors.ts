/** Files in the safetensors format: `safetensors-header.ts` describes it. */
import { statSync } from "node:fs";
import { InputError } from "../contract/failure";
import { OpenFile, PIECE } from "../disk/open-file";
import { writeWhole } from "../disk/write-whole";
import type { Tensor } from "../tensor/tensor";
import { CHECKSUM, Checksum, type Digest, piecesOf } from "./checksum";
import { bytesAt, headerBytes, readHeader, type SafetensorsHeader, shortened } from "./safetensors-header";

// ---- Reading ----------------------------------------------------------------------------------------------------------------------

/** What a file holds, without its values. Throws an InputError if it is not a whole, valid safetensors file. */
export function readSafetensorsHeader(path: string): SafetensorsHeader {
  return withSafetensors(path, ({ header }) => header);
}

/** Opens a file, reads and checks its header, and closes it after `body`. Throws an InputError if it is not a whole, valid safetensors file. */
export function withSafetensors<T>(path: string, body: (file: SafetensorsFile) => T): T {
  const file = open(path);
  try {
    return body(new SafetensorsFile(file, readHeader(file)));
  } finally {
    file.close();
  }
}

/** An open file: whatever is read from it, its checksum included, is of the same file, even if another one takes its path. */
export class SafetensorsFile {
  constructor(
    private readonly file: OpenFile,
    readonly header: SafetensorsHeader,
  ) {}

  get path(): string {
    return this.file.path;
  }

  /** Throws an InputError if one of the tensors has a dtype that is not a 16-bit or 32-bit float. */
  expectFloats(names: Iterable<string>): void {
    for (const name of names) {
      const { dtype } = this.header.tensors.get(name)!;
      if (!TO_FLOAT32.has(dtype))
        throw new InputError(`weights ${this.path}: tensor "${shortened(name)}" has dtype ${dtype}; expected ${[...TO_FLOAT32.keys()].join(", ")}`);
    }
  }

  /** Reads a tensor as float32, whole. */
  values(name: string): Float32Array {
    const { dtype, begin, end } = this.header.tensors.get(name)!;
    this.expectFloats([name]);
    return TO_FLOAT32.get(dtype)!(bytesAt(this.file, begin, end).buffer);
  }

  /** Reads the bytes of a tensor, as stored, in pieces of at most so many. */
  *pieces(name: string, size = PIECE): Generator<Uint8Array<ArrayBuffer>> {
    const { begin, end } = this.header.tensors.get(name)!;
    for (let at = begin; at < end; at += size) yield bytesAt(this.file, at, Math.min(at + size, end));
  }

  /**
   * Reads each tensor once, for the digest, and those that are `wanted` also as float32, one at a time. Only after comparing the digest is it
   * known that what they were given was right.
   */
  readAll(digest: Digest, wanted: ReadonlySet<string> = new Set(), take: (name: string, values: Float32Array) => void = () => {}): void {
    this.expectFloats(wanted);
    for (const [name, tensor] of this.header.tensors) {
      digest.begin(name, tensor);
      if (!wanted.has(name)) {
        for (const piece of this.pieces(name)) digest.add(piece);
        continue;
      }
      const bytes = bytesAt(this.file, tensor.begin, tensor.end);
      digest.add(bytes);
      take(name, TO_FLOAT32.get(tensor.dtype)!(bytes.buffer));
    }
  }

  /** Throws an InputError if the digest is not the checksum that was stored with the file. Files of other programs and earlier versions have none. */
  expectChecksum(digest: Digest): void {
    const expected = this.header.metadata[CHECKSUM];
    if (expected !== undefined && digest.hex() !== expected)
      throw new InputError(
        `weights ${this.path} are damaged: their content does not have the checksum that they were written with. Get another copy of the file`,
      );
  }
}

/**
 * Reads the named tensors as float32, one at a time, so that only one is in memory. `header` is the file's. Throws an InputError before
 * reading any if one has a dtype that is not a 16-bit or 32-bit float.
 */
export function readSafetensors(path: string, header: SafetensorsHeader, names: Iterable<string>, take: (name: string, values: Float32Array) => void): void {
  const all = [...names];
  const file = open(path);
  try {
    const tensors = new SafetensorsFile(file, header);
    tensors.expectFloats(all);
    for (const name of all) take(name, tensors.values(name));
  } finally {
    file.close();
  }
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

function open(path: string): OpenFile {
  try {
    // A pipe or a device might never end.
    if (!statSync(path).isFile()) throw new Error("expected a safetensors file, got a folder or a device");
  } catch (cause) {
    throw new InputError(`weights ${path}: cannot be read (${(cause as Error).message})`, { cause });
  }
  return new OpenFile(path, "r");
}

// ---- Writing ----------------------------------------------------------------------------------------------------------------------

/** A tensor, or one whose values come piece by piece. */
export type Written = Pick<Tensor, "shape" | "size"> & (Pick<Tensor, "toFloat32"> | { pieces(): Iterable<Float32Array> });

export type StoredFloat = keyof typeof FROM_FLOAT32;

const FROM_FLOAT32 = { F32: bytesOf, BF16: (values: Float32Array) => bytesOf(toBf16(values)) } as const;

/** Writes tensors, metadata and the checksum of both completely or not at all. */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, Written>,
  metadata: Readonly<Record<string, string>> = {},
  dtype: StoredFloat = "F32",
): void {
  writeWhole(path, (file) => writeTensors(file, tensors, metadata, dtype));
}

/** Writes the content of a whole file. The checksum is known only at the end, so the header is written again. */
export function writeTensors(
  file: OpenFile,
  tensors: ReadonlyMap<string, Written>,
  metadata: Readonly<Record<string, string>>,
  dtype: StoredFloat = "F32",
): void {
  const digest = new Checksum(metadata);
  const header = (checksum: string) => headerBytes(tensors, { ...metadata, [CHECKSUM]: checksum }, dtype);
  file.write(header("0".repeat(64)));
  for (const [name, tensor] of tensors) {
    digest.begin(name, { dtype, shape: tensor.shape });
    for (const values of "pieces" in tensor ? tensor.pieces() : [tensor.toFloat32()]) {
      for (const piece of piecesOfValues(values)) {
        const bytes = FROM_FLOAT32[dtype](piece);
        digest.add(bytes);
        file.write(bytes);
      }
    }
  }
  file.write(header(digest.hex()), 0);
}

/**
 * Rewrites a file's tensors as bf16 or fp32, with all its metadata, in pieces of so many bytes. Throws an InputError, and writes nothing, if
 * the file is not what its checksum says.
 */
export function convertSafetensors(from: string, to: string, dtype: StoredFloat, pieceBytes = PIECE): void {
  withSafetensors(from, (file) => {
    const { tensors, metadata } = file.header;
    file.expectFloats(tensors.keys());
    const digest = new Checksum(metadata);
    const written = [...tensors].map(([name, tensor]) => {
      function* pieces() {
        digest.begin(name, tensor);
        for (const piece of file.pieces(name, pieceBytes)) {
          digest.add(piece);
          yield TO_FLOAT32.get(tensor.dtype)!(piece.buffer);
        }
      }
      const size = tensor.shape.reduce((product, extent) => product * extent, 1);
      return [name, { shape: tensor.shape, size, pieces }] as const;
    });
    const { [CHECKSUM]: _, ...notes } = metadata;
    writeWhole(to, (out) => {
      writeTensors(out, new Map(written), notes, dtype);
      file.expectChecksum(digest);
    });
  });
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

export function bytesOf(values: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function* piecesOfValues(values: Float32Array): Generator<Float32Array> {
  for (const { buffer, byteOffset, byteLength } of piecesOf(bytesOf(values))) yield new Float32Array(buffer, byteOffset, byteLength / 4);
}
