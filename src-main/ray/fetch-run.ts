/** Brings the files of a run back from a cluster. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { InputError } from "../contract/failure";
import type { Recipe } from "../contract/recipe";
import { assign, isObject, pathsOf, valueAt } from "../contract/recipe-values";
import { END_FILES } from "../contract/run-folder";
import { makeFolder } from "../disk/make-folder";
import { isFullDisk, naming, OpenFile } from "../disk/open-file";
import { partialOf, putInPlace, writeWhole } from "../disk/write-whole";
import { type RayHead, Unreachable } from "./head";
import type { FilesMessage, SentFile } from "./messages";

const TRIES = 3;

/**
 * Fetches all of them into a folder, each checked by its hash; what is there already and right stays. A file that cannot be written is an InputError, one that comes
 * otherwise than it was sent an `Unreachable`.
 */
export async function fetchRun(head: RayHead, node: string, { folder, files }: FilesMessage, directory: string, recipe: Recipe): Promise<void> {
  const sizeOf = (some: readonly SentFile[]) => `${(some.reduce((sum, { size }) => sum + size, 0) / 1e6).toFixed(1)} MB`;
  // What says that the run is finished comes last: until then, an interrupted fetch is gone on with.
  const isEnd = (file: SentFile) => END_FILES.some((name) => name === file.path);
  const inTurn = [...files.filter((file) => !isEnd(file)), ...files.filter(isEnd)];
  for (const [i, file] of inTurn.entries()) {
    const to = within(directory, file.path);
    try {
      naming(to, "written", () => makeFolder(path.dirname(to)));
      if (!isThere(to, file)) await fetchFile(head, node, `${folder}/${file.path}`, to, file);
      if (/(^|\/)(recipe|request)\.json$/.test(file.path)) pointHome(to, recipe);
    } catch (error) {
      if (!isFullDisk(error)) throw error;
      const lacking = `this run has ${sizeOf(files)}, of which ${sizeOf(inTurn.slice(i))} are still to come. They stay on the cluster until they are here`;
      throw new InputError(`${(error as Error).message}: ${lacking}`, { cause: error });
    }
  }
}

/** The cluster says what the files are called. */
function within(directory: string, name: string): string {
  const to = path.join(directory, name);
  if (path.isAbsolute(name) || path.relative(directory, to).startsWith(".."))
    throw new InputError(`the cluster sends a file "${name}", which is not below the run's folder`);
  return to;
}

function isThere(to: string, { size, sha256 }: SentFile): boolean {
  if (!existsSync(to)) return false;
  const bytes = readFileSync(to);
  return bytes.length === size && createHash("sha256").update(bytes).digest("hex") === sha256;
}

async function fetchFile(head: RayHead, node: string, name: string, to: string, sent: SentFile): Promise<void> {
  const query = new URLSearchParams({ node_id: node, filename: name, lines: "-1", timeout: "600" });
  for (let tried = 1; ; tried++) {
    const problem = await fetchOnce(head, `/api/v0/logs/file?${query}`, to, sent);
    if (problem === null) return;
    if (tried === TRIES) throw new Unreachable(`${name} did not come from the cluster as it was sent: ${problem}`);
  }
}

/** null if it is whole and in its place. */
async function fetchOnce(head: RayHead, from: string, to: string, { size, sha256 }: SentFile): Promise<string | null> {
  const response = await head.open("GET", from);
  const hash = createHash("sha256");
  let received = 0;
  const partial = partialOf(to);
  const file = new OpenFile(to, "w", partial);
  try {
    for await (const piece of response) {
      hash.update(piece as Buffer);
      received += (piece as Buffer).length;
      file.write(piece as Buffer);
    }
    file.sync();
  } catch (error) {
    rmSync(partial, { force: true });
    if (error instanceof InputError) throw error;
    return (error as Error).message;
  } finally {
    file.close();
  }
  if (response.statusCode !== 200 || received !== size || hash.digest("hex") !== sha256) {
    rmSync(partial, { force: true });
    return `status ${response.statusCode}, ${received} of ${size} bytes`;
  }
  putInPlace(partial, to);
  return null;
}

/** In its recipe, data and weights are where this computer has them. */
function pointHome(file: string, recipe: Recipe): void {
  const content: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (!isObject(content) || !isObject(content.recipe)) return;
  const { recipe: there } = content;
  // A control has no teacher.
  const moved = pathsOf(recipe).filter(({ key, path }) => ![path, undefined, null].includes(valueAt(there as unknown as Recipe, key) as string));
  for (const { key, path } of moved) assign(there, key.split("."), path);
  if (moved.length > 0) writeWhole(file, `${JSON.stringify(content, null, 2)}\n`);
}
