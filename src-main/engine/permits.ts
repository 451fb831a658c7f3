/**
 * Which paths a page may name. It shows what others made and may be taken over; so the engine checks each path that comes from one before it
 * touches the file system, or asks the hub. Allowed are the runs folder, what the user chose in a dialog or dropped on the window, and, to read, what the
 * recipes of runs in the runs folder name: the user chose that when those runs began.
 */
import { dirname, isAbsolute, resolve } from "node:path";
import type { Method, Methods } from "../contract/engine";
import { InputError, UsageError } from "../contract/failure";
import { isHubPath } from "../contract/hub-path";
import type { Access } from "../contract/owner";
import type { Recipe } from "../contract/recipe";
import { pathsOf as recipePaths } from "../contract/recipe-values";
import { isThere, isWithin, isWithinReal, realPathOf } from "../disk/within";
import { readHeader } from "../runs/header";
import { runFolders } from "../runs/reader";
import { readRequest } from "../runs/request";

/**
 * What a method does with a path. reads: from the runs folder, a grant or a recipe. looks: into the runs folder. changes: something in the runs
 * folder. writes: a new file or folder in the runs folder, or what was granted for this.
 */
type Use = "reads" | "looks" | "changes" | "writes";
interface Named {
  use: Use;
  path: string;
}
/** For each parameter: null if it names no path. */
type Uses<Params> = { readonly [P in keyof Params]-?: Use | null | ((value: NonNullable<Params[P]>) => readonly Named[]) };

const reads = (path: string): Named => ({ use: "reads", path });

/** Lists every parameter of every method, so that the compiler misses one that is added. `bench` and `dataDownloadFrom` are refused to pages. */
const uses: { readonly [M in Method]: Uses<Methods[M]["params"]> } = {
  hello: { protocol: null },
  doctor: {},
  models: {},
  dataInfo: { path: "reads", format: null, thumbnailsPerClass: null, settings: null },
  dataDownload: { name: null, directory: "writes" },
  dataDownloadFrom: { name: null, directory: "writes", url: null },
  weightsDownload: { weights: "reads" },
  stopDownloads: {},
  start: {
    kind: null,
    recipe: (recipe) => pathsIn(recipe).map(reads),
    out: "changes",
    resume: null,
    seeds: null,
    labels: null,
    search: null,
    addSeeds: null,
    unique: null,
    takeOver: null,
  },
  plan: { kind: null, recipe: (recipe) => pathsIn(recipe).map(reads), out: "changes", seeds: null, addSeeds: null, labels: null, search: null, resume: null },
  watch: { run: null, from: null },
  control: { run: null, action: null },
  list: {},
  attach: { directory: "looks" },
  recipeOf: { directory: "looks", kind: null },
  binRun: { directory: "changes", runs: "looks" },
  restoreRun: { directory: "changes", runs: "looks" },
  deleteRun: { directory: "changes" },
  predict: {
    model: null,
    weights: "reads",
    images: (images) => images.filter(({ bytes }) => !bytes).map(({ path }) => reads(path)),
    imageSize: null,
    patchSize: null,
    classes: null,
    temperature: null,
    mean: null,
    std: null,
    withInput: null,
  },
  evaluate: {
    models: (models) => models.map(({ weights }) => reads(weights)),
    runs: (runs) => runs.map((path): Named => ({ use: "looks", path })),
    data: "reads",
    format: null,
    skipUnreadable: null,
    settings: null,
  },
  fitTeacher: {
    // What else it holds, and whether it is complete, is checked after this.
    data: ({ path, unlabelled }) => [path, unlabelled].filter((each) => typeof each === "string" && each !== "rest").map((each) => reads(each as string)),
    seed: null,
    from: "reads",
    model: null,
    imageSize: null,
    fineTune: null,
    out: "changes",
    unique: null,
  },
  checkTeacher: { model: null, weights: "reads", classes: null, data: (data) => (data ? [reads(data.path)] : []) },
  listTeachers: { directory: "looks" },
  listMade: { directory: "looks" },
  testTeacher: { model: null, weights: "reads", imageSize: null, path: "reads", format: null, settings: null, most: null },
  stopFitting: {},
  timeBackbone: { from: "reads", model: null, imageSize: null },
  timeRecipe: { recipe: null, classes: null },
  exportModel: {
    source: (source) => ["run" in source ? { use: "looks", path: source.run } : reads(source.weights)],
    format: null,
    options: null,
    out: "writes",
    replaces: null,
  },
  exportWeights: { weights: "reads", precision: null, out: "writes" },
  stopWriting: {},
  bench: { only: null, rounds: null, threads: null, python: null },
  listRuns: { directory: "looks" },
  aboutRun: { directory: "looks" },
  listFolders: { directory: "looks" },
  describeRun: { directory: "changes", name: null, note: null, baseline: null },
  readRun: { directory: "looks" },
  readCourse: { directory: "looks" },
  readEvidence: { directory: "looks" },
  seeds: { directory: "looks" },
  examples: { directory: "looks" },
  exampleAnswers: { directory: "looks", after: null },
  comparison: { directory: "looks" },
  shownBatch: { directory: "looks", batch: null, most: null },
  report: { runs: (runs) => runs.map((path): Named => ({ use: "looks", path })), format: null, out: "writes" },
};

/** Weights and data that come with the program. */
const BUNDLED = "bundled";

const REASONS: Record<Use, string> = {
  reads: "it is neither in the runs folder nor something that you chose: choose it in a dialog, or drop it on the window",
  looks: "it is not in the runs folder",
  changes: "it is not below the runs folder",
  writes: "it is neither a new name in the runs folder nor one that you chose in a dialog",
};

const HUB_REASON = "the hub is asked for no model that you did not allow: download it on the screen Data, under Teacher";

interface Grant {
  access: Access;
  /** Where links led when it was chosen: one that somebody puts there later leads nowhere new. */
  real: string | null;
}

export class Permits {
  readonly #granted = new Map<string, Grant>();
  readonly #runs: string;

  constructor(runsDirectory: string) {
    this.#runs = resolve(runsDirectory);
  }

  grant(path: string, access: Access): void {
    const key = isHubPath(path) ? path : resolve(path);
    const mayWrite = access === "write" || this.#granted.get(key)?.access === "write";
    this.#granted.set(key, { access: mayWrite ? "write" : "read", real: isHubPath(path) ? null : realPathOf(key) });
  }

  /** Throws a UsageError if the parameters, which have been checked otherwise, name a path that the page may not name. */
  expect<M extends Method>(method: M, params: Methods[M]["params"]): void {
    for (const { use, path } of pathsOf(method, params)) {
      if (!this.#allows(use, path)) throw new UsageError(`${method}: the window may not name ${path}: ${isHubPath(path) ? HUB_REASON : REASONS[use]}`);
    }
  }

  #allows(use: Use, path: string): boolean {
    if (use === "reads" && path === BUNDLED) return true;
    // Whoever takes over a page reaches no address with it but those that the user has named.
    if (isHubPath(path)) return use === "reads" && (this.#granted.has(path) || this.#isNamedByARun(path));
    if (!isPlain(path)) return false;
    switch (use) {
      case "reads":
        return isWithin(path, this.#runs) || this.#isGranted(path) || this.#isNamedByARun(path);
      case "looks":
        return isWithin(path, this.#runs);
      case "changes":
        return isBelow(path, this.#runs);
      case "writes":
        return this.#mayWrite(path) || (isBelow(path, this.#runs) && !isThere(path));
    }
  }

  #isGranted(path: string): boolean {
    return [...this.#granted].some(([granted, { real }]) => isWithinReal(path, granted, real));
  }

  /** This very file or folder, as long as it is where it was chosen. */
  #mayWrite(path: string): boolean {
    const grant = this.#granted.get(resolve(path));
    return grant?.access === "write" && isWithinReal(path, path, grant.real);
  }

  #isNamedByARun(path: string): boolean {
    return runFolders(this.#runs).some((directory) => pathsNamedBy(directory).some((named) => named === path || (isPlain(named) && isWithin(path, named))));
  }
}

function pathsOf<M extends Method>(method: M, params: Methods[M]["params"]): Named[] {
  const table: Uses<Methods[M]["params"]> = uses[method];
  return (Object.keys(table) as (keyof Methods[M]["params"])[]).flatMap((name): readonly Named[] => {
    const use = table[name];
    const value = params[name];
    if (use === null || value === undefined || value === null) return [];
    return typeof use === "function" ? use(value as NonNullable<typeof value>) : [{ use, path: value as string }];
  });
}

/** Data and weights that a recipe names. */
function pathsIn(recipe: Recipe): string[] {
  return recipePaths(recipe).map(({ path }) => path);
}

function pathsNamedBy(directory: string): string[] {
  // A comparison's student may not have begun yet. What checkpoints say does not count: a page may export weights under the name of one.
  const request = readRequest(dirname(directory));
  const asked = request ? pathsIn(request.recipe) : [];
  try {
    return [...asked, ...pathsIn(readHeader(directory).recipe)];
  } catch (error) {
    if (error instanceof InputError) return asked;
    throw error;
  }
}

// ---- Places -----------------------------------------------------------------------------------------------------------------------

/** Absolute, and without steps back: those depend on links on the way. */
const isPlain = (path: string): boolean => isAbsolute(path) && !path.includes("\0") && !path.split(/[\\/]/).includes("..");

const isBelow = (path: string, root: string): boolean => isWithin(path, root) && resolve(path) !== resolve(root);
