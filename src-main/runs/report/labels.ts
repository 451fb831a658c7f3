/** Gain against number of labels: comparisons that differ in how many images have labels. */
import { armLabel, type ComparedArm, comparedArms } from "../../contract/arms";
import { armsIn, signedPoints, stepsInWords, summarize } from "../../contract/comparison";
import { differingSettings } from "../../contract/recipe-values";
import type { ArmSummary, ComparisonSummary } from "../../contract/run";
import { type Chart, lineChart, type Series } from "./chart";
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
  const arms = comparedArms.filter((arm) => points.some((point) => figuresOf(point, arm)));
  const seeds = Math.max(...points.map((point) => point.seeds.length));
  // Where all images have labels, none is left without: the point with the fewest tells whether the others have such images.
  const fewest = compared.find(({ runs }) => labelledIn(runs) === numbers[0])!;
  const steps = stepsInWords(fewest.runs[0]!.recipe);
  return html`<section>
<header><h1>${groups[0]!.title}: gain against number of labels</h1><p class="muted">Means over ${seeds} ${seeds === 1 ? "seed" : "seeds"}${seeds > 1 ? ", with their standard deviation and the 95 % interval of the paired difference" : ", with the 95 % interval over test images"}.</p></header>
<div class="charts">${lineChart(chart(points, arms))}</div>
<table class="result">
<thead><tr><th scope="col">Labelled images</th><th scope="col">Difference</th><th scope="col">95 %</th>${arms.map((arm) => html`<th scope="col"><span class="key ${arm}">${armLabel(arm)}</span></th>`)}<th scope="col">Seeds</th></tr></thead>
<tbody>${points.map((point) => row(point, arms))}</tbody>
</table>
${steps === null ? null : html`<p class="muted">${steps}</p>`}
</section>`;
}

/** null where an arm is not trained, as where no images without labels are left. */
const figuresOf = (point: At, arm: ComparedArm): ArmSummary | null => armsIn<ArmSummary>(point).find((each) => each.arm === arm)?.figures ?? null;

function row(point: At, arms: readonly ComparedArm[]): Markup {
  const { labelled, difference, interval, seeds } = point;
  const range = interval ? interval.map(signedPoints).join(" to ") : "–";
  return html`<tr><th scope="row">${labelled}</th><td>${signedPoints(difference)} points</td><td>${range}</td>${arms.map((arm) => html`<td>${accuracy(figuresOf(point, arm))}</td>`)}<td>${seeds.length}</td></tr>`;
}

function accuracy(figures: ArmSummary | null): string {
  if (!figures) return "–";
  const { testAcc, deviation } = figures;
  return deviation === null ? percent(testAcc) : `${percent(testAcc)} ± ${(100 * deviation).toFixed(1)}`;
}

function chart(points: readonly At[], arms: readonly ComparedArm[]): Chart {
  const series = arms.map((arm): Series => {
    const own = points.flatMap((point) => {
      const figures = figuresOf(point, arm);
      return figures ? [{ labelled: point.labelled, ...figures }] : [];
    });
    return {
      label: armLabel(arm),
      tone: arm,
      dots: true,
      points: own.map(({ labelled, testAcc }) => [labelled, testAcc]),
      spread: own.map(({ labelled, deviation }) => [labelled, deviation ?? 0]),
    };
  });
  return {
    title: "Test accuracy",
    xLabel: "Labelled images",
    xTicks: points.map(({ labelled }) => labelled),
    series,
    formatY: (value) => `${Math.round(value * 1000) / 10}%`,
    note: points.some(({ control }) => control.deviation !== null) ? "Vertical lines: one standard deviation over the seeds up and down." : undefined,
    wide: true,
  };
}

/** Of each arm; null if all of their images have labels. */
const labelledIn = (runs: Group["runs"]): number | null => runs[0]!.recipe.data.labelled;

/** Where all images have labels, none is left for `unlabelled`. */
const OF_A_POINT = ["data.labelled", "data.unlabelled", "train.seed", "name"];

/** In the arms that the comparisons share. */
function differInLabelsAlone(groups: readonly Group[]): boolean {
  const runs = groups.flatMap((group) => group.runs);
  const isAlike = (arm: ComparedArm) => {
    const [first, ...others] = runs.filter((run) => run.arm === arm).map(({ recipe }) => recipe);
    return others.every((recipe) => differingSettings(first!, recipe).every((key) => OF_A_POINT.includes(key)));
  };
  const places = new Set(groups.map(({ runs, figures }) => `${labelledIn(runs)} ${figures!.seed}`));
  return places.size === groups.length && comparedArms.every(isAlike);
}
