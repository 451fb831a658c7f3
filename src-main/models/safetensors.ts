/** Files in the safetensors format: `safetensors-header.ts` describes it. */
import { statSync } from "node:fs";
import { InputError } from "../contract/failure";
import { OpenFile } from "../disk/open-file";
import { writeWhole } from "../disk/write-whole";
import type { Tensor } from "../tensor/tensor";
import { CHECKSUM, Checksum, piecesOf } from "./checksum";
import { bytesOf, FROM_FLOAT32, type StoredFloat } from "./dtypes";
import { bytesAt, headerBytes, readHeader, type SafetensorsHeader } from "./safetensors-header";
import { TensorFile } from "./tensor-file";

// ---- Reading ----------------------------------------------------------------------------------------------------------------------

/** What a file holds, without its values. Throws an InputError if it is not a whole, valid safetensors file. */
export function readSafetensorsHeader(path: string): SafetensorsHeader {
  return withSafetensors(path, ({ header }) => header);
}

/** Opens a file, reads and checks its header, and closes it after `body`. Throws an InputError if it is not a whole, valid safetensors file. */
export function withSafetensors<T>(path: string, body: (file: SafetensorsFile) => T): T {
  const file = openRegular(path);
  try {
    return body(new SafetensorsFile(file));
  } finally {
    file.close();
  }
}

export class SafetensorsFile extends TensorFile {
  readonly header: SafetensorsHeader;

  /** Reads and checks the header. Throws an InputError if this is not a whole, valid safetensors file. */
  constructor(private readonly file: OpenFile) {
    super();
    this.header = readHeader(file);
  }

  get path(): string {
    return this.file.path;
  }

  bytesOf(name: string, begin: number, end: number): Uint8Array<ArrayBuffer> {
    const { begin: start } = this.header.tensors.get(name)!;
    return bytesAt(this.file, start + begin, start + end);
  }
}

/**
 * Reads the named tensors as float32, one at a time, so that only one is in memory. Throws an InputError before reading any if one has a dtype that
 * is not a float.
 */
export function readSafetensors(path: string, names: Iterable<string>, take: (name: string, values: Float32Array) => void): void {
  withSafetensors(path, (file) => {
    const all = [...names];
    file.expectFloats(all);
    for (const name of all) take(name, file.values(name));
  });
}

/** Opens a regular file of weights. A pipe or a device might never end. */
export function openRegular(path: string): OpenFile {
  try {
    if (!statSync(path).isFile()) throw new Error("expected a file of weights, or the folder of a teacher or of a run; got another folder, or a device");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new InputError(`weights ${path}: ${code === "ENOENT" ? "the file does not exist" : `cannot be read (${message})`}`, { cause });
  }
  return new OpenFile(path, "r");
}

// ---- Writing ----------------------------------------------------------------------------------------------------------------------

/** Values at once, or piece by piece; or the bytes of another type, which are written as they are. */
type Content = Pick<Tensor, "toFloat32"> | { pieces(): Iterable<Float32Array> } | { dtype: string; bytes(): Iterable<Uint8Array> };
/** A tensor to write. */
export type Written = Pick<Tensor, "shape" | "size"> & Content;

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
  const described = [...tensors].map(([name, tensor]) => [name, { dtype: "bytes" in tensor ? tensor.dtype : dtype, shape: tensor.shape }] as const);
  const header = (checksum: string) => headerBytes(described, { ...metadata, [CHECKSUM]: checksum });
  file.write(header("0".repeat(64)));
  for (const [name, info] of described) {
    digest.begin(name, info);
    for (const bytes of contentOf(tensors.get(name)!, dtype)) {
      digest.add(bytes);
      file.write(bytes);
    }
  }
  file.write(header(digest.hex()), 0);
}

function* contentOf(tensor: Written, dtype: StoredFloat): Generator<Uint8Array> {
  if ("bytes" in tensor) return yield* tensor.bytes();
  for (const values of "pieces" in tensor ? tensor.pieces() : [tensor.toFloat32()]) {
    for (const piece of piecesOfValues(values)) yield FROM_FLOAT32[dtype](piece);
  }
}

function* piecesOfValues(values: Float32Array): Generator<Float32Array> {
  for (const { buffer, byteOffset, byteLength } of piecesOf(bytesOf(values))) yield new Float32Array(buffer, byteOffset, byteLength / 4);
}
