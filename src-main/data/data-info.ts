import type { DataFormat } from "../contract/data-formats";
import type { DataInfo } from "../contract/engine";
import { concernsOfCounts } from "./concerns";
import { leftOutFile } from "./folder/left-out";
import { formats } from "./formats";
import { expectThere, readingFolder } from "./locate";
import type { Said } from "./said";
import { divisionOf, type UndividedSource } from "./selection";

/** A recipe's data. */
export type DescribedSource = { path: string; format: DataFormat } & UndividedSource;

/**
 * What a data set holds, without decoding all of it: counts by class, sizes, and the first training images of each class as PNG. Throws an
 * InputError where `openDataset` would, except for unreadable images: those that it meets are named in `warnings`. Throws Interrupted as soon as the signal is
 * given.
 */
export async function dataInfo(source: DescribedSource, thumbnailsPerClass: number, signal?: AbortSignal): Promise<DataInfo> {
  return readingFolder(source.path, source.format, async (found) => {
    const {
      validation = null,
      leftOut = [],
      said = [],
      ...description
    } = await formats[found.format].describe(found.path, thumbnailsPerClass, { ...divisionOf(source), part: "found" }, signal);
    // Unreadable images alone are no error here.
    expectThere(found);
    const { classes, train, test } = description;
    const concerns = train.count > 0 ? concernsOfCounts(classes, { train: train.perClass, test: test.count }) : [];
    const texts = (wanted: Said["type"]) => [...said, ...concerns].flatMap(({ type, text }) => (type === wanted ? [text] : []));
    const unreadable = leftOut.filter(({ reason }) => reason === "unreadable").length;
    return { ...found, ...description, validation, leftOut: leftOut.map(leftOutFile), unreadable, warnings: texts("warning"), notes: texts("note") };
  });
}
