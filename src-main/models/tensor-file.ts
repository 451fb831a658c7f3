import { InputError } from "../contract/failure";
import { PIECE } from "../disk/open-file";
import { CHECKSUM, type Digest } from "./checksum";
import { DTYPE_BYTES, TO_FLOAT32 } from "./dtypes";

/** A tensor of a file, without its values. */
export interface TensorInfo {
  /** The safetensors format's name of it. */
  dtype: string;
  shape: readonly number[];
}

/** What a file holds, without its values. */
export interface TensorHeader {
  metadata: Readonly<Record<string, string>>;
  tensors: ReadonlyMap<string, TensorInfo>;
}

/** An open file of tensors in any format: whatever is read from it is of the same file, even if another one takes its path. */
export abstract class TensorFile {
  abstract readonly path: string;
  abstract readonly header: TensorHeader;
  /** What was chosen or left out to read it, a sentence each, for the user. */
  readonly notes: readonly string[] = [];

  /** The bytes of a tensor's values, little-endian and row-major, between two positions in them. */
  abstract bytesOf(name: string, begin: number, end: number): Uint8Array<ArrayBuffer>;

  /** Throws an InputError if one of the tensors has a dtype that is not a float of 16 bits or more. */
  expectFloats(names: Iterable<string>): void {
    for (const name of names) {
      const { dtype } = this.header.tensors.get(name)!;
      if (!TO_FLOAT32.has(dtype))
        throw new InputError(`weights ${this.path}: tensor "${shortened(name)}" has dtype ${dtype}; expected ${[...TO_FLOAT32.keys()].join(", ")}`);
    }
  }

  /** Reads a tensor as float32, whole. */
  values(name: string): Float32Array {
    this.expectFloats([name]);
    const info = this.header.tensors.get(name)!;
    return TO_FLOAT32.get(info.dtype)!(this.bytesOf(name, 0, bytesIn(info)).buffer);
  }

  /** Reads the bytes of a tensor, as stored, in pieces of at most so many. */
  *pieces(name: string, size = PIECE): Generator<Uint8Array<ArrayBuffer>> {
    const end = bytesIn(this.header.tensors.get(name)!);
    for (let at = 0; at < end; at += size) yield this.bytesOf(name, at, Math.min(at + size, end));
  }

  /**
   * Reads the tensors that are `wanted` as float32, one at a time. With a digest, it reads each tensor once and gives it the bytes: only after comparing
   * the digest is it known that what `take` was given was right.
   */
  readAll(digest: Digest | null, wanted: ReadonlySet<string> = new Set(), take: (name: string, values: Float32Array) => void = () => {}): void {
    this.expectFloats(wanted);
    for (const [name, tensor] of this.header.tensors) {
      digest?.begin(name, tensor);
      if (wanted.has(name)) {
        const bytes = this.bytesOf(name, 0, bytesIn(tensor));
        digest?.add(bytes);
        take(name, TO_FLOAT32.get(tensor.dtype)!(bytes.buffer));
      } else if (digest) for (const piece of this.pieces(name)) digest.add(piece);
    }
  }

  /** Whether the file carries a checksum of ours. Files of other programs and earlier versions have none, or another program's. */
  get hasChecksum(): boolean {
    return /^[0-9a-f]{64}$/.test(this.header.metadata[CHECKSUM] ?? "");
  }

  /** Throws an InputError if the digest is not the checksum that was stored with the file. */
  expectChecksum(digest: Digest): void {
    if (this.hasChecksum && digest.hex() !== this.header.metadata[CHECKSUM])
      throw new InputError(
        `weights ${this.path} are damaged: their content does not have the checksum that they were written with. Get another copy of the file`,
      );
  }
}

export const countIn = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

export const bytesIn = ({ dtype, shape }: TensorInfo): number => DTYPE_BYTES.get(dtype)! * countIn(shape);

/** A text from a file for a message: names and shapes may be as long as the header. */
export function shortened(text: string): string {
  return text.length > 100 ? `${text.slice(0, 97)}...` : text;
}
