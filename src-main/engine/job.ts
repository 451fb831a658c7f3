import { setImmediate as nextTurn } from "node:timers/promises";
import { Interrupted } from "../contract/failure";

export type JobState = "running" | "paused" | "stopping";

/** A training call as seen by others: it reaches a yield point between batches, and anything that affects it happens there. */
export class Job {
  #state: JobState = "running";
  #paused: { by: Promise<void>; end: () => void } | null = null;
  readonly #urgent = new Set<Promise<unknown>>();
  /** Called at the yield point at which the job pauses, and when it continues. */
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

  /** Makes the job wait at its next yield point until this other call is answered. */
  giveWayTo(call: Promise<unknown>): void {
    const settled = call.catch(() => {}).finally(() => this.#urgent.delete(settled));
    this.#urgent.add(settled);
  }

  /** Lets messages and other calls in, then waits while paused. Throws Interrupted if the job has to stop. */
  yieldPoint = async (): Promise<void> => {
    await nextTurn();
    await Promise.all(this.#urgent);
    if (this.#state === "paused") await this.#rest();
    this.checkStop();
  };

  /** Throws Interrupted if the job has to stop. */
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
