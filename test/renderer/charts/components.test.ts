import { render } from "svelte/server";
import { expect, it } from "vitest";
import Bars from "../../../src-renderer/charts/Bars.svelte";
import BatchChart from "../../../src-renderer/charts/BatchChart.svelte";
import EpochChart from "../../../src-renderer/charts/EpochChart.svelte";
import XYChart from "../../../src-renderer/charts/XYChart.svelte";
import type { XYSeries } from "../../../src-renderer/charts/xy";
import { ChartView } from "../../../src-renderer/state/chart-view.svelte";
import { Curves } from "../../../src-renderer/state/curves.svelte";
import { batches, begunCurves, epoch } from "../fakes";

const view = new ChartView();
const format = (value: number) => value.toFixed(1);

function comparison(): Curves {
  const curves = begunCurves(["control", "student"], 2, 3);
  curves.addBatches("control", batches(3, 2, { parts: { ce: 1, kd: 0 } }));
  curves.addBatches("student", batches(2, 2, { loss: 4, parts: { ce: 1, novel: 6 } }));
  curves.addEpoch("control", epoch(1, 0.4));
  return curves;
}
const wordsOf = (html: string) => /role="img" aria-label="([^"]+)"/.exec(html)?.[1];

it.each([
  ["loss", "Loss: Control 2.0, Student 4.0, 3 batches"],
  ["trainAcc", "Loss: Control 0.5, Student 0.5, 3 batches"],
  ["novel", "Loss: Student 6.0, 3 batches"],
])("a chart of %s says what it shows", (column, words) => {
  const { body } = render(BatchChart, { props: { title: "Loss", yTitle: "Loss", curves: comparison(), view, column, format, smoothed: true } });
  expect(wordsOf(body)).toBe(words);
});

it("a chart of a run that has not started says so", () => {
  expect(wordsOf(render(BatchChart, { props: { title: "Loss", yTitle: "Loss", curves: new Curves(), view, column: "loss", format } }).body)).toBe(
    "Loss: 0 batches",
  );
});

it("a chart of test accuracy has the teacher's beside the arms'", () => {
  expect(wordsOf(render(EpochChart, { props: { curves: comparison(), view, teacherAcc: 0.9 } }).body)).toBe(
    "Test accuracy: Control 40.0 %, Student no value yet, Teacher 90.0 %, 3 batches",
  );
});

it("bars have percentages, and the highest stands out", () => {
  const rows = [
    { name: "cat", value: 0.75, plain: 0.5 },
    { name: "dog", value: 0.25, plain: 0.5 },
  ];
  const { body } = render(Bars, { props: { label: "Probabilities by Teacher", rows, color: "--teacher" } });
  expect(body).toMatch(/<li class="[^"]*first[^"]*">.*cat.*75\.0 %.*dog.*25\.0 %/s);
});

const byLabels: XYSeries[] = [
  { name: "Control", color: "--control", line: "solid", points: [] },
  {
    name: "Student",
    color: "--student",
    line: "solid",
    points: [
      { x: 250, y: 0.4, interval: [0.35, 0.45] },
      { x: 1000, y: 0.6 },
    ],
  },
];

it("a chart over numbers says its values, and draws an interval where there is one", () => {
  const { body } = render(XYChart, { props: { title: "By labels", xTitle: "Labels", series: byLabels, ticks: [250, 1000] } });
  expect(wordsOf(body)).toBe("By labels: Control has no value yet; Student 40.0 % at 250, 60.0 % at 1000");
  expect(body.match(/class="interval/g)).toHaveLength(1);
  expect(body.match(/<circle/g)).toHaveLength(2);
});

it("a chart over names has each in its place", () => {
  const dots: XYSeries = { name: "Trials", color: "--student", line: "none", points: [{ x: 1, y: 0.5, name: "trial 3" }] };
  const { body } = render(XYChart, { props: { title: "By schedule", xTitle: "Schedule", series: [dots], names: ["cosine", "constant"] } });
  expect(wordsOf(body)).toBe("By schedule: Trials 50.0 % at constant");
  expect(body).toMatch(/>cosine<\/text>.*>constant<\/text>/s);
  expect(body).not.toContain("<path");
});
