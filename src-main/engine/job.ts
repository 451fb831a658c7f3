import { setImmediate as nextTurn } from "node:timers/promises";
import { Interrupted } from "../contract/failure";

export type JobState = "running" | "paused" | "stopping";

/** A training call as others act on it: it comes to a yield point between batches, and nowhere else does anything happen to it. */
export class Job {
  #state: JobState = "running";
  #paused: { by: Promise<void>; end: () => void } | null = null;
  readonly #urgent = new Set<Promise<unknown>>();
  /** Called at the yield point at which the job comes to rest, and when it goes on. */
  onPause: () => void = () => {};
  onContinue: () => void = () => {};

  get state(): JobState {
    return this.#state;
  }

  pause(): void {
    if (this.#state === "running") this.#state = "paused";
  }

  continue(): void {
    if (this.#state === "paused") this.#leavePause("running");
  }

  stop(): void {
    this.#leavePause("stopping");
  }

  /** The job waits at its next yield point until this other call is answered. */
  giveWayTo(call: Promise<unknown>): void {
    const settled = call.catch(() => {}).finally(() => this.#urgent.delete(settled));
    this.#urgent.add(settled);
  }

  /** Lets messages and other calls in, then waits while paused. Throws Interrupted when the job is to stop. */
  yieldPoint = async (): Promise<void> => {
    await nextTurn();
    await Promise.all(this.#urgent);
    if (this.#state === "paused") await this.#rest();
    this.checkStop();
  };

  /** Throws Interrupted when the job is to stop. */
  checkStop(): void {
    if (this.#state === "stopping") throw new Interrupted("stopped on request");
  }

  async #rest(): Promise<void> {
    let end = () => {};
    const by = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#paused = { by, end };
    this.onPause();
    await by;
    if (this.#state === "running") this.onContinue();
  }

  #leavePause(state: JobState): void {
    this.#state = state;
    this.#paused?.end();
    this.#paused = null;
  }
}
