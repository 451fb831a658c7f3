import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "vitest";
import { Random } from "./backend/fuzz/random";

/** Numbers at which programs that count go wrong. */
const EDGES = [0, 1, 2, 3, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

type Change = (bytes: Buffer, random: Random) => Buffer;

const changes: Change[] = [
  // A bit, a byte, a number of two or four bytes
  (bytes, random) => put(bytes, random.below(bytes.length), Buffer.from([bytes[random.below(bytes.length)]! ^ (1 << random.below(8))])),
  (bytes, random) => put(bytes, random.below(bytes.length), Buffer.from([random.below(256)])),
  (bytes, random) => {
    const number = Buffer.alloc(4);
    number.writeUInt32LE(random.pick(EDGES));
    const size = random.pick([1, 2, 4]);
    return put(bytes, random.below(bytes.length), random.once(2) ? number.subarray(0, size) : Buffer.from(number.subarray(0, size)).reverse());
  },
  // A piece that is cut off, left out, repeated or moved
  (bytes, random) => bytes.subarray(0, random.below(bytes.length)),
  (bytes, random) => {
    const [from, to] = piece(bytes, random);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (bytes, random) => {
    const [from, to] = piece(bytes, random);
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from, to), bytes.subarray(to)]);
  },
  (bytes, random) => {
    const [from, to] = piece(bytes, random);
    const at = random.below(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(from, to), bytes.subarray(at)]);
  },
];

function piece(bytes: Buffer, random: Random): [number, number] {
  const from = random.below(bytes.length);
  return [from, Math.min(bytes.length, from + 1 + random.below(random.pick([2, 16, 256])))];
}

function put(bytes: Buffer, at: number, what: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  what.copy(copy, at);
  return copy;
}

/** The bytes with one to four changes, which are the same for the same numbers. */
export function mutated(original: Uint8Array, ...keys: number[]): Buffer {
  const random = new Random(...keys);
  let bytes = Buffer.from(original);
  for (let n = random.integer(1, 4); n > 0 && bytes.length > 0; n--) bytes = Buffer.from(random.pick(changes)(bytes, random));
  return bytes;
}

/** What nobody expects in the place of a value. */
const VALUES = [null, true, 0, -1, 0.5, 1e308, 2 ** 53, "", "x", "0", "NaN", "../..", "\u0000", [], {}, [[]], [1, 2, 3], { a: 1 }, "long ".repeat(1000)];

/** A copy of a JSON value in which one to three values are replaced, left out or repeated elsewhere. */
export function mutatedJson(original: unknown, ...keys: number[]): unknown {
  const random = new Random(...keys);
  const root = { value: JSON.parse(JSON.stringify(original)) };
  for (let n = random.integer(1, 3); n > 0; n--) {
    const places = placesIn(root);
    const [parent, key] = random.pick(places);
    const [otherParent, other] = random.pick(places);
    if (random.once(4) && parent !== root) delete parent[key];
    else parent[key] = JSON.parse(JSON.stringify((random.once(3) ? otherParent[other] : random.pick(VALUES)) ?? null));
  }
  return root.value;
}

type Parent = Record<string, unknown>;

function placesIn(parent: Parent): [Parent, string][] {
  return Object.entries(parent).flatMap(([key, value]): [Parent, string][] => [
    [parent, key],
    ...(typeof value === "object" && value !== null ? placesIn(value as Parent) : []),
  ]);
}

/** Seconds that reading a small file may take, on a busy machine too. */
const LONGEST = 20;
const MOST_GROWTH = 64 * 2 ** 20;

/**
 * Tries what takes hostile input, so many times: it may succeed, or refuse in words, with the code of a refusal. Anything else fails, as do a try that takes
 * for ever and memory that grows from try to try.
 */
export async function withstands(tries: number, attempt: (n: number) => unknown): Promise<{ taken: number; refused: number }> {
  const counts = { taken: 0, refused: 0 };
  let before = 0;
  for (let n = 0; n < tries; n++) {
    // What is loaded once has been by then.
    if (n === Math.floor(tries / 4)) before = bytesInUse();
    const began = performance.now();
    try {
      await attempt(n);
      counts.taken++;
    } catch (error) {
      expect(error, `try ${n}: ${(error as Error).stack}`).toMatchObject({
        code: expect.stringMatching(/^(INPUT|USAGE)$/),
        message: expect.stringMatching(/\w/),
      });
      counts.refused++;
    }
    expect((performance.now() - began) / 1000, `seconds of try ${n}`).toBeLessThan(LONGEST);
  }
  expect(bytesInUse() - before).toBeLessThan(MOST_GROWTH);
  return counts;
}

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

function bytesInUse(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
