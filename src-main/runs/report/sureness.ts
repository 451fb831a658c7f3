/** How sure the difference between control and student is, over test images and over seeds, and what their answers say besides it. */
import { ANSWER_FIGURES, signedPoints, summarize, surenessInWords } from "../../contract/comparison";
import type { Compared, ComparisonSummary } from "../../contract/run";
import type { Group } from "./group";
import { html, type Markup } from "./markup";
import { overSeeds } from "./over-seeds";

/** Of one comparison, below its verdict; null if nothing is known. */
export function surenessOf({ figures }: Group): Markup | null {
  if (!figures) return null;
  const summary = summarize([figures]);
  const { isShown, result, range, how } = surenessInWords(summary);
  return html`${range ? html`<p>${isShown ? null : `${result} `}${range}</p><p class="muted">${how}</p>` : null}
${figures.damage ? html`<p class="muted">Figures that need predictions are missing: ${figures.damage}.</p>` : null}`;
}

/** Agreement with the teacher and so on; null if no predictions are kept. */
export function answerTable({ control, student }: Pick<ComparisonSummary, "control" | "student"> | Pick<Compared, "control" | "student">): Markup | null {
  const shown = ANSWER_FIGURES.filter(({ key }) => control[key] !== null && student[key] !== null);
  if (shown.length === 0) return null;
  return html`<table class="answers">
<thead><tr><th scope="col">Answers to the test images</th><th scope="col"><span class="key control">Control</span></th><th scope="col"><span class="key student">Student</span></th></tr></thead>
<tbody>${shown.map(({ key, name, words, show }) => html`<tr><th scope="row">${name} <span class="muted">${words}</span></th><td>${show(control[key]!)}</td><td>${show(student[key]!)}</td></tr>`)}</tbody>
</table>`;
}

const percent = (value: number) => `${(value * 100).toFixed(1)} %`;
const points = (value: number) => `${signedPoints(value)} points`;

/** Means over comparisons that differ in nothing but the seed; null if there are not at least two. */
export function seedsSection(groups: readonly Group[]): Markup | null {
  const over = overSeeds(groups);
  if (!over) return null;
  const { comparisons, summary } = over;
  const { isShown, result, range, how } = surenessInWords(summary);
  const open = groups.length - comparisons.length;
  const spread = (mean: string, deviation: number | null) => (deviation === null ? mean : `${mean} ± ${(deviation * 100).toFixed(1)}`);
  return html`<section>
<header><h1>${groups[0]!.title}, over ${comparisons.length} seeds</h1></header>
<p class="verdict${isShown ? "" : " pending"}">${result}${open > 0 ? ` ${open} more of these comparisons ${open === 1 ? "is" : "are"} not counted: not finished, or not comparable.` : ""}</p>
<p>${range}</p>
<p class="muted">${how}</p>
<table class="result">
<thead><tr><th scope="col">Test accuracy</th><th scope="col">Difference</th><th scope="col"><span class="key control">Control</span></th><th scope="col"><span class="key student">Student</span></th></tr></thead>
<tbody>
${comparisons.map(({ seed, control, student, difference }) => html`<tr><th scope="row">Seed ${seed}</th><td>${points(difference)}</td><td>${percent(control.testAcc)}</td><td>${percent(student.testAcc)}</td></tr>`)}
<tr class="difference"><th scope="row">Mean ± standard deviation</th><td>${spread(points(summary.difference), summary.deviation)}</td><td>${spread(percent(summary.control.testAcc), summary.control.deviation)}</td><td>${spread(percent(summary.student.testAcc), summary.student.deviation)}</td></tr>
</tbody>
</table>
${answerTable(summary)}
</section>`;
}
