import type { Recipe } from "../../contract/recipe";
import type { SearchResult, TrialResult } from "../../contract/run";
import { cautions, ranked } from "../../contract/search";
import { type Axis, assignmentsOf, parseSpace } from "../../contract/search-space";
import { sameValue, textOfValue } from "../../contract/setting";
import { settingAt } from "../../contract/settings";
import { writeWhole } from "../../disk/write-whole";
import { searchFiles } from "../files";
import { documentOf } from "./document";
import { html, type Markup } from "./markup";
import { type Scatter, scatterChart } from "./scatter";

type Found = Omit<SearchResult, "bestRecipe" | "report">;

/** Writes the report of a search, its trials as a table and the accuracy against each setting, and returns its path. */
export function writeSearchReport(found: Found, recipe: Recipe): string {
  const path = searchFiles(found.directory).report;
  writeWhole(path, searchPage(found, recipe));
  return path;
}

function searchPage(result: Found, recipe: Recipe): string {
  const { asked, trials, best, images } = result;
  const axes = parseSpace(asked.over, recipe);
  const title = `${recipe.name}: search`;
  const content = html`<section>
<header><h1>${title}</h1><p class="muted">${trials.length} trials of ${recipe.student.model}${asked.batches === null ? "" : `, ${asked.batches} batches each`} · seed ${recipe.train.seed}</p></header>
${verdict(best, images)}
${cautions(result).map((words) => html`<p class="muted">${words}</p>`)}
<div class="charts">${axes.map((axis) => scatterChart(scatterOf(axis, trials, best, recipe)))}</div>
<h2>Trials</h2>
${trialTable(axes, trials, recipe)}
<p class="muted">Searched over ${asked.over.map((text, i) => html`${i > 0 ? ", " : ""}<code>${text}</code>`)}.</p>
</section>`;
  const { directory: _, ...data } = result;
  return documentOf(title, content, { id: "search", data: { ...data, trials: trials.map(placeless), best: best && placeless(best) } });
}

/** The report lies beside the trials, wherever their folder goes. */
const placeless = <T extends TrialResult>({ directory: _, ...trial }: T) => trial;

const percent = (value: number | null) => (value === null ? "diverged" : `${(value * 100).toFixed(1)} %`);

function verdict(best: SearchResult["best"], images: number): Markup {
  if (!best) return html`<p class="verdict pending">Every trial diverged: its loss was no longer a finite number. Search over smaller learning rates.</p>`;
  const test = best.testAcc === null ? null : html` On the test images, which chose nothing, it has ${percent(best.testAcc)}.`;
  return html`<p class="verdict">Trial ${best.trial} is the best: <b>${percent(best.valAcc)}</b> of the ${images} validation images are classified correctly.${test}</p>
<p>Its settings, for the command line: ${assignmentsOf(best.settings).map((text) => html`<code>--set ${text}</code> `)}</p>`;
}

function scatterOf({ key, values }: Axis, trials: readonly TrialResult[], best: SearchResult["best"], recipe: Recipe): Scatter {
  const placeOf = (value: TrialResult["settings"][string]) =>
    values.kind === "choice" ? values.choices.findIndex((each) => sameValue(each, value)) : Number(value);
  return {
    title: labelOf(key, recipe),
    xLabel: key,
    x: values.kind === "choice" ? { kind: "choice", choices: values.choices.map(textOfValue) } : values,
    points: trials.map(({ trial, settings, valAcc }) => ({ x: placeOf(settings[key]!), y: valAcc, isBest: trial === best?.trial })),
    formatY: (y) => `${Math.round(y * 1000) / 10}%`,
  };
}

const labelOf = (key: string, recipe: Recipe): string => settingAt(key, recipe)?.label ?? key;

/** The best first. */
function trialTable(axes: readonly Axis[], trials: readonly TrialResult[], recipe: Recipe): Markup {
  const head = ["Validation accuracy", "Validation loss", ...axes.map(({ key }) => labelOf(key, recipe))];
  return html`<table class="result">
<thead><tr><th scope="col"></th>${head.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>
${ranked(trials).map(({ trial, valAcc, valLoss, settings }) => html`<tr><th scope="row">Trial ${trial}</th><td>${percent(valAcc)}</td><td>${valLoss?.toFixed(3) ?? "–"}</td>${axes.map(({ key }) => html`<td>${textOfValue(settings[key]!)}</td>`)}</tr>`)}
</tbody>
</table>`;
}
