import { expect, test } from "vitest";
import { unlessStopped } from "../../src-main/data/stop";

test("many images may wait for one signal: no warning, and all end with it", async () => {
  const warnings: Error[] = [];
  const warn = (warning: Error) => warnings.push(warning);
  process.on("warning", warn);
  const controller = new AbortController();
  const waiting = Array.from({ length: 40 }, () => unlessStopped(new Promise<never>(() => {}), controller.signal));
  controller.abort();
  const ends = await Promise.allSettled(waiting);
  // Warnings are told at the next tick.
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", warn);
  expect(ends.every((end) => end.status === "rejected" && end.reason.code === "INTERRUPTED")).toBe(true);
  expect(warnings).toEqual([]);
});
