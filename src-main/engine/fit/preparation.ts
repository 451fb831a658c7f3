/** What a teacher is made of: its folder, its data and its backbone. */
import { existsSync, rmdirSync } from "node:fs";
import { dirname } from "node:path";
import type { FitRequest } from "../../contract/engine";
import { InputError, Interrupted, UsageError } from "../../contract/failure";
import { bundledBackbone } from "../../contract/families";
import { isHubPath } from "../../contract/hub-path";
import { parseRecipe } from "../../contract/parse-recipe";
import type { DataSource } from "../../contract/recipe";
import { bundledBackboneFile } from "../../data/assets";
import type { Dataset } from "../../data/dataset";
import { openDataset } from "../../data/open-dataset";
import { makeFolder } from "../../disk/make-folder";
import { naming } from "../../disk/open-file";
import { teacherFiles } from "../../runs/teacher";
import { type Backbone, loadBackbone, modelOf } from "../../training/backbone";
import { fetchNamed } from "../hub";
import { expectOutside, expectWritable } from "../out-folder";
import { type Notify, TOLD_EVERY_MS } from "./notices";

/** The folder, which `claim` makes. */
export function placeOf({ out, unique }: Pick<FitRequest, "out" | "unique">, data: DataSource): string {
  expectWritable(out);
  expectOutside(data, out);
  if (unique)
    for (let number = 1; ; number++) {
      const folder = number === 1 ? out : `${out}-${number}`;
      if (!existsSync(folder)) return folder;
    }
  expectFree(out);
  return out;
}

/** Throws an InputError if a teacher's files are in the folder: also once its own are to be written, as another start may have been faster. */
export function expectFree(folder: string): void {
  const taken = Object.values(teacherFiles(folder)).find(existsSync);
  if (taken) throw new InputError(`${taken} already exists, and nothing is overwritten: choose another folder`);
}

/** Makes the folder before any work is done for it, and throws an InputError if it cannot be made. Returns how to take it back if nothing came of it. */
export function claim(folder: string): () => void {
  const made: string[] = [];
  for (let missing = folder; !existsSync(missing); missing = dirname(missing)) made.push(missing);
  naming(folder, "written", () => makeFolder(folder));
  return () => {
    try {
      for (const each of made) rmdirSync(each);
    } catch {
      // Something lies in it.
    }
  };
}

export async function openBackbone(
  { from, model, imageSize }: Pick<FitRequest, "from" | "model" | "imageSize">,
  notify: Notify,
  signal?: AbortSignal,
): Promise<Backbone> {
  const fetched = await fetchNamed([isHubPath(from) ? from : null], notify, signal);
  for (const text of fetched.notes) notify({ type: "note", text });
  const weights = from === "bundled" ? bundledFile() : fetched(from);
  const found = model ? { model, note: null } : modelOf(weights, from);
  if (found.note) notify({ type: "note", text: found.note });
  const backbone = loadBackbone({ model: found.model, weights, imageSize: imageSize ?? (from === "bundled" ? bundledBackbone.imageSize : null) });
  for (const text of backbone.notes) notify({ type: "note", text });
  if (backbone.assumption) notify({ type: "warning", text: backbone.assumption });
  return backbone;
}

function bundledFile(): string {
  const file = bundledBackboneFile();
  if (file) return file;
  throw new InputError("this copy of the program came without a backbone: name a weights file in its place");
}

/** Decodes the images for a backbone. `seed`: draws those that keep their labels, where not all do. */
export async function readData(source: DataSource, seed: number, { model }: Backbone, notify: Notify, signal: AbortSignal): Promise<Dataset> {
  const expectGoing = () => {
    if (signal.aborted) throw new Interrupted("stopped on request");
  };
  notify({ type: "phase", text: "Reading the images" });
  let told = performance.now();
  const read = await openDataset(source, {
    storeSize: model.imageSize,
    seed,
    signal,
    onNote: (text) => notify({ type: "note", text }),
    onProgress: (done, total) => {
      expectGoing();
      if (performance.now() - told < TOLD_EVERY_MS) return;
      told = performance.now();
      notify({ type: "phase", text: `Reading the images: ${done} of ${total}` });
    },
  });
  for (const said of read.said) notify(said);
  return read;
}

/** The section, complete, if a head can be fitted to it: it needs a label for every image. Throws a UsageError otherwise. */
export function checkedData(data: DataSource): DataSource {
  const { data: source } = parseRecipe({ data, student: { model: "resnet8_cifar10" } });
  if (source.unlabelled === null) return source;
  throw new UsageError("data.unlabelled: a head is fitted to labelled images alone; set it to null");
}
