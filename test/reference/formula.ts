/**
 * Numbers that Python (formula.py) and TypeScript compute identically, so that inputs and weights need not be stored.
 *
 * A number depends on a name and a position: a 32-bit hash of both, its upper 24 bits as a fraction.
 */

/** Position 0 ... size - 1 within the sequence of that name, hashed. FNV-1a of the name, finalizer of MurmurHash3. */
function hashes(name: string, size: number): Uint32Array {
  let seed = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 0x01000193);
  const found = new Uint32Array(size);
  for (let i = 0; i < size; i++) {
    let x = Math.imul(i, 0x9e3779b9) + seed;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    found[i] = x ^ (x >>> 16);
  }
  return found;
}

/** fp32 in offset - scale ... offset + scale */
export function uniform(name: string, size: number, scale = 1, offset = 0): Float32Array {
  const values = new Float32Array(size);
  const found = hashes(name, size);
  for (let i = 0; i < size; i++) values[i] = offset + scale * (2 * ((found[i]! >>> 8) * 2 ** -24) - 1);
  return values;
}

/** Whole numbers in 0 ... below - 1 */
export function whole(name: string, size: number, below: number): Int32Array {
  return Int32Array.from(hashes(name, size), (hash) => hash % below);
}

/** A model's weight by its name in timm, sized so that signals keep their scale: matrices have variance 1 / fan-in. */
export function weight(name: string, shape: readonly number[]): Float32Array {
  const size = product(shape);
  if (name.endsWith("running_var")) return uniform(name, size, 0.5, 1);
  if (name.endsWith("running_mean") || name.endsWith(".bias")) return uniform(name, size, 0.1);
  if (shape.length === 1) return uniform(name, size, 0.2, 1);
  if (name === "cls_token" || name === "pos_embed") return uniform(name, size, 0.5);
  return uniform(name, size, Math.sqrt(3 / product(shape.slice(1))));
}

const SAMPLES = 1024;

/** All values; if there are many, those at 1024 positions drawn by the name. */
export function sample(name: string, values: Float32Array): Float32Array {
  if (values.length <= SAMPLES) return values;
  return Float32Array.from(whole(name, SAMPLES, values.length), (position) => values[position]!);
}

export function product(shape: readonly number[]): number {
  return shape.reduce((total, extent) => total * extent, 1);
}
