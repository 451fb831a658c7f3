/**
 * Names of files as the system has them. Most systems keep bytes, which need not be UTF-8. Here such a name is a string in which a byte that is no UTF-8
 * stands as U+DC80 ... U+DCFF (PEP 383, as in Python), so that every name is a string, and none is lost.
 */
import { sep } from "node:path";

const ESCAPED = /[\udc80-\udcff]/;
const EVERY_ESCAPED = /(?<![\ud800-\udbff])[\udc80-\udcff]/g;

/** Whether the system knows a path by bytes that are no UTF-8. */
export const isEscaped = (path: string): boolean => ESCAPED.test(path) && path.search(EVERY_ESCAPED) >= 0;

/** What the functions of node:fs take for a path. */
export function systemPath(path: string): string | Buffer {
  if (!isEscaped(path)) return path;
  const pieces: Buffer[] = [];
  let from = 0;
  for (const { index } of path.matchAll(EVERY_ESCAPED)) {
    pieces.push(Buffer.from(path.slice(from, index)), Buffer.of(path.charCodeAt(index) - 0xdc00));
    from = index + 1;
  }
  return Buffer.concat([...pieces, Buffer.from(path.slice(from))]);
}

/** For people: bytes that are no UTF-8 as "\xe9". */
export function shownPath(path: string): string {
  return isEscaped(path) ? path.replace(EVERY_ESCAPED, (byte) => `\\x${(byte.charCodeAt(0) - 0xdc00).toString(16)}`) : path;
}

const strict = new TextDecoder("utf-8", { fatal: true });

/** As `isUtf8` of node:buffer, which the Node of older versions of Electron lacks. */
function isUtf8(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** The name that these bytes are. */
export function nameOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString();
  let name = "";
  for (let at = 0; at < bytes.length; ) {
    const length = characterAt(bytes, at);
    name += length > 0 ? bytes.toString("utf8", at, at + length) : String.fromCharCode(0xdc00 + bytes[at]!);
    at += length || 1;
  }
  return name;
}

/** Bytes of the character that begins here; 0 if none does. */
function characterAt(bytes: Buffer, at: number): number {
  return [1, 2, 3, 4].find((length) => at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length))) ?? 0;
}

/** Sorts in place as Python's `sorted` does: by code points, where JavaScript compares halves of characters. */
export function sortNames(names: string[]): string[] {
  return names.some((name) => /[\ud800-\udfff]/.test(name)) ? names.sort(byCodePoint) : names.sort();
}

/** Less than 0: `a` comes first. */
export function byCodePoint(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const [one, other] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (one !== other) return rank(one) - rank(other);
  }
  return a.length - b.length;
}

/** The first half of a character from beyond the 16-bit range comes after all others. */
const rank = (unit: number): number => (unit >= 0xd800 && unit < 0xdc00 ? 0x10000 + unit : unit);

/** A path below a folder, without the cost of `path.join`, for names that come from the system. */
export const below = (folder: string, name: string): string => (folder === "" ? name : `${folder}${sep}${name}`);
