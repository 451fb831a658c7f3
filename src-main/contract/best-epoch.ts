import type { BestEpoch, EpochRecord } from "./run";

/** The epoch with the highest accuracy on the validation images, the first among equals; null if none was measured on such. */
export function bestEpoch(epochs: readonly EpochRecord[]): BestEpoch | null {
  const measured = epochs.flatMap(({ epoch, valAcc, testAcc }) => (valAcc !== null && testAcc !== null ? [{ epoch, valAcc, testAcc }] : []));
  return measured.reduce<BestEpoch | null>((best, each) => (best && best.valAcc >= each.valAcc ? best : each), null);
}

/** What each arm reached in its best epoch, beside which other figures are those of the last; null if no arm has one. */
export function bestInWords(arms: readonly { name: string; best: BestEpoch | null }[]): string | null {
  const reached = arms.flatMap(({ name, best }) =>
    best ? [`${name} after epoch ${best.epoch} (${(100 * best.testAcc).toFixed(1)} % of the test images)`] : [],
  );
  if (reached.length === 0) return null;
  return `Best on the validation images: ${reached.join(", ")}. Those weights are in student-best.safetensors; all other figures are of the last epoch.`;
}
