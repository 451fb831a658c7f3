/** Networks that may be the teacher of chosen data: which there are, and how good each is on the test images. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative } from "node:path";
import { mostLikely } from "../contract/classification";
import type { Methods } from "../contract/engine";
import { InputError } from "../contract/failure";
import { imageSizeOf } from "../contract/families";
import type { FittedTeacher, KnownTeacher, NamedTeacher } from "../contract/fitted-teacher";
import { isExact, parseHubPath } from "../contract/hub-path";
import { parseJson } from "../contract/json";
import { teachersOf } from "../contract/recipe-values";
import { seenInWords } from "../contract/seen";
import { toldApart } from "../contract/told-apart";
import { bundledTeacher, bundledTeachers } from "../data/assets";
import { openTestData } from "../data/open-dataset";
import type { Said } from "../data/said";
import { readText } from "../disk/open-file";
import { runFiles } from "../runs/files";
import { readHeader } from "../runs/header";
import { runFolders } from "../runs/reader";
import { teacherFiles } from "../runs/teacher";
import { fittedTo } from "../training/classes";
import { evaluate } from "../training/evaluate";
import { loadNetwork } from "../training/network";
import { withoutAsking } from "./hub";
import { seenTestImages } from "./origins";
import { sizeWarning } from "./teachers";

/** What comes with the program; and, newest first, what was made by `fitTeacher`, and what runs have trained and had as teachers. A folder that cannot be read is passed over. */
export function listTeachers(directory: string): KnownTeacher[] {
  const bundled = bundledTeachers
    .filter((model) => bundledTeacher(model) !== null)
    .map((model): KnownTeacher => ({ kind: "bundled", name: model, model, weights: "bundled", imageSize: imageSizeOf(model), made: null }));
  const found = [...madeTeachers(directory), ...runFolders(directory).flatMap(ofRun)];
  const all = found.sort((a, b) => (a.made! < b.made! ? 1 : -1));
  // The same file may be the teacher of many runs.
  const distinct = all.filter(({ model, weights }, i) => all.findIndex((other) => other.model === model && other.weights === weights) === i);
  const names = toldApart(
    distinct.map(({ name, seed, weights }) => ({ name, details: [seed === null ? null : `seed ${seed}`, placeBelow(directory, weights)] })),
  );
  return [...bundled, ...distinct.map(({ seed: _, ...teacher }, i): KnownTeacher => ({ ...teacher, name: names[i]! }))];
}

/** With the seed that it was trained with; null if none tells. */
type FoundTeacher = KnownTeacher & { seed: number | null };

/** Of the runs' folder, if the file lies in it. */
function placeBelow(directory: string, weights: string): string {
  const folder = relative(directory, dirname(weights));
  return folder.startsWith("..") || isAbsolute(folder) ? dirname(weights) : folder;
}

function madeTeachers(directory: string): FoundTeacher[] {
  if (!existsSync(directory)) return [];
  const folders = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders.flatMap(({ name }): FoundTeacher[] => {
    const { weights, figures } = teacherFiles(join(directory, name));
    const made = whenMade(weights);
    if (made === null) return [];
    return unlessRefused((): FoundTeacher[] => {
      const { teacher } = parseJson(readText(figures)) as FittedTeacher;
      return [{ kind: "made", name, model: teacher.model, imageSize: teacher.imageSize, weights, made, seed: null }];
    }, []);
  });
}

/** What a run has trained, and the teachers that it had from files which are still there. */
function ofRun(directory: string): FoundTeacher[] {
  return unlessRefused((): FoundTeacher[] => {
    const { recipe, arm } = readHeader(directory);
    const { weights } = runFiles(directory);
    const made = whenMade(weights);
    const { model, imageSize } = recipe.student;
    const name = arm === "single" ? recipe.name : `${recipe.name}: ${arm}`;
    const trained: FoundTeacher[] = made === null ? [] : [{ kind: "trained", name, model, imageSize, weights, made, seed: recipe.train.seed }];
    return [...trained, ...teachersOf(recipe).flatMap(usedTeacher)];
  }, []);
}

function usedTeacher({ model, weights, imageSize }: NamedTeacher): FoundTeacher[] {
  const isOnHub = isExact(weights);
  const made = isAbsolute(weights) ? whenMade(weights) : isOnHub ? unlessRefused(() => whenMade(withoutAsking(weights)), null) : null;
  const name = isOnHub ? parseHubPath(weights).repository : basename(weights);
  return made === null ? [] : [{ kind: "used", name, model, imageSize, weights, made, seed: null }];
}

/** null if there is no such file. */
function whenMade(file: string): string | null {
  return statSync(file, { throwIfNoEntry: false })?.mtime.toISOString() ?? null;
}

function unlessRefused<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof InputError || error instanceof TypeError || error instanceof SyntaxError) return otherwise;
    throw error;
  }
}

const BATCH = 128;

/** What `testTeacher` of the contract promises. `yieldPoint` is awaited between batches. */
export async function testTeacher(
  { model, weights, imageSize, path, format, settings, most }: Methods["testTeacher"]["params"],
  yieldPoint: () => Promise<void>,
): Promise<Methods["testTeacher"]["result"]> {
  let network = loadNetwork({ model, weights: withoutAsking(weights), imageSize });
  try {
    const limits = { trainLimit: null, testLimit: most };
    const source = { path, format, skipUnreadable: true, ...settings, ...limits, isWhole: false };
    const data = await openTestData({ ...source, skipUnreadable: true }, null, { storeSize: network.model.imageSize });
    try {
      network = fittedTo(network, data.classes, `the teacher (${weights})`);
      const { test } = data;
      const answers = new Int32Array(test.count);
      const K = data.classes.length;
      const onAnswers = (indices: Int32Array, probabilities: Float64Array) => {
        for (const [n, index] of indices.entries()) answers[index] = mostLikely(probabilities.subarray(n * K, (n + 1) * K));
      };
      const { accuracy, seconds } = await evaluate(network, test, { batchSize: BATCH, precision: "fp32", yieldPoint, onAnswers });
      const seen = network.origin && (await seenTestImages(network.origin, test, (n) => answers[n] === test.labels[n]));
      const size = sizeWarning(network);
      const warnings = [...(seen ? seenInWords("it", { test: seen }, true) : []), ...(size ? [size] : [])];
      const said: Said[] = [...warnings.map((text): Said => ({ type: "warning", text })), ...network.notes.map((text): Said => ({ type: "note", text }))];
      return { accuracy, images: test.count, secondsPerImage: seconds / test.count, said };
    } finally {
      data.release();
    }
  } finally {
    network.model.release();
  }
}
