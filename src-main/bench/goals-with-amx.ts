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

/** The goal of a benchmark by its name; null if there is none. */
export function goalWithAmx(name: string): number | null {
  return GOALS.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}
