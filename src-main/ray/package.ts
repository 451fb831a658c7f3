/** What a job needs, in one archive that is uploaded once: the program, and the data and weights that recipes name. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { InputError } from "../contract/failure";
import type { Recipe } from "../contract/recipe";
import { pathsOf, resolvePaths, weightsIn } from "../contract/recipe-values";
import type { Entry } from "../disk/write-zip";
import type { RayHead } from "./head";
import { CUDA_PROBE } from "./messages";
import { zipOf } from "./zip";

/** Below what a head keeps of a package, 512 MiB, and what fits into its memory. */
const MOST_BYTES = 500e6;

/** Of the program's folder. Tests of the command line know that this is enough. */
const PROGRAM = [
  "out/cli/distill.cjs",
  "out/engine/engine.cjs",
  "out/ray/job.cjs",
  "native/build/Release/distill_core.node",
  "package.json",
  "node_modules/sharp",
  "node_modules/@img",
  "node_modules/detect-libc",
  "node_modules/semver",
];

/** The kernels for GPUs, which `npm run cuda` builds. */
const CUDA_LIBRARY = "native/build/Release/libdistill_cuda.so";

/** Where the jobs find Node. pip: Ray installs it from PyPI; ship: this computer's goes along; else a path on the cluster. */
export type NodeFrom = "pip" | "ship" | (string & {});

export interface Packing {
  /** The folder of this program. */
  root: string;
  recipe: Recipe;
  /** Where the cluster itself has the data; null: they are packed. */
  dataThere: string | null;
  node: NodeFrom;
}

export interface Packed {
  /** Named by what it holds. */
  name: string;
  bytes: number;
  entries: readonly Entry[];
  /** The place of each local path of the recipe on the cluster. */
  places: ReadonlyMap<string, string>;
}

/** An empty file, unpacked after all others: where it is, they are whole. */
export const LAST_ENTRY = "unpacked";

/** Throws an InputError if that is more than a head takes, or of another system than a cluster's. */
export function pack({ root, recipe, dataThere, node }: Packing): Packed {
  if (process.platform !== "linux")
    throw new InputError(`--on: jobs run the program of this computer, which is built for ${process.platform}: submit them from Linux, as clusters run Linux`);
  if (node === "ship" && process.versions.electron)
    throw new InputError(
      "--job-node ship: an installed app has no Node to send: leave it out, so that jobs get one from PyPI, or name one on the cluster by its path",
    );
  const places = placesOf(recipe, dataThere);
  const sources = [
    ...PROGRAM.map((name) => ({ from: path.join(root, name), to: name })),
    ...assetsOf(recipe).map((name) => ({ from: assetIn(root, name), to: name })),
    ...[...places].filter(([, to]) => to !== dataThere).map(([from, to]) => ({ from, to })),
    ...(node === "ship" ? [{ from: process.execPath, to: "node" }] : []),
  ];
  if (recipe.device === "cuda") sources.push(...cudaFiles(root));
  const files = sources.flatMap(({ from, to }) => filesAt(from, to)).sort((a, b) => (a.to < b.to ? -1 : 1));
  const bytes = files.reduce((sum, { from }) => sum + statSync(from).size, 0);
  if (bytes > MOST_BYTES)
    throw new InputError(
      `program, data and weights have ${Math.round(bytes / 1e6)} MB, and a cluster's head keeps at most ${MOST_BYTES / 1e6}: put the data in a folder that all its nodes see, or as an archive on a web server, and name that with --data-there`,
    );
  const entries = [...files.map(({ from, to }) => ({ name: to, bytes: readFileSync(from) })), { name: LAST_ENTRY, bytes: Buffer.alloc(0) }];
  return { name: `_ray_pkg_${contentName(entries)}.zip`, bytes, entries, places };
}

/** Uploads it, unless the head has it. */
export async function upload(head: RayHead, { name, entries }: Packed, onUpload: (bytes: number) => void): Promise<void> {
  const at = `/api/packages/gcs/${name}`;
  if ((await head.send("GET", at)).status !== 404) return;
  const zip = await zipOf(entries);
  onUpload(zip.length);
  await head.send("PUT", at, zip);
}

/** The recipe as a job gets it. */
export const recipeThere = (recipe: Recipe, places: ReadonlyMap<string, string>): Recipe => resolvePaths(recipe, (local) => places.get(local) ?? local);

/** Throws an InputError if there are no kernels for GPUs. */
function cudaFiles(root: string): { from: string; to: string }[] {
  const library = process.env.DISTILL_CUDA_LIBRARY ?? path.join(root, CUDA_LIBRARY);
  if (!existsSync(library))
    throw new InputError(
      `device "cuda": ${library} is missing, so jobs would have no kernels for GPUs. Build it with npm run cuda, which needs nvcc of the CUDA toolkit and no GPU, or let jobs train on processors, with --set device=cpu`,
    );
  return [
    { from: library, to: CUDA_LIBRARY },
    { from: path.join(root, CUDA_PROBE), to: CUDA_PROBE },
  ];
}

/** A folder for each: names of files may mean something, as the ending of weights does. */
function placesOf(recipe: Recipe, dataThere: string | null): Map<string, string> {
  const local = [...new Set(pathsOf(recipe).map((each) => each.path))].filter((each) => !each.startsWith("hf:"));
  return new Map(
    local.map((each, i) => {
      if (each === recipe.data.path && dataThere !== null) return [each, dataThere];
      if (!existsSync(each)) throw new InputError(`${each} does not exist, and the recipe names it: it cannot be sent to the cluster`);
      return [each, `input/${i}/${path.basename(each)}`];
    }),
  );
}

/** An installed app has them beside the archive of its program. */
const assetIn = (root: string, name: string): string =>
  [root, path.dirname(root)].map((each) => path.join(each, name)).find(existsSync) ?? path.join(root, name);

/** Of the data and weights that come with the program, those that are used. */
function assetsOf(recipe: Recipe): string[] {
  const usesWeights = weightsIn(recipe).includes("bundled");
  return [...(recipe.data.path === "bundled" ? ["assets/cifar-10-sample"] : []), ...(usesWeights ? ["assets/teacher"] : [])];
}

function filesAt(from: string, to: string): { from: string; to: string }[] {
  if (!existsSync(from)) throw new InputError(`${from} is missing: jobs need it; build or install this program again`);
  if (!statSync(from).isDirectory()) return [{ from, to }];
  return readdirSync(from).flatMap((name) => filesAt(path.join(from, name), `${to}/${name}`));
}

function contentName(entries: readonly Entry[]): string {
  const hash = createHash("sha256");
  for (const { name, bytes } of entries) hash.update(`${name}\0${bytes.length}\0`).update(bytes);
  return hash.digest("hex").slice(0, 20);
}
