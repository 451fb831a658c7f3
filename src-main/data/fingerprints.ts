/** What tells images from each other, whatever the size at which they are stored or decoded. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { stopPoint } from "./stop";

/** 48 bits of a hash of an image's file, or of its pixels where it is no file of its own; null if its file cannot be read. */
export type Fingerprint = number | null;

/** The chance that one of 10,000 test images is taken for one of a million others is 1 in 28,000. */
const BYTES = 6;

export const fingerprint = (bytes: Uint8Array): number => hashed(bytes).readUIntBE(0, BYTES);

export const fingerprintOfFile = (path: string | Buffer): Fingerprint => ofContent(path, fingerprint);

/** Where a whole hash is needed. */
export const digest = (bytes: Uint8Array): string => hashed(bytes).toString("base64");

export const digestOfFile = (path: string | Buffer): string | null => ofContent(path, digest);

/** Of an image that was made up. */
export const noFingerprint = (): Fingerprint => null;

const hashed = (bytes: Uint8Array): Buffer => createHash("md5").update(bytes).digest();

function ofContent<T>(path: string | Buffer, of: (bytes: Uint8Array) => T): T | null {
  try {
    return of(readFileSync(path));
  } catch {
    return null;
  }
}

/** Images between two stop points. */
const AT_ONCE = 100;

/** Of images that were asked for before, so that no file is read twice. */
const known = new WeakMap<(n: number) => Fingerprint, Fingerprint[]>();

/** [count], in stored order. Throws Interrupted once the signal has been given. */
export async function fingerprintsOf(
  { count, fingerprintOf }: { count: number; fingerprintOf(n: number): Fingerprint },
  signal?: AbortSignal,
): Promise<Fingerprint[]> {
  const found = known.get(fingerprintOf) ?? [];
  known.set(fingerprintOf, found);
  for (let n = found.length; n < count; n++) {
    if (n % AT_ONCE === 0) await stopPoint(signal);
    found[n] = fingerprintOf(n);
  }
  return found.slice(0, count);
}
