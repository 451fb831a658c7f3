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
