import { type Command, InvalidArgumentError } from "commander";
import type { SearchResult } from "../../contract/run";
import { cautions, MOST_TRIALS, ranked } from "../../contract/search";
import { assignmentsOf, defaultSpace, parseSpace } from "../../contract/search-space";
import { textOfValue } from "../../contract/setting";
import { trainOnCluster } from "../cluster";
import { addClusterOptions, type ClusterOptions, checkClusterOptions } from "../cluster-options";
import { collect, wholeNumber } from "../flags";
import { shownPath } from "../out-folder";
import { resumable } from "../resume";
import type { Session } from "../session";
import { shellWords } from "../shell-words";
import { addVerb, type Outcome, type Perform } from "../verb";
import { warnOfJobs } from "../went-to-cluster";
import { count, percent, table } from "../words";
import type { World } from "../world";
import { addRunOptions, placeOf, RECIPE_HELP, type RunOptions, recipeOf, resumingCommand } from "./train";

type SearchOptions = RunOptions & ClusterOptions & { trials?: number; batches?: number | "all"; over: string[] };

const OVER_HELP =
  "a setting to vary and where its values come from, as in train.learningRate=log:1e-5:1e-2, distillation.temperature=uniform:0.1:5 or train.optimizer=choice:adamw,sgd; may be repeated (default: learning rate, temperature and alpha, or the weight that the recipe has)";

export function addSearch(program: Command, perform: Perform): void {
  const description = "train the student of a recipe with settings drawn at random, and find the best on validation images";
  const verb = addVerb(program, "search", description, "search --recipe recipe.json --trials 20 --batches 50")
    .option("--recipe <file>", RECIPE_HELP)
    .option("--trials <count>", "how many settings to try (default: 20; --resume takes it from the search, and may be given more)", wholeNumber(1, MOST_TRIALS))
    .option("--batches <count>", "batches of each trial, or all of its epochs (default: 50)", batchesOf)
    .option("--over <key=range>", OVER_HELP, collect, []);
  addClusterOptions(addRunOptions(verb)).action((options: SearchOptions) => perform((session) => search(session, options)));
}

function batchesOf(text: string): number | "all" {
  if (text === "all") return text;
  try {
    return wholeNumber(1, 100_000_000)(text);
  } catch {
    throw new InvalidArgumentError(`expected a whole number from 1 on, or all, got "${text}"`);
  }
}

async function search(session: Session, options: SearchOptions): Promise<Outcome> {
  const { world } = session;
  checkClusterOptions(options);
  const { trials, batches, over } = options;
  const resume = options.resume ?? options.attach;
  const place = placeOf(world, options, "search");
  const recipe = await recipeOf(session, options, "search", place.out);
  // Before a folder is made.
  if (over.length > 0 || !resume) parseSpace(over.length > 0 ? over : defaultSpace(recipe), recipe);
  const asked = {
    ...(trials !== undefined && { trials }),
    ...(batches !== undefined && { batches: batches === "all" ? null : batches }),
    ...(over.length > 0 && { over }),
  };
  const more = [
    ...(trials === undefined ? [] : ["--trials", String(trials)]),
    ...(batches === undefined ? [] : ["--batches", String(batches)]),
    ...over.flatMap((text) => ["--over", text]),
  ];
  const command = (isRecorded: boolean) => resumingCommand(session.world, "search", options, isRecorded, more);
  if (!options.on && options.resume) warnOfJobs(session, place.out, world);
  const result = (await (options.on
    ? trainOnCluster(session, { kind: "search", recipe, out: place.out, resume: place.resume, search: asked }, options)
    : resumable(session, { kind: "search", recipe, search: asked, ...place }, command))) as SearchResult | null;
  if (result === null) return { json: { directory: place.out }, text: `Trials: ${shownPath(world, place.out)}` };
  return { json: result, text: searchText(result, world) };
}

const SHOWN = 10;

function searchText(result: SearchResult, world: World): string {
  const { trials, best, directory, report } = result;
  const left = trials.length - SHOWN;
  return [
    table([["", "validation accuracy", ...Object.keys(trials[0]!.settings)], ...ranked(trials).slice(0, SHOWN).map(trialRow)]),
    ...(left > 0 ? [`${count(left, "more trial")} in the report.`] : []),
    ...(best ? [bestText(result, best, world)] : ["Every trial diverged: search over smaller learning rates."]),
    cautions(result).join("\n"),
    `Trials: ${shownPath(world, directory)}\nReport: ${shownPath(world, report)}`,
  ].join("\n\n");
}

function trialRow({ trial, valAcc, settings }: SearchResult["trials"][number]): string[] {
  return [`trial ${trial}`, valAcc === null ? "diverged" : percent(valAcc), ...Object.values(settings).map(textOfValue)];
}

function bestText({ trials, bestRecipe }: SearchResult, { trial, valAcc, testAcc, settings }: NonNullable<SearchResult["best"]>, world: World): string {
  const recipe = bestRecipe!;
  const ties = trials.filter((other) => other.trial !== trial && other.valAcc === valAcc).length;
  const flags = assignmentsOf(settings).flatMap((assignment) => ["--set", assignment]);
  return [
    `Trial ${trial} is the best${ties === 0 ? "" : `, though ${ties === 1 ? "another trial" : `${ties} others`} classified as many validation images correctly`}${testAcc === null ? "" : `; of the test images, which chose nothing, it classifies ${percent(testAcc)} correctly`}. Its settings:`,
    `  ${shellWords(flags)}`,
    `${shownPath(world, recipe)} is the recipe with them. It trains to its end, also on the images that were held back here. Compare with:`,
    `  ${shellWords([...world.program, "compare", "--recipe", shownPath(world, recipe)])}`,
  ].join("\n");
}
