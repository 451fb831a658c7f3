import { existsSync } from "node:fs";
import path from "node:path";
import { type Command, Option } from "commander";
import { InputError, UsageError } from "../../contract/failure";
import { presetOf, presetsFor, type TeacherId } from "../../contract/presets";
import type { Recipe } from "../../contract/recipe";
import type { TrainResult } from "../../contract/run";
import { shownPath } from "../out-folder";
import { completeRecipe } from "../recipe-file";
import type { Session } from "../session";
import { shellWords } from "../shell-words";
import { addVerb, type Perform } from "../verb";
import type { World } from "../world";
import { addRunOptions, RECIPE_HELP, type RunOptions, recipeOf, trainOne, trainText } from "./train";

type TeacherOptions = RunOptions & { preset?: TeacherId };

const ids = presetsFor("teacher").map(({ id }) => id);

export function addTrainTeacher(program: Command, perform: Perform): void {
  const description = "train a network on labels alone, to be the teacher of other recipes";
  const verb = addVerb(program, "train-teacher", description, "train-teacher --preset teacher-quick")
    .option("--recipe <file>", RECIPE_HELP)
    .addOption(new Option("--preset <name>", "instead of a file, a ready-made recipe").choices(ids));
  addRunOptions(verb).action((options: TeacherOptions) =>
    perform(async (session) => {
      const { world } = session;
      const more = options.preset === undefined ? [] : ["--preset", options.preset];
      const { recipe, result } = await trainOne(session, "train-teacher", options, more, (out) => teacherRecipe(session, options, out));
      const teacher = teacherFrom(recipe, result);
      return { json: { ...result, teacher }, text: `${trainText(result, world)}\n\n${howToUse(teacher, world)}` };
    }),
  );
}

async function teacherRecipe(session: Session, options: TeacherOptions, out: string): Promise<Recipe> {
  const { recipe: file, preset, resume } = options;
  if (file !== undefined && preset !== undefined) throw new UsageError("--recipe and --preset each name a recipe: leave one of them out");
  if (file === undefined && preset === undefined && !resume)
    throw new UsageError(`--recipe or --preset is missing: expected the path of a recipe, or one of ${ids.join(", ")}; only --resume takes it from the run`);
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

interface TrainedTeacher {
  model: string;
  /** Absolute: recipes may lie anywhere. */
  weights: string;
  imageSize: number;
}

/** The last epoch's weights; where validation images have chosen a best epoch, that one's. */
function teacherFrom({ student: { model, imageSize } }: Recipe, { directory, best }: TrainResult): TrainedTeacher {
  return { model, weights: path.join(directory, best === null ? "student.safetensors" : "student-best.safetensors"), imageSize };
}

function howToUse(teacher: TrainedTeacher, world: World): string {
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
