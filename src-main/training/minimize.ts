/** The value and the gradient of a function at a point, [P]. */
export interface Slope {
  value: number;
  gradient: Float64Array;
}

export interface MinimizeOptions {
  /** Ends where the norm of the gradient is at most this. */
  tolerance: number;
  /** At most so many iterations. */
  most: number;
  /** Awaited before each iteration. */
  yieldPoint(): Promise<void>;
}

export interface Minimum extends Slope {
  at: Float64Array;
  iterations: number;
  /** Whether the gradient became as small as was asked. */
  converged: boolean;
}

/** How many steps the curvature is estimated from. */
const MEMORY = 10;
/** Share of the decrease along the slope that a step has to bring. */
const SUFFICIENT = 1e-4;
/** Relative error of a value that was computed in fp32: no increase within it is an increase. */
const ROUNDING = 2e-7;
const SMALLEST_STEP = 1e-6;

/** L-BFGS with a backtracking line search, for smooth convex functions (Nocedal and Wright 2006, "Numerical Optimization", algorithm 7.5). */
export async function minimize(
  slopeAt: (point: Float64Array) => Slope,
  start: Float64Array,
  { tolerance, most, yieldPoint }: MinimizeOptions,
): Promise<Minimum> {
  const pairs: Pair[] = [];
  let at = start;
  let here = slopeAt(at);
  for (let iterations = 0; ; iterations++) {
    const converged = norm(here.gradient) <= tolerance;
    if (converged || iterations === most) return { at, ...here, iterations, converged };
    await yieldPoint();
    const next = searched(slopeAt, at, here, directionOf(here.gradient, pairs));
    // Rounding hides every smaller decrease.
    if (!next) return { at, ...here, iterations, converged };
    pairs.push(pairOf(difference(next.at, at), difference(next.gradient, here.gradient)));
    if (pairs.length > MEMORY) pairs.shift();
    [at, here] = [next.at, next];
  }
}

/** A step and the change of the gradient along it. */
interface Pair {
  step: Float64Array;
  change: Float64Array;
  /** step . change, above 0 where the function is convex. */
  curvature: number;
}

const pairOf = (step: Float64Array, change: Float64Array): Pair => ({ step, change, curvature: Math.max(dot(step, change), Number.MIN_VALUE) });

/** Minus the gradient times the inverse Hessian that the pairs tell of: the two-loop recursion (algorithm 7.4). */
function directionOf(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  const direction = gradient.map((value) => -value);
  const shares: number[] = [];
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { step, change, curvature } = pairs[i]!;
    shares[i] = dot(step, direction) / curvature;
    addTo(direction, -shares[i]!, change);
  }
  const latest = pairs.at(-1);
  if (latest) multiplyBy(direction, latest.curvature / dot(latest.change, latest.change));
  for (const [i, { step, change, curvature }] of pairs.entries()) addTo(direction, shares[i]! - dot(change, direction) / curvature, step);
  return direction;
}

/** The first of ever shorter steps that brings a sufficient decrease; null if none does. */
function searched(slopeAt: (point: Float64Array) => Slope, at: Float64Array, here: Slope, direction: Float64Array): (Slope & { at: Float64Array }) | null {
  const along = dot(here.gradient, direction);
  for (let length = 1; length >= SMALLEST_STEP; length /= 2) {
    const point = at.slice();
    addTo(point, length, direction);
    const next = slopeAt(point);
    if (next.value <= here.value + SUFFICIENT * length * along + ROUNDING * Math.abs(here.value)) return { at: point, ...next };
  }
  return null;
}

// ---- Vectors [P] ------------------------------------------------------------------------------------------------------------------

export const norm = (a: Float64Array): number => Math.sqrt(dot(a, a));

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

const difference = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, i) => value - b[i]!);

/** a += factor * b */
function addTo(a: Float64Array, factor: number, b: Float64Array): void {
  for (let i = 0; i < a.length; i++) a[i]! += factor * b[i]!;
}

function multiplyBy(a: Float64Array, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i]! *= factor;
}
