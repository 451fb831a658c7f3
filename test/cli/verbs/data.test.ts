import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { folderWithRecipe } from "../examples";
import { runWith } from "../fake-engine";

let cwd: string;
beforeEach(() => {
  cwd = folderWithRecipe();
});
afterEach(() => rmSync(cwd, { recursive: true }));

describe("distill data", () => {
  it("info prints classes and counts, in JSON without pictures", async () => {
    const info = {
      path: "/photos",
      format: "image-folder",
      layout: "train and test, in each a folder for each class",
      classes: ["cat", "dog"],
      train: { count: 30, perClass: [10, 20] },
      validation: null,
      test: { count: 3, perClass: [1, 2] },
      imageSize: null,
      thumbnails: [],
      leftOut: [{ path: "train/cat/a.txt", reason: "file that holds no image" }],
      concerns: [
        {
          ...{ kind: "copies", type: "warning", text: "2 files are copies", count: 2, settled: false },
          examples: [{ names: ["a.png", "b.png"], png: null }],
          remedy: { words: "Leave out the copies", settings: { "data.skipCopies": true } },
        },
        {
          ...{ kind: "leak", type: "note", text: "1 is left out", count: 1, settled: true, examples: [] },
          remedy: { words: "Undo", settings: { "data.skipLeaks": false } },
        },
      ],
      warnings: ["2 files are copies"],
      notes: ["1 is left out", "the classes are so"],
    };
    const { out, calls } = await runWith({ dataInfo: () => info }, ["data", "info", "photos"], { cwd });
    expect(calls[0]!.params).toEqual({ path: join(cwd, "photos"), format: "auto", thumbnailsPerClass: 0 });
    expect(out).toMatch(
      /dog +20 +2\nall +30 +3\nwarning: 2 files are copies\n {2}to leave out the copies: --set data.skipCopies=true\n1 is left out\n {2}to undo this: --set data.skipLeaks=false\nthe classes are so\n\nleft out:\ntrain\/cat\/a.txt: file that holds no image\n$/,
    );
    const { thumbnails: _, concerns, ...rest } = info;
    const named = concerns.map(({ examples, ...concern }) => ({ ...concern, examples: examples.map(({ names }) => names) }));
    expect(JSON.parse((await runWith({ dataInfo: () => info }, ["data", "info", "photos", "--json"], { cwd })).out)).toEqual({ ...rest, concerns: named });
  });

  it("info tells what a recipe with other settings takes, and refuses those that choose no images", async () => {
    const info = (...args: string[]) => runWith({ dataInfo: () => ({ concerns: [] }) }, ["data", "info", "photos", "--json", ...args], { cwd });
    const { calls } = await info("--set", "data.skipCopies=true", "--set", "data.testShare=0.3");
    expect(calls[0]!.params).toMatchObject({ settings: { skipCopies: true, testShare: 0.3, skipLeaks: false } });
    expect(await info("--set", "train.epochs=3")).toMatchObject({
      status: 2,
      calls: [],
      err: expect.stringContaining("takes what chooses among the images: data."),
    });
  });

  it("bundled is a name, not a folder", async () => {
    const { calls } = await runWith({ dataInfo: () => ({ concerns: [] }) }, ["data", "info", "bundled", "--json"], { cwd });
    expect(calls[0]!.params).toMatchObject({ path: "bundled" });
  });
});

describe("distill data download", () => {
  const download = (...args: string[]) =>
    runWith({ dataDownload: () => ({ path: join(cwd, "x") }), dataDownloadFrom: () => ({ path: "/x" }) }, ["data", "download", ...args], { cwd });

  it.each([
    [["cifar10"], "cifar10", "cifar-10", "CIFAR-10, 170.1 MB, to cifar-10"],
    [["cifar-10"], "cifar10", "cifar-10", "CIFAR-10, 170.1 MB, to cifar-10"],
    [["cifar100"], "cifar100", "cifar-100", "CIFAR-100, 168.5 MB, to cifar-100"],
    [["CIFAR-100", "there"], "cifar100", "there", "CIFAR-100, 168.5 MB, to there"],
    [["./there"], "cifar10", "there", "CIFAR-10, 170.1 MB, to there"],
  ])("%j says what goes where", async (args, name, directory, said) => {
    const { calls, err } = await download(...args);
    expect(calls[0]).toEqual({ method: "dataDownload", params: { name, directory: join(cwd, directory) } });
    expect(err).toContain(said);
  });

  it("takes a folder that is there, but no word that may be a misspelled set", async () => {
    mkdirSync(join(cwd, "mine"));
    expect((await download("mine")).calls[0]).toMatchObject({ params: { name: "cifar10", directory: join(cwd, "mine") } });
    const { status, err, calls } = await download("cifar1O");
    expect([status, calls]).toEqual([2, []]);
    expect(err).toContain(
      'there is no data set "cifar1O" to download: expected cifar10 or cifar100; for CIFAR-10 in a new folder of this name: npx distill data download cifar10 cifar1O',
    );
  });

  it("takes another address", async () => {
    const { calls } = await download("cifar100", "there", "--url", "http://a.org/x");
    expect(calls[0]).toEqual({ method: "dataDownloadFrom", params: { name: "cifar100", directory: join(cwd, "there"), url: "http://a.org/x" } });
  });

  it("refuses a set that it does not know", async () => {
    const { status, err, calls } = await download("imagenet", "there");
    expect([status, calls]).toEqual([2, []]);
    expect(err).toContain('there is no data set "imagenet" to download: expected cifar10 or cifar100');
  });

  it("shows the time that is left", async () => {
    const dataDownload = (_: unknown, notify: (notice: { type: "download"; received: number; total: number; secondsLeft: number | null }) => void) => {
      notify({ type: "download", received: 85e6, total: 170e6, secondsLeft: 42 });
      return { path: "/x" };
    };
    const { err } = await runWith({ dataDownload }, ["data", "download", "cifar10"], { cwd });
    expect(err).toContain("download  50%  85.0 MB of 170.0 MB  0:42 left");
  });
});
