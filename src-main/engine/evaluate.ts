/** Evaluates networks side by side: on labelled test images, or on images of which nobody has said what they show. */
import { existsSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import type { EvaluateResult, ModelAnswers, ModelPair, ModelScores } from "../contract/answers";
import { calibration, classFigures, confusionMatrix, type Judged, judge, mostLikely, topK } from "../contract/classification";
import type { EvaluateRequest } from "../contract/engine";
import { InputError, UsageError } from "../contract/failure";
import type { NoticeBody } from "../contract/notices";
import { seenInWords } from "../contract/seen";
import { softmax } from "../contract/softmax";
import { mcNemar, mean } from "../contract/statistics";
import type { Split } from "../data/dataset";
import { leftOutFile } from "../data/folder/left-out";
import { shownPath } from "../data/folder/names";
import { type KnownNames, openTestData, type TestSource } from "../data/open-dataset";
import { type UnlabelledFiles, unlabelledImages } from "../data/unlabelled-folder";
import { UnreadableImages } from "../data/unreadable";
import { shortestName } from "../disk/shortest-name";
import { runFiles } from "../runs/files";
import { readHeader } from "../runs/header";
import { runFolders } from "../runs/reader";
import { fittedTo, listed, rowsOf } from "../training/classes";
import { evaluate } from "../training/evaluate";
import { loadNetwork, type TrainedNetwork, type TrainedNetworkOptions } from "../training/network";
import { fetchNamed } from "./hub";
import { withModel } from "./named-model";
import { seenTestImages } from "./origins";
import { logitsOfFile, numbered, warnOf } from "./predict";
import { type RunData, testSourceOf } from "./test-source";

type Notify = (notice: NoticeBody) => void;

/** A network to evaluate, by the name under which results show it. */
interface Chosen {
  name: string;
  options: TrainedNetworkOptions;
  /** The folder of the comparison of which it is an arm; null if it is none. Arms of different comparisons are not compared. */
  comparison: string | null;
}
interface Loaded extends Chosen {
  network: TrainedNetwork;
}

/** `yieldPoint` is awaited between batches. */
export async function evaluateOnData(request: EvaluateRequest, yieldPoint: () => Promise<void>, notify: Notify): Promise<EvaluateResult> {
  const runs = request.runs.map((directory) => networksOfRun(directory, request.runs.length > 1));
  const ofRuns = onlyOnce(runs.flatMap(({ networks }) => networks));
  if (request.models.length + ofRuns.length === 0) throw new UsageError("evaluate: expected at least one model, or the folder of a run");
  const fetched = await fetchNamed(
    [...request.models, ...ofRuns.map(({ options }) => options)].map(({ weights }) => weights),
    notify,
  );
  for (const text of fetched.notes) notify({ type: "note", text });
  const models = request.models.map((asked) => withModel(asked, fetched(asked.weights), notify));
  const chosen = [...models.map((options): Chosen => ({ name: nameOf(options, models), options, comparison: null })), ...ofRuns];
  const loaded: Loaded[] = [];
  try {
    for (const each of chosen) loaded.push({ ...each, network: loadNetwork({ ...each.options, weights: fetched(each.options.weights) }) });
    const names = loaded.flatMap(({ network }) => (network.classes ? [network.classes] : []))[0] ?? null;
    const known = names && { names, rowsOf: (classes: readonly string[]) => rowsOf(names, classes) };
    const areClasses = (folders: readonly string[]) =>
      known ? known.rowsOf(folders).some((row) => row !== -1) : folders.length === loaded[0]!.network.model.classes;
    const { data, format, skipUnreadable = false } = request;
    // The data of a run have labels.
    const images = data !== null && data !== "bundled" && format === "auto" ? await unlabelledImages(data, areClasses) : null;
    if (images) sayOf(loaded, notify);
    if (images) return await onUnlabelled(loaded, images, skipUnreadable, yieldPoint, notify);
    return await onLabelled(loaded, await testSourceOf(request, runs[0] ?? null, loaded, notify), known, yieldPoint, notify);
  } finally {
    for (const { network } of loaded) network.model.release();
  }
}

/** Once, what was assumed about all of them. */
function sayOf(loaded: readonly Loaded[], notify: Notify): void {
  const said = new Set<string>();
  for (const { network } of loaded)
    warnOf(network, (notice) => {
      if (!("text" in notice) || said.has(notice.text)) return;
      said.add(notice.text);
      notify(notice);
    });
}

// ---- Which networks ---------------------------------------------------------------------------------------------------------------

/** The students of a run, a comparison or a sweep, and the teachers that they had. Throws an InputError if one is not finished. */
function networksOfRun(directory: string, isOneOfSeveral: boolean): { networks: Chosen[] } & RunData {
  const folders = runFolders(directory);
  if (folders.length === 0) throw new InputError(`${directory} holds no run: expected a run, a comparison, or several of them`);
  const heads = folders.map((folder) => ({ folder, ...readHeader(folder) }));
  const networks = heads.map(({ folder, arm, recipe, normalization }): Chosen => {
    const { weights } = runFiles(folder);
    if (!existsSync(weights)) throw new InputError(`${folder} has no weights yet: expected ${weights}, which a finished run has`);
    const { model, imageSize, patchSize } = recipe.student;
    const inside = relative(directory, folder) || basename(folder);
    const name = isOneOfSeveral && inside !== basename(folder) ? `${basename(directory)}/${inside}` : inside;
    return {
      name,
      options: { model, weights, imageSize, patchSize: patchSize ?? undefined, ...normalization?.student },
      comparison: arm === "single" ? null : dirname(folder),
    };
  });
  const teachers = heads.flatMap(({ recipe: { teacher, distillation }, normalization }): Chosen[] =>
    teacher && distillation ? [{ name: "teacher", options: { ...teacher, ...normalization?.teacher }, comparison: null }] : [],
  );
  return { networks: [...networks, ...teachers], directory, data: heads[0]!.recipe.data };
}

/** The teacher of several comparisons is one network. */
function onlyOnce(chosen: readonly Chosen[]): Chosen[] {
  const identity = ({ options }: Chosen) => JSON.stringify(options);
  return chosen.filter((each, i) => chosen.findIndex((other) => identity(other) === identity(each)) === i);
}

function nameOf({ model, weights }: TrainedNetworkOptions, models: readonly TrainedNetworkOptions[]): string {
  const alike = models.filter((other) => other.model === model).map((other) => other.weights);
  return alike.length === 1 ? model : `${model} (${shortestName(weights, alike)})`;
}

// ---- On labelled images -----------------------------------------------------------------------------------------------------------

const BATCH = 128;
/** So many of the most confident wrong answers are named. */
const MISTAKES = 10;

async function onLabelled(
  loaded: readonly Loaded[],
  source: TestSource,
  known: KnownNames | null,
  yieldPoint: () => Promise<void>,
  notify: Notify,
): Promise<EvaluateResult> {
  const storeSize = Math.max(...loaded.map(({ network }) => network.model.imageSize));
  const data = await openTestData(source, known, { storeSize, onNote: (text) => notify({ type: "note", text }) });
  try {
    const { test, classes } = data;
    for (const said of data.said) notify(said);
    for (const each of loaded) each.network = fittedTo(each.network, classes, `the model (${each.options.weights})`);
    sayOf(loaded, notify);
    const answers: Judged[][] = [];
    const models: ModelAnswers[] = [];
    for (const { name, options, network } of loaded) {
      notify({ type: "phase", text: `Testing ${name} on ${test.count} images` });
      const judged: Judged[] = [];
      const K = classes.length;
      const onAnswers = (indices: Int32Array, probabilities: Float64Array) => {
        for (const [n, index] of indices.entries()) judged.push(judge(test.labels[index]!, probabilities.subarray(n * K, (n + 1) * K)));
      };
      const { loss, seconds } = await evaluate(network, test, { batchSize: BATCH, precision: "fp32", yieldPoint, onAnswers });
      if (!Number.isFinite(loss)) throw new InputError(`${options.weights}: the answers are not numbers; the weights come from a training run that failed`);
      answers.push(judged);
      const { model, weights } = options;
      const seen = network.origin && (await seenTestImages(network.origin, test, (n) => judged[n]!.rank === 0));
      if (seen) for (const text of seenInWords(name, { test: seen }, false)) notify({ type: "warning", text });
      models.push({ name, model, weights, imagesPerSecond: test.count / seconds, scores: scoresOf(judged, loss, test, classes), seen });
    }
    const { path, drawn } = data;
    return {
      images: test.count,
      tested: { path, drawn },
      classes: [...classes],
      models,
      pairs: pairsOf(loaded, answers),
      predictions: null,
      leftOut: data.leftOut.map(leftOutFile),
    };
  } finally {
    data.release();
  }
}

/** What a network's answers to the test images say of it; `loss`: their cross-entropy. */
export function scoresOf(answers: readonly Judged[], loss: number, test: Pick<Split, "files">, classes: readonly string[]): ModelScores {
  const confusion = confusionMatrix(answers, classes.length);
  const { error, bins } = calibration(answers);
  return {
    accuracy: topK(answers, 1),
    top5: topK(answers, 5),
    loss,
    perClass: classFigures(confusion).map((figures, label) => ({ name: classes[label]!, accuracy: figures.recall ?? 0, ...figures })),
    confusion,
    calibrationError: error,
    reliability: bins,
    mistakes: answers
      .map((answer, index) => ({ ...answer, index }))
      .filter(({ rank }) => rank > 0)
      .sort((a, b) => b.confidence - a.confidence || a.index - b.index)
      .slice(0, MISTAKES)
      .map(({ index, label, predicted, confidence }) => ({
        image: test.files?.[index] ?? String(index),
        class: classes[label]!,
        predicted: classes[predicted]!,
        confidence,
      })),
  };
}

function pairsOf(loaded: readonly Loaded[], answers: readonly (readonly Judged[])[]): ModelPair[] {
  return inPairs(loaded).map(([i, j]) => {
    const both = answers[i]!.map((first, n) => [first, answers[j]![n]!] as const);
    const count = (firstIsRight: boolean) =>
      both.filter(([first, second]) => (first.rank === 0) === firstIsRight && (second.rank === 0) !== firstIsRight).length;
    const [onlyFirst, onlySecond] = [count(true), count(false)];
    return {
      first: loaded[i]!.name,
      second: loaded[j]!.name,
      agreement: mean(both.map(([first, second]) => (first.predicted === second.predicted ? 1 : 0))),
      onlyRight: [onlyFirst, onlySecond],
      mcNemar: mcNemar(onlyFirst, onlySecond),
    };
  });
}

/** Those of which both are arms of one comparison, or one is an arm of none. */
function inPairs(chosen: readonly Chosen[]): [number, number][] {
  const pairs = chosen.flatMap((_, i) => chosen.slice(i + 1).map((_, k): [number, number] => [i, i + 1 + k]));
  return pairs.filter(([i, j]) => {
    const [first, second] = [chosen[i]!.comparison, chosen[j]!.comparison];
    return first === null || second === null || first === second;
  });
}

// ---- On images without labels -----------------------------------------------------------------------------------------------------

async function onUnlabelled(
  loaded: readonly Loaded[],
  { folder, files, leftOut, said }: UnlabelledFiles,
  skipUnreadable: boolean,
  yieldPoint: () => Promise<void>,
  notify: Notify,
): Promise<EvaluateResult> {
  const [first, ...others] = loaded as [Loaded, ...Loaded[]];
  const classes = loaded.flatMap(({ network }) => (network.classes ? [network.classes] : []))[0] ?? numbered(first.network.model.classes);
  const other = others.find(({ network }) => network.model.classes !== first.network.model.classes);
  if (other)
    throw new InputError(
      `${first.name} distinguishes ${first.network.model.classes} classes, and ${other.name} ${other.network.model.classes}: evaluate models with the same classes side by side`,
    );
  for (const each of said) notify(each);
  const lie = files.length === 1 ? "the one image lies" : `the ${files.length} images lie`;
  const place =
    foldersOf(files).length === 0
      ? "in no class folders"
      : `in folders of other names (${listed(foldersOf(files))}) than the network's classes (${listed(classes)})`;
  notify({ type: "note", text: `${lie} ${place}, so there are predictions alone, and nothing says which are right` });
  const seconds = loaded.map(() => 0);
  const predictions: NonNullable<EvaluateResult["predictions"]> = [];
  const unreadable = new UnreadableImages();
  const answersTo = async (file: string) => {
    const image = { path: join(folder, file) };
    const answers = [];
    for (const [m, { network }] of loaded.entries()) {
      const started = performance.now();
      const probabilities = softmax(await logitsOfFile(network, image));
      seconds[m]! += (performance.now() - started) / 1000;
      const predicted = mostLikely(probabilities);
      answers.push({ predicted: classes[predicted]!, confidence: probabilities[predicted]! });
    }
    return answers;
  };
  for (const file of files) {
    await yieldPoint();
    const answers = await unreadable.unless(file, () => answersTo(file));
    if (answers) predictions.push({ image: shownPath(file), answers });
  }
  const skipped = unreadable.settle(files.length, skipUnreadable);
  for (const each of skipped.said) notify(each);
  const images = predictions.length;
  return {
    images,
    tested: null,
    classes: [...classes],
    models: loaded.map(({ name, options: { model, weights } }, m) => ({
      name,
      model,
      weights,
      imagesPerSecond: images / seconds[m]!,
      scores: null,
      seen: null,
    })),
    pairs: inPairs(loaded).map(([i, j]) => ({
      first: loaded[i]!.name,
      second: loaded[j]!.name,
      agreement: mean(predictions.map(({ answers }) => (answers[i]!.predicted === answers[j]!.predicted ? 1 : 0))),
      onlyRight: null,
      mcNemar: null,
    })),
    predictions,
    leftOut: [...leftOut, ...skipped.leftOut].map(leftOutFile),
  };
}

/** The first folders of files below a folder. */
const foldersOf = (files: readonly string[]): string[] => [...new Set(files.flatMap((file) => (file.includes("/") ? [file.slice(0, file.indexOf("/"))] : [])))];
