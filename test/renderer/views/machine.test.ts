import { render } from "svelte/server";
import { expect, test } from "vitest";
import type { MachineSample } from "../../../src-main/contract/notices";
import { spanOf } from "../../../src-renderer/state/machine";
import MachineCharts from "../../../src-renderer/views/MachineCharts.svelte";

const GIB = 2 ** 30;
const sample = (at: number, processors: number): MachineSample => ({
  at,
  processors,
  threads: 2,
  tensorBytes: 0.5 * GIB,
  processBytes: 1.25 * GIB,
  freeBytes: 4 * GIB,
});
const bodyOf = (samples: readonly MachineSample[], active = true) => render(MachineCharts, { props: { samples, active } }).body;
const words = (body: string) => body.replace(/<[^>]*>/g, "").replace(/\s+/g, " ");

test("the last figures are words, and the courses are lines over time", () => {
  const body = bodyOf([sample(1000, 1), sample(61_000, 1.9)]);
  expect(words(body)).toMatch(/Processor.*1 min 0 s.*1\.9 of 2 threads busy.*Memory taken.*process 1\.3 GiB.*tensors 512 MiB.*Memory free.*4\.0 GiB/);
  expect(body).toContain('aria-label="Processor: 1.9 of 2 threads busy"');
  expect(body).toContain('d="M0.00 50.00L100.00 5.00"');
});

test("a single sample is seen, too", () => {
  expect(spanOf([sample(5, 1)])).toEqual([5, 1005]);
  expect(bodyOf([sample(5, 1)])).toContain("left: 0%");
});

test("before the first sample, and of a run that is over, there are words instead", () => {
  expect(words(bodyOf([]))).toContain("the first figures come soon");
  expect(words(bodyOf([], false))).toContain("They are not kept with it.");
});
