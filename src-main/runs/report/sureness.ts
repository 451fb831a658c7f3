/** How sure the difference between control and student is, over test images and over seeds, and what their answers say besides it. */
import { armLabel, type ComparedArm } from "../../contract/arms";
import { answerFiguresOf, armsIn, gainPartsInWords, missingSeedsInWords, signedPoints, summarize, surenessInWords } from "../../contract/comparison";
import type { ArmFigures, ArmSummary, Compared, ComparisonSummary } from "../../contract/run";
import { stripOf } from "../../contract/strip";
import type { Group } from "./group";
import { html, type Markup } from "./markup";
import { overSeeds } from "./over-seeds";

/** Of one comparison, below its verdict; null if nothing is known. */
export function surenessOf({ figures }: Group): Markup | null {
  if (!figures) return null;
  const summary = summarize([figures]);
  const { result, doubt, shortfall, how } = surenessInWords(summary, figures.controlled);
  return html`<p>${result} ${doubt} ${shortfall}</p>${strip(summary)}<p class="muted">${how}</p>
${figures.damage ? html`<p class="muted">Figures that need predictions are missing: ${figures.damage}.</p>` : null}`;
}

/** Agreement with the teacher and so on; null if no predictions are kept. */
export function answerTable(comparison: ComparisonSummary | Compared): Markup | null {
  const arms = armsIn<ArmFigures>(comparison);
  const shown = answerFiguresOf(arms);
  if (shown.length === 0) return null;
  return html`<table class="answers">
<thead><tr><th scope="col">Answers to the test images</th>${arms.map(armHeading)}</tr></thead>
<tbody>${shown.map(({ key, name, words, show }) => html`<tr><th scope="row">${name} <span class="muted">${words}</span></th>${arms.map(({ figures }) => html`<td>${show(figures[key]!)}</td>`)}</tr>`)}</tbody>
</table>`;
}

const HEIGHT = 46;
const BAR = 16;
const share = (at: number) => `${(100 * at).toFixed(2)}%`;

/** The difference, its interval and its seeds on one line. */
function strip(summary: ComparisonSummary): Markup {
  const { zero, mean, interval, seeds, ticks, words } = stripOf(summary);
  const line = (at: number, className: string) => html`<line class="${className}" x1="${share(at)}" x2="${share(at)}" y1="4" y2="${2 * BAR - 4}"/>`;
  return html`<svg class="strip" height="${HEIGHT}" role="img" aria-label="${words}">
${ticks.map(({ at, label }) => html`<text class="middle" x="${share(at)}" y="${HEIGHT - 2}">${label}</text>`)}
${line(zero, "axis")}
${interval && html`<rect class="interval" x="${share(interval[0])}" width="${share(interval[1] - interval[0])}" y="${BAR - 5}" height="10" rx="5"/>`}
${seeds.map((at) => html`<circle class="seed" cx="${share(at)}" cy="${BAR}" r="4"/>`)}
${line(mean, "mean")}
</svg>`;
}

const armHeading = ({ arm }: { arm: ComparedArm }) => html`<th scope="col"><span class="key ${arm}">${armLabel(arm)}</span></th>`;

const percent = (value: number) => `${(value * 100).toFixed(1)} %`;
const points = (value: number) => `${signedPoints(value)} points`;

/** That seeds are not there which a sweep was asked for; null if none is missing, and where the report is not of the whole sweep. */
export function missingSeeds(groups: readonly Group[]): Markup | null {
  const asked = groups[0]?.asked ?? null;
  const seeds = groups.map(({ runs }) => runs[0]!.recipe.train.seed);
  if (!asked || seeds.length !== asked.there.length || !asked.there.every((seed) => seeds.includes(seed))) return null;
  const words = missingSeedsInWords(asked.there, asked);
  return words === null ? null : html`<p class="verdict pending">${words}</p>`;
}

/** Means over comparisons that differ in nothing but the seed; null if there are not at least two. */
export function seedsSection(groups: readonly Group[]): Markup | null {
  const over = overSeeds(groups);
  if (!over) return null;
  const { comparisons, summary } = over;
  const arms = armsIn<ArmSummary>(summary);
  const parts = gainPartsInWords(summary, null);
  const { isShown, result, doubt, shortfall, how } = surenessInWords(
    summary,
    comparisons.every(({ controlled }) => controlled),
  );
  const open = groups.length - comparisons.length;
  const spread = (mean: string, deviation: number | null) => (deviation === null ? mean : `${mean} ± ${(deviation * 100).toFixed(1)}`);
  return html`<section>
<header><h1>${groups[0]!.title}, over ${comparisons.length} seeds</h1></header>
<p class="verdict${isShown ? "" : " pending"}">${result} ${doubt}${open > 0 ? ` ${open} more of these comparisons ${open === 1 ? "is" : "are"} not counted: not finished, or not comparable.` : ""}</p>
${shortfall && html`<p>${shortfall}</p>`}
${strip(summary)}
<p class="muted">${how}</p>
${parts === null ? null : html`<p>${parts}</p>`}
<table class="result">
<thead><tr><th scope="col">Test accuracy</th><th scope="col">Difference</th>${arms.map(armHeading)}</tr></thead>
<tbody>
${comparisons.map((compared) => html`<tr><th scope="row">Seed ${compared.seed}</th><td>${points(compared.difference)}</td>${arms.map(({ arm }) => html`<td>${percent(armsIn<ArmFigures>(compared).find((each) => each.arm === arm)!.figures.testAcc)}</td>`)}</tr>`)}
<tr class="difference"><th scope="row">Mean ± standard deviation</th><td>${spread(points(summary.difference), summary.deviation)}</td>${arms.map(({ figures }) => html`<td>${spread(percent(figures.testAcc), figures.deviation)}</td>`)}</tr>
</tbody>
</table>
${answerTable(summary)}
</section>`;
}
