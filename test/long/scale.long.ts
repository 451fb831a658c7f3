// What sweeps on a cluster cost, as docs/scale.md has it: a real head of Ray with 1, 2 and 4 processors of this computer as workers, and the exported training script
// in one and two processes. Needs Linux, root and npm run python. Prints the tables.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { presetOf } from "../../src-main/contract/presets";
import { distill } from "../cli/distill";
import { noPython, python } from "../python";
import { ADDRESS, realHead, whyNoRay, writeRecipe } from "../ray/real-head";

const SEEDS = 4;
const ROUNDS = Number(process.env.DISTILL_ROUNDS ?? 2);
const SAMPLE = path.resolve(import.meta.dirname, "../../assets/cifar-10-sample");
/** Training images of each arm. */
const EACH = Number(process.env.DISTILL_IMAGES ?? 1024);
const settings = [`data.trainLimit=${EACH}`, "data.testLimit=128", "train.epochs=4", "train.warmupEpochs=0", "train.batchSize=128", "train.precision=fp32"];
const flags = ["compare", "--recipe", "recipe.json", "--seeds", String(SEEDS), ...settings.flatMap((each) => ["--set", each])];
/** That both arms of all seeds are shown. */
const IMAGES = SEEDS * 2 * 4 * EACH;

interface Costs {
  seconds: number;
  /** Until the last job was submitted: the program is packed, uploaded, and the head takes the jobs. */
  submitted: number;
  /** From a job's submission, or from the end of the one that it waited for, to its first batch. */
  start: number;
  /** Median of the jobs, from first to last batch. */
  training: number;
  /** From the last batch of the last job to the end. */
  home: number;
}

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
const round = (value: number) => (value < 10 ? value.toFixed(1) : value.toFixed(0));

/** By the clock of this computer, which is that of the jobs. */
class Timeline {
  readonly began = performance.now();
  readonly batches = new Map<string, { first: number; last: number }>();
  submitted = 0;
  uploaded = "";

  readonly read = (line: string): void => {
    const now = performance.now();
    const event = JSON.parse(line) as { type: string; text?: string; job?: string };
    if (event.text?.startsWith("Uploading")) this.uploaded = event.text;
    if (event.text?.startsWith("Waiting")) this.submitted = Math.max(this.submitted, this.batches.size === 0 ? now : 0);
    if (event.type !== "batches") return;
    const known = this.batches.get(event.job!);
    this.batches.set(event.job!, { first: known?.first ?? now, last: now });
  };

  costs(workers: number): Costs {
    const jobs = [...this.batches.values()].sort((a, b) => a.first - b.first);
    const ends = jobs.map(({ last }) => last).sort((a, b) => a - b);
    const starts = jobs.map(({ first }, i) => first - (i < workers ? this.submitted : ends[i - workers]!));
    const end = performance.now();
    const seconds = (milliseconds: number) => milliseconds / 1000;
    return {
      seconds: seconds(end - this.began),
      submitted: seconds(this.submitted - this.began),
      start: seconds(median(starts)),
      training: seconds(median(jobs.map(({ first, last }) => last - first))),
      home: seconds(end - ends.at(-1)!),
    };
  }
}

test("sweeps by jobs", async ({ skip }) => {
  const reason = whyNoRay();
  if (reason) skip(reason);
  console.log(`${os.cpus()[0]!.model}, ${os.cpus().length} logical cores, load before ${os.loadavg()[0]!.toFixed(1)}`);
  const head = [`${SEEDS} seeds`, "all, s", "submitted after, s", "start of a job, s", "its training, s", "home after the last batch, s", "images/s"];
  print([head, head.map(() => "---")]);
  for (let round = 0; round < ROUNDS; round++) {
    for (const threads of [1, 2]) print([await inSequence(threads)]);
    for (const workers of [1, 2, 4]) print(await byJobs(workers));
  }
});

/** As they come: it takes long. */
const print = (rows: string[][]) => console.log(rows.map((row) => `| ${row.join(" | ")} |`).join("\n"));

async function inSequence(threads: number): Promise<string[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "distill-scale-"));
  writeFileSync(path.join(folder, "recipe.json"), JSON.stringify(presetOf("demo").written));
  const began = performance.now();
  const { status, err } = await distill([...flags, "--threads", String(threads), "--out", "here"], folder);
  expect(status, err).toBe(0);
  const seconds = (performance.now() - began) / 1000;
  rmSync(folder, { recursive: true });
  return [`here, one after the other, ${threads} thread${threads === 1 ? "" : "s"}`, round(seconds), "", "", "", "", round(IMAGES / seconds)];
}

/** With the program uploaded, and with the program there. */
async function byJobs(workers: number): Promise<string[][]> {
  const head = await realHead(workers);
  writeRecipe(head, presetOf("demo").written);
  const rows: string[][] = [];
  try {
    for (const out of ["first", "again"]) {
      const timeline = new Timeline();
      const on = ["--on", ADDRESS, "--job-node", "ship", "--job-processors", "1", "--progress", "json", "--out", out];
      const { status, err } = await head.distill([...flags, ...on], timeline.read);
      expect(status, err).toBe(0);
      if (timeline.uploaded) console.log(timeline.uploaded);
      rows.push(rowOf(`${workers} worker${workers === 1 ? "" : "s"}${out === "first" ? "" : ", the program is there"}`, timeline.costs(workers)));
    }
  } finally {
    await head.close();
  }
  return rows;
}

const rowOf = (words: string, { seconds, submitted, start, training, home }: Costs): string[] => [
  words,
  ...[seconds, submitted, start, training, home, IMAGES / seconds].map(round),
];

test("one training, data-parallel by the exported script", async ({ skip }) => {
  const reason = noPython("torch", "timm", "safetensors");
  if (reason) skip(reason);
  const folder = mkdtempSync(path.join(os.tmpdir(), "distill-scale-"));
  const recipe = {
    ...presetOf("demo").written,
    data: { path: "bundled", trainLimit: EACH, testLimit: 128 },
    distillation: { labels: 0.5, terms: [{ kind: "soft", weight: 0.5, temperature: 2 }] },
  };
  const set = ["train.epochs=2", "train.warmupEpochs=0", "train.batchSize=128", "train.precision=fp32"].flatMap((each) => ["--set", each]);
  const file = path.join(folder, "recipe.json");
  writeFileSync(file, JSON.stringify(recipe));
  const trained = await distill(["compare", "--recipe", file, "--seeds", "1", ...set, "--out", "run"], folder);
  expect(trained.status, trained.err).toBe(0);
  const exported = await distill(["export", "--run", "run", "--format", "training-script", "--out", "script"], folder);
  expect(exported.status, exported.err).toBe(0);
  const ways = [
    { words: "1 process, 1 thread", processes: 1, threads: 1 },
    { words: "1 process, 2 threads", processes: 1, threads: 2 },
    { words: "2 processes, 1 thread each", processes: 2, threads: 1 },
  ].map((way) => ({ ...way, rates: { control: [] as number[], student: [] as number[] } }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const { words, processes, threads, rates } of ways) {
      const out = path.join(folder, `${words}-${round}`);
      const start = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", String(processes)];
      const env = { ...process.env, OMP_NUM_THREADS: String(threads) };
      const { status, stderr } = spawnSync(python, [...start, "script/train.py", "--data", SAMPLE, "--out", out, "--cpu"], {
        cwd: folder,
        env,
        encoding: "utf8",
      });
      expect(status, stderr).toBe(0);
      for (const arm of ["control", "student"] as const) rates[arm].push(rateOf(path.join(out, arm, "batches.csv")));
    }
  }
  rmSync(folder, { recursive: true });
  const rows = ways.map(({ words, rates }) => [words, round(median(rates.control)), round(median(rates.student))]);
  const head = ["exported script", "control, images/s", "student, images/s"];
  print([head, head.map(() => "---"), ...rows]);
});

/** Median over the batches of the last epoch. */
function rateOf(file: string): number {
  const lines = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(","));
  const last = lines.at(-1)![0];
  return median(lines.filter(([epoch]) => epoch === last).map((cells) => Number(cells[7])));
}
