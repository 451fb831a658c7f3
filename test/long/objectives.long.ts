// Each objective at the same budget: about half an hour on two cores. docs/results.md has the table that it prints. Runs lie in runs/objectives, where a
// call that was interrupted goes on.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { presetOf } from "../../src-main/contract/presets";
import type { TrainResult } from "../../src-main/contract/run";
import { deviation, holdsZero, mean, pairedInterval } from "../../src-main/contract/statistics";
import { distill } from "../cli/distill";

const FOLDER = resolve("runs/objectives");
const SEEDS = [0, 1, 2];
const locality = { kind: "locality", weight: 40, block: 4 };

/** What each student learns from. Weights and temperatures are those of the papers or the program's defaults; none was tuned here. */
const distillations = {
  "labels alone": null,
  "soft labels, T 0.212, alpha 0.62": { temperature: 0.212, alpha: 0.62 },
  "soft labels, T 4, alpha 0.9": { temperature: 4, alpha: 0.9 },
  "standardized soft labels": { labels: 1, terms: [{ kind: "standardized-soft" }] },
  DKD: { labels: 1, terms: [{ kind: "dkd" }] },
  "hard labels": { labels: 0.5, terms: [{ kind: "hard" }] },
  "logit matching": { labels: 1, terms: [{ kind: "logit-matching" }] },
  "feature guidance, middle stages": { labels: 1, terms: [{ kind: "features" }] },
  "attention transfer, middle stages": { labels: 1, terms: [{ kind: "attention-transfer" }] },
  "locality guidance": { labels: 1, terms: [locality] },
  "locality guidance, soft labels T 1": { labels: 1, terms: [locality, { kind: "soft", weight: 1, temperature: 1 }] },
};
type Name = keyof typeof distillations;

/** The demo at a quarter of its length, with a whole schedule. */
const { written } = presetOf("demo");
const train = { ...(written.train as object), epochs: 4, warmupEpochs: 0.5, evaluateEvery: 4 };

async function trained(name: Name, seed: number): Promise<TrainResult> {
  const folder = join(FOLDER, `seed-${seed}`, name.replace(/[^a-zA-Z0-9.]+/g, "-"));
  mkdirSync(join(folder, ".."), { recursive: true });
  const recipe = `${folder}.json`;
  writeFileSync(recipe, JSON.stringify({ ...written, name, train: { ...train, seed }, distillation: distillations[name], control: null }));
  const { out, err, status } = await distill(
    ["train", "--recipe", recipe, "--out", folder, ...(existsSync(folder) ? ["--resume"] : []), "--json"],
    resolve("."),
  );
  if (status !== 0) throw new Error(err);
  return JSON.parse(out) as TrainResult;
}

test("every objective is trained on the same batches, and the table is made of that", async () => {
  const results = new Map<Name, TrainResult[]>();
  for (const seed of SEEDS)
    for (const name of Object.keys(distillations) as Name[]) {
      const result = await trained(name, seed);
      results.set(name, [...(results.get(name) ?? []), result]);
      console.log(`seed ${seed}, ${name}: ${(100 * result.testAcc).toFixed(1)} %`);
    }
  const control = results.get("labels alone")!;
  const rows = [...results].map(([name, runs]) => {
    // The last link of the chain of evidence: the same start, pixels and labels in every batch.
    for (const [i, { hashes }] of runs.entries()) {
      const { batches, initialWeights } = control[i]!.hashes;
      expect(hashes, name).toMatchObject({ batches, initialWeights });
    }
    return { name, runs, differences: runs.map(({ testAcc }, i) => testAcc - control[i]!.testAcc) };
  });
  console.log(tableOf(rows));
  const guided = rows.find(({ name }) => name === "locality guidance")!;
  expect(holdsZero(pairedInterval(guided.differences)!)).toBe(false);
});

function tableOf(rows: readonly { name: Name; runs: readonly TrainResult[]; differences: readonly number[] }[]): string {
  const percent = (value: number) => (100 * value).toFixed(1);
  const points = (value: number) => `${value < 0 ? "−" : "+"}${percent(Math.abs(value))}`;
  const seeds = SEEDS.map((seed) => `seed ${seed} | `).join("");
  const lines = [...rows]
    .sort((a, b) => mean(a.differences) - mean(b.differences))
    .map(({ name, runs, differences }) => {
      const accuracies = runs.map(({ testAcc }) => testAcc);
      const interval = pairedInterval(differences)!;
      const gain = name === "labels alone" ? "" : `${points(mean(differences))} (${interval.map(points).join(" to ")})`;
      return `| ${name} | ${accuracies.map(percent).join(" | ")} | ${percent(mean(accuracies))} ± ${percent(deviation(accuracies)!)} | ${gain} |`;
    });
  return [`| | ${seeds}mean ± deviation | difference (95 %) |`, `| --- |${" ---: |".repeat(SEEDS.length + 2)}`, ...lines].join("\n");
}
