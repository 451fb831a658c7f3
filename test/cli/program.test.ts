import { rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { InputError } from "../../src-main/contract/failure";
import { folderWithRecipe } from "./examples";
import { runWith } from "./fake-engine";

let cwd: string;
beforeEach(() => {
  cwd = folderWithRecipe();
});
afterEach(() => rmSync(cwd, { recursive: true }));

describe("usage", () => {
  it.each<[string, string[], string]>([
    ["an unknown verb", ["trian"], "unknown command 'trian'"],
    ["an unknown flag", ["train", "--recipe", "r", "--epochs", "3"], "unknown option '--epochs'"],
    ["a missing flag", ["predict"], "required option '--weights <file>' not specified"],
    ["no recipe", ["train"], "--recipe is missing: expected the path of a recipe, a JSON file; only --resume takes it from the run"],
    ["a wrong choice", ["report", "--runs", "a", "--format", "doc"], "Allowed choices are html, pdf, png, csv, json"],
    ["no verb", [], "Usage: distill"],
    ["no verb of data", ["data"], "Usage: distill data"],
    ["no verb of recipe", ["recipe"], "Usage: distill recipe"],
  ])("%s gives status 2 and a message on standard error", async (_, args, words) => {
    const { status, out, err } = await runWith({}, args, { cwd });
    expect(err).toContain(words);
    expect([status, out]).toEqual([2, ""]);
  });

  it("is one JSON document too, if asked", async () => {
    const { out } = await runWith({}, ["train", "--json"], { cwd });
    expect(JSON.parse(out)).toEqual({ error: { code: "USAGE", message: expect.stringContaining("--recipe") } });
  });

  it("keeps the engine's failure in one sentence, with status by its kind", async () => {
    const failing = async (error: Error, ...args: string[]) =>
      runWith(
        {
          dataInfo: () => {
            throw error;
          },
        },
        ["data", "info", "x", ...args],
        { cwd },
      );
    const input = await failing(new InputError("x: there is no such folder"));
    expect([input.status, input.out, input.err]).toEqual([1, "", "error: x: there is no such folder\n"]);
    const bug = await failing(new TypeError("undefined is not a function"));
    expect(bug.err).toBe("error: undefined is not a function\n(add --debug for details)\n");
    expect((await failing(new TypeError("undefined is not a function"), "--debug")).err).toContain("at ");
    expect(JSON.parse((await failing(new InputError("no folder"), "--json")).out)).toEqual({ error: { code: "INPUT", message: "no folder" } });
  });

  it.each(["demo", "train", "compare", "predict", "evaluate", "report", "export", "doctor"])("%s --help shows an example", async (verb) => {
    const { status, out } = await runWith({}, [verb, "--help"], { cwd });
    expect(status).toBe(0);
    expect(out).toContain(`Example:\n  npx distill ${verb}`);
  });
});

it("options that all verbs share reach no call", async () => {
  const shared = ["--json", "--debug", "--progress", "json", "--threads", "1"];
  const { calls } = await runWith({ exportModel: () => ({}) }, ["export", "--run", "a", ...shared], { cwd });
  expect(calls.map(({ method, params }) => [method, (params as { options: object }).options])).toEqual([["exportModel", {}]]);
});
