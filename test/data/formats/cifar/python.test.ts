import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path, { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadAddon } from "../../../../src-main/backend/load";
import type { DataFormat } from "../../../../src-main/contract/data-formats";
import { dataInfo } from "../../../../src-main/data/data-info";
import type { Dataset } from "../../../../src-main/data/dataset";
import { openDataset } from "../../../../src-main/data/open-dataset";
import { useBackend } from "../../../../src-main/tensor/tensor";
import { writeFiles } from "../../image-files";

useBackend(loadAddon());

const FIXTURES = path.resolve(import.meta.dirname, "../../../fixtures/cifar-python");

let folder: string;
const opened: Dataset[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "distill-cifar-"));
});
afterEach(() => {
  for (const dataset of opened.splice(0)) dataset.release();
  rmSync(folder, { recursive: true });
});

const copy = (name: string, to = folder) => cpSync(join(FIXTURES, name), to, { recursive: true });

async function open(at = folder, format: DataFormat = "auto", trainLimit: number | null = null): Promise<Dataset> {
  const dataset = await openDataset({ path: at, format, trainLimit, testLimit: null });
  opened.push(dataset);
  return dataset;
}

// ---- The same images in the binary version: see test/reference/make_cifar.py --------------------------------------------------------

const planesOf = (k: number) => Buffer.from(Array.from({ length: 3072 }, (_, i) => (31 * k + 7 * i + Math.floor(i / 32)) % 256));
const tenOf = (k: number) => Buffer.concat([Buffer.from([k % 10]), planesOf(k)]);
const hundredOf = (k: number) => Buffer.concat([Buffer.from([(7 * k) % 20, (37 * k) % 100]), planesOf(k)]);
const binary10 = Object.fromEntries([
  ...[1, 2, 3, 4, 5].map((n) => [`data_batch_${n}.bin`, Buffer.concat([tenOf(2 * n - 2), tenOf(2 * n - 1)])]),
  ["test_batch.bin", Buffer.concat([tenOf(10), tenOf(11)])],
]);
const binary100 = { "train.bin": Buffer.concat([0, 1, 2, 3].map(hundredOf)), "test.bin": hundredOf(4) };

/** What a few images are worth is said too. */
const isOfFiles = (text: string) => !/test images? cannot show|the classes are uneven|training images? too/.test(text);

describe("the Python version", () => {
  test.each([
    ["cifar10-python", "cifar-10-batches-py", "cifar-10-batches-bin", binary10],
    ["cifar100-python", "cifar-100-python", "cifar-100-binary", binary100],
  ] as const)("of %s holds the same data as the binary one", async (format, name, binary, files) => {
    copy(name, join(folder, "python", name));
    writeFiles(join(folder, "binary", binary), files);
    const [python, other] = [await open(join(folder, "python")), await open(join(folder, "binary"))];
    expect(python).toMatchObject({ format, path: join(folder, "python", name), classes: other.classes, hash: other.hash });
    expect(python.said.filter(({ text }) => isOfFiles(text))).toEqual([]);
  });

  test("is described with counts by class and thumbnails, and found from its own folder", async () => {
    copy("cifar-10-batches-py");
    const info = await dataInfo({ path: folder, format: "auto" }, 1);
    expect(info).toMatchObject({ format: "cifar10-python", imageSize: { width: 32, height: 32 }, train: { count: 10 }, test: { count: 2 } });
    expect(info.warnings.filter(isOfFiles)).toEqual([]);
    expect(info.train.perClass).toEqual(Array(10).fill(1));
    expect(info.thumbnails).toHaveLength(10);
  });

  test("is read up to a limit", async () => {
    copy("cifar-10-batches-py");
    const { train, test } = await open(folder, "auto", 3);
    expect([...train.labels]).toEqual([0, 1, 2]);
    expect(test.count).toBe(2);
  });

  test.each(readdirSync(join(FIXTURES, "again")).filter((name) => /protocol|keys/.test(name)))("pickled again by others is read too: %s", async (name) => {
    copy("cifar-10-batches-py");
    const { hash } = await open();
    copy(`again/${name}`, join(folder, "data_batch_1"));
    expect((await open()).hash).toBe(hash);
  });

  test("without its file of class names has the usual ones", async () => {
    copy("cifar-10-batches-py");
    const { classes } = await open();
    rmSync(join(folder, "batches.meta"));
    expect((await open()).classes).toEqual(classes);
  });

  test("does not make a folder with files of such names one of CIFAR-100", async () => {
    writeFiles(folder, { train: Buffer.from("python train.py"), test: Buffer.from("python test.py") });
    await expect(open()).rejects.toMatchObject({ code: "INPUT", message: expect.stringContaining("holds no images in a known layout") });
  });
});

describe("CIFAR-100", () => {
  test.each(["binary", "python"])("has its fine labels, and its 20 coarse ones where the format says so: %s version", async (version) => {
    if (version === "python") copy("cifar-100-python");
    else writeFiles(folder, binary100);
    const fine = await open();
    expect([...fine.train.labels]).toEqual([0, 37, 74, 11]);
    expect(fine.classes).toHaveLength(100);
    const coarse = await open(folder, "cifar100-coarse");
    expect([...coarse.train.labels]).toEqual([0, 7, 14, 1]);
    expect(coarse.classes).toHaveLength(20);
    expect(coarse.classes.slice(0, 2)).toEqual(["aquatic_mammals", "fish"]);
  });
});

describe("a file that is damaged or of another kind is named, with the reason", () => {
  const batch = (name: string) => join(folder, name);
  const bytes = () => readFileSync(batch("data_batch_2"));
  const write = (content: Uint8Array) => writeFileSync(batch("data_batch_2"), content);

  test.each<[string, () => void, RegExp]>([
    [
      "cut short",
      () => write(bytes().subarray(0, 4000)),
      /data_batch_2 is no batch of CIFAR-10's Python version, or is damaged: it ends early; download it again/,
    ],
    ["empty", () => write(Buffer.alloc(0)), /data_batch_2 is no pickle: expected a batch of CIFAR-10's Python version/],
    ["a web page", () => write(Buffer.from("<html>")), /data_batch_2 is no pickle/],
    ["the list of class names", () => copy("cifar-10-batches-py/batches.meta", batch("data_batch_2")), /it has no entry "data"/],
    ["a batch of CIFAR-100", () => copy("cifar-100-python/test", batch("data_batch_2")), /it has no entry "labels"/],
    ["an array of floats", () => copy("again/floats", batch("data_batch_2")), /it has "data" that are no rows of uint8/],
    ["an array by columns", () => copy("again/column-major", batch("data_batch_2")), /it has "data" that are no rows of uint8/],
    // posix.system("true"), as pickles attack those who execute them.
    ["an attack", () => write(Buffer.from("\x80\x02cposix\nsystem\n(U\x04trueR.", "latin1")), /it asks for "posix\.system"/],
    [
      "a label without a class",
      () => write(replaced(bytes(), Buffer.from([0x4b, 2, 0x4b, 3]), Buffer.from([0x4b, 2, 0x4b, 77]))),
      /record 1 has label 77, but there are 10 classes/,
    ],
    [
      "a negative label",
      () => write(replaced(bytes(), Buffer.from([0x4b, 3, 0x65]), Buffer.from([0x4a, 255, 255, 255, 255, 0x65]))),
      /"labels" that are no whole numbers/,
    ],
  ])("%s", async (_, damage, message) => {
    copy("cifar-10-batches-py");
    damage();
    await expect(open()).rejects.toMatchObject({ code: "INPUT", message: expect.stringMatching(message) });
  });

  test("a meta file that is something else", async () => {
    copy("cifar-10-batches-py");
    copy("cifar-10-batches-py/test_batch", join(folder, "batches.meta"));
    await expect(open()).rejects.toMatchObject({ message: expect.stringMatching(/batches\.meta is no batch .*it has no entry "label_names"/) });
  });
});

function replaced(bytes: Buffer, from: Buffer, to: Buffer): Buffer {
  const at = bytes.indexOf(from);
  expect(at).toBeGreaterThan(0);
  return Buffer.concat([bytes.subarray(0, at), to, bytes.subarray(at + from.length)]);
}

describe("what is incomplete is said", () => {
  const warnings = async (at = folder) => (await dataInfo({ path: at, format: "auto" }, 0)).warnings.filter(isOfFiles);
  const saidIn = async () => (await open()).said.filter(({ text }) => isOfFiles(text)).map(({ type, text }) => `${type}: ${text}`);

  test.each([
    ["cifar-10-batches-py", ""],
    ["binary", ".bin"],
  ])("a batch of CIFAR-10 that is missing, wherever it stood: %s", async (version, ending) => {
    for (const number of [1, 3, 5]) {
      if (version === "binary") writeFiles(folder, binary10);
      else copy(version);
      rmSync(join(folder, `data_batch_${number}${ending}`));
      const text = `data_batch_${number}${ending} of CIFAR-10's 5 files of training images is missing: training would use the other images alone; copy or download it again`;
      expect(await warnings()).toEqual([text]);
      expect(await saidIn()).toEqual([`warning: ${text}`]);
    }
    rmSync(join(folder, `data_batch_2${ending}`));
    expect((await warnings())[0]).toMatch(/^data_batch_2\S*, data_batch_5\S* of CIFAR-10's 5 files of training images are missing/);
  });

  test("a batch with fewer images than the others", async () => {
    writeFiles(folder, { ...binary10, "data_batch_4.bin": tenOf(6) });
    expect(await warnings()).toEqual(["data_batch_4.bin holds 1 images; others hold 2: was it copied in part?"]);
  });

  test("a file with fewer images than published, beside one that has them all", async () => {
    const test = Buffer.alloc(3074 * 10_000);
    writeFiles(folder, { ...binary100, "test.bin": test });
    expect(await warnings()).toEqual(["train.bin holds 4 images; CIFAR-100's has 50000: was it copied in part?"]);
  });

  test("no training images at all, or no test images, are an error", async () => {
    copy("cifar-100-python");
    renameSync(join(folder, "train"), join(folder, "elsewhere"));
    await expect(open()).rejects.toMatchObject({ message: `${join(folder, "train")} is missing: CIFAR-100's Python version has train and test` });
    renameSync(join(folder, "elsewhere"), join(folder, "train"));
    rmSync(join(folder, "test"));
    await expect(open()).rejects.toMatchObject({ message: `${join(folder, "test")} is missing: CIFAR-100's Python version has train and test` });
    expect(statSync(join(folder, "train")).isFile()).toBe(true);
  });
});
