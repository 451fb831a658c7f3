// One engine that trains, predicts, pauses, stops and is watched for two hours (DISTILL_SOAK_MINUTES gives another time), while a second one is
// killed again and again. Prints what it measured; its figures are in docs/safety.md. Linux, as it reads /proc.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import { useBackend } from "../../src-main/tensor/tensor";
import { EngineProcess } from "../engine/engine-process";
import { experimentFolder, smallRecipe } from "../engine/experiment";
import { randomOf } from "../faults/storm";

const MINUTES = Number(process.env.DISTILL_SOAK_MINUTES ?? 120);
const WARM_UP_ROUNDS = 20;

interface Sample {
  rounds: number;
  megabytes: number;
  files: number;
  threads: number;
}

let folder: ReturnType<typeof experimentFolder>;
let runs: string;
beforeAll(() => {
  useBackend(loadAddon());
  folder = experimentFolder();
  runs = mkdtempSync(path.join(tmpdir(), "distill-soak-"));
});
afterAll(() => {
  folder.remove();
  rmSync(runs, { recursive: true });
});

function measure(pid: number, rounds: number): Sample {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)![1]);
  return { rounds, megabytes: Math.round(field("VmRSS") / 1024), files: readdirSync(`/proc/${pid}/fd`).length, threads: field("Threads") };
}

/** Starts a run, disturbs it in one of the ways that a person would, and returns when it has ended. */
async function round(engine: EngineProcess, name: string, random: () => number): Promise<void> {
  const epochs = 1 + Math.floor(random() * 6);
  const out = path.join(runs, name);
  const recipe = parseRecipe({ ...smallRecipe(folder.teacher, { epochs }) });
  const { run } = await engine.result<{ run: string }>("start", { kind: "compare", recipe, out, resume: false });
  const ending = engine.ask("watch", { run, from: 0 });
  const image = { path: path.join(import.meta.dirname, "../../docs/app.png") };
  const predict = () => engine.result("predict", { model: "resnet20_cifar10", weights: folder.teacher, images: [image], withInput: true });
  const control = (action: string) => engine.ask("control", { run, action });
  const ways = [
    () => Promise.all([predict(), predict(), predict()]),
    () => control("stop"),
    async () => {
      await control("pause");
      await predict();
      await control("continue");
    },
    () => control("checkpoint"),
    () => engine.ask("watch", { run, from: 1000 }),
    () => engine.result("listRuns", { directory: runs }),
  ];
  await ways[Math.floor(random() * ways.length)]!();
  await ending;
  rmSync(out, { recursive: true, force: true });
}

test(
  `${MINUTES} minutes leave memory, open files and threads as they were`,
  async () => {
    const random = randomOf(1);
    const engine = new EngineProcess();
    const end = Date.now() + MINUTES * 60_000;
    const samples: Sample[] = [];
    let kills = 0;
    for (let rounds = 0; Date.now() < end; rounds++) {
      await round(engine, `run-${rounds}`, random);
      if (rounds % WARM_UP_ROUNDS === 0) {
        samples.push(measure(engine.child.pid!, rounds));
        const victim = new EngineProcess();
        const out = path.join(runs, "victim");
        void victim.ask("start", { kind: "train", recipe: smallRecipe(folder.teacher, { epochs: 50 }), out, resume: false });
        await expect.poll(() => readdirSync(runs).includes("victim"), { timeout: 60_000 }).toBe(true);
        victim.child.kill("SIGKILL");
        await victim.end();
        rmSync(out, { recursive: true, force: true });
        kills++;
      }
    }
    const warm = samples.slice(1);
    console.table(warm.filter((_, i) => i % Math.ceil(warm.length / 20) === 0 || i === warm.length - 1));
    console.log(`${warm.at(-1)!.rounds} runs, ${kills} other engines killed`);
    const half = Math.floor(warm.length / 2);
    // Medians: a sample may fall into the moment when the threads of a run that has ended are about to end too.
    const median = (part: Sample[], of: keyof Sample) => part.map((sample) => sample[of]).sort((a, b) => a - b)[part.length >> 1]!;
    expect(median(warm.slice(half), "files")).toBeLessThanOrEqual(median(warm.slice(0, half), "files"));
    expect(median(warm.slice(half), "threads")).toBeLessThanOrEqual(median(warm.slice(0, half), "threads") + 1);
    expect(median(warm.slice(half), "megabytes")).toBeLessThan(1.15 * median(warm.slice(0, half), "megabytes"));
    engine.child.disconnect();
    expect(await engine.end()).toBe(0);
  },
  4 * 3_600_000,
);
