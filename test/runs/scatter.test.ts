import { expect, test } from "vitest";
import { logTicks } from "../../src-main/runs/report/chart";
import { scatterChart } from "../../src-main/runs/report/scatter";

const formatY = (y: number) => `${100 * y}%`;
const ticksIn = (text: string) =>
  [...text.matchAll(/<text class="tick middle" x="([\d.]+)" y="[\d.]+">([^<]*)</g)].map(([, x, label]) => ({ x: Number(x), label }));

test("a logarithmic axis has its ticks at powers of ten, or at 1, 2 and 5 times these where there are few", () => {
  expect(logTicks([1e-5, 1e-2])).toEqual([1e-5, 1e-4, 1e-3, 1e-2]);
  expect(logTicks([0.1, 4])).toEqual([0.1, 0.2, 0.5, 1, 2]);
});

test("equal factors have equal lengths; the best is drawn last, and a trial without a value as a cross", () => {
  const points = [
    { x: 0.1, y: 0.5, isBest: true },
    { x: 0.001, y: 0.25, isBest: false },
    { x: 0.01, y: null, isBest: false },
  ];
  const { text } = scatterChart({ title: "Rate", xLabel: "rate", x: { kind: "log", low: 1e-3, high: 1e-1, whole: false }, points, formatY });
  const [low, middle, high] = ticksIn(text).map(({ x }) => x);
  expect(middle! - low!).toBeCloseTo(high! - middle!, 0);
  const dots = [...text.matchAll(/<circle class="dot (\w+)" cx="([\d.]+)"/g)].map(([, tone, x]) => [tone, Number(x)]);
  expect(dots).toEqual([
    ["student", low],
    ["best", high],
  ]);
  expect(text.match(/class="cross" d="M([\d.]+)/)![1]).toBe(String(middle! - 4));
});

test("choices stand side by side under their names", () => {
  const points = [{ x: 1, y: 0.5, isBest: true }];
  const { text } = scatterChart({ title: "Optimizer", xLabel: "optimizer", x: { kind: "choice", choices: ["adamw", "<sgd>"] }, points, formatY });
  const ticks = ticksIn(text);
  expect(ticks.map(({ label }) => label)).toEqual(["adamw", "&#60;sgd&#62;"]);
  expect(text).toContain(`<circle class="dot best" cx="${ticks[1]!.x}"`);
});
