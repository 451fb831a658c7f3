import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type LeftOut, leftOutFile, leftOutInWords } from "../../../src-main/data/folder/left-out";
import { type FolderListing, type ListedSplit, type ListOptions, listFolder } from "../../../src-main/data/folder/listing";
import { locate } from "../../../src-main/data/locate";
import { writeFiles } from "../image-files";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "distill-listing-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const list = (options: Partial<ListOptions> = {}) => listFolder(folder, { part: "all", testShare: 0.2, splitSeed: 0, ...options });
const refused = (message: RegExp, options: Partial<ListOptions> = {}) =>
  expect(list(options)).rejects.toMatchObject({ code: "INPUT", message: expect.stringMatching(message) });

/** An image by its name: nothing is decoded here. */
const images = (...paths: string[]) => writeFiles(folder, Object.fromEntries(paths.map((path) => [path, "pixels"])));
const twoClasses = (train = "train", test = "test") => images(`${train}/cat/1.png`, `${train}/dog/1.png`, `${test}/cat/2.png`, `${test}/dog/2.png`);
const pathsOf = ({ count, path }: ListedSplit) => Array.from({ length: count }, (_, n) => path(n));
/** By path, why it is left out. */
const reasonsOf = ({ leftOut }: FolderListing) => Object.fromEntries(leftOut.map(leftOutFile).map(({ path, reason }) => [path, reason]));
const PPM = "P6\n1 1\n255\nabc";

describe("images are what their content says", () => {
  test("usual endings are taken, others looked into", async () => {
    twoClasses();
    images(...["jfif", "jpe", "JPG", "gif", "tif", "tiff", "avif", "webp"].map((ending) => `train/cat/a.${ending}`));
    writeFiles(folder, {
      "train/cat/photo": Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 0]),
      "train/cat/b.ppm": PPM,
      "train/dog/labels.txt": "1",
      "train/dog/c": "",
    });
    const listing = await list();
    expect(pathsOf(listing.train!)).toHaveLength(2 + 8 + 1);
    expect(pathsOf(listing.train!)).toContain("train/cat/photo");
    expect(reasonsOf(listing)).toEqual({
      "train/cat/b.ppm": "picture in a format that is not read: a portable pixmap",
      "train/dog/c": "file that holds no image",
      "train/dog/labels.txt": "file that holds no image",
    });
  });
});

describe("sub-folders of a class are read as torchvision does", () => {
  test("by the path of the folder, then by name", async () => {
    twoClasses();
    images("train/cat/a/9.png", "train/cat/a/b/1.png", "train/cat/a-b/1.png", "train/cat/Z/1.png", "train/cat/0.png");
    const cats = pathsOf((await list()).train!).filter((path) => path.startsWith("train/cat"));
    // sorted(os.walk(...)): "a-b" comes before "a/b".
    expect(cats.map((path) => path.slice("train/cat/".length))).toEqual(["0.png", "1.png", "Z/1.png", "a/9.png", "a-b/1.png", "a/b/1.png"]);
  });

  test("links are followed, and none without end", async () => {
    twoClasses();
    mkdirSync(join(folder, "elsewhere"));
    images("elsewhere/x.png");
    symlinkSync(join(folder, "elsewhere"), join(folder, "train/cat/linked"));
    symlinkSync("..", join(folder, "train/cat/up"));
    symlinkSync("../..", join(folder, "train/cat/top"));
    symlinkSync(".", join(folder, "train/cat/self"));
    symlinkSync("linked", join(folder, "train/cat/again"));
    const listing = await list();
    // Of two links to one folder, the first by name is followed.
    expect(pathsOf(listing.train!).filter((path) => path.endsWith("x.png"))).toEqual(["train/cat/again/x.png"]);
    const AGAIN = "link to a folder that is read already";
    expect(reasonsOf(listing)).toEqual({
      elsewhere: "folder that is none of train, test and validation",
      "train/cat/linked": AGAIN,
      "train/cat/self": AGAIN,
      "train/cat/top": AGAIN,
      "train/cat/up": AGAIN,
    });
  });

  test("a thousand of them, one in the other, are followed", async () => {
    twoClasses();
    const deep = join("train/cat", ...Array.from({ length: 300 }, () => "d"));
    images(join(deep, "1.png"));
    expect(pathsOf((await list()).train!)).toContain(join(deep, "1.png"));
  });
});

test("what is no file and what leads nowhere is left out, and hidden things are passed over", async () => {
  twoClasses();
  images(
    "train/.ipynb_checkpoints/1.png",
    "train/cat/.hidden.png",
    "train/cat/._1.png",
    "train/__MACOSX/cat/._1.png",
    "train/@eaDir/1.png",
    "test/@eaDir/1.png",
  );
  images("train/cat/Thumbs.db", "train/cat/desktop.ini", ".DS_Store", "train/.DS_Store", "train/loose.png", "notes.txt");
  mkdirSync(join(folder, "train/cat/dir.jpg"));
  symlinkSync("/nonexistent/a.png", join(folder, "train/cat/gone.png"));
  symlinkSync("round.png", join(folder, "train/cat/round.png"));
  symlinkSync("/dev/zero", join(folder, "train/cat/zero.png"));
  execFileSync("mkfifo", [join(folder, "train/cat/pipe.png")]);
  expect(reasonsOf(await list())).toEqual({
    "notes.txt": "file that holds no image",
    "train/cat/dir.jpg": "empty folder",
    "train/cat/gone.png": "link that leads nowhere",
    "train/cat/pipe.png": "pipe, socket or device",
    "train/cat/round.png": "link that leads in a circle",
    "train/cat/zero.png": "pipe, socket or device",
    "train/loose.png": "picture that lies in no class folder",
  });
});

describe("names", () => {
  test.skipIf(process.platform !== "linux")("of images that are not UTF-8 are kept byte by byte", async () => {
    twoClasses();
    writeFileSync(Buffer.concat([Buffer.from(join(folder, "train/cat/caf")), Buffer.from([0xe9]), Buffer.from(".png")]), "pixels");
    expect(pathsOf((await list()).train!)).toContain("train/cat/caf\udce9.png");
  });

  test("of classes are compared in one form of Unicode, and sorted by code points", async () => {
    const [composed, apart] = ["café".normalize("NFC"), "café".normalize("NFD")];
    images(`train/${composed}/1.png`, `test/${apart}/1.png`, "train/\uff21/1.png", "test/\uff21/1.png", "train/🐱/1.png", "test/🐱/1.png");
    const { classes, test } = await list();
    expect(classes).toEqual([composed, "\uff21", "🐱"]);
    expect([...test.labels]).toEqual([0, 1, 2]);
  });

  test.skipIf(process.platform !== "linux")("that two class folders share are refused", async () => {
    twoClasses();
    images(`train/${"é".normalize("NFC")}/1.png`, `train/${"é".normalize("NFD")}/1.png`);
    await refused(/has a name that another folder has too, in another form of Unicode: rename one of them, or merge them/);
  });
});

describe("a class is never left out: it is an error that names the folder if", () => {
  beforeEach(() => twoClasses());

  test("it is a link that leads nowhere", async () => {
    for (const part of ["train", "test"]) symlinkSync("/mnt/not-mounted/emu", join(folder, part, "emu"));
    await refused(/test\/emu is a link that leads nowhere: if it is a class, bring back what it leads to[\s\S]*train\/emu is a link that leads nowhere/);
  });

  test("it is a link in a circle", async () => {
    symlinkSync("loop", join(folder, "train/loop"));
    await refused(/train\/loop is a link that leads in a circle/);
  });

  test.skipIf(process.platform !== "linux")("its name is not UTF-8", async () => {
    for (const part of ["train", "test"]) mkdirSync(Buffer.concat([Buffer.from(join(folder, part, "p")), Buffer.from([0xe4]), Buffer.from("r")]));
    await refused(/p\\xe4r has a name that is not UTF-8: rename it/);
  });

  test("it is empty, or all of it is left out", async () => {
    writeFiles(folder, { "train/emu/1.ppm": PPM, "test/emu/1.png": "pixels" });
    await refused(
      /train\/emu has no images: expected JPEG, PNG, WebP, GIF, TIFF or AVIF files in it, or in folders in it; it has 1 picture in a format that is not read \(train\/emu\/1\.ppm: a portable pixmap\); every folder beside the classes is taken for one: move it away if it is none$/,
    );
  });
});

describe("layouts", () => {
  test.each([
    ["Train", "Test"],
    ["TRAINING", "testing"],
  ])("capitals and long names: %s and %s", async (train, test) => {
    twoClasses(train, test);
    const listing = await list();
    expect([listing.train!.count, listing.test.count, listing.classes]).toEqual([2, 2, ["cat", "dog"]]);
  });

  test.each(["val", "valid", "validation", "Val"])("%s serves as the test images where there is no folder test, and it is said", async (name) => {
    twoClasses("train", name);
    const { test, validation, notes } = await list();
    expect([test.path(0), validation, notes]).toEqual([`${name}/cat/2.png`, null, [`there is no folder test, so ${name} serves as the test images`]]);
  });

  test.each(["val", "valid", "validation"])("%s is the validation images beside a folder test; it may lack classes", async (name) => {
    twoClasses();
    images(`${name}/dog/7.png`);
    const { validation, test, notes } = await list();
    expect([pathsOf(validation!), [...validation!.labels], test.count]).toEqual([[`${name}/dog/7.png`], [1], 2]);
    expect(notes).toEqual([`the images in ${name} are the validation images`]);
    images(`${name}/emu/7.png`);
    await refused(/train: expected the same classes as in val\w*, but there is no folder "emu"/);
  });

  test.skipIf(process.platform === "darwin" || process.platform === "win32")("two folders of one role are refused", async () => {
    twoClasses();
    images("Test/cat/1.png");
    await refused(/has Test and test: expected one folder of test images/);
    renameSync(join(folder, "Test"), join(folder, "val"));
    images("valid/cat/1.png");
    await refused(/has val and valid/);
  });

  test("a folder of classes is divided: the same share of each, by the seed, whatever else is there", async () => {
    const names = Array.from({ length: 50 }, (_, n) => `cat/${n}.png`);
    images(...names, "dog/1.png", "dog/2.png", "train/1.png", "train/2.png");
    const listing = await list();
    const [train, test] = [pathsOf(listing.train!), pathsOf(listing.test)];
    expect(listing.classes).toEqual(["cat", "dog", "train"]);
    expect(test.filter((path) => path.startsWith("cat"))).toHaveLength(10);
    expect(test.filter((path) => path.startsWith("dog"))).toHaveLength(1);
    expect([...train, ...test].sort()).toEqual([...names, "dog/1.png", "dog/2.png", "train/1.png", "train/2.png"].sort());
    expect(listing.notes).toEqual([
      expect.stringMatching(/train holds pictures and no class folders, so it is taken for a class of that name$/),
      expect.stringMatching(/is a class; 20 % of each class were set aside for testing, chosen at random \(seed 0\): 12 of 54 images$/),
    ]);
    expect(pathsOf((await list()).test)).toEqual(test);
    expect(pathsOf((await list({ splitSeed: 1 })).test)).not.toEqual(test);
    expect((await list({ testShare: 0.5 })).test.count).toBe(25 + 1 + 1);
    // One more image moves few of the others.
    images("cat/new.png");
    const after = pathsOf((await list()).test);
    expect(test.filter((path) => !after.includes(path)).length).toBeLessThanOrEqual(1);
    images("emu/1.png");
    await refused(/emu has one image: expected at least two/);
  });

  test.each([
    ["train_set", "test_set"],
    ["Training Images", "validation-data"],
  ])("%s and %s are no classes", async (train, test) => {
    twoClasses(train, test);
    await refused(/ look like the parts of a split, not like classes: name the folders train and test$/);
  });

  test("a folder test of loose pictures beside classes is none", async () => {
    images("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png", "test/1.png", "test/2.png");
    await refused(/test holds pictures, but no class folders: expected test\/<class>\/, and train\/<class>\/ beside it; move it away to go on without it/);
  });

  test("classes that all hold the same folders are doubted", async () => {
    for (const name of ["a", "b"]) images(`${name}/cat/1.png`, `${name}/dog/1.png`);
    expect((await list()).warnings).toEqual([expect.stringMatching(/a, b are the same: cat, dog; the outer ones are taken for the classes/)]);
    images("b/emu/1.png");
    expect((await list()).warnings).toEqual([]);
  });

  test("settings of a division are told to have no effect on a folder with a test split", async () => {
    twoClasses();
    expect((await list({ testShare: 0.3 })).notes).toEqual([expect.stringMatching(/^data\.testShare has no effect: .* has a folder test,/)]);
    expect((await list({ testShare: 0.3, splitSeed: 1 })).notes).toEqual([expect.stringMatching(/^data\.testShare and data\.splitSeed have no effect/)]);
    expect((await list()).notes).toEqual([]);
  });

  test("classes alone, all to be tested: nothing is divided, and it is said", async () => {
    images("cat/1.png", "cat/2.png", "dog/1.png");
    const { test, train, notes } = await list({ part: "test", testShare: null });
    expect([test.count, train, notes]).toEqual([3, null, [expect.stringContaining("so all its 3 images are tested")]]);
  });

  test("test alone can be evaluated, with fewer classes too, and nothing can be trained", async () => {
    images("test/cat/1.png", "test/cat/2.png");
    const { classes, test, train } = await list({ part: "test" });
    expect([classes, test.count, train]).toEqual([["cat"], 2, null]);
    await refused(/train is missing, so test can be evaluated but nothing trained/);
    expect((await list({ part: "found" })).test.count).toBe(2);
  });

  test("train alone, one class, a table of labels, and a folder of pictures are refused in words", async () => {
    images("train/cat/1.png", "train/dog/1.png");
    await refused(
      /test is missing: expected the folders train\/<class>\/ and test\/<class>\/ with images, or a folder <class>\/ for each class; to divide the images of train instead, set data\.path to .*\/train$/,
    );
    images("test_set/cat/1.png");
    await refused(/test is missing: .*; if test_set is it, name it test$/);
    rmSync(join(folder, "test_set"), { recursive: true });
    rmSync(join(folder, "train"), { recursive: true });
    writeFiles(folder, { "labels.csv": "0.png,cat", "images/0.png": "pixels" });
    await refused(/holds no images in a known layout: expected the folders train/);
  });

  test("pictures without class folders are counted, and the folder above is named", () => {
    images("1.png", "2.png");
    expect(() => locate(folder, "auto")).toThrow(/holds 2 images but no class folders: if it is one of several classes, choose the folder above it/);
  });

  test("an empty folder is said to be empty; of others what most people have is expected first", () => {
    expect(() => locate(folder, "auto")).toThrow(/is empty: expected the folders train\/<class>\/ and test\/<class>\/[^;]*$/);
    writeFiles(folder, { "notes.txt": "hello" });
    expect(() => locate(folder, "auto")).toThrow(/holds no images in a known layout: expected the folders train\/<class>\/.*; or .*CIFAR-10/);
  });

  test("as in torchvision, 10 comes before 2", async () => {
    images(...Array.from({ length: 101 }, (_, n) => [`train/${n}/1.png`, `test/${n}/1.png`]).flat());
    const { classes, train } = await list();
    expect([classes.slice(0, 4), train!.count]).toEqual([["0", "1", "10", "100"], 101]);
  });
});

test("a folder with the names of its siblings in it is a class, with a warning", async () => {
  images("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png", "holdout/cat/1.png", "holdout/dog/1.png");
  const { classes, warnings } = await list();
  expect(classes).toEqual(["cat", "dog", "holdout"]);
  expect(warnings).toEqual([
    expect.stringMatching(/holdout has folders with the names of classes beside it \(cat, dog\), and is taken for a class: if it is none, move it away$/),
  ]);
});

test("what lies beside train and test is left out, and counted as far as it can be", async () => {
  twoClasses();
  images("loose.png");
  writeFileSync(join(folder, "labels.csv"), "1,cat");
  expect(reasonsOf(await list())).toEqual({ "loose.png": "picture that lies in no class folder", "labels.csv": "file that holds no image" });
  const words = (...leftOut: LeftOut[]) => leftOutInWords(4, leftOut).map(({ text }) => text.replace(/;.*/, ""));
  expect(words({ path: "loose.png", reason: "loose" })).toEqual(["4 of 5 files are taken"]);
  expect(words({ path: "more", reason: "no-split" }, { path: "loose.png", reason: "loose" })).toEqual(["4 files are taken"]);
});
