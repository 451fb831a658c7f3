import { rmSync } from "node:fs";
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
      classes: ["cat", "dog"],
      train: { count: 30, perClass: [10, 20] },
      validation: null,
      test: { count: 3, perClass: [1, 2] },
      imageSize: null,
      thumbnails: [],
      leftOut: [{ path: "train/cat/a.txt", reason: "file that holds no image" }],
      warnings: ["2 files are not images"],
      notes: ["the classes are so"],
    };
    const { out, calls } = await runWith({ dataInfo: () => info }, ["data", "info", "photos"], { cwd });
    expect(calls[0]!.params).toEqual({ path: join(cwd, "photos"), format: "auto", thumbnailsPerClass: 0 });
    expect(out).toMatch(
      /dog +20 +2\nall +30 +3\nwarning: 2 files are not images\nthe classes are so\n\nleft out:\ntrain\/cat\/a.txt: file that holds no image\n$/,
    );
    const { thumbnails: _, ...rest } = info;
    expect(JSON.parse((await runWith({ dataInfo: () => info }, ["data", "info", "photos", "--json"], { cwd })).out)).toEqual(rest);
  });

  it("bundled is a name, not a folder", async () => {
    const { calls } = await runWith({ dataInfo: () => ({}) }, ["data", "info", "bundled", "--json"], { cwd });
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
    [["there"], "cifar10", "there", "CIFAR-10, 170.1 MB, to there"],
  ])("%j says what goes where", async (args, name, directory, said) => {
    const { calls, err } = await download(...args);
    expect(calls[0]).toEqual({ method: "dataDownload", params: { name, directory: join(cwd, directory) } });
    expect(err).toContain(said);
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
