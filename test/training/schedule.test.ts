import { describe, expect, test } from "vitest";
import { learningRateAt, type ScheduleSettings } from "../../src-main/training/schedule";

const cosine: ScheduleSettings = { epochs: 5, learningRate: 1e-3, schedule: "cosine-epoch", warmupEpochs: 0 };

describe("learning rate", () => {
  // Printed by torch 2.13: CosineAnnealingLR(AdamW([p], lr=1e-3), T_max=5), stepped once per epoch.
  test("cosine-epoch gives torch's values and stays constant within an epoch", () => {
    const torch = [0.001, 0.0009045084971874737, 0.0006545084971874737, 0.00034549150281252633, 9.549150281252633e-5];
    for (const [epoch, expected] of torch.entries()) {
      for (const batch of [0, 1, 9]) expect(learningRateAt(cosine, 10, epoch, batch)).toBeCloseTo(expected, 15);
    }
  });

  // CosineAnnealingLR(T_max=4*3) stepped after every batch.
  test("cosine-step gives torch's values for T_max = all steps", () => {
    const settings: ScheduleSettings = { ...cosine, schedule: "cosine-step", epochs: 4 };
    for (let step = 0; step < 12; step++) {
      const expected = 1e-3 * 0.5 * (1 + Math.cos((Math.PI * step) / 12));
      expect(learningRateAt(settings, 3, Math.floor(step / 3), step % 3)).toBeCloseTo(expected, 15);
    }
  });

  test("warm-up rises in equal steps to the full rate, where the cosine begins", () => {
    const settings: ScheduleSettings = { epochs: 3, learningRate: 0.1, schedule: "cosine-step", warmupEpochs: 0.5 };
    const rates = Array.from({ length: 12 }, (_, step) => learningRateAt(settings, 4, Math.floor(step / 4), step % 4));
    expect(rates.slice(0, 3)).toEqual([0.05, 0.1, 0.1]);
    expect(rates.slice(2).every((rate, i, all) => i === 0 || rate < all[i - 1]!)).toBe(true);
    expect(rates.at(-1)).toBeGreaterThan(0);
  });

  test("warm-up by epochs", () => {
    const settings: ScheduleSettings = { epochs: 6, learningRate: 0.1, schedule: "cosine-epoch", warmupEpochs: 2 };
    const rates = [0, 1, 2, 3].map((epoch) => learningRateAt(settings, 7, epoch, 3));
    expect(rates.slice(0, 3)).toEqual([0.05, 0.1, 0.1]);
    expect(rates[3]).toBeCloseTo(0.1 * 0.5 * (1 + Math.cos(Math.PI / 4)), 15);
  });

  test("constant stays", () => {
    expect(learningRateAt({ ...cosine, schedule: "constant" }, 10, 4, 9)).toBe(1e-3);
  });
});
