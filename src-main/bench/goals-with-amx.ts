import type { Benchmark } from "./benchmark";

/** The ratios to PyTorch that the project wants in bf16 on a processor with AMX, which PyTorch uses too. */
const GOALS: readonly (readonly [name: RegExp, goal: number])[] = [
  [/^training step, ViT-tiny 224/, 3],
  [/^training step, ViT-tiny 32/, 3.5],
  [/^training step, ResNet-18/, 2],
  [/^inference, ViT-tiny/, 2.5],
  [/^inference, ResNet-18/, 1.5],
  [/^linear .* forward/, 1.5],
  [/^linear .* dX$/, 1],
  [/^linear .* dW$/, 1.5],
  [/^attention .* forward$/, 2],
  [/^attention .* backward$/, 6],
  [/^convolution .* (64|128) at .* (forward|dX)$/, 1],
  [/^convolution .* (256|512) at .* (forward|dX)$/, 1.5],
  [/^convolution .* dW$/, 1.5],
];

/** The benchmark with the goal that it has there. */
export function withAmxGoal(benchmark: Benchmark): Benchmark {
  if (benchmark.precision !== "bf16") return benchmark;
  return { ...benchmark, goal: GOALS.find(([pattern]) => pattern.test(benchmark.name))?.[1] ?? benchmark.goal };
}
