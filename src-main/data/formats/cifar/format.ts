import { basename, join } from "node:path";
import { InputError } from "../../../contract/failure";
import type { Pixels, RawSplit } from "../../dataset";
import { encodePng } from "../../decode";
import { digest, fingerprint } from "../../fingerprints";
import type { Said } from "../../said";
import { compare, numberedName, type Part, type Place } from "../../same-pictures";
import { stopPoint } from "../../stop";
import type { Description, Format } from "../format";
import { type Batch, PLANE, PLANES, SIDE, type Storage } from "./batch";
import { type CifarFiles, cifarFiles, holdsFiles, inWords } from "./files";
import { filesInWords, type Published } from "./published";

export function cifarFormat(storage: Storage): Format {
  const { published } = storage;
  return {
    expected: `${filesInWords(published)} (${published.name}, ${published.version}), in it or in its folder ${published.folder}`,
    detect: (folder) => [folder, join(folder, published.folder)].find((candidate) => holdsFiles(storage, candidate)) ?? null,
    read: async (folder, limits, { selection, signal }) => {
      const reader = new Reader(storage, folder, signal);
      const test = await reader.read([reader.files.test], limits.test);
      const train = selection.part === "test" ? null : await reader.read(reader.training, limits.train);
      return { classes: [...reader.classes], train, test, said: reader.said(limits.train === null && train !== null) };
    },
    describe: async (folder, { signal }) => {
      const reader = new Reader(storage, folder, signal);
      return describe(published, reader, await reader.records(reader.training), await reader.records([reader.files.test]), signal);
    },
  };
}

async function describe(published: Published, reader: Reader, train: CifarRecord[], test: CifarRecord[], signal?: AbortSignal): Promise<Description> {
  const partOf = (role: "training" | "test", records: CifarRecord[]): Part => ({
    role,
    labels: Int32Array.from(records, ({ label }) => label),
    keyOf: (n) => digest(records[n]!.planes),
    nameOf: (n) => numberedName(role, n),
  });
  const [training, tested] = [partOf("training", train), partOf("test", test)];
  const recordAt = ({ role, n }: Place) => (role === "training" ? train : test)[n]!;
  return {
    layout: `the files of ${published.name}, with ${train.length} training and ${test.length} test images`,
    undivided: false,
    inTurn: false,
    classes: [...reader.classes],
    labels: { training: training.labels, validation: null, test: tested.labels },
    imageSize: { width: SIDE, height: SIDE },
    same: await compare([training, tested], signal),
    concerns: [],
    leftOut: [],
    said: reader.said(true),
    thumbnailOf: (place) => encodePng(pixelsOf(recordAt(place).planes)),
    fileOf: () => null,
  };
}

interface CifarRecord {
  label: number;
  /** [3,32,32], a view of its batch. */
  planes: Uint8Array;
}

/** Reads the files of one folder. */
class Reader {
  readonly files: CifarFiles;
  readonly classes: readonly string[];
  /** Images by file, as far as they have been read. */
  readonly #counts = new Map<string, number>();

  constructor(
    private readonly storage: Storage,
    private readonly folder: string,
    private readonly signal?: AbortSignal,
  ) {
    this.files = cifarFiles(storage, folder);
    this.classes = storage.classesIn(folder) ?? storage.classes;
  }

  /** The files of training images, of which there has to be one. */
  get training(): string[] {
    const { train, missing } = this.files;
    if (train.length === 0) throw new InputError(`${join(this.folder, missing[0]!)} is missing: ${inWords(this.storage.published)}`);
    return train;
  }

  /** The images of some files, up to a limit. */
  async read(files: readonly string[], limit: number | null): Promise<RawSplit> {
    const records = await this.records(files, limit ?? Number.POSITIVE_INFINITY);
    const pixels = new Uint8Array(records.length * PLANES);
    for (const [n, { planes }] of records.entries()) interleave(planes, pixels, n * PLANES);
    // Now, as the pixels are not kept here once the device has them.
    const prints = Float64Array.from(records, (_, n) => fingerprint(pixels.subarray(n * PLANES, (n + 1) * PLANES)));
    return { labels: Int32Array.from(records, ({ label }) => label), pixels, H: SIDE, W: SIDE, fingerprintOf: (n) => prints[n]! };
  }

  async records(files: readonly string[], most = Number.POSITIVE_INFINITY): Promise<CifarRecord[]> {
    const records: CifarRecord[] = [];
    for (const file of files) {
      if (records.length >= most) break;
      await stopPoint(this.signal);
      for (const record of this.#recordsOf(file, this.storage.read(file))) if (records.length < most) records.push(record);
    }
    return records;
  }

  /** What is not as it was published. `all`: whether all training images were meant to be read. */
  said(all: boolean): Said[] {
    return [...missingInWords(this.storage.published, this.files, all), ...unequalInWords(this.storage.published, this.files, this.#counts)];
  }

  #recordsOf(file: string, { labels, planes }: Batch): CifarRecord[] {
    const count = planes.length / PLANES;
    this.#counts.set(file, count);
    return Array.from({ length: count }, (_, n) => {
      const label = labels[n]!;
      const { length } = this.classes;
      if (label >= length)
        throw new InputError(
          `${file}: record ${n} has label ${label}, but there are ${length} classes: the file is damaged or not ${this.storage.published.name}`,
        );
      return { label, planes: planes.subarray(n * PLANES, (n + 1) * PLANES) };
    });
  }
}

function missingInWords({ name, train }: Published, { missing }: CifarFiles, all: boolean): Said[] {
  if (missing.length === 0) return [];
  const are = missing.length === 1 ? "is" : "are";
  const used = all ? ": training would use the other images alone" : "";
  return [
    { type: "warning", text: `${missing.join(", ")} of ${name}'s ${train.length} files of training images ${are} missing${used}; copy or download it again` },
  ];
}

/** Files that hold fewer or more images than their like, or than published where others are as published. */
function unequalInWords({ name, trainImages, testImages }: Published, { test }: CifarFiles, counts: ReadonlyMap<string, number>): Said[] {
  const expected = (file: string) => (file === test ? testImages : trainImages);
  const isPublished = [...counts].some(([file, count]) => count === expected(file));
  const usual = Math.max(0, ...[...counts].filter(([file]) => file !== test).map(([, count]) => count));
  const isOdd = ([file, count]: [string, number]) => (isPublished ? count !== expected(file) : file !== test && count !== usual);
  return [...counts].filter(isOdd).map(([file, count]) => ({
    type: "warning",
    text: `${basename(file)} holds ${count} images; ${isPublished ? `${name}'s has ${expected(file)}` : `others hold ${usual}`}: was it copied in part?`,
  }));
}

function pixelsOf(planes: Uint8Array): Pixels {
  const data = new Uint8Array(PLANES);
  interleave(planes, data, 0);
  return { data, H: SIDE, W: SIDE };
}

/** Converts planes [3,H,W] to pixels [H,W,3], written to `to` from `offset` on. */
function interleave(planes: Uint8Array, to: Uint8Array, offset: number): void {
  for (let p = 0; p < PLANE; p++) {
    to[offset + 3 * p] = planes[p]!;
    to[offset + 3 * p + 1] = planes[PLANE + p]!;
    to[offset + 3 * p + 2] = planes[2 * PLANE + p]!;
  }
}
