import { beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { MachineSample, NoticeBody } from "../../src-main/contract/notices";
import { MachineSampler } from "../../src-main/engine/machine-sampler";
import { Run } from "../../src-main/engine/run";
import { SameThread } from "../../src-main/engine/trainer-thread";
import { useBackend } from "../../src-main/tensor/tensor";
import { experimentFolder, nobody, smallRecipe } from "./experiment";

beforeAll(() => useBackend(loadAddon()));

const bytes = { tensorBytes: 1, processBytes: 2, freeBytes: 3 };

/** Asks once every 100 ms for so many hours, of a process that keeps one and a half processors busy. */
function samplesOver(hours: number): MachineSample[] {
  let now = 0;
  const sampler = new MachineSampler({ now: () => now, cpuTime: () => 1500 * now, memory: () => bytes });
  const samples: MachineSample[] = [];
  for (; now <= hours * 3_600_000; now += 100) {
    const sample = sampler.sampleIfDue();
    if (sample) samples.push(sample);
  }
  return samples;
}

test("a sample every two seconds, with how many processors were busy since the last", () => {
  const [first, second] = samplesOver(0.01);
  expect([first, second]).toMatchObject([
    { at: 2000, processors: 1.5, ...bytes },
    { at: 4000, processors: 1.5 },
  ]);
});

test("a long run has them more seldom, so that there are never many", () => {
  expect(samplesOver(24).length).toBeLessThan(3500);
  const long = samplesOver(24);
  expect(long.at(-1)!.at - long.at(-2)!.at).toBeGreaterThan(100_000);
});

test("a run sends them while it is trained, with what its tensors take", async () => {
  const folder = experimentFolder();
  const { now } = Date;
  try {
    // Each look at the clock is a second later.
    let seconds = 0;
    Date.now = () => now() + 1000 * ++seconds;
    const notices: NoticeBody[] = [];
    const run = new Run({ kind: "compare", recipe: smallRecipe(folder.teacher), out: folder.path("run"), resume: false }, nobody, new SameThread());
    await run.watch(0, (notice) => notices.push(notice));
    const samples = notices.flatMap((notice) => (notice.type === "machine" ? [notice.sample] : []));
    expect(samples.length).toBeGreaterThan(0);
    for (const { tensorBytes, processBytes, freeBytes, threads, processors } of samples) {
      expect(processBytes).toBeGreaterThan(tensorBytes);
      expect(Math.min(tensorBytes, freeBytes, threads)).toBeGreaterThan(0);
      expect(processors).toBeGreaterThanOrEqual(0);
    }
  } finally {
    Date.now = now;
    folder.remove();
  }
});
