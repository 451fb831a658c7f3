import { rmSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type FakeHead, fakeHead } from "../ray/fake-head";
import { folderWithRecipe } from "./examples";
import { runWith } from "./fake-engine";

let cwd: string;
let head: FakeHead;
beforeEach(async () => {
  cwd = folderWithRecipe();
  head = await fakeHead({ token: "right", version: "2.60.0" });
});
afterEach(() => {
  head.close();
  rmSync(cwd, { recursive: true });
});

const compare = ["compare", "--recipe", "recipe.json"];

it.each([
  [["--detach"], "--detach goes with --on, the address of a cluster"],
  [["--storage", "/s"], "--storage goes with --on"],
  [["--on", "ray://h", "--attach", "--resume"], "--attach does not go with --resume"],
  [["--on", "ray://h", "--resume", "--job-node", "ship"], "--job-node does not go with --resume: it stays as it was"],
  [["--on", "ray://h", "--tensorboard"], "write the event files afterwards"],
  [["--on", "ray://h", "--attach", "--labels", "10,20", "--out", "x"], "--labels does not go with --attach"],
  [["--on", "h:8265"], "expected the head of a Ray cluster"],
  [["--on", "ray://h", "--job-gpus", "1"], `the recipe's device is "auto", which trains on processors: add --set device=cuda`],
  [["--on", "ray://h", "--job-gpus", "2"], 'expected a number above 0, and at most 1, got "2"'],
  [["--on", "ray://h", "--data-there", "ftp://h/p.zip"], "expected a folder that all nodes see, or an address that begins with https:// or http://"],
  [["--on", "ray://h", "--set", "data.path=bundled", "--data-there", "/d"], "the recipe trains on the bundled images"],
  [["--on", "ray://h", "--attach"], "--attach needs --out"],
])("%j is wrong usage", async (args, words) => {
  const { status, err, calls } = await runWith({}, [...compare, ...args], { cwd });
  expect([status, calls.filter(({ method }) => method === "plan")]).toEqual([2, []]);
  expect(err).toContain(words);
});

it("a head that does not answer, or refuses, is told before anything is written", async () => {
  const on = `ray://${head.url.host}`;
  const refused = await runWith({}, [...compare, "--on", on], { cwd });
  expect([refused.status, refused.calls.filter(({ method }) => method === "plan")]).toEqual([1, []]);
  expect(refused.err).toMatch(/expects a token|refuses the token/);
  head.close();
  const dead = await runWith({}, [...compare, "--on", on], { cwd });
  expect([dead.status, dead.err]).toEqual([1, expect.stringContaining("Does the head run, and is this the port of its dashboard?")]);
});

it("a run that no cluster trained cannot be followed", async () => {
  const { status, err } = await runWith(
    { recipeOf: () => ({ data: { path: "x" }, student: { model: "vit_tiny_patch16_224" } }) as never },
    ["compare", "--on", "ray://h", "--attach", "--out", cwd],
    { cwd },
  );
  expect([status, err]).toEqual([1, `error: ${cwd} was not trained on a cluster: there is no ray.json in it\n`]);
});

it("doctor says what a cluster has", async () => {
  process.env.RAY_AUTH_TOKEN = "right";
  const { out } = await runWith({}, ["doctor", "--on", `ray://${head.url.host}`], { cwd });
  expect(out).toMatch(/^Ray 2\.60\.0 at http:.*, 1 node\n\nnode +processors +GPUs +memory\n127\.0\.0\.1 \(head\) +4 +0 +7\.5 GiB\n$/);
  delete process.env.RAY_AUTH_TOKEN;
});
