import { fileURLToPath } from "node:url";
import { readSafetensors, readSafetensorsHeader } from "../../src-main/models/safetensors";

/** The tensors of a golden file beside this one, by name. */
export function readGoldens(file: string): Map<string, Float32Array> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const header = readSafetensorsHeader(path);
  const goldens = new Map<string, Float32Array>();
  readSafetensors(path, header.tensors.keys(), (name, values) => goldens.set(name, values));
  return goldens;
}

/** ||actual - expected|| / ||expected||; if all of `expected` is 0, ||actual||. Infinite where sizes differ or a number is missing. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i]! - expected[i]!) ** 2;
    norm += expected[i]! ** 2;
  }
  const error = norm === 0 ? Math.sqrt(difference) : Math.sqrt(difference / norm);
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
}
