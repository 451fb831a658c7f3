import type { Concern } from "../contract/concerns";
import type { DataFormat } from "../contract/data-formats";
import type { DataInfo } from "../contract/data-info";
import type { DataSettings } from "../contract/engine";
import { concernsOfCounts, type FoundConcern, saidOf, unlearnedClasses } from "./concerns";
import { DECODED_AT_ONCE } from "./decode";
import { leftOutFile } from "./folder/left-out";
import { formats } from "./formats";
import type { Description } from "./formats/format";
import { expectThere, readingFolder } from "./locate";
import type { Said } from "./said";
import { expectLeft, settlePictures } from "./same-concerns";
import type { Place } from "./same-pictures";
import { selectionOf } from "./selection";

/** A recipe's data. */
export type DescribedSource = { path: string; format: DataFormat } & DataSettings;

/**
 * What a data set holds, without decoding all of it: counts by class, sizes, the first training images of each class as PNG, and what makes the figures of a run worth
 * less. Throws an InputError where `openDataset` would, except for unreadable images: those that it meets are named in `concerns`. Throws Interrupted as soon as the
 * signal is given.
 */
export async function dataInfo(source: DescribedSource, thumbnailsPerClass: number, signal?: AbortSignal): Promise<DataInfo> {
  return readingFolder(source.path, source.format, async (found) => {
    const description = await formats[found.format].describe(found.path, { selection: { ...selectionOf(source), part: "found" }, skips: source, signal });
    // Unreadable images alone are no error here.
    expectThere(found);
    const { classes, labels, layout, imageSize, leftOut, same } = description;
    const pictures = same && settlePictures(same, source);
    const training = placesOf("training", labels.training, pictures?.skipped);
    const train = countsOf(training, classes);
    expectLeft(
      classes,
      labels.training,
      training.map(({ label }) => label),
    );
    const test = countsOf(placesOf("test", labels.test), classes);
    const all: FoundConcern[] = [
      ...description.concerns,
      ...(pictures?.concerns ?? []),
      ...(train.count > 0 ? concernsOfCounts(classes, { train: train.perClass, test: test.count }, { ...description, settings: source }) : []),
    ];
    const taken = countsOf(training.slice(0, source.trainLimit ?? undefined), classes);
    const said: Said[] = [...description.said, ...saidOf(all), ...unlearnedClasses(classes, taken.perClass, source)];
    const texts = (wanted: Said["type"]) => said.flatMap(({ type, text }) => (type === wanted ? [text] : []));
    return {
      ...found,
      layout,
      classes,
      train,
      validation: labels.validation && countsOf(placesOf("validation", labels.validation), classes),
      test,
      imageSize,
      thumbnails: await thumbnailsOf(description, firstOfEach(classes, training.length > 0 ? training : placesOf("test", labels.test), thumbnailsPerClass)),
      leftOut: [...leftOut, ...(pictures?.leftOut ?? [])].map(leftOutFile),
      unreadable: leftOut.filter(({ reason }) => reason === "unreadable").length,
      concerns: await Promise.all(all.map((concern) => shown(concern, description, thumbnailsPerClass > 0))),
      warnings: texts("warning"),
      notes: texts("note"),
    };
  });
}

function placesOf(role: Place["role"], labels: Int32Array, skipped: readonly number[] = []): Place[] {
  const gone = new Set(skipped);
  return Array.from(labels, (label, n): Place => ({ role, n, label })).filter(({ n }) => !gone.has(n));
}

function countsOf(places: readonly Place[], classes: readonly string[]): { count: number; perClass: number[] } {
  const perClass = classes.map(() => 0);
  for (const { label } of places) perClass[label]!++;
  return { count: places.length, perClass };
}

function firstOfEach(classes: readonly string[], places: readonly Place[], count: number): Place[] {
  return classes.flatMap((_, label) => places.filter((place) => place.label === label).slice(0, count));
}

/** Of those that can be read. */
async function thumbnailsOf({ thumbnailOf, fileOf }: Description, places: readonly Place[]): Promise<DataInfo["thumbnails"]> {
  const thumbnails: DataInfo["thumbnails"] = [];
  for (let n = 0; n < places.length; n += DECODED_AT_ONCE) {
    const those = places.slice(n, n + DECODED_AT_ONCE);
    const pngs = await Promise.all(those.map(thumbnailOf));
    for (const [i, png] of pngs.entries()) if (png) thumbnails.push({ label: those[i]!.label, path: fileOf(those[i]!), png });
  }
  return thumbnails;
}

async function shown({ examples, ...concern }: FoundConcern, { thumbnailOf }: Description, wanted: boolean): Promise<Concern> {
  const pictures = examples.map(async ({ names, place }) => ({ names, png: wanted && place ? await thumbnailOf(place) : null }));
  return { ...concern, examples: await Promise.all(pictures) };
}
