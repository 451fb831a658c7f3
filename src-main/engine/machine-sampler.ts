import type { MachineSample } from "../contract/notices";
import { memory } from "../machine/memory";
import { backend } from "../tensor/tensor";

/** Between two samples: these at first, and longer and longer, so that a week of training has a few thousand. */
const LEAST_MS = 2000;
const SHARE_OF_RUN = 1 / 500;

/** What a sample is made of, as the system tells it. */
interface Source {
  /** Milliseconds. */
  now(): number;
  /** Microseconds of computing since the process began, over all its threads. */
  cpuTime(): number;
  /** Bytes. */
  memory(): Pick<MachineSample, "tensorBytes" | "processBytes" | "freeBytes">;
}

const thisProcess: Source = {
  now: () => Date.now(),
  cpuTime: () => {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  memory: () => ({ tensorBytes: backend().memoryStats().inUse, processBytes: process.memoryUsage().rss, freeBytes: memory().available }),
};

/** Looks at what training takes of the machine, between batches and seldom. */
export class MachineSampler {
  readonly #began: number;
  #last: { at: number; cpuTime: number };

  constructor(private readonly source: Source = thisProcess) {
    this.#began = source.now();
    this.#last = { at: this.#began, cpuTime: source.cpuTime() };
  }

  /** null where the last sample is not long ago. */
  sampleIfDue(): MachineSample | null {
    const at = this.source.now();
    const passed = at - this.#last.at;
    if (passed < Math.max(LEAST_MS, (at - this.#began) * SHARE_OF_RUN)) return null;
    const cpuTime = this.source.cpuTime();
    const processors = (cpuTime - this.#last.cpuTime) / (1000 * passed);
    this.#last = { at, cpuTime };
    return { at, processors, threads: backend().threads(), ...this.source.memory() };
  }
}
