const NEW_SUBFILE_TYPE = 254;
const ENTRY_BYTES = 12;

/**
 * Whether the first page of a TIFF is a smaller version of another picture in it, as in raw photos of many cameras (DNG, NEF, ARW): its NewSubfileType
 * says so (TIFF 6.0, section 8).
 */
export function isFirstPageReduced(tiff: Uint8Array): boolean {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const isLittle = tiff[0] === 0x49;
  const short = (at: number) => (at + 2 <= tiff.length ? view.getUint16(at, isLittle) : 0);
  const long = (at: number) => (at + 4 <= tiff.length ? view.getUint32(at, isLittle) : 0);
  const page = long(4);
  for (let n = 0; n < short(page); n++) {
    const entry = page + 2 + ENTRY_BYTES * n;
    if (short(entry) === NEW_SUBFILE_TYPE) return (long(entry + 8) & 1) === 1;
  }
  return false;
}
