/** Cyclic checksums of 32 bits. */
import * as zlib from "node:zlib";

/** `before`: of what came before, to continue it. */
type Checksum = (bytes: Uint8Array, before?: number) => number;

/** That of zip archives (ISO 3309). Node has one since version 20.15. */
export const crc32: Checksum = zlib.crc32 ?? checksumBy(0xedb88320);

/** Castagnoli's (RFC 3720, appendix B.4). */
export const crc32c = checksumBy(0x82f63b78);

/** `polynomial`: its bits in reverse order. */
export function checksumBy(polynomial: number): Checksum {
  const table = Uint32Array.from({ length: 256 }, (_, byte) => {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ polynomial : rest >>> 1;
    return rest;
  });
  return (bytes, before = 0) => {
    let sum = before ^ 0xffffffff;
    for (let i = 0; i < bytes.length; i++) sum = table[(sum ^ bytes[i]!) & 0xff]! ^ (sum >>> 8);
    return (sum ^ 0xffffffff) >>> 0;
  };
}
