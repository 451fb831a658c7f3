import { type Opinion, softened } from "../state/prediction.svelte";

export interface Bar {
  name: string;
  /** Probability at the chosen temperature. */
  value: number;
  /** At temperature 1. */
  plain: number;
}

/** Classes from the highest logit to the lowest, by the first network. All networks use its order, so that rows can be compared. */
export function orderOf(opinions: readonly Opinion[]): number[] {
  const logits = opinions[0]?.logits ?? [];
  return logits.map((_, index) => index).sort((a, b) => logits[b]! - logits[a]!);
}

/** One network's bars in this order, and the entropy of what they show, with the highest that it could be, in bits. */
export function barsOf({ classes, logits }: Opinion, order: readonly number[], temperature: number): { rows: Bar[]; entropy: number; most: number } {
  const soft = softened(logits, temperature);
  const plain = softened(logits, 1);
  const rows = order.map((index) => ({ name: classes[index]!, value: soft.probabilities[index]!, plain: plain.probabilities[index]! }));
  return { rows, entropy: soft.entropy, most: Math.log2(classes.length) };
}
