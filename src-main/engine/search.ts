/** A random search (Bergstra and Bengio 2012) as a sweep: one arm after the other, with settings that are drawn, judged on validation images. */

import { InputError } from "../contract/failure";
import type { NoticeBody } from "../contract/notices";
import type { Recipe } from "../contract/recipe";
import { decidingDifference } from "../contract/recipe-values";
import type { RunResult, SearchRequest, SearchResult, TrialResult } from "../contract/run";
import { ranked } from "../contract/search";
import { defaultSpace, parseSpace, type Sample, withSample } from "../contract/search-space";
import { sameValue, textOfValue } from "../contract/setting";
import { dataInfo } from "../data/data-info";
import { readableEpochs } from "../runs/reader";
import { writeSearchReport } from "../runs/report/search-page";
import { readRequest, trialFolder } from "../runs/request";
import { readTrials, writeBestRecipe, writeSearch } from "../runs/search";
import { drawTrial } from "../training/trials";
import type { Member, Sweep } from "./sweep";

/** The article's number of trials, and of batches in each. */
const TRIALS = 20;
const BATCHES = 50;

interface Asking {
  out: string;
  resume: boolean;
  recipe: Recipe;
  search?: { [Name in keyof SearchRequest]?: SearchRequest[Name] | undefined };
}

/**
 * What a search is asked for: what its folder says, if it is resumed, with more trials if more are asked for. Throws an InputError if it began otherwise, and a
 * UsageError if the settings cannot be searched.
 */
export function askedOf({ out, resume, recipe, search = {} }: Asking): SearchRequest {
  const begun = resume ? readRequest(out) : null;
  if (resume && !begun?.search) throw new InputError(`${out} holds no search: expected a folder that the verb search made`);
  const asked = {
    trials: search.trials ?? begun?.search?.trials ?? TRIALS,
    batches: search.batches === undefined ? (begun?.search ?? { batches: BATCHES }).batches : search.batches,
    over: search.over ?? begun?.search?.over ?? defaultSpace(recipe),
  };
  parseSpace(asked.over, recipe);
  if (begun?.search) expectSameSearch(out, { ...begun, search: begun.search }, { recipe, search: asked });
  return asked;
}

interface Asked {
  recipe: Recipe;
  search: SearchRequest;
}

function expectSameSearch(directory: string, begun: Asked, now: Asked): void {
  const refused = (was: string, is: string) =>
    new InputError(`${directory} was begun with ${was}, and now ${is}: resume it as it was, or search in another folder`);
  const key = decidingDifference(begun.recipe, now.recipe);
  if (key) throw refused(`another ${key}`, "the recipe says something else");
  const [was, is] = [begun.search, now.search];
  if (was.batches !== is.batches) throw refused(`${was.batches ?? "all"} batches a trial`, `${is.batches ?? "all"} are asked for`);
  if (was.over.join() !== is.over.join()) throw refused(`--over ${was.over.join(" --over ")}`, `--over ${is.over.join(" --over ")} is asked for`);
  if (was.trials > is.trials) throw refused(`${was.trials} trials`, `${is.trials} are asked for; more are possible, fewer are not`);
}

/**
 * The trials of a search. Each is written to search.json as soon as it has ended; those that it holds are not trained again. A trial whose loss diverged is a result;
 * other failures end the search.
 */
export async function searchTrials(directory: string, recipe: Recipe, search: SearchRequest, say: (text: string) => void): Promise<Sweep> {
  const { images, held } = await judgesOf(recipe);
  say(`Searching over ${search.over.join(", ")}.`);
  if (recipe.data.validation === null)
    say(
      held === null
        ? `The ${images} validation images of the data judge the trials; test images choose nothing.`
        : `${images} of the training images are held back to judge the trials by; test images choose nothing. Set data.validation for another number.`,
    );
  const axes = parseSpace(search.over, recipe);
  const samples = Array.from({ length: search.trials }, (_, i) => drawTrial(axes, recipe.train.seed, i + 1));
  const children = samples.map((sample, i): Member => {
    const trial = i + 1;
    const name = `trial ${trial}`;
    return { kind: "trial", recipe: trialRecipe(recipe, sample, search, held), directory: trialFolder(directory, trial), name, words: wordsOf(name, sample) };
  });
  const known = readTrials(directory);
  const done: TrialResult[] = [];
  const resultSoFar = () => ({ directory, asked: search, images, trials: done, best: bestOf(done) });
  return {
    directory,
    request: { recipe, seeds: 1, labels: null, search },
    children,
    async trainWith(member, train) {
      const index = children.indexOf(member);
      const begun = { trial: index + 1, directory: member.directory, settings: samples[index]! };
      const earlier = known.find(({ trial, settings }) => trial === begun.trial && sameSample(settings, begun.settings));
      const result = earlier ?? { ...begun, ...(await judged(member, train)) };
      done.push(result);
      writeSearch(resultSoFar());
      return result;
    },
    summarize: () => summarizeSearch(resultSoFar(), recipe),
  };
}

/**
 * How many images judge the trials, and how many training images are held back for that: as many as the recipe says, none where the data has validation images of
 * its own, or otherwise a tenth, and at least one of each class.
 */
async function judgesOf({ data }: Recipe): Promise<{ images: number; held: number | null }> {
  if (data.validation !== null) return { images: data.validation, held: data.validation };
  const { train, validation, classes } = await dataInfo(data, 0);
  if (validation) return { images: validation.count, held: null };
  const share = Math.max(classes.length, Math.floor(Math.min(train.count, data.trainLimit ?? train.count) / 10));
  return { images: share, held: share };
}

function trialRecipe(recipe: Recipe, sample: Sample, { batches }: SearchRequest, validation: number | null): Recipe {
  const own = withSample(recipe, sample);
  return { ...own, control: null, data: { ...own.data, validation }, train: { ...own.train, batches: batches ?? own.train.batches } };
}

function wordsOf(name: string, sample: Sample): string {
  return [name, ...Object.entries(sample).map(([key, value]) => `${key} ${textOfValue(value)}`)].join(", ");
}

const sameSample = (a: Sample, b: Sample) => Object.keys(a).length === Object.keys(b).length && Object.keys(b).every((key) => sameValue(a[key], b[key]));

/** What a trial reached on the validation images after its last batch. */
async function judged({ directory }: Member, train: () => Promise<RunResult>): Promise<Pick<TrialResult, "valAcc" | "valLoss">> {
  try {
    await train();
    const { valAcc, valLoss } = readableEpochs(directory).records.at(-1)!;
    return { valAcc, valLoss };
  } catch (error) {
    if ((error as { code?: unknown }).code !== "DIVERGED") throw error;
    return { valAcc: null, valLoss: null };
  }
}

/** Whatever the number of trials, one accuracy on the test images is told. */
function bestOf(trials: readonly TrialResult[]): SearchResult["best"] {
  const best = ranked(trials).find(({ valAcc }) => valAcc !== null);
  return best ? { ...best, testAcc: readableEpochs(best.directory).records.at(-1)?.testAcc ?? null } : null;
}

/** The best recipe has neither the batches of the trials nor the validation images that the search held back: those of the recipe stay. */
function summarizeSearch(found: Omit<SearchResult, "bestRecipe" | "report">, recipe: Recipe): SearchResult {
  const { directory, best } = found;
  const bestRecipe = best && writeBestRecipe(directory, withSample(recipe, best.settings));
  return { ...found, bestRecipe, report: writeSearchReport(found, recipe) };
}

/**
 * A notice as the watchers of a search get it; null if what it says of one trial was said of another. Test accuracies are left out: they choose nothing, and
 * would tempt to.
 */
export function shownInSearch(notice: NoticeBody, before: readonly NoticeBody[]): NoticeBody | null {
  if (notice.type === "epoch") return { ...notice, record: { ...notice.record, testAcc: null, testLoss: null, emaAcc: null, emaLoss: null } };
  const isText = notice.type === "warning" || notice.type === "note";
  return isText && before.some((each) => each.type === notice.type && each.text === notice.text) ? null : notice;
}
