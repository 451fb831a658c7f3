import { createHash, type Hash } from "node:crypto";
import { PIECE } from "../disk/open-file";

/** Where the checksum lies among a file's metadata. */
export const CHECKSUM = "checksum";

/** Takes the tensors of a file one after the other, the bytes of each in pieces. */
export interface Digest {
  begin(name: string, tensor: { dtype: string; shape: readonly number[] }): void;
  add(bytes: Uint8Array): void;
  /** 64 hexadecimal digits. */
  hex(): string;
}

/** SHA-256 over the other metadata and over names, types, shapes and contents of all tensors. Their order does not matter. */
export class Checksum implements Digest {
  readonly #lines: string[];
  #tensor: { about: string; content: Hash } | null = null;

  constructor(metadata: Readonly<Record<string, string>>) {
    this.#lines = Object.entries(metadata).flatMap((entry) => (entry[0] === CHECKSUM ? [] : [JSON.stringify(entry)]));
  }

  begin(name: string, { dtype, shape }: { dtype: string; shape: readonly number[] }): void {
    this.#end();
    this.#tensor = { about: JSON.stringify([name, dtype, shape]), content: createHash("sha256") };
  }

  add(bytes: Uint8Array): void {
    for (const piece of piecesOf(bytes)) this.#tensor!.content.update(piece);
  }

  hex(): string {
    this.#end();
    return createHash("sha256").update(this.#lines.sort().join("\n")).digest("hex");
  }

  #end(): void {
    if (this.#tensor) this.#lines.push(`${this.#tensor.about} ${this.#tensor.content.digest("hex")}`);
    this.#tensor = null;
  }
}

export function* piecesOf(bytes: Uint8Array, size = PIECE): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
