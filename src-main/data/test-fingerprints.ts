/** Fingerprints of test images, none of which is decoded where they are files. */
import { join } from "node:path";
import type { Fingerprint } from "./fingerprints";
import { fingerprintOfFile, fingerprintsOf } from "./fingerprints";
import { listFolder } from "./folder/listing";
import { systemPath } from "./folder/names";
import { formats } from "./formats";
import { readingFolder } from "./locate";
import type { Source } from "./open-dataset";
import { selectionOf } from "./selection";

/** Test images that are looked at, spread evenly over all of them: to read more files would take long. */
const LOOKED_AT = 2000;

/** Of the test images of a recipe's data, of many only a part. Throws an InputError that names the file or folder at fault. */
export function testFingerprints(source: Source, signal?: AbortSignal): Promise<Fingerprint[]> {
  const selection = { ...selectionOf(source), part: "test" } as const;
  return readingFolder(source.path, source.format, async ({ path: folder, format }) => {
    if (format !== "image-folder") {
      const { test } = await formats[format].read(
        folder,
        { train: null, test: source.testLimit },
        { selection, storeSize: 1, skips: {}, skipUnreadable: true },
      );
      return fingerprintsOf({ count: test.labels.length, fingerprintOf: test.fingerprintOf }, signal);
    }
    const { test } = await listFolder(folder, selection);
    const count = Math.min(test.count, source.testLimit ?? test.count);
    const step = Math.max(1, count / LOOKED_AT);
    const fingerprintOf = (n: number) => fingerprintOfFile(systemPath(join(folder, test.path(Math.floor(n * step)))));
    return fingerprintsOf({ count: Math.floor(count / step), fingerprintOf }, signal);
  });
}
