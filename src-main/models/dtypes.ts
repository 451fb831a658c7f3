/** The types of stored values, by the names of the safetensors format, and how they become float32 and back. */

/** Bytes per value. */
export const DTYPE_BYTES: ReadonlyMap<string, number> = new Map([
  ...["BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"].map((dtype) => [dtype, 1] as const),
  ...["I16", "U16", "F16", "BF16"].map((dtype) => [dtype, 2] as const),
  ...["I32", "U32", "F32"].map((dtype) => [dtype, 4] as const),
  ...["I64", "U64", "F64"].map((dtype) => [dtype, 8] as const),
]);

/** The types that can be weights. */
export const TO_FLOAT32: ReadonlyMap<string, (bytes: ArrayBuffer) => Float32Array> = new Map([
  ["F32", (bytes) => new Float32Array(bytes)],
  ["BF16", fromBf16],
  ["F16", (bytes) => Float32Array.from(new Uint16Array(bytes), halfToNumber)],
  ["F64", (bytes) => new Float32Array(new Float64Array(bytes))],
]);

export type StoredFloat = keyof typeof FROM_FLOAT32;

export const FROM_FLOAT32 = { F32: bytesOf, BF16: (values: Float32Array) => bytesOf(toBf16(values)) } as const;

export function bytesOf(values: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** bf16 is the upper half of an fp32. A loop: `from` with a function takes a second for the weights of a ResNet-18. */
function fromBf16(bytes: ArrayBuffer): Float32Array {
  const halves = new Uint16Array(bytes);
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  return new Float32Array(bits.buffer);
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

/** IEEE 754 half precision: 1 sign, 5 exponent and 10 fraction bits. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
