import { arithmeticInWords } from "../../contract/arithmetic";
import { armInWords, armLabel, type ComparedArm } from "../../contract/arms";
import { bestEpoch, bestInWords } from "../../contract/best-epoch";
import { gainPartsInWords, summarize, surenessInWords, teachingInWords } from "../../contract/comparison";
import { compareEvidence, type EvidenceComparison, evidenceOf, isControlled, samePlanByOldHashes } from "../../contract/evidence";
import { normalizationInWords, type RunNormalization } from "../../contract/normalization";
import { recipeSettings, teachersOf, usesUnlabelled, valueAt } from "../../contract/recipe-values";
import type { RunDetails, RunState } from "../../contract/run";
import { textOfValue } from "../../contract/setting";
import { lineChart } from "./chart";
import { chartsOf, type Drawn } from "./curves";
import { documentOf } from "./document";
import { embedded, leftOutOf } from "./embedded";
import { examplesTable } from "./examples";
import type { Group } from "./group";
import { overLabels } from "./labels";
import { html, type Markup } from "./markup";
import { folderOf } from "./places";
import { answerTable, missingSeeds, seedsSection, surenessOf } from "./sureness";

export function reportPage(groups: readonly Group[]): string {
  const [name, ...others] = new Set(groups.map((group) => group.title));
  const title = groups.length === 1 ? name! : others.length === 0 ? `${name}, ${countOf(groups)}` : countOf(groups);
  const content = html`${unpaired(groups)}
${missingSeeds(groups)}
${seedsSection(groups)}
${overLabels(groups)}
${groups.map((group) => groupSection(group, groups.length > 1))}`;
  return documentOf(title, content, { id: "runs", data: groups.flatMap(({ runs }) => runs.map(embedded)) });
}

/** "2 comparisons", "3 runs": what the groups are. */
function countOf(groups: readonly Group[]): string {
  const noun = groups.every(({ runs }) => arms(runs)) ? "comparisons" : groups.some(({ runs }) => arms(runs)) ? "comparisons and runs" : "runs";
  return `${groups.length} ${noun}`;
}

/** Why a control and a student of the report are not compared; null if each has its counterpart. */
function unpaired(groups: readonly Group[]): Markup | null {
  const alone = groups.flatMap(({ runs }) => (runs.length === 1 && runs[0]!.arm !== "single" ? runs : []));
  if (new Set(alone.map(({ arm }) => arm)).size < 2) return null;
  return html`<p class="verdict pending">Not compared: ${alone.map(({ directory }) => directory).join(", ")}. A control and a student are compared if they lie side by side in the folder of one comparison; these were trained in different ones, so each is shown by itself.</p>`;
}

/** `isOneOfSeveral`: then its folder tells it from the others. */
function groupSection(group: Group, isOneOfSeveral: boolean): Markup {
  const { title, note, runs, figures } = group;
  const drawn = runs.map(drawnAs);
  return html`<section>
<header><h1>${title}</h1><p class="muted">${subtitle(runs)}${isOneOfSeveral ? html` · <code>${folderOf(runs[0]!)}</code>` : null}</p></header>
${note && html`<p class="note">${note}</p>`}
${damaged(runs)}
${verdict(group)}
${surenessOf(group)}
${arms(runs) && taught(runs)}
${gainParts(group)}
${resultTable(drawn)}
${best(drawn)}
${figures && answerTable(figures)}
<div class="charts">${chartsOf(drawn).map(lineChart)}</div>
${leftOutOf(runs)}
${examplesTable(group.examples)}
${pairsOf(runs).map((pair, _, pairs) => fairness(pair, runs, pairs.length > 1))}
${recipeTable(drawn)}
</section>`;
}

function best(drawn: readonly Drawn[]): Markup | null {
  const words = bestInWords(drawn.map(({ tone, run }) => ({ name: armInWords(tone), best: bestEpoch(run.epochRecords) })));
  return words === null ? null : html`<p class="muted">${words}</p>`;
}

function taught(runs: readonly RunDetails[]): Markup | null {
  const { student, sameImages } = arms(runs)!;
  const words = teachingInWords(student.recipe, sameImages !== null, student.seen);
  return words === null ? null : html`<p class="muted">${words}</p>`;
}

/** How the difference is made up, where a third arm shows it. */
function gainParts({ runs, figures }: Group): Markup | null {
  const { control, sameImages } = arms(runs) ?? {};
  if (!figures?.sameImages || !control || !sameImages) return null;
  const controlled = isControlled(compareEvidence(evidenceOf(control), evidenceOf(sameImages)), batchesOf({ control, taught: sameImages }));
  return html`<p>${gainPartsInWords(summarize([figures]), controlled)}</p>`;
}

function drawnAs(run: RunDetails): Drawn {
  const isControl = run.recipe.distillation === null;
  const tone = run.arm !== "single" ? run.arm : isControl ? "control" : "student";
  return { run, tone, label: run.arm === "single" ? run.name : armLabel(tone) };
}

function subtitle(runs: readonly RunDetails[]): string {
  const { recipe, started, parameters, classes } = runs.at(-1)!;
  const teachers = teachersOf(recipe).map(({ model }) => model);
  const teacher = teachers.length > 0 && recipe.distillation ? `, taught by ${teachers.join(" and ")}` : "";
  const student = `${recipe.student.model} (${(parameters / 1e6).toFixed(1)} M parameters, ${classes.length} classes)`;
  const labels = recipe.data.labelled == null ? "" : ` · ${recipe.data.labelled} labels`;
  return `${student}${teacher}${labels} · seed ${recipe.train.seed} · ${recipe.train.precision} · ${started.slice(0, 16).replace("T", " ")} UTC`;
}

// ---- Result -----------------------------------------------------------------------------------------------------------------------

const percent = (value: number | null) => (value === null ? "–" : `${(value * 100).toFixed(1)} %`);
const points = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value * 100).toFixed(1)} points`;

interface Arms {
  control: RunDetails;
  student: RunDetails;
  sameImages: RunDetails | null;
}

function arms(runs: readonly RunDetails[]): Arms | null {
  const runOf = (name: ComparedArm) => runs.find(({ arm }) => arm === name) ?? null;
  const [control, student] = [runOf("control"), runOf("student")];
  return control && student ? { control, student, sameImages: runOf("same-images") } : null;
}

/** A control, and an arm that has a teacher. */
interface Pair {
  control: RunDetails;
  taught: RunDetails;
}

/** The pairs whose evidence compares. */
function pairsOf(runs: readonly RunDetails[]): Pair[] {
  const { control, sameImages, student } = arms(runs) ?? {};
  return control && student ? [sameImages, student].flatMap((taught) => (taught ? [{ control, taught }] : [])) : [];
}

const batchesOf = ({ control, taught }: Pair) => ({ control: control.batches.length, student: taught.batches.length });

/** What is wrong with the files of runs that no comparison judges. */
function damaged(runs: readonly RunDetails[]): Markup[] {
  if (arms(runs)) return [];
  return runs.flatMap(({ evidenceDamage }) =>
    evidenceDamage ? [html`<p class="verdict pending">Damaged, so nothing of it is proven: ${evidenceDamage}.</p>`] : [],
  );
}

const STATE_IN_WORDS: Record<RunState, string> = {
  running: "is running",
  paused: "is paused",
  stopped: "was stopped",
  finished: "is finished",
  failed: "failed",
};

/** The result of a comparison in one sentence. Gives a difference only between arms that have trained the same number of epochs. */
function verdict({ runs, figures }: Group): Markup | null {
  const unfinished = runs.filter(({ state }) => state !== "finished");
  if (unfinished.length > 0) {
    const states = unfinished.map(
      ({ arm, state, epochsDone, epochs }) =>
        `${arm === "single" ? "the run" : `the ${armInWords(arm)}`} ${STATE_IN_WORDS[state]} after ${epochsDone} of ${epochs} epochs`,
    );
    return html`<p class="verdict pending">Not finished: ${states.join(", ")}.</p>`;
  }
  const both = arms(runs);
  const difference = both && differenceOf(both);
  if (!difference) return null;
  const { notComparable, differingSettings, damage } = compareEvidence(evidenceOf(both.control), evidenceOf(both.student));
  if (notComparable) return html`<p class="verdict pending">Not comparable: ${notComparable}. The difference is not the teacher’s alone.</p>`;
  if (damage) return html`<p class="verdict pending">Not proven: the evidence is damaged, so the difference may not be the teacher’s. ${damage}.</p>`;
  const more = usesUnlabelled(both.student.recipe) ? ", and could not use the images without labels that the teacher labelled for the student" : "";
  const tuned = differingSettings.length > 0 ? " The control has settings of its own (tuned separately), so the difference is not the teacher’s alone." : "";
  const isShown = isShownBy(figures);
  const look = isShown ? "verdict" : "verdict pending";
  if (Math.abs(difference.test) < 0.0005)
    return html`<p class="${look}">With and without the teacher, the student classifies <b>${percent(both.student.testAcc)}</b> of the test images correctly.${tuned}</p>`;
  const sign = isShown ? (difference.test > 0 ? "good" : "bad") : "";
  const [before, doubt] = isShown === false ? ["No difference shown yet: with", " It may be chance."] : ["With", ""];
  return html`<p class="${look}">${before} the teacher the student classifies <b>${percent(both.student.testAcc)}</b> of the test images correctly: <b class="${sign}">${(
    Math.abs(difference.test) * 100
  ).toFixed(
    1,
  )} points ${difference.test > 0 ? "more" : "fewer"}</b> than the control, which learned from the labels alone${more}.${doubt}${figures ? "" : " One seed; another may differ."}${tuned}</p>`;
}

/** Whether a difference is more than the choice of test images may make: only then has it a colour. null if that is not known. */
const isShownBy = (figures: Group["figures"]): boolean | null => figures && surenessInWords(summarize([figures]), figures.controlled).isShown;

/** Student minus control; null unless both have trained the same number of epochs and were tested after the last. */
function differenceOf({ control, student }: Pick<Arms, "control" | "student">): { test: number; train: number | null } | null {
  const lastTest = (run: RunDetails) => run.epochRecords.filter(({ testAcc }) => testAcc !== null).at(-1);
  const [of, and] = [lastTest(student), lastTest(control)];
  if (!of || !and || of.epoch !== and.epoch || student.epochsDone !== control.epochsDone) return null;
  const trained = student.trainAcc !== null && control.trainAcc !== null;
  return { test: of.testAcc! - and.testAcc!, train: trained ? student.trainAcc! - control.trainAcc! : null };
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
${both && differenceRows(both)}
</tbody>
</table>`;
}

function resultRow({ run, label, tone }: Drawn): Markup {
  const seconds = run.epochRecords.reduce((sum, record) => sum + record.seconds, 0);
  const testLoss = run.epochRecords
    .map((record) => record.testLoss)
    .filter((loss) => loss !== null)
    .at(-1);
  const averaged = run.epochRecords.flatMap(({ emaAcc }) => emaAcc ?? []).at(-1) ?? null;
  const ofAveraged = averaged === null ? null : html` <span class="muted">averaged weights ${percent(averaged)}</span>`;
  return html`<tr><th scope="row"><span class="key ${tone}">${label}</span></th><td>${percent(run.testAcc)}${ofAveraged}</td><td>${percent(run.trainAcc)}</td><td>${testLoss?.toFixed(3) ?? "–"}</td><td>${run.epochsDone} of ${run.epochs}</td><td>${duration(seconds)}</td></tr>`;
}

/** Student and control; where a third arm lies between them, also what each step adds. */
function differenceRows({ control, student, sameImages }: Arms): Markup[] {
  const row = (name: string, control: RunDetails, student: RunDetails) => {
    const difference = differenceOf({ control, student });
    return difference ? [differenceRow(name, difference)] : [];
  };
  const steps = sameImages
    ? [...row("The teacher adds, on the same images", control, sameImages), ...row("Images without labels add", sameImages, student)]
    : [];
  return [...steps, ...row("Difference", control, student)];
}

function differenceRow(name: string, { test, train }: { test: number; train: number | null }): Markup {
  return html`<tr class="difference"><th scope="row">${name}</th><td>${points(test)}</td><td>${train === null ? "–" : points(train)}</td><td></td><td></td><td></td></tr>`;
}

function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

// ---- Fairness ---------------------------------------------------------------------------------------------------------------------

interface Proof {
  what: string;
  holds: boolean | null;
  words: string;
  hashes: readonly string[];
}

/** `isOneOfSeveral`: whether the report shows other pairs too. */
function fairness(both: Pair, runs: readonly RunDetails[], isOneOfSeveral: boolean): Markup {
  const [control, student] = [evidenceOf(both.control), evidenceOf(both.taught)];
  const comparison = compareEvidence(control, student);
  const samePlan = samePlanByOldHashes(
    control,
    student,
    runs.every(({ state }) => state === "finished"),
  );
  const [heading, words] = fairnessInWords(comparison, samePlan, both);
  const hashes = (key: "data" | "initialWeights") => [...new Set([control, student].map((arm) => arm.hashes[key]))];
  const proofs: Proof[] = [
    {
      what: "Data",
      holds: comparison.sameData,
      words: comparison.sameData ? "the same images and labels" : "different images or labels",
      hashes: hashes("data"),
    },
    {
      what: "Initial weights",
      holds: comparison.sameStart,
      words: comparison.sameStart ? "both began with the same weights" : "they began with different weights",
      hashes: hashes("initialWeights"),
    },
    batchesProof(comparison, samePlan, both),
    {
      what: "Settings",
      holds: comparison.differingSettings.length === 0,
      words:
        comparison.differingSettings.length === 0
          ? "the same in everything but the teacher"
          : comparison.notComparable
            ? `not comparable: ${comparison.notComparable}`
            : `tuned separately: the arms differ in ${comparison.differingSettings.join(", ")}`,
      hashes: [],
    },
  ];
  return html`<h2>${isOneOfSeveral ? `Control and ${lowerFirst(drawnAs(both.taught).label)}: ${lowerFirst(heading)}` : heading}</h2>
<p class="muted">${words}</p>
<table class="hashes"><tbody>
${proofs.map(({ what, holds, words, hashes }) => html`<tr><th scope="row">${what}</th><td class="${holds ? "good" : holds === null ? "muted" : "bad"}">${holds ? `✓ ${words}` : holds === null ? words : `✗ ${words}`}</td><td>${hashes.map((hash) => html`<code>${hash.slice(0, 16)}</code> `)}</td></tr>`)}
</tbody></table>`;
}

const OLD_KIND =
  "An earlier version recorded these runs or began them. It hashed how batches were to be made, not the pixels that the networks were shown, so its hashes prove less than those of new runs.";

const NOTHING_PROVEN = "There is no batch yet that both arms have, so nothing is proven of what they were shown.";

const lowerFirst = (text: string) => text[0]!.toLowerCase() + text.slice(1);

function fairnessInWords(comparison: EvidenceComparison, samePlan: boolean | null, pair: Pair): [heading: string, words: string] {
  const { sameData, sameStart, differsAt, differentImages, differingSettings, notComparable, complete, damage, provenTo } = comparison;
  if (notComparable)
    return ["Not comparable", `The arms are two experiments: ${notComparable}. The difference of their results says nothing about the teacher.`];
  if (!sameData || !sameStart || differsAt !== null || samePlan === false)
    return [
      "Not a controlled comparison",
      "The arms differ in more than the teacher: where the rows below say so, the difference of the results may have that cause.",
    ];
  if (damage) return ["Evidence is damaged", `Not proven to be a controlled comparison: ${damage}.`];
  if (differentImages)
    return [
      "Different images by design",
      "The arms had the same start, the same labelled images and the same number of steps. The student also learned from images without labels, which the control cannot use: it repeated its own instead.",
    ];
  if (differingSettings.length > 0) {
    const proven = provenTo > 0 ? `Start, pixels and labels were the same, proven up to batch ${provenTo}.` : NOTHING_PROVEN;
    const besides = complete ? proven : `Apart from them, the evidence is of the old kind. ${OLD_KIND}`;
    return ["Tuned separately", `The control has settings of its own, so the difference of the results is not the teacher’s alone. ${besides}`];
  }
  if (!complete) return ["Evidence of the old kind", OLD_KIND];
  if (isControlled(comparison, batchesOf(pair)))
    return ["A fair comparison", "The arms differ in the teacher and in nothing else: the hashes of what each was shown are equal, batch by batch."];
  if (provenTo === 0) return ["Nothing is proven yet", NOTHING_PROVEN];
  return [`Identical batches, verified up to batch ${provenTo}`, "Up to the last batch that both arms have, they differ in the teacher and in nothing else."];
}

function batchesProof(
  { complete, damage, differentImages, provenTo, differsAt }: EvidenceComparison,
  samePlan: boolean | null,
  { control, taught }: Pair,
): Proof {
  const what = "Batches";
  if (damage) return { what, holds: false, words: `not proven: ${damage}`, hashes: [] };
  if (differentImages) return { what, holds: null, words: "different by design: the student’s also hold images without labels", hashes: [] };
  if (!complete) {
    if (samePlan === null) return { what, holds: null, words: "hashes of the old kind compare only if an earlier version finished both runs", hashes: [] };
    const hashes = [...new Set([control.hashes.batches, taught.hashes.batches])];
    if (samePlan) return { what, holds: null, words: "equal hashes of the old kind: order and augmentation by plan, not by pixels", hashes };
    return { what, holds: false, words: "different hashes of the old kind: different images, order or augmentation", hashes };
  }
  if (differsAt !== null) return { what, holds: false, words: `different pixels or labels from batch ${differsAt} on`, hashes: [] };
  if (provenTo === 0) return { what, holds: null, words: "none that both arms have: nothing is proven", hashes: [] };
  const link = control.batches[provenTo - 1]?.chain;
  return { what, holds: true, words: `the same pixels and labels, proven up to batch ${provenTo}`, hashes: link ? [link] : [] };
}

// ---- Recipe -----------------------------------------------------------------------------------------------------------------------

function recipeTable(drawn: readonly Drawn[]): Markup {
  const columns = drawn.map(({ run: { recipe } }) =>
    recipeSettings(recipe).filter(({ setting, value }) => value !== null && (setting.applies?.to((key) => valueAt(recipe, key)) ?? true)),
  );
  const rows = new Map(columns.flat().map(({ key, setting }) => [key, setting.label]));
  return html`<h2>Recipe</h2>
<table class="recipe">
<thead><tr><th scope="col">Setting</th>${drawn.map(({ label, tone }) => html`<th scope="col"><span class="key ${tone}">${label}</span></th>`)}</tr></thead>
<tbody>${[...rows].map(([key, label]) => {
    const values = columns.map((column) => column.find((setting) => setting.key === key)?.value ?? null);
    const texts = values.map((value) => (value === null ? "–" : textOfValue(value)));
    return html`<tr${new Set(texts).size > 1 ? html` class="differs"` : null}><th scope="row">${label} <code>${key}</code></th>${texts.map((text) => html`<td>${text}</td>`)}</tr>`;
  })}
${arithmeticRow(drawn)}
${computerRow(drawn)}
${normalizationRow(drawn, "student", "Student’s images")}
${normalizationRow(drawn, "teacher", "Teacher’s images")}</tbody>
</table>`;
}

/** What the machine did with it. */
function arithmeticRow(drawn: readonly Drawn[]): Markup | null {
  if (drawn.every(({ run }) => !run.arithmetic)) return null;
  return html`<tr><th scope="row">Arithmetic</th>${drawn.map(({ run }) => html`<td>${arithmeticInWords(run)}</td>`)}</tr>`;
}

/** Where and by which version the arms were trained; more than one where a run went on elsewhere. */
function computerRow(drawn: readonly Drawn[]): Markup | null {
  const texts = drawn.map(({ run: { events } }) => [
    ...new Set(events.flatMap(({ type, text }) => (["started", "resumed"].includes(type) && text ? [text] : []))),
  ]);
  if (texts.every((each) => each.length === 0)) return null;
  return html`<tr><th scope="row">Trained by</th>${texts.map((each) => html`<td>${each.join("; then ") || "–"}</td>`)}</tr>`;
}

/** What was used, whether or not the recipe names it. */
function normalizationRow(drawn: readonly Drawn[], network: keyof RunNormalization, label: string): Markup | null {
  const texts = drawn.map(({ run }) => run.normalization?.[network]).map((used) => (used ? normalizationInWords(used) : "–"));
  if (texts.every((text) => text === "–")) return null;
  return html`<tr><th scope="row">${label}</th>${texts.map((text) => html`<td>${text}</td>`)}</tr>`;
}
