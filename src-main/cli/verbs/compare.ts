import type { Command } from "commander";
import { DIFFERENT_IMAGES, tunedInWords } from "../../contract/evidence";
import { presetOf } from "../../contract/presets";
import type { Recipe } from "../../contract/recipe";
import type { ComparisonResult, SweepResult, TrainResult } from "../../contract/run";
import { wholeNumber } from "../flags";
import { shownPath } from "../out-folder";
import { completeRecipe } from "../recipe-file";
import { resumable } from "../resume";
import type { Session } from "../session";
import { addVerb, type Outcome, type Perform } from "../verb";
import { percent, points, table } from "../words";
import type { World } from "../world";
import { addRunOptions, placeOf, RECIPE_HELP, type RunOptions, recipeOf, resumingCommand } from "./train";

type CompareOptions = RunOptions & { seeds?: number };

export function addCompare(program: Command, perform: Perform): void {
  const description = "train control and student of a recipe from the same start and report what the teacher adds";
  const verb = addVerb(program, "compare", description, "compare --recipe recipe.json --out runs/first");
  addCompareOptions(verb.option("--recipe <file>", RECIPE_HELP)).action((options: CompareOptions) =>
    perform((session) => compare(session, "compare", options, (out) => recipeOf(session, options, "compare", out))),
  );
}

export function addDemo(program: Command, perform: Perform): void {
  const verb = addVerb(program, "demo", "train and compare control and student on the bundled data with the bundled teacher", "demo");
  addCompareOptions(verb).action((options: CompareOptions) =>
    perform((session) => {
      const { world } = session;
      const demo = async (out: string) =>
        options.resume ? recipeOf(session, options, "compare", out) : completeRecipe(presetOf("demo").recipe, options.set, world.cwd);
      return compare(session, "demo", options, demo);
    }),
  );
}

function addCompareOptions(verb: Command): Command {
  return addRunOptions(verb).option(
    "--seeds <count>",
    "train so many comparisons, with the recipe's seed and those after it (default: 1; --resume takes it from the run, or trains the first so many of it)",
    wholeNumber(1, 1000),
  );
}

async function compare(session: Session, verb: string, options: CompareOptions, recipeFor: (out: string) => Promise<Recipe>): Promise<Outcome> {
  const { world } = session;
  const { seeds } = options;
  const place = placeOf(world, options, verb);
  const more = seeds === undefined ? [] : ["--seeds", String(seeds)];
  const command = (isRecorded: boolean) => resumingCommand(verb, options, isRecorded, more);
  const recipe = await recipeFor(place.out);
  const result = await resumable(session, { kind: "compare", recipe, ...(seeds !== undefined && { seeds }), ...place }, command);
  if ("comparisons" in result) return { json: sweepJson(result), text: sweepText(result, world) };
  const comparison = result as ComparisonResult;
  return { json: comparisonJson(comparison), text: comparisonText(comparison, world) };
}

/** Accuracies over all seeds first; then one entry per seed and arm, as their evidence. */
function comparisonJson({ seed, teacher, control, student, directory, report, ...verdict }: ComparisonResult) {
  const accuracies = ({ trainAcc, testAcc }: TrainResult) => ({ trainAcc, testAcc });
  return {
    teacher,
    control: accuracies(control),
    student: accuracies(student),
    ...verdict,
    seeds: [seed],
    runs: [control, student].map((run) => ({ seed, ...run })),
    directory,
    report,
  };
}

function sweepJson({ comparisons, ...means }: SweepResult) {
  const runs = comparisons.flatMap(({ seed, control, student }) => [control, student].map((run) => ({ seed, ...run })));
  return { ...means, runs };
}

function sweepText({ comparisons, teacher, control, student, difference, directory, report }: SweepResult, world: World): string {
  const rows = [
    ["test accuracy", "control", "student", "difference"],
    ...comparisons.map((each) => [`seed ${each.seed}`, percent(each.control.testAcc), percent(each.student.testAcc), points(each.difference)]),
    ["mean", percent(control.testAcc), percent(student.testAcc), points(difference)],
  ];
  const fair = [...new Set(comparisons.map(fairness))].join("\n");
  return `${table(rows)}\n\nThe teacher (${teacher.model}) has ${percent(teacher.testAcc)}.\n${fair}\nRuns: ${shownPath(world, directory)}\nReport: ${shownPath(world, report)}`;
}

function comparisonText(result: ComparisonResult, world: World): string {
  const { teacher, control, student, difference, directory, report } = result;
  const rows = [
    ["", "train accuracy", "test accuracy"],
    [`teacher (${teacher.model})`, "", percent(teacher.testAcc)],
    ["control", percent(control.trainAcc), percent(control.testAcc)],
    ["student", percent(student.trainAcc), percent(student.testAcc)],
    ["difference", points(student.trainAcc - control.trainAcc), points(difference)],
  ];
  return `${table(rows)}\n\n${fairness(result)}\nRuns: ${shownPath(world, directory)}\nReport: ${shownPath(world, report)}`;
}

function fairness({ seed, controlled, tunedSeparately, differentImages, differingSettings, provenTo, reason }: ComparisonResult): string {
  if (controlled) return `Control and student had the same initial weights and the same batches, proven batch by batch (seed ${seed}).`;
  const tuning = `control and student differ in ${differingSettings.join(", ")} too, so the difference is not the teacher's alone`;
  if (differentImages && reason === DIFFERENT_IMAGES)
    return `Different images by design: the student also learned from images without labels, which the control cannot use. Start, labelled images and number of steps were the same (seed ${seed}).`;
  if (reason === tunedInWords(differingSettings))
    return `Tuned separately: ${tuning} (seed ${seed}). Apart from that, they are proven to have had the same batches up to batch ${provenTo}.`;
  return `warning: this is not a controlled comparison: ${reason} (seed ${seed}).${tunedSeparately ? ` Besides, ${tuning}.` : ""}`;
}
