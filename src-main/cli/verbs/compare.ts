import type { Command } from "commander";
import { presetOf } from "../../contract/presets";
import type { Recipe } from "../../contract/recipe";
import type { ComparisonResult, TrainResult } from "../../contract/run";
import { runFolder, shownPath } from "../out-folder";
import { completeRecipe, readRecipe } from "../recipe-file";
import { resumable } from "../resume";
import type { Session } from "../session";
import { addVerb, type Outcome, type Perform } from "../verb";
import { percent, points, table } from "../words";
import type { World } from "../world";
import { addRunOptions, type RunOptions, recipeFlags } from "./train";

export function addCompare(program: Command, perform: Perform): void {
  const description = "train control and student of a recipe from the same start and report what the teacher adds";
  const verb = addVerb(program, "compare", description, "npx distill compare --recipe recipe.json --out runs/first");
  addRunOptions(verb.requiredOption("--recipe <file>", "the recipe, a JSON file")).action((options: RunOptions & { recipe: string }) =>
    perform((session) => compare(session, "compare", readRecipe(options.recipe, options.set, session.world.cwd), options)),
  );
}

export function addDemo(program: Command, perform: Perform): void {
  const verb = addVerb(program, "demo", "train and compare control and student on the bundled data with the bundled teacher", "npx distill demo");
  addRunOptions(verb).action((options: RunOptions) =>
    perform((session) => compare(session, "demo", completeRecipe(presetOf("demo").recipe, options.set, session.world.cwd), options)),
  );
}

async function compare(session: Session, verb: string, recipe: Recipe, options: RunOptions): Promise<Outcome> {
  const { world } = session;
  const out = runFolder(world, options, verb);
  const command = ["npx", "distill", verb, ...recipeFlags(options)];
  const result = await resumable(out, command, () => session.call("compare", { recipe, out, resume: options.resume ?? false }));
  return { json: comparisonJson(result), text: comparisonText(result, world) };
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

function fairness({ seed, controlled, tunedSeparately, differingSettings, provenTo }: ComparisonResult): string {
  if (controlled) return `Control and student had the same initial weights and the same batches, proven batch by batch (seed ${seed}).`;
  if (tunedSeparately)
    return `Tuned separately: control and student differ in ${differingSettings.join(", ")} too, so the difference is not the teacher's alone (seed ${seed}). Apart from that, they are proven to have had the same batches up to batch ${provenTo}.`;
  return `warning: control and student are proven alike up to batch ${provenTo} only (seed ${seed}); the report says where they differ, or why more is not proven.`;
}
