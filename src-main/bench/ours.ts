import { backend, scope } from "../tensor/tensor";
import type { Benchmark } from "./benchmark";
import { Inputs } from "./inputs";
import type { Side, Subject } from "./side";

/** A first repetition of this many seconds or more is warm-up enough. */
const WARM_WITHIN = 2;

/** This engine, in this process. */
export const ours: Side = {
  async open(benchmark: Benchmark): Promise<Subject> {
    const inputs = new Inputs(benchmark.precision);
    try {
      const run = benchmark.open(inputs);
      const once = timed(run, 1);
      return {
        first: once < WARM_WITHIN ? timed(run, 1) : once,
        time: async (repeats) => timed(run, repeats),
        setThreads: async (count) => backend().setThreads(count),
        peakMemory: async () => {
          backend().resetPeakMemory();
          timed(run, 1);
          return backend().memoryStats().peak;
        },
        close: () => inputs.release(),
      };
    } catch (error) {
      inputs.release();
      throw error;
    }
  },
};

function timed(run: () => void, repeats: number): number {
  const start = performance.now();
  for (let i = 0; i < repeats; i++) scope(run);
  return (performance.now() - start) / 1000;
}
