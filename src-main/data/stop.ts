import { setMaxListeners } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Interrupted } from "../contract/failure";

/** Throws Interrupted once the signal has been given. */
export function checkStop(signal?: AbortSignal): void {
  if (signal?.aborted) throw new Interrupted("stopped on request");
}

/** Lets messages in, then throws Interrupted if the signal has been given. */
export async function stopPoint(signal?: AbortSignal): Promise<void> {
  await nextTurn();
  checkStop(signal);
}

/** Settles like `work`, but rejects with Interrupted as soon as the signal is given. What becomes of `work` then is nobody's concern. */
export async function unlessStopped<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return work;
  let stop = () => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(new Interrupted("stopped on request"));
  });
  // As many wait as images are decoded at once.
  setMaxListeners(0, signal);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  try {
    return await Promise.race([work, stopped]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
