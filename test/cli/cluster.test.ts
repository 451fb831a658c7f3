import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { InputError } from "../../src-main/contract/failure";
import type { Recipe } from "../../src-main/contract/recipe";
import { ORDER } from "../../src-main/ray/messages";
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

const root = resolve(import.meta.dirname, "../..");
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
  [["--on", "ray://h", "--data-there", "pictures"], "--data-there pictures: expected a path on the cluster's nodes that begins with /"],
  [["--on", "ray://h", "--storage", "runs"], "--storage runs: expected a path on the cluster's nodes"],
  [["--on", "ray://h", "--job-node", "bin/node"], "--job-node bin/node: expected a path on the cluster's nodes"],
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

describe.runIf(process.platform === "linux")("a sweep that can be sent", () => {
  const on = () => ["--on", `ray://${head.url.host}`];
  beforeEach(() => {
    mkdirSync(join(cwd, "photos"));
    writeFileSync(join(cwd, "library.so"), "");
    vi.stubEnv("RAY_AUTH_TOKEN", "right");
    vi.stubEnv("DISTILL_CUDA_LIBRARY", join(cwd, "library.so"));
    return () => vi.unstubAllEnvs();
  });
  const planned = ({ recipe, out }: { recipe: Recipe; out: string }) => {
    mkdirSync(out, { recursive: true });
    return {
      members: [10, 20].map((labels) => ({
        recipe,
        directory: join(out, `${labels}`),
        name: `${labels} labels, seed 0`,
        words: "",
        isFinished: labels === 10,
      })),
    };
  };

  it("gets its numbers of labels planned, and a job, on a GPU if it is to be, for what is not finished", async () => {
    const args = ["--labels", "10,20", "--set", "device=cuda", "--job-gpus", "0.5", ...on(), "--detach", "--out", "run"];
    const { status, err, calls } = await runWith({ plan: planned }, [...compare, ...args], { cwd, root });
    expect([status, calls.find(({ method }) => method === "plan")?.params]).toEqual([
      0,
      expect.objectContaining({ labels: [10, 20], seeds: 3, resume: false }),
    ]);
    expect(err).toContain("1 job on");
    expect(err).toContain(
      "each with 4 processors and 0.5 GPUs.\nwarning: no node of the cluster has a GPU, as doctor --on shows: the jobs wait until one with a GPU joins\n",
    );
    expect([...head.jobs.values()].map(({ submission }) => submission.entrypoint_num_gpus)).toEqual([0.5]);
  });

  it("is not written anywhere if it cannot be packed", async () => {
    rmSync(join(cwd, "photos"), { recursive: true });
    const { status, err, calls } = await runWith({}, [...compare, ...on(), "--out", "run"], { cwd, root });
    expect([status, calls.map(({ method }) => method)]).toEqual([1, []]);
    expect(err).toContain("photos does not exist, and the recipe names it: it cannot be sent to the cluster");
  });

  it("says of runs that are here and do not go together where they are, and whose data the nodes had", async () => {
    const start = () => Promise.reject(new InputError("the run was started on other images"));
    const plan = ({ out }: { out: string }) => {
      mkdirSync(out);
      return { members: [] };
    };
    const { status, err } = await runWith({ plan, start }, [...compare, ...on(), "--data-there", "/shared/photos", "--out", "run"], { cwd, root });
    expect([status, err]).toEqual([
      1,
      expect.stringContaining(`error: the run was started on other images\nAll runs are in ${join(cwd, "run")}, and are not put together: npx distill report`),
    ]);
    expect(err).toContain(`The nodes had their data from /shared/photos: are these the images that ${join(cwd, "photos")} has here?\nResume with: `);
  });

  it("may get another address for its data when it is resumed", async () => {
    const started = await runWith({ plan: planned }, [...compare, ...on(), "--data-there", "/shared/photo", "--detach", "--out", "run"], { cwd, root });
    expect(started.status).toBe(0);
    for (const id of head.jobs.keys()) head.end(id, "FAILED");
    const orders: (string | undefined)[] = [];
    const resumed = await runWith({ plan: planned }, [...compare, ...on(), "--resume", "--data-there", "/shared/photos", "--detach", "--out", "run"], {
      cwd,
      root,
    });
    for (const { submission } of head.jobs.values()) orders.push(JSON.parse(submission.runtime_env!.env_vars![ORDER]!).recipe.data.path);
    expect([resumed.status, orders]).toEqual([0, ["/shared/photo", "/shared/photos"]]);
  });
});

it("doctor says what a cluster has", async () => {
  process.env.RAY_AUTH_TOKEN = "right";
  const { out } = await runWith({}, ["doctor", "--on", `ray://${head.url.host}`], { cwd });
  expect(out).toMatch(/^Ray 2\.60\.0 at http:.*, 1 node\n\nnode +processors +GPUs +memory\n127\.0\.0\.1 \(head\) +4 +0 +7\.5 GiB\n$/);
  delete process.env.RAY_AUTH_TOKEN;
});
