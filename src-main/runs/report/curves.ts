import type { ComparedArm } from "../../contract/arms";
import type { BatchRecord, RunDetails } from "../../contract/run";
import type { Chart, Point, Series } from "./chart";

/** A run's colour and name in charts and tables. */
export interface Drawn {
  run: RunDetails;
  label: string;
  tone: ComparedArm;
}

const percent = (value: number) => `${Math.round(value * 1000) / 10}%`;
const plain = (value: number) => String(value);

/** The charts of one run, or of the overlaid runs of one comparison. */
export function chartsOf(drawn: readonly Drawn[]): Chart[] {
  const epochs = Math.max(...drawn.map(({ run }) => run.batches.at(-1)?.epoch ?? 0));
  return [
    lossByBatch(drawn, {}),
    accuracyByBatch(drawn, {}),
    ...(epochs > 1 ? [lossByBatch(drawn, { epoch: 1 }), accuracyByBatch(drawn, { epoch: 1 })] : []),
    accuracyByEpoch(drawn),
  ];
}

interface Part {
  /** Only this run; all, if left out. */
  epoch?: number;
}

function lossByBatch(drawn: readonly Drawn[], part: Part): Chart {
  const series = drawn.map(({ run, label, tone }): Series => {
    const raw = byBatch(run, part, ({ loss }) => loss);
    return { label, tone, raw, points: smoothed(raw) };
  });
  const note =
    drawn.length > 1
      ? "Each arm’s own loss. That of an arm with a teacher includes the teacher’s part, so the heights of the lines cannot be compared."
      : undefined;
  return { title: titled("Loss", part), series, formatY: plain, note: part.epoch === undefined ? note : undefined, ...batchAxis(drawn, part) };
}

function accuracyByBatch(drawn: readonly Drawn[], part: Part): Chart {
  const series = drawn.map(({ run, label, tone }): Series => ({ label, tone, points: byBatch(run, part, ({ trainAcc }) => trainAcc) }));
  return { title: titled("Train accuracy", part), series, formatY: percent, ...batchAxis(drawn, part) };
}

function accuracyByEpoch(drawn: readonly Drawn[]): Chart {
  const series = drawn.map(
    ({ run, label, tone }): Series => ({
      label,
      tone,
      dots: true,
      points: run.epochRecords.flatMap(({ epoch, testAcc }): Point[] => (testAcc === null ? [] : [[epoch, testAcc]])),
    }),
  );
  const teacher = drawn.map(({ run }) => run.teacherTestAcc).find((accuracy) => accuracy !== null);
  const level = teacher != null ? { y: teacher, label: `Teacher ${percent(teacher)}`, tone: "teacher" } : undefined;
  return { title: "Test accuracy", xLabel: "Epoch", series, level, formatY: percent, wide: true };
}

function titled(what: string, { epoch }: Part): string {
  return epoch === undefined ? what : `${what}, first epoch`;
}

function batchAxis(drawn: readonly Drawn[], { epoch }: Part): Pick<Chart, "xLabel" | "verticals"> {
  if (epoch !== undefined) return { xLabel: "Batch" };
  const [longest] = drawn.map(({ run }) => run).sort((a, b) => b.batches.length - a.batches.length);
  const perEpoch = batchesPerEpoch(longest!);
  const epochs = Math.ceil(longest!.batches.length / perEpoch);
  return { xLabel: "Batch (dashed: end of an epoch)", verticals: Array.from({ length: Math.max(0, epochs - 1) }, (_, i) => (i + 1) * perEpoch) };
}

/** x counts batches from 1 over all epochs. */
function byBatch(run: RunDetails, { epoch }: Part, value: (record: BatchRecord) => number): Point[] {
  const perEpoch = batchesPerEpoch(run);
  return run.batches
    .filter((record) => epoch === undefined || record.epoch === epoch)
    .map((record): Point => [(record.epoch - 1) * perEpoch + record.iter, value(record)]);
}

function batchesPerEpoch({ batches }: RunDetails): number {
  return batches.reduce((most, { iter }) => Math.max(most, iter), 1);
}

/** Weight of the earlier values in each point of a smoothed line; short series need less. */
const KEPT = 0.95;

/** Exponential moving average with bias correction (Kingma & Ba 2015, section 3). Non-finite values stay, and end the average. */
function smoothed(points: readonly Point[]): Point[] {
  const kept = Math.min(KEPT, 1 - 10 / (points.length + 10));
  let sum = 0;
  let weight = 0;
  return points.map(([x, y]): Point => {
    if (!Number.isFinite(y)) {
      sum = weight = 0;
      return [x, y];
    }
    sum = kept * sum + (1 - kept) * y;
    weight = kept * weight + (1 - kept);
    return [x, sum / weight];
  });
}
