/** Gain against number of labels: comparisons that differ in how many images have labels. */
import { signedPoints, stepsInWords, summarize } from "../../contract/comparison";
import { differingSettings } from "../../contract/recipe-values";
import type { ArmSummary, ComparisonSummary } from "../../contract/run";
import { lineChart, type Series } from "./chart";
import type { Group } from "./group";
import { html, type Markup } from "./markup";

/** What the comparisons of one number of labelled images show. */
interface At extends ComparisonSummary {
  labelled: number;
}

const percent = (value: number) => `${(value * 100).toFixed(1)} %`;

/** null unless comparisons at two or more numbers of labels differ in that and the seed alone. */
export function overLabels(groups: readonly Group[]): Markup | null {
  const compared = groups.filter(({ figures, runs }) => figures && labelledIn(runs) !== null);
  const numbers = [...new Set(compared.map(({ runs }) => labelledIn(runs)!))].sort((a, b) => a - b);
  if (numbers.length < 2 || !differInLabelsAlone(compared)) return null;
  const points = numbers.map((labelled): At => {
    const own = compared.filter(({ runs }) => labelledIn(runs) === labelled).map(({ figures }) => figures!);
    return { labelled, ...summarize(own.sort((a, b) => a.seed - b.seed)) };
  });
  const seeds = Math.max(...points.map((point) => point.seeds.length));
  const steps = stepsInWords(compared[0]!.runs[0]!.recipe);
  return html`<section>
<header><h1>${groups[0]!.title}: gain against number of labels</h1><p class="muted">Means over ${seeds} ${seeds === 1 ? "seed" : "seeds"}${seeds > 1 ? ", with their standard deviation and the 95 % interval of the paired difference" : ", with the 95 % interval over test images"}.</p></header>
<div class="charts">${lineChart({ ...chart(points), wide: true })}</div>
<table class="result">
<thead><tr><th scope="col">Labelled images</th><th scope="col">Difference</th><th scope="col">95 %</th><th scope="col"><span class="key control">Control</span></th><th scope="col"><span class="key student">Student</span></th><th scope="col">Seeds</th></tr></thead>
<tbody>${points.map(row)}</tbody>
</table>
${steps === null ? null : html`<p class="muted">${steps}</p>`}
</section>`;
}

function row({ labelled, difference, interval, control, student, seeds }: At): Markup {
  const range = interval ? interval.map(signedPoints).join(" to ") : "–";
  return html`<tr><th scope="row">${labelled}</th><td>${signedPoints(difference)} points</td><td>${range}</td><td>${accuracy(control)}</td><td>${accuracy(student)}</td><td>${seeds.length}</td></tr>`;
}

function accuracy({ testAcc, deviation }: ArmSummary): string {
  return deviation === null ? percent(testAcc) : `${percent(testAcc)} ± ${(100 * deviation).toFixed(1)}`;
}

function chart(points: readonly At[]) {
  const series = (label: string, tone: "control" | "student"): Series => ({
    label,
    tone,
    dots: true,
    points: points.map((point) => [point.labelled, point[tone].testAcc]),
    spread: points.map((point) => [point.labelled, point[tone].deviation ?? 0]),
  });
  return {
    title: "Test accuracy",
    xLabel: "Labelled images",
    xTicks: points.map(({ labelled }) => labelled),
    series: [series("Control", "control"), series("Student", "student")],
    formatY: (value: number) => `${Math.round(value * 1000) / 10}%`,
    note: points.some((point) => point.control.deviation !== null) ? "Vertical lines: one standard deviation over the seeds up and down." : undefined,
  };
}

/** Of both arms; null if all of their images have labels. */
const labelledIn = (runs: Group["runs"]): number | null => runs[0]!.recipe.data.labelled;

/** Where all images have labels, none is left for `unlabelled`. */
const OF_A_POINT = ["data.labelled", "data.unlabelled", "train.seed", "name"];

function differInLabelsAlone(groups: readonly Group[]): boolean {
  const isAlike = (arm: "control" | "student") => {
    const recipes = groups.map(({ runs }) => runs.find((run) => run.arm === arm)!.recipe);
    return recipes.every((recipe) => differingSettings(recipes[0]!, recipe).every((key) => OF_A_POINT.includes(key)));
  };
  const places = new Set(groups.map(({ runs, figures }) => `${labelledIn(runs)} ${figures!.seed}`));
  return places.size === groups.length && isAlike("control") && isAlike("student");
}
