import { backend, scope } from "../tensor/tensor";
import { Inputs } from "./inputs";
import type { Side, Subject } from "./side";
import type { Work } from "./work";

/** Above so many seconds the first repetition is warm enough. */
const WARM_WITHIN = 2;

/** This process. */
export const ours: Side = {
  async open(work: Work): Promise<Subject> {
    const inputs = new Inputs(work.precision);
    try {
      const run = work.open(inputs);
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
