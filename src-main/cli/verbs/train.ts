import { type Command, Option } from "commander";
import { UsageError } from "../../contract/failure";
import type { Recipe } from "../../contract/recipe";
import type { TrainResult } from "../../contract/run";
import { settingAt } from "../../contract/settings";
import { withSizesOfWeights } from "../../contract/teacher-size";
import { collect } from "../flags";
import { runFolder, shownPath } from "../out-folder";
import { absolutePath } from "../paths";
import { completeRecipe, readRecipe } from "../recipe-file";
import { resumable } from "../resume";
import type { Session } from "../session";
import { shellWords } from "../shell-words";
import { addVerb, type Perform } from "../verb";
import { duration, percent, table } from "../words";
import type { World } from "../world";

/** Of the verbs that take a recipe. */
export const RECIPE_HELP = "the recipe, a JSON file, whose relative paths start from its own folder; --resume takes it from the run if it is left out";

export interface RunOptions {
  recipe?: string;
  out?: string;
  resume?: true;
  takeOver?: true;
  tensorboard?: true;
  /** An address; true: that of the environment. */
  mlflow?: string | true;
  set: string[];
}

/** Options of every verb that trains. */
export function addRunOptions(verb: Command): Command {
  return verb
    .option("--out <dir>", "folder for the run (default: a new folder in runs/)")
    .option("--resume", "resume the run in --out from its last checkpoint, with the recipe that it has")
    .option("--take-over", "resume although another process may still hold the run, where this program cannot look: you say that it is gone")
    .option("--tensorboard", "also write TensorBoard's event files, into the run folders, while it trains: tensorboard --logdir runs shows them live")
    .option("--mlflow [url]", "also show the training on an MLflow server, as in http://127.0.0.1:5000 (default: the address in MLFLOW_TRACKING_URI)")
    .addOption(
      new Option("--set <key=value>", "change a value of the recipe, as in train.epochs=3; relative paths start from the current folder; may be repeated")
        .argParser(collect)
        .default([], "none"),
    );
}

/** The part of a request that says where the run goes. */
export function placeOf(world: World, options: RunOptions, verb: string) {
  return { ...runFolder(world, options, verb), resume: options.resume ?? false, takeOver: options.takeOver ?? false };
}

/** The recipe that a verb is given; on `--resume`, if it names none, the one that the run began with. */
export async function recipeOf(
  session: Session,
  { recipe, set, resume, attach }: RunOptions & { attach?: true },
  kind: "train" | "compare" | "search",
  out: string,
): Promise<Recipe> {
  const { cwd } = session.world;
  if (recipe !== undefined) return sized(session, readRecipe(recipe, set, cwd));
  if (resume || attach) return completeRecipe(await session.call("recipeOf", { directory: out, kind }), set, cwd);
  const listing = shellWords([...session.world.program, "recipe", "list"]);
  throw new UsageError(
    `--recipe is missing: expected the path of a recipe, a JSON file; only --resume takes it from the run (${listing} names ready-made ones)`,
  );
}

/** The recipe, with the image sizes of teachers that it leaves to their weights, which is said. */
async function sized(session: Session, { recipe, unsized }: ReturnType<typeof readRecipe>): Promise<Recipe> {
  const found = await withSizesOfWeights(recipe, unsized, async ({ model, weights }) => {
    const { imageSize } = await session.call("checkTeacher", { model, weights, classes: [] });
    return imageSize;
  });
  for (const note of found.notes) session.say(note);
  return found.recipe;
}

/**
 * Verb and flags that resume a run, without `--out` and `--resume`; `more` are those of the verb alone. The folder has what it was asked for, if the
 * run had begun (`isRecorded`), but not what was set on resuming.
 */
export function resumingCommand(
  { cwd }: World,
  verb: string,
  { recipe, set, resume, tensorboard, mlflow }: RunOptions,
  isRecorded: boolean,
  more: readonly string[] = [],
): string[] {
  const shown = mlflow === undefined ? [] : ["--mlflow", ...(mlflow === true ? [] : [withoutPassword(mlflow)])];
  const kept = [...(tensorboard ? ["--tensorboard"] : []), ...shown];
  if (isRecorded && !resume) return [verb, ...kept];
  const settings = set.flatMap((assignment) => ["--set", withAbsolutePath(assignment, cwd)]);
  return [verb, ...(recipe === undefined ? [] : ["--recipe", recipe]), ...settings, ...more, ...kept];
}

const withoutPassword = (address: string) => address.replace(/^(https?:\/\/)[^/@]*@/, "$1");

/** The command may be given in another folder. */
function withAbsolutePath(assignment: string, cwd: string): string {
  const [, key = "", value = ""] = /^([^=]*)=(.*)$/s.exec(assignment) ?? [];
  const setting = settingAt(key);
  const isPath = (setting?.kind === "file" || setting?.kind === "folder") && value !== "null" && !("words" in setting && setting.words?.includes(value));
  return isPath ? `${key}=${absolutePath(value, cwd)}` : assignment;
}

export function addTrain(program: Command, perform: Perform): void {
  const verb = addVerb(program, "train", "train the one arm that a recipe describes", "train --recipe recipe.json --set train.epochs=3");
  addRunOptions(verb.option("--recipe <file>", RECIPE_HELP)).action((options: RunOptions) =>
    perform(async (session) => {
      const { result } = await trainOne(session, "train", options, [], (out) => recipeOf(session, options, "train", out));
      return { json: result, text: trainText(result, session.world) };
    }),
  );
}

/** Trains one arm in the folder that a verb's options name; `more` are the flags of the verb alone that say which recipe it is. */
export async function trainOne(
  session: Session,
  verb: string,
  options: RunOptions,
  more: readonly string[],
  recipeFor: (out: string) => Promise<Recipe>,
): Promise<{ recipe: Recipe; result: TrainResult }> {
  const place = placeOf(session.world, options, verb);
  const recipe = await recipeFor(place.out);
  const command = (isRecorded: boolean) => resumingCommand(session.world, verb, options, isRecorded, more);
  return { recipe, result: (await resumable(session, { kind: "train", recipe, ...place }, command)) as TrainResult };
}

export function trainText(result: TrainResult, world: World): string {
  const rows = [
    ["train accuracy", percent(result.trainAcc)],
    ["test accuracy", percent(result.testAcc)],
    ...(result.best === null ? [] : [[`test accuracy of epoch ${result.best.epoch}, the best on the validation images`, percent(result.best.testAcc)]]),
    ...(result.emaAcc === null ? [] : [["test accuracy of the averaged weights", percent(result.emaAcc)]]),
    ["time", duration(result.seconds)],
    ["images/s", String(Math.round(result.imagesPerSecond))],
  ];
  return `${table(rows)}\n\nRun: ${shownPath(world, result.directory)}`;
}
