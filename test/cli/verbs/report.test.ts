import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { folderWithRecipe } from "../examples";
import { runWith } from "../fake-engine";

let cwd: string;
beforeEach(() => {
  cwd = folderWithRecipe();
});
afterEach(() => rmSync(cwd, { recursive: true }));

describe("distill report", () => {
  const report = (...args: string[]) => runWith({ report: ({ out }) => ({ path: out }) }, ["report", "--runs", "a", "b", ...args], { cwd });

  it("goes to a new file in the current folder, or to --out", async () => {
    const { calls, out } = await report("--format", "csv");
    expect(calls[0]!.params).toEqual({ runs: [join(cwd, "a"), join(cwd, "b")], format: "csv", out: join(cwd, "report-2026-11-24-120000.csv") });
    expect(out).toBe("Report: report-2026-11-24-120000.csv\n");
    expect(JSON.parse((await report("--out", "r.html", "--json")).out)).toEqual({ path: join(cwd, "r.html") });
  });

  it("names the folder that is made for it", async () => {
    expect((await report("--out", "a/b/r.html")).out).toBe("Report: a/b/r.html, in the new folder a\n");
    mkdirSync(join(cwd, "a"));
    expect((await report("--out", "a/r.html")).out).toBe("Report: a/r.html\n");
  });

  it("overwrites nothing", async () => {
    writeFileSync(join(cwd, "r.html"), "mine");
    const { status, err, calls } = await report("--out", "r.html");
    expect([status, calls]).toEqual([2, []]);
    expect(err).toContain("--out r.html: already exists");
  });
});
