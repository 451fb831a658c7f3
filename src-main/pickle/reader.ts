import { PickleError } from "./refusal";

/** Bytes of the longest integer. Python's have any size, but a checkpoint's count something. */
const LONGEST_INTEGER = 64;
/** Characters of a line of protocol 0. */
const LONGEST_LINE = 100_000;

/** Reads numbers and texts from bytes, one after the other. Throws a PickleError where they end too early. */
export class Reader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#at = start;
  }

  get position(): number {
    return this.#at;
  }

  skip(count: number): void {
    this.#take(count);
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  u16(): number {
    return this.#bytes.readUInt16LE(this.#take(2));
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#take(4));
  }

  i32(): number {
    return this.#bytes.readInt32LE(this.#take(4));
  }

  u64(): number {
    return Number(this.#bytes.readBigUInt64LE(this.#take(8)));
  }

  float64(): number {
    return this.#bytes.readDoubleBE(this.#take(8));
  }

  text(length: number, encoding: "utf8" | "latin1"): string {
    const start = this.#take(length);
    return this.#bytes.toString(encoding, start, start + length);
  }

  bytes(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Two's complement, little-endian. */
  integer(length: number): number | bigint {
    if (length > LONGEST_INTEGER) throw new PickleError(`has an integer of ${length} bytes`);
    const digits = this.bytes(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(digits[i]!);
    return small(BigInt.asIntN(8 * length, value));
  }

  /** Up to the end of the line. */
  line(): string {
    const end = this.#bytes.indexOf(10, this.#at);
    if (end < 0 || end - this.#at > LONGEST_LINE) throw new PickleError("ends early");
    const start = this.#at;
    this.#at = end + 1;
    return this.#bytes.toString("latin1", start, end);
  }

  /** "12", "12L"; "00" and "01" are false and true. */
  integerLine(): number | bigint | boolean {
    const line = this.line();
    if (line === "00" || line === "01") return line === "01";
    const digits = line.replace(/L$/, "");
    if (!/^-?\d{1,150}$/.test(digits)) throw new PickleError("has an integer without digits");
    return small(BigInt(digits));
  }

  /** A text of Python 2, as its source shows it. */
  quotedLine(): string {
    const quoted = /^(['"])(.*)\1$/.exec(this.line().trim());
    if (!quoted) throw new PickleError("has a text without quotes");
    return quoted[2]!.replace(/\\(?:x([0-9a-fA-F]{2})|(.))/g, (_, hex?: string, other?: string) =>
      hex === undefined ? (ESCAPES[other!] ?? other!) : String.fromCharCode(Number.parseInt(hex, 16)),
    );
  }

  #take(count: number): number {
    const start = this.#at;
    if (start + count > this.#bytes.length) throw new PickleError("ends early");
    this.#at = start + count;
    return start;
  }
}

const ESCAPES: Record<string, string | undefined> = { n: "\n", r: "\r", t: "\t" };

function small(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}
