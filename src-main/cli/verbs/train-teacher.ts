import { existsSync } from "node:fs";
import path from "node:path";
import { type Command, Option } from "commander";
import type { DataFormat } from "../../contract/data-formats";
import { InputError, UsageError } from "../../contract/failure";
import { FINE_TUNING } from "../../contract/fine-tuning";
import type { FittedTeacher, NamedTeacher } from "../../contract/fitted-teacher";
import { presetOf, presetsFor, type TeacherId } from "../../contract/presets";
import type { Recipe } from "../../contract/recipe";
import type { TrainResult } from "../../contract/run";
import { likeSetting } from "../flags";
import { shownPath } from "../out-folder";
import { completeRecipe } from "../recipe-file";
import type { Session } from "../session";
import { shellWords } from "../shell-words";
import { addVerb, type Perform } from "../verb";
import type { World } from "../world";
import { addFormatOption } from "./evaluate";
import { FINE_TUNE, type FitOptions, fitOnData, fitText } from "./fit-teacher";
import { addRunOptions, RECIPE_HELP, type RunOptions, recipeOf, trainOne, trainText } from "./train";

type TeacherOptions = RunOptions & { preset?: TeacherId; data?: string; format: DataFormat } & Omit<FitOptions, "data">;

const ids = presetsFor("teacher").map(({ id }) => id);

export function addTrainTeacher(program: Command, perform: Perform): void {
  const description =
    "make the teacher of other recipes: with --data, from a trained backbone in about a minute, a linear last layer on its features; or from nothing, by a recipe on labels alone";
  const verb = addVerb(program, "train-teacher", description, "train-teacher --data photos --out runs/teacher")
    .option("--data <dir>", 'a folder of images with a folder for each class, or "bundled": fits a last layer for its classes')
    .option("--from <weights>", 'with --data: the backbone, a weights file, hf:owner/name, or "bundled" (the default)')
    .option("--model <name>", "with --data: which model the weights of --from are of (default: as the file says, or its name)")
    .option(
      "--image-size <pixels>",
      "with --data: side length of the teacher's input (default: the backbone's own; 160 of the bundled one)",
      likeSetting<number>("student.imageSize"),
    )
    .addOption(
      new Option("--fine-tune <stages>", "with --data: then train the network on, its last stage or all; kept if it is better (default: none)").choices(
        FINE_TUNE,
      ),
    )
    .option(
      "--epochs <number>",
      `with --fine-tune: how often every training image is seen (default: ${FINE_TUNING.epochs})`,
      likeSetting<number>("train.epochs"),
    )
    .option("--skip-unreadable", "with --data: go on without the images that cannot be read")
    .option("--recipe <file>", RECIPE_HELP)
    .addOption(new Option("--preset <name>", "instead of a file, a ready-made recipe").choices(ids));
  addRunOptions(addFormatOption(verb)).action((options: TeacherOptions) =>
    perform(async (session) => {
      const { world } = session;
      if (options.data !== undefined) {
        expectNoRecipe(options);
        const found = await fitOnData(session, { ...options, data: options.data });
        return { json: found, text: `${fitText(found, world)}\n\n${howToUse(found.teacher, world)}\n\n${nextCommand(found, world)}` };
      }
      expectNoBackbone(options);
      const more = options.preset === undefined ? [] : ["--preset", options.preset];
      const { recipe, result } = await trainOne(session, "train-teacher", options, more, (out) => teacherRecipe(session, options, out));
      const teacher = teacherFrom(recipe, result);
      return { json: { ...result, teacher }, text: `${trainText(result, world)}\n\n${howToUse(teacher, world)}` };
    }),
  );
}

function expectNoRecipe({ recipe, preset, resume, takeOver, tensorboard, mlflow }: TeacherOptions): void {
  if (recipe !== undefined || preset !== undefined)
    throw new UsageError(`--data fits a last layer to a backbone, and ${recipe ? "--recipe" : "--preset"} trains a network: leave one of them out`);
  if (tensorboard || mlflow !== undefined)
    throw new UsageError(
      `--data fits a last layer, which has no batches that ${tensorboard ? "--tensorboard" : "--mlflow"} could show: leave it out; it goes with --recipe and --preset`,
    );
  if (resume || takeOver)
    throw new UsageError(
      "with --data there is nothing to resume: give the same command again, and it goes on from the features that are kept (none with DISTILL_CACHE=off)",
    );
}

function expectNoBackbone({ from, model, imageSize, fineTune, epochs, skipUnreadable }: TeacherOptions): void {
  const ofFineTuning = { "--fine-tune": fineTune, "--epochs": epochs };
  const given = Object.entries({ "--from": from, "--model": model, "--image-size": imageSize, ...ofFineTuning, "--skip-unreadable": skipUnreadable });
  const alone = given.find(([, value]) => value !== undefined);
  if (alone) throw new UsageError(`${alone[0]} needs --data, the folder of images that a last layer is fitted to`);
}

async function teacherRecipe(session: Session, options: TeacherOptions, out: string): Promise<Recipe> {
  const { recipe: file, preset, resume } = options;
  if (file !== undefined && preset !== undefined) throw new UsageError("--recipe and --preset each name a recipe: leave one of them out");
  if (file === undefined && preset === undefined && !resume)
    throw new UsageError(
      `--data, or --recipe or --preset is missing: expected a folder of images, the path of a recipe, or one of ${ids.join(", ")}; only --resume takes it from the run`,
    );
  const recipe = preset === undefined ? await recipeOf(session, options, "train", out) : presetRecipe(preset, options.set, session.world);
  if (recipe.distillation === null) return recipe;
  throw new UsageError(
    "distillation: a teacher is trained on labels alone, and this recipe distills; set --set distillation=null, or train what it describes with the verb train",
  );
}

function presetRecipe(preset: TeacherId, set: readonly string[], world: World): Recipe {
  const recipe = completeRecipe(presetOf(preset).written, set, world.cwd);
  const folder = recipe.data.path;
  if (folder === "bundled" || existsSync(folder)) return recipe;
  const download = shellWords([...world.program, "data", "download", "cifar10", shownPath(world, folder)]);
  throw new InputError(
    `data.path: ${folder} does not exist; ${preset} expects CIFAR-10 there: download it with ${download}, or name its folder with --set data.path=DIR`,
  );
}

/** The last epoch's weights; where validation images have chosen a best epoch, that one's. */
function teacherFrom({ student: { model, imageSize } }: Recipe, { directory, best }: TrainResult): NamedTeacher {
  return { model, weights: path.join(directory, best === null ? "student.safetensors" : "student-best.safetensors"), imageSize };
}

/** Compares with the teacher that was made. */
function nextCommand({ recipe }: FittedTeacher, world: World): string {
  const command = shellWords([...world.program, "compare", "--recipe", shownPath(world, recipe)]);
  return `What a small student learns from it on these images, beside the labels, and what from the labels alone:\n  ${command}`;
}

function howToUse(teacher: NamedTeacher, world: World): string {
  const flags = Object.entries(teacher).flatMap(([name, value]) => ["--set", `teacher.${name}=${value}`]);
  return [
    `Weights: ${shownPath(world, teacher.weights)}`,
    "",
    "As the teacher in a recipe:",
    `  "teacher": ${JSON.stringify(teacher)}`,
    "or for a recipe that has another one:",
    `  ${shellWords(flags)}`,
  ].join("\n");
}
