import { valueAt } from "../../contract/parse-recipe";
import type { Recipe } from "../../contract/recipe";
import type { RunDetails, RunHashes } from "../../contract/run";
import { type SettingKey, settingKeys, settings } from "../../contract/settings";
import { BATCHES, EPOCHS, toText } from "../records";
import { lineChart } from "./chart";
import { chartsOf, type Drawn } from "./curves";
import { embeddedJson, html, Markup } from "./markup";
import { STYLE } from "./style";

/** Runs that are shown over each other: both arms of a comparison, or a single run. */
export interface Group {
  title: string;
  runs: RunDetails[];
}

/** One page that needs nothing else: no network, no script. */
export function reportPage(groups: readonly Group[]): string {
  const title = groups.length === 1 ? groups[0]!.title : `${groups.length} comparisons`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="generator" content="Distill Studio">
<title>${title} – Distill Studio</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<main>
${groups.map(groupSection)}
<footer>Written by Distill Studio. The data of this page is embedded in it as JSON (element <code>#runs</code>).</footer>
</main>
<script type="application/json" id="runs">${embeddedJson(groups.flatMap(({ runs }) => runs.map(embedded)))}</script>
</body>
</html>
`.text;
}

function embedded({ batches, epochRecords, ...run }: RunDetails) {
  return { ...run, batchesCsv: toText(BATCHES, batches), epochsCsv: toText(EPOCHS, epochRecords) };
}

function groupSection({ title, runs }: Group): Markup {
  const drawn = runs.map(drawnAs);
  return html`<section>
<header><h1>${title}</h1><p class="muted">${subtitle(runs)}</p></header>
${verdict(runs)}
${resultTable(drawn)}
<div class="charts">${chartsOf(drawn).map(lineChart)}</div>
${runs.length > 1 ? fairness(runs) : null}
${recipeTable(drawn)}
</section>`;
}

function drawnAs(run: RunDetails): Drawn {
  const isControl = run.arm === "control" || (run.arm === "single" && run.recipe.distillation === null);
  return { run, tone: isControl ? "control" : "student", label: isControl ? "Control" : "Student" };
}

function subtitle(runs: readonly RunDetails[]): string {
  const { recipe, started, parameters, classes } = runs.at(-1)!;
  const teacher = recipe.teacher && recipe.distillation ? `, taught by ${recipe.teacher.model}` : "";
  const student = `${recipe.student.model} (${(parameters / 1e6).toFixed(2)} M parameters, ${classes.length} classes)`;
  return `${student}${teacher} · seed ${recipe.train.seed} · ${started.slice(0, 16).replace("T", " ")} UTC`;
}

// ---- Result -----------------------------------------------------------------------------------------------------------------------

const percent = (value: number | null) => (value === null ? "–" : `${(value * 100).toFixed(1)} %`);
const points = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value * 100).toFixed(1)} points`;

function arms(runs: readonly RunDetails[]): { control: RunDetails; student: RunDetails } | null {
  const control = runs.find(({ arm }) => arm === "control");
  const student = runs.find(({ arm }) => arm === "student");
  return control && student ? { control, student } : null;
}

function verdict(runs: readonly RunDetails[]): Markup | null {
  const unfinished = runs.filter(({ state }) => state !== "finished");
  if (unfinished.length > 0) {
    const states = unfinished.map(
      ({ arm, state, epochsDone, epochs }) => `${arm === "single" ? "the run" : arm} is ${state} after ${epochsDone} of ${epochs} epochs`,
    );
    return html`<p class="verdict pending">Not finished: ${states.join(", ")}.</p>`;
  }
  const both = arms(runs);
  if (both?.control.testAcc == null || both.student.testAcc === null) return null;
  const difference = both.student.testAcc - both.control.testAcc;
  if (Math.abs(difference) < 0.0005)
    return html`<p class="verdict">With and without the teacher, the student classifies <b>${percent(both.student.testAcc)}</b> of the test images correctly.</p>`;
  return html`<p class="verdict">With the teacher’s soft labels the student classifies <b>${percent(both.student.testAcc)}</b> of the test images correctly: <b class="${difference > 0 ? "good" : "bad"}">${(
    Math.abs(difference) * 100
  ).toFixed(1)} points ${difference > 0 ? "more" : "fewer"}</b> than the control, which learned from the labels alone. One seed; another may differ.</p>`;
}

function resultTable(drawn: readonly Drawn[]): Markup {
  const runs = drawn.map(({ run }) => run);
  const teacher = runs.find(({ teacherTestAcc }) => teacherTestAcc !== null);
  const teacherModel = runs.map(({ recipe }) => recipe.teacher?.model).find((model) => model !== undefined);
  const both = arms(runs);
  return html`<table class="result">
<thead><tr><th scope="col"></th><th scope="col">Test accuracy</th><th scope="col">Train accuracy</th><th scope="col">Test loss</th><th scope="col">Epochs</th><th scope="col">Time</th></tr></thead>
<tbody>
${teacher ? html`<tr><th scope="row"><span class="key teacher">Teacher</span> <span class="muted">${teacherModel ?? ""}</span></th><td>${percent(teacher.teacherTestAcc)}</td><td>–</td><td>–</td><td>–</td><td>–</td></tr>` : null}
${drawn.map(resultRow)}
${both && both.student.testAcc !== null && both.control.testAcc !== null ? differenceRow(both) : null}
</tbody>
</table>`;
}

function resultRow({ run, label, tone }: Drawn): Markup {
  const seconds = run.epochRecords.reduce((sum, record) => sum + record.seconds, 0);
  const testLoss = run.epochRecords
    .map((record) => record.testLoss)
    .filter((loss) => loss !== null)
    .at(-1);
  return html`<tr><th scope="row"><span class="key ${tone}">${label}</span></th><td>${percent(run.testAcc)}</td><td>${percent(run.trainAcc)}</td><td>${testLoss?.toFixed(3) ?? "–"}</td><td>${run.epochsDone} of ${run.epochs}</td><td>${duration(seconds)}</td></tr>`;
}

function differenceRow({ control, student }: { control: RunDetails; student: RunDetails }): Markup {
  const trained = student.trainAcc !== null && control.trainAcc !== null;
  return html`<tr class="difference"><th scope="row">Difference</th><td>${points(student.testAcc! - control.testAcc!)}</td><td>${trained ? points(student.trainAcc! - control.trainAcc!) : "–"}</td><td></td><td></td><td></td></tr>`;
}

function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

// ---- Fairness ---------------------------------------------------------------------------------------------------------------------

const PROOFS: readonly { key: Exclude<keyof RunHashes, "teacher">; what: string; equal: string; different: string }[] = [
  { key: "data", what: "Data", equal: "the same images and labels", different: "different images or labels" },
  { key: "initialWeights", what: "Initial weights", equal: "both began with the same weights", different: "they began with different weights" },
  { key: "batches", what: "Batches", equal: "the same images, order and augmentation at every step", different: "different images, order or augmentation" },
];

function fairness(runs: readonly RunDetails[]): Markup {
  const rows = PROOFS.map((proof) => ({ ...proof, hashes: runs.map(({ hashes }) => hashes[proof.key]) })).map((row) => ({
    ...row,
    same: new Set(row.hashes).size === 1,
  }));
  const fair = rows.every(({ same }) => same);
  return html`<h2>${fair ? "A fair comparison" : "Not a controlled comparison"}</h2>
<p class="muted">${
    fair
      ? "The arms differ in what the recipe below marks, and in nothing else: these checksums, taken while training, are equal."
      : "The arms differ in more than the teacher: where the checksums below are not equal, the difference of the results may have that cause."
  }</p>
<table class="hashes"><tbody>
${rows.map(({ what, same, equal, different, hashes }) => html`<tr><th scope="row">${what}</th><td class="${same ? "good" : "bad"}">${same ? `✓ ${equal}` : `✗ ${different}`}</td><td>${[...new Set(hashes)].map((hash) => html`<code>${hash.slice(0, 16)}</code> `)}</td></tr>`)}
</tbody></table>`;
}

// ---- Recipe -----------------------------------------------------------------------------------------------------------------------

function recipeTable(drawn: readonly Drawn[]): Markup {
  const rows = settingKeys
    .map((key) => ({ key, values: drawn.map(({ run }) => shown(run.recipe, key)) }))
    .filter(({ values }) => values.some((value) => value !== null));
  return html`<h2>Recipe</h2>
<table class="recipe">
<thead><tr><th scope="col">Setting</th>${drawn.map(({ label, tone }) => html`<th scope="col"><span class="key ${tone}">${label}</span></th>`)}</tr></thead>
<tbody>${rows.map(({ key, values }) => {
    const differs = new Set(values).size > 1;
    return html`<tr${differs ? html` class="differs"` : null}><th scope="row">${settings[key].label} <code>${key}</code></th>${values.map((value) => html`<td>${value ?? "–"}</td>`)}</tr>`;
  })}</tbody>
</table>`;
}

/** null where the setting has no value or no effect. */
function shown(recipe: Recipe, key: SettingKey): string | null {
  const value = valueAt(recipe, key);
  const { applies } = settings[key];
  return value === undefined || value === null || (applies && !applies.to(recipe)) ? null : String(value);
}
