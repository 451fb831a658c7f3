// Gradients against finite differences: along a direction v, (f(x + h v) - f(x - h v)) / 2h must be <gradient, v>, with f = <dy, y>.
// One step of Richardson extrapolation removes the h^2 term, so that h can be large enough for fp32.
import { describe, expect, it } from "vitest";
import { uniform } from "../reference/formula";
import { addon, type Case, cases, inputValues, isas, outputGradient, run, type Values } from "./cases";

const STEP = 2 ** -7;
const TOLERANCE = 2e-3;
const LARGEST = 1500;
const DIRECTIONS = 3;

const WITHOUT_GRADIENT: unknown[] = [
  ...["oneHot", "argmax", "conv2dNorm", "depthwiseConv2dNorm", "adamw", "sgd", "accumulate", "clipNorm", "assembleBatch", "blend", "sampleViews"],
];

const differentiable = cases.filter(({ op }) => !WITHOUT_GRADIENT.includes(op));
const smooth = differentiable.filter(
  (test) => test.differences !== false && Object.values(test.inputs).every(({ shape }) => shape.reduce((a, b) => a * b, 1) <= LARGEST),
);

it("covers every op that has a gradient", () => {
  expect(new Set(smooth.map(({ op }) => op))).toEqual(new Set(differentiable.map(({ op }) => op)));
});

describe.each(isas)("%s", (isa) => {
  it.each(smooth)("$name", (test) => {
    addon.selectIsa(isa);
    const at = inputValues(test);
    const gradients = run(test, at);
    const keys = Object.entries(test.inputs).flatMap(([key, { dtype, constant }]) => (dtype || constant ? [] : [key]));
    expect(keys).not.toHaveLength(0);
    for (const key of keys) {
      const gradient = gradients[`d${key}`]!;
      for (let i = 0; i < DIRECTIONS; i++) {
        const direction = uniform(`${test.name}/${key}/direction ${i}`, gradient.length);
        // The slope along an average direction; a single slope may be near 0 by chance.
        const scale = norm(gradient) * Math.sqrt(1 / 3);
        const difference = slope(test, at, key, direction) - dot(gradient, direction);
        expect(Math.abs(difference), `d${key} along direction ${i}`).toBeLessThanOrEqual(TOLERANCE * scale);
      }
    }
  });
});

function slope(test: Case, at: Values, key: string, direction: Float32Array): number {
  const central = (h: number) => (objective(test, at, key, direction, h) - objective(test, at, key, direction, -h)) / (2 * h);
  return (4 * central(STEP) - central(2 * STEP)) / 3;
}

function objective(test: Case, at: Values, key: string, direction: Float32Array, h: number): number {
  const moved = at[key]!.map((value, i) => value + h * direction[i]!);
  const y = Object.values(run(test, { ...at, [key]: moved }))[0]!;
  return dot(outputGradient(test, y.length), y);
}

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const norm = (a: Float32Array) => Math.sqrt(dot(a, a));
