import { existsSync } from "node:fs";
import path from "node:path";
import { Argument, type Command } from "commander";
import { armInWords, armLabel, type ComparedArm, comparedArms } from "../../contract/arms";
import { bestInWords } from "../../contract/best-epoch";
import { answerFiguresOf, armsIn, gainPartsInWords, signedPoints, stepsInWords, surenessInWords, teachingInWords } from "../../contract/comparison";
import { DIFFERENT_IMAGES, tunedInWords } from "../../contract/evidence";
import { InputError, UsageError } from "../../contract/failure";
import { fittedWeightsIn, presetOf, SAME_LABELS_TEACHER } from "../../contract/presets";
import type { Recipe } from "../../contract/recipe";
import type { ArmSummary, ComparisonResult, ComparisonSummary, LabelsResult, ProvenSummary, SweepResult, Verdict } from "../../contract/run";
import { MOST_SEEDS } from "../../contract/statistics";
import { onCluster, trainOnCluster } from "../cluster";
import { addClusterOptions, type ClusterOptions, checkClusterOptions } from "../cluster-options";
import { wholeNumber, wholeNumbers } from "../flags";
import { shownPath } from "../out-folder";
import { completeRecipe } from "../recipe-file";
import { resumable } from "../resume";
import type { Session } from "../session";
import { shellWords } from "../shell-words";
import { addVerb, type Outcome, type Perform } from "../verb";
import { warnOfJobs } from "../went-to-cluster";
import { count, percent, points, table } from "../words";
import type { World } from "../world";
import { addRunOptions, placeOf, RECIPE_HELP, type RunOptions, recipeOf, resumingCommand } from "./train";

type CompareOptions = RunOptions & ClusterOptions & { seeds?: number; labels?: number[]; addSeeds?: number };

/** One seed may show a difference that another does not. */
const SEEDS = 3;

export function addCompare(program: Command, perform: Perform): void {
  const description = "train control and student of a recipe from the same start and report what the teacher adds";
  const verb = addVerb(program, "compare", description, "compare --recipe recipe.json --out runs/first");
  addClusterOptions(addCompareOptions(verb.option("--recipe <file>", RECIPE_HELP), SEEDS))
    .option(
      "--labels <counts>",
      "compare at each of these numbers of labelled images (data.labelled), as in 250,500,1000: gain against number of labels",
      wholeNumbers(1),
    )
    .option(
      "--add-seeds <count>",
      "train so many more seeds of the finished comparisons in --out, with the recipe that they have",
      wholeNumber(1, MOST_SEEDS - 1),
    )
    .action((options: CompareOptions) =>
      perform((session) => {
        checkClusterOptions(options);
        if (options.attach && (options.labels || options.addSeeds !== undefined))
          throw new UsageError(`--${options.labels ? "labels" : "add-seeds"} does not go with --attach, which follows the jobs that there are`);
        const asked = options.addSeeds === undefined ? options : addingSeeds(options);
        if (asked.labels && asked.set.some((text) => text.startsWith("data.labelled=")))
          throw new UsageError("--labels sets data.labelled to each of its numbers: leave --set data.labelled out");
        // The images without labels of a recipe are those that the first number leaves.
        const set = [...(asked.labels ? [`data.labelled=${asked.labels[0]}`] : []), ...asked.set];
        return compare(session, ["compare"], asked, SEEDS, (out) => recipeOf(session, { ...asked, set }, "compare", out));
      }),
    );
}

/** Presets that the verb demo trains. */
const DEMOS = ["demo", "few-labels", "same-labels"] as const;

export function addDemo(program: Command, perform: Perform): void {
  const description =
    "train and compare control and student on the bundled data: with the bundled teacher, all of it labelled or only little, or with a teacher of the same labels";
  const verb = addVerb(program, "demo", description, "demo").addArgument(new Argument("[preset]", "which demo").choices(DEMOS).default("demo"));
  addCompareOptions(verb, 1).action((preset: (typeof DEMOS)[number], options: CompareOptions) =>
    perform((session) => {
      const { world } = session;
      const demo = async (out: string) =>
        options.resume ? recipeOf(session, options, "compare", out) : completeRecipe(presetOf(preset).recipe, options.set, world.cwd);
      return compare(session, preset === "demo" ? ["demo"] : ["demo", preset], options, 1, demo);
    }),
  );
}

function addCompareOptions(verb: Command, seeds: number): Command {
  const resumed = "--resume takes it from the run, or trains the first so many of it";
  const help = `train so many comparisons, with the recipe's seed and those after it (default: ${seeds}; ${resumed})`;
  return addRunOptions(verb).option("--seeds <count>", help, wholeNumber(1, MOST_SEEDS));
}

/** Adding seeds goes on with what is there. */
function addingSeeds(options: CompareOptions): CompareOptions {
  const refused = (["recipe", "seeds", "labels"] as const).find((name) => options[name] !== undefined) ?? (options.set.length > 0 ? "set" : null);
  if (refused) throw new UsageError(`--add-seeds takes recipe and seeds from the folder in --out: leave --${refused} out`);
  if (options.out === undefined) throw new UsageError("--add-seeds needs --out, the folder of the comparisons to add to");
  return { ...options, resume: true };
}

async function compare(
  session: Session,
  /** Verb and, of a demo, its preset: the last names the run's folder. */
  words: readonly string[],
  options: CompareOptions,
  defaultSeeds: number,
  recipeFor: (out: string) => Promise<Recipe>,
): Promise<Outcome> {
  const { world } = session;
  const { addSeeds, labels } = options;
  const seeds = options.seeds ?? (options.resume || options.attach ? undefined : defaultSeeds);
  const place = placeOf(world, options, words.at(-1)!);
  // A folder that has what was asked for has the number of seeds too.
  const more = (isRecorded: boolean) => [
    ...(seeds !== undefined && (options.seeds !== undefined || !isRecorded) ? ["--seeds", String(seeds)] : []),
    ...(labels ? ["--labels", labels.join(",")] : []),
  ];
  const command = (isRecorded: boolean) => [...words.slice(0, -1), ...resumingCommand(session.world, words.at(-1)!, options, isRecorded, more(isRecorded))];
  if (!options.on && options.resume) warnOfJobs(session, place.out, world);
  const recipe = await recipeFor(place.out);
  expectTeacherMade(recipe, world);
  const asked = {
    kind: "compare" as const,
    recipe,
    ...(seeds !== undefined && { seeds }),
    ...(labels && { labels }),
    ...(addSeeds !== undefined && { addSeeds }),
  };
  const result = options.on
    ? await trainOnCluster(session, { ...asked, out: place.out, resume: place.resume }, options)
    : await resumable(session, { ...asked, ...place }, command);
  if (result === null) return { json: { directory: place.out }, text: `Runs: ${shownPath(world, place.out)}` };
  const hasThree = "labels" in result ? result.labels.some(({ sameImages }) => sameImages) : "sameImages" in result && result.sameImages !== null;
  const tested = "teacher" in result ? result.teacher : null;
  const decided = { ...recipe, train: { precision: tested?.precision ?? recipe.train.precision } };
  const taught = teachingInWords(decided, hasThree, tested?.seen ?? []);
  if ("labels" in result) return { json: labelsJson(result), text: labelsText(result, taught, recipe, world) };
  if ("comparisons" in result) return { json: sweepJson(result), text: sweepText(result, taught, world) };
  const comparison = result as ComparisonResult;
  return { json: comparisonJson(comparison), text: comparisonText(comparison, taught, world) };
}

/** Throws an InputError that says how the teacher of a preset is made, where that has not been done. */
function expectTeacherMade({ teacher }: Recipe, world: World): void {
  const place = path.normalize(fittedWeightsIn(SAME_LABELS_TEACHER));
  if (!teacher?.weights.endsWith(place) || existsSync(teacher.weights)) return;
  const command = shellWords([...world.program, "train-teacher", "--data", "bundled", "--out", shownPath(world, path.dirname(teacher.weights))]);
  throw new InputError(`teacher.weights: ${teacher.weights} does not exist yet; make this teacher first, with ${command}`);
}

/** Figures over all seeds first; then one entry per seed and arm, as their evidence. */
function comparisonJson(comparison: ComparisonResult) {
  const { seed, directory, report, control, student, sameImages, ...figures } = comparison;
  return {
    ...figures,
    control: figuresOf(control),
    student: figuresOf(student),
    sameImages: sameImages && { ...figuresOf(sameImages), teacherAdds: sameImages.teacherAdds, imagesAdd: sameImages.imagesAdd },
    runs: runsOf(comparison),
    directory,
    report,
  };
}

function sweepJson<S extends SweepResult>({ comparisons, ...means }: S) {
  return { ...means, runs: comparisons.flatMap(runsOf) };
}

const labelsJson = ({ labels, ...rest }: LabelsResult) => ({ ...rest, labels: labels.map(sweepJson) });

const figuresOf = ({ trainAcc, testAcc, deviation, agreement, divergence, calibrationError }: ArmSummary): ArmSummary => ({
  trainAcc,
  testAcc,
  deviation,
  agreement,
  divergence,
  calibrationError,
});

/** `deviation` is one over seeds, and the parts of the gain are no figures of one run. */
const runsOf = (comparison: ComparisonResult) =>
  armsIn<ComparisonResult["control"]>(comparison).map(({ figures }) => {
    const { deviation: _, teacherAdds: __, imagesAdd: ___, ...run } = figures as NonNullable<ComparisonResult["sameImages"]>;
    return { seed: comparison.seed, ...run };
  });

// ---- Text -------------------------------------------------------------------------------------------------------------------------

function sweepText(sweep: SweepResult, taught: string | null, world: World): string {
  const { comparisons, teacher, difference, deviation, directory, report } = sweep;
  const spread = (value: number | null) => (value === null ? "" : ` ± ${(100 * value).toFixed(1)}`);
  const arms = armsIn<ArmSummary>(sweep);
  const rows = [
    ["test accuracy", ...arms.map(({ arm }) => columnOf(arm)), "difference"],
    ...comparisons.map((each) => [`seed ${each.seed}`, ...armsIn<ArmSummary>(each).map(({ figures }) => percent(figures.testAcc)), points(each.difference)]),
    ["mean", ...arms.map(({ figures }) => percent(figures.testAcc)), points(difference)],
    ["deviation", ...arms.map(({ figures }) => spread(figures.deviation)), spread(deviation)],
  ];
  const fair = [...new Set(comparisons.map((each) => fairness(each)))].join("\n");
  return paragraphs([
    table(rows),
    `The teacher (${teacher.model}) has ${percent(teacher.testAcc)}.`,
    taught,
    sureness(sweep, moreSeedsCommand(sweep, world)),
    gainPartsInWords(sweep, sweep.sameImages?.teacherAdds.controlled ?? null),
    answerFigures(sweep),
    `${fair}\n${places(directory, report, world)}`,
  ]);
}

function labelsText(result: LabelsResult, taught: string | null, recipe: Recipe, world: World): string {
  const { labels, teacher, directory, report } = result;
  const arms = comparedArms.filter((arm) => labels.some((point) => armsIn(point).some((each) => each.arm === arm)));
  const rows = [["labelled images", ...arms.map(columnOf), "difference", "95 %", "seeds"], ...labels.map((point) => pointRow(point, arms))];
  return paragraphs([
    table(rows),
    `The teacher (${teacher.model}) has ${percent(teacher.testAcc)}.`,
    taught,
    stepsInWords(recipe),
    `${fairnessByLabels(result).join("\n")}\n${places(directory, report, world)}`,
  ]);
}

/** Means over the seeds, at one number of labelled images. */
function pointRow(point: LabelsResult["labels"][number], arms: readonly ComparedArm[]): string[] {
  const { labelled, difference, interval, seeds } = point;
  const accuracy = (arm: ComparedArm) => {
    const figures = armsIn<ArmSummary>(point).find((each) => each.arm === arm)?.figures;
    if (!figures) return "–";
    return figures.deviation === null ? percent(figures.testAcc) : `${percent(figures.testAcc)} ± ${(100 * figures.deviation).toFixed(1)}`;
  };
  const range = interval ? interval.map(signedPoints).join(" to ") : "";
  return [String(labelled), ...arms.map(accuracy), `${signedPoints(difference)} points`, range, String(seeds.length)];
}

function comparisonText(result: ComparisonResult, taught: string | null, world: World): string {
  const { teacher, control, student, difference, directory, report } = result;
  const arms = armsIn<ComparisonResult["control"]>(result);
  const rows = [
    ["", "train accuracy", "test accuracy"],
    [`teacher (${teacher.model})`, "", percent(teacher.testAcc)],
    ...arms.map(({ arm, figures }) => [columnOf(arm), percent(figures.trainAcc), percent(figures.testAcc)]),
    ...arms.flatMap(({ arm, figures: { emaAcc } }) => (emaAcc === null ? [] : [[`${columnOf(arm)}, averaged weights`, "", percent(emaAcc)]])),
    ["difference", points(student.trainAcc - control.trainAcc), points(difference)],
  ];
  return paragraphs([
    table(rows),
    bestInWords(arms.map(({ arm, figures: { best } }) => ({ name: armInWords(arm), best }))),
    taught,
    sureness(result, severalSeedsCommand(directory, world)),
    gainPartsInWords(result, result.sameImages?.teacherAdds.controlled ?? null),
    answerFigures(result),
    `${fairness(result)}\n${places(directory, report, world)}`,
  ]);
}

const paragraphs = (parts: readonly (string | null)[]): string => parts.filter((part) => part !== null).join("\n\n");

const places = (directory: string, report: string, world: World) => `Runs: ${shownPath(world, directory)}\nReport: ${shownPath(world, report)}`;

/** `remedy`: the command that makes it surer, if there is one. */
function sureness(summary: ProvenSummary, remedy: string | null): string {
  const { result, doubt, shortfall, seedsHelp, how } = surenessInWords(summary, summary.controlled);
  return [result, doubt, seedsHelp ? remedy : null, shortfall, how].filter(Boolean).join("\n");
}

function moreSeedsCommand({ moreSeeds, directory }: SweepResult, world: World): string | null {
  if (moreSeeds === null) return null;
  return `Add them with: ${shellWords([...world.program, "compare", "--add-seeds", String(moreSeeds), ...onCluster(directory), "--out", shownPath(world, directory)])}`;
}

/** A comparison of one seed lies in no folder of its own, so it gets no more; what it was asked for is a recipe. */
function severalSeedsCommand(directory: string, world: World): string {
  const request = path.join(shownPath(world, directory), "request.json");
  return `Compare ${SEEDS} seeds with: ${shellWords([...world.program, "compare", "--recipe", request])}`;
}

/** null if no predictions are kept. */
function answerFigures(summary: ComparisonSummary): string | null {
  const arms = armsIn<ArmSummary>(summary);
  const shown = answerFiguresOf(arms);
  if (shown.length === 0) return null;
  const rows = [
    ["", ...arms.map(({ arm }) => columnOf(arm))],
    ...shown.map(({ key, name, show }) => [name, ...arms.map(({ figures }) => show(figures[key]!))]),
  ];
  return `${table(rows)}\n\n${shown.map(({ name, words }) => `${name}: ${words}.`).join("\n")}`;
}

const columnOf = (arm: ComparedArm): string => armLabel(arm).toLowerCase();

/** What is proven of the control and each other arm. `which`: which comparison it is. */
function fairness(result: ComparisonResult, which = `seed ${result.seed}`): string {
  const { sameImages } = result;
  const student = verdictInWords(result, which, "student");
  return sameImages ? `${verdictInWords(sameImages.teacherAdds, which, `the ${armInWords("same-images")}`)}\n${student}` : student;
}

function verdictInWords(verdict: Verdict, which: string, taught: string): string {
  const { controlled, tunedSeparately, differentImages, differingSettings, provenTo, reason } = verdict;
  if (controlled) return `Control and ${taught} had the same initial weights and the same batches, proven batch by batch (${which}).`;
  const tuning = `control and ${taught} differ in ${differingSettings.join(", ")} too, so the difference is not the teacher's alone`;
  if (differentImages && reason === DIFFERENT_IMAGES)
    return `Different images by design: the student also learned from images without labels, which the control cannot use. Start, labelled images and number of steps were the same (${which}).`;
  if (reason === tunedInWords(differingSettings))
    return `Tuned separately: ${tuning} (${which}). Apart from that, they are proven to have had the same batches up to batch ${provenTo}.`;
  return `warning: this is not a controlled comparison: ${reason} (${which}).${tunedSeparately ? ` Besides, ${tuning}.` : ""}`;
}

/** One sentence for all comparisons of which the same is proven. */
function fairnessByLabels({ labels }: LabelsResult): string[] {
  const all = labels.flatMap(({ labelled, comparisons }) => comparisons.map((result) => ({ labelled, result, words: fairness(result, "") })));
  return [...new Set(all.map(({ words }) => words))].map((words) => {
    const alike = all.filter((each) => each.words === words);
    const numbers = [...new Set(alike.map(({ labelled }) => labelled))].join(", ");
    return fairness(alike[0]!.result, `${count(alike.length, "comparison")}, with ${numbers} labels`);
  });
}
