import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path, { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { absolutePath } from "../../src-main/cli/paths";
import { readRecipe } from "../../src-main/cli/recipe-file";
import { distill } from "./distill";
import { runWith } from "./fake-engine";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "distill-paths-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(cwd, { recursive: true });
});

const written = (data: object) => JSON.stringify({ data, teacher: null, student: { model: "vit_micro_patch4_32" } });
function writeRecipe(file: string, content: string | Uint8Array = written({ path: "photos" })): void {
  mkdirSync(join(cwd, path.dirname(file)), { recursive: true });
  writeFileSync(join(cwd, file), content);
}

describe("~", () => {
  test.each([
    ["~", "/home/me"],
    ["~/pictures", "/home/me/pictures"],
    ["./~", "/here/~"],
    ["~me/pictures", "/here/~me/pictures"],
    ["a~b", "/here/a~b"],
    ["/x/../y", "/y"],
  ])("%s means %s", (text, expected) => {
    vi.stubEnv("HOME", "/home/me");
    expect(absolutePath(text, "/here")).toBe(expected);
  });

  test("is the home folder in recipes and in all flags", async () => {
    vi.stubEnv("HOME", cwd);
    writeRecipe("r.json", written({ path: "~/photos" }));
    expect(readRecipe("~/r.json", [], "/elsewhere").recipe.data.path).toBe(join(cwd, "photos"));
    expect(readRecipe("~/r.json", ["data.path=~/other"], "/elsewhere").recipe.data.path).toBe(join(cwd, "other"));
    const paramsOf = async (...args: string[]) => (await runWith({}, args, { cwd: "/elsewhere" })).calls[0]!.params;
    expect(await paramsOf("train", "--recipe", "~/r.json", "--out", "~/run")).toMatchObject({ out: join(cwd, "run") });
    expect(await paramsOf("data", "info", "~/photos")).toMatchObject({ path: join(cwd, "photos") });
    expect(await paramsOf("data", "download", "cifar100", "~/photos")).toMatchObject({ name: "cifar100", directory: join(cwd, "photos") });
    expect(await paramsOf("runs", "list", "~/runs")).toMatchObject({ directory: join(cwd, "runs") });
    expect(await paramsOf("report", "--runs", "~/run", "--out", "~/report.html")).toMatchObject({ runs: [join(cwd, "run")], out: join(cwd, "report.html") });
    expect(await paramsOf("export", "--weights", "~/a.safetensors", "--out", "~/b.safetensors")).toMatchObject({ out: join(cwd, "b.safetensors") });
    const predicted = await paramsOf("predict", "--model", "resnet18", "--weights", "~/w.safetensors", "--images", "~/a.png");
    expect(predicted).toMatchObject({ weights: join(cwd, "w.safetensors"), images: [{ path: join(cwd, "a.png") }] });
    const evaluated = await paramsOf("evaluate", "--model", "resnet18", "--weights", "bundled", "--data", "~/photos");
    expect(evaluated).toMatchObject({ data: join(cwd, "photos") });
  });
});

describe("a relative path", () => {
  test("in a recipe starts from the recipe's folder, in --set from the current one", () => {
    writeRecipe("recipes/r.json", written({ path: "photos", unlabelled: "../more" }));
    const { data } = readRecipe("recipes/r.json", [], cwd).recipe;
    expect(data).toMatchObject({ path: join(cwd, "recipes/photos"), unlabelled: join(cwd, "more") });
    expect(readRecipe("recipes/r.json", ["data.path=photos"], cwd).recipe.data).toMatchObject({ path: join(cwd, "photos"), unlabelled: join(cwd, "more") });
  });

  test("in a recipe that would lead somewhere from the current folder alone is refused, with what to write", () => {
    writeRecipe("recipes/r.json");
    mkdirSync(join(cwd, "photos"));
    expect(() => readRecipe("recipes/r.json", [], cwd)).toThrow(
      `data.path: ${join(cwd, "recipes/photos")} does not exist. Relative paths in a recipe start from the recipe's folder; ${join(cwd, "photos")} is meant by --set data.path=photos`,
    );
    expect(readRecipe("recipes/r.json", ["data.path=photos"], cwd).recipe.data.path).toBe(join(cwd, "photos"));
    mkdirSync(join(cwd, "recipes/photos"));
    expect(readRecipe("recipes/r.json", [], cwd).recipe.data.path).toBe(join(cwd, "recipes/photos"));
  });

  test("bundled is a word, wherever the recipe lies", () => {
    writeRecipe("recipes/r.json", written({ path: "bundled" }));
    expect(readRecipe("recipes/r.json", [], cwd).recipe.data.path).toBe("bundled");
  });
});

const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, "utf16le");

describe("a recipe as editors save it", () => {
  const text = written({ path: "photos" });
  test.each([
    ["with a byte order mark", Buffer.from(`\ufeff${text}`)],
    ["in UTF-16, as PowerShell's > writes it", utf16(text)],
    ["in UTF-16, big end first", utf16(text).swap16()],
    ["with Windows' line ends", Buffer.from(text.replaceAll(",", ",\r\n"))],
  ])("%s is read", (_, bytes) => {
    writeRecipe("r.json", bytes);
    expect(readRecipe("r.json", [], cwd).recipe.data.path).toBe(join(cwd, "photos"));
  });

  test.each([
    ["in UTF-16 without a mark", Buffer.from(text, "utf16le"), "seems to be in UTF-16 or UTF-32 without a byte order mark: save it as UTF-8"],
    ["in Latin-1", Buffer.from(text.replace("photos", "caf\xe9"), "latin1"), "it is not in UTF-8, though it should be: save it as UTF-8"],
    ["with a comment", Buffer.from(`// mine\n${text}`), "expected a JSON document"],
    ["with a trailing comma", Buffer.from(text.replace(/}$/, ",}")), "expected a JSON document"],
    ["that is empty", Buffer.alloc(0), "expected a JSON document"],
  ])("%s is refused in words", (_, bytes, words) => {
    writeRecipe("r.json", bytes);
    expect(() => readRecipe("r.json", [], cwd)).toThrow(words);
  });
});

test.each([
  ["of 300 letters", () => "x".repeat(300), "that is too long for this system"],
  ["inside a loop of links", () => "loop/run", "its links lead in a circle"],
  ["below a file", () => "recipe.json/run", "recipe.json is a file: expected a folder"],
])("--out with a name %s is refused before anything is read", async (_, out, words) => {
  symlinkSync("loop", join(cwd, "loop"));
  writeRecipe("recipe.json", written({ path: "no-such-folder" }));
  const { status, err } = await distill(["train", "--recipe", "recipe.json", "--out", out()], cwd);
  expect(err).toContain(words);
  expect(err).not.toMatch(/no-such-folder|at .*\.cjs/);
  expect(status).toBe(1);
});

test.skipIf(process.platform === "win32")("a current folder that was deleted is told in one line", () => {
  const program = path.resolve(import.meta.dirname, "../../build/distill.mjs");
  const { status, err } = gone(process.execPath, [program, "doctor"]);
  expect(err).toBe("error: the current folder no longer exists: change to one that does (cd), and try again\n");
  expect(status).toBe(1);
});

/** Runs a program in a folder that is deleted before it starts. */
function gone(program: string, args: string[]): { status: number | null; err: string } {
  mkdirSync(join(cwd, "gone"));
  const { status, stderr } = spawnSync("sh", ["-c", 'rmdir "$PWD" && exec "$0" "$@"', program, ...args], { cwd: join(cwd, "gone"), encoding: "utf8" });
  return { status, err: stderr };
}
