import { type Command, Option } from "commander";
import type { TrainResult } from "../../contract/run";
import { collect } from "../flags";
import { runFolder, shownPath } from "../out-folder";
import { readRecipe } from "../recipe-file";
import { resumable } from "../resume";
import { addVerb, type Perform } from "../verb";
import { duration, percent, table } from "../words";
import type { World } from "../world";

export interface RunOptions {
  out?: string;
  resume?: true;
  takeOver?: true;
  set: string[];
}

/** Options of every verb that trains. */
export function addRunOptions(verb: Command): Command {
  return verb
    .option("--out <dir>", "folder for the run (default: a new folder in runs/)")
    .option("--resume", "resume the run in --out from its last checkpoint")
    .option("--take-over", "resume although another process may still hold the run, where this program cannot look: you say that it is gone")
    .addOption(new Option("--set <key=value>", "change a value of the recipe; may be repeated").argParser(collect).default([], "none"));
}

/** The part of a request that says where the run goes. */
export function placeOf(world: World, options: RunOptions, verb: string) {
  return { ...runFolder(world, options, verb), resume: options.resume ?? false, takeOver: options.takeOver ?? false };
}

/** The flags that shape a run's recipe; `--out` and `--resume` added to them resume the run. */
export function recipeFlags({ recipe, set }: { recipe?: string; set: string[] }): string[] {
  return [...(recipe === undefined ? [] : ["--recipe", recipe]), ...set.flatMap((assignment) => ["--set", assignment])];
}

export function addTrain(program: Command, perform: Perform): void {
  const verb = addVerb(program, "train", "train the one arm that a recipe describes", "npx distill train --recipe recipe.json --set train.epochs=3");
  addRunOptions(verb.requiredOption("--recipe <file>", "the recipe, a JSON file")).action((options: RunOptions & { recipe: string }) =>
    perform(async (session) => {
      const { world } = session;
      const recipe = readRecipe(options.recipe, options.set, world.cwd);
      const command = ["npx", "distill", "train", ...recipeFlags(options)];
      const result = (await resumable(session, { kind: "train", recipe, ...placeOf(world, options, "train") }, command)) as TrainResult;
      const rows = [
        ["train accuracy", percent(result.trainAcc)],
        ["test accuracy", percent(result.testAcc)],
        ["time", duration(result.seconds)],
        ["images/s", String(Math.round(result.imagesPerSecond))],
      ];
      return { json: result, text: `${table(rows)}\n\nRun: ${shownPath(world, result.directory)}` };
    }),
  );
}
