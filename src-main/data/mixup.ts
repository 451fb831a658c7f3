import { drawNormals, drawUniforms, type Key } from "./draws";

/** With what each of the samples 0 ... count - 1 is mixed. */
export interface Mixup {
  /** [count], samples. */
  partners: Int32Array;
  /** [count], 0.5 ... 1: how much of the mixture is the sample; the rest is its partner. */
  shares: Float32Array;
}

// The same seed draws initial weights and the order of samples, from streams below this. Each epoch has its own range of streams.
const FIRST_STREAM = 2 ** 50;
const STREAMS_PER_EPOCH = 2 ** 10;

/**
 * Mixup (Zhang et al. 2018): partners are drawn uniformly from all samples, shares from Beta(alpha, alpha). Both depend on (seed, epoch,
 * sample) alone. A sample has the larger share, so that its own label is the first answer to the mixture; as partners are drawn uniformly,
 * that changes nothing else.
 */
export function drawMixup(count: number, { alpha, seed, epoch }: { alpha: number; seed: number; epoch: number }): Mixup {
  const stream = FIRST_STREAM + epoch * STREAMS_PER_EPOCH;
  const shares = Float32Array.from(drawBeta(count, alpha, { seed, stream: stream + 1 }), (share) => Math.max(share, 1 - share));
  return { partners: drawPartners(count, { seed, epoch }), shares };
}

/** [count]: for each sample any of them, with equal odds. */
export function drawPartners(count: number, { seed, epoch }: { seed: number; epoch: number }): Int32Array {
  const stream = FIRST_STREAM + epoch * STREAMS_PER_EPOCH;
  return Int32Array.from(drawUniforms(count, { seed, stream }), (u) => Math.floor(u * count));
}

/**
 * [count] draws from Beta(alpha, alpha), alpha > 0: X / (X + Y) of two gamma draws, by their logarithms, because a small alpha makes both too
 * small for a double. A draw depends on its position and the key alone; it takes the key's stream and the 32 after it.
 */
export function drawBeta(count: number, alpha: number, key: Key): Float64Array {
  const logs = drawLogGamma(2 * count, alpha, key);
  return Float64Array.from({ length: count }, (_, n) => 1 / (1 + Math.exp(logs[2 * n + 1]! - logs[2 * n]!)));
}

/** Of a draw, at most one in 20 attempts fails: so many never do. */
const MOST_ATTEMPTS = 16;

/** [count] logarithms of draws from Gamma(alpha, 1): Marsaglia and Tsang 2000, "A Simple Method for Generating Gamma Variables". */
function drawLogGamma(count: number, alpha: number, { seed, stream }: Key): Float64Array {
  // Their method needs alpha >= 1. Below it draws from Gamma(alpha + 1, 1) and multiplies by U^(1 / alpha) (their section 6).
  const isBoosted = alpha < 1;
  const d = (isBoosted ? alpha + 1 : alpha) - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  const logs = new Float64Array(count).fill(Math.log(d));
  let waiting = Array.from(logs.keys());
  for (let attempt = 0; attempt < MOST_ATTEMPTS && waiting.length > 0; attempt++) {
    const x = drawNormals(count, { seed, stream: stream + 2 * attempt });
    const u = drawUniforms(count, { seed, stream: stream + 2 * attempt + 1 });
    waiting = waiting.filter((n) => {
      const root = 1 + c * x[n]!;
      const v = root * root * root;
      if (v <= 0 || Math.log(u[n]!) >= x[n]! ** 2 / 2 + d * (1 - v + Math.log(v))) return true;
      logs[n] = Math.log(d * v);
      return false;
    });
  }
  if (!isBoosted) return logs;
  const u = drawUniforms(count, { seed, stream: stream + 2 * MOST_ATTEMPTS });
  // U may be 0.
  return logs.map((log, n) => log + Math.max(Math.log(u[n]!) / alpha, -Number.MAX_VALUE));
}
