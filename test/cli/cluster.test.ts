import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { InterruptedBy } from "../../src-main/cli/world";
import { InputError } from "../../src-main/contract/failure";
import type { Recipe } from "../../src-main/contract/recipe";
import { thisProcess } from "../../src-main/disk/process-identity";
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
  [["--on", "ray://h", "--attach", "--set", "train.epochs=9", "--out", "x"], "--set does not go with --attach: the jobs have their recipe"],
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

  const detached = () => runWith({ plan: planned }, [...compare, "--labels", "10,20", ...on(), "--detach", "--out", "run"], { cwd, root });
  const attach = "distill compare --on";

  it("is named by the verbs on runs while nothing of it is here", async () => {
    expect((await detached()).status).toBe(0);
    const none = { listRuns: () => [], listMade: () => [], attach: () => null };
    const list = await runWith(none, ["runs", "list", "."], { cwd });
    expect([list.status, list.out]).toEqual([0, expect.stringMatching(/^run +http:\S+ +0 of 1 +1 +nobody$/m)]);
    expect(list.out).toContain(attach);
    const show = await runWith(none, ["runs", "show", "run"], { cwd });
    expect([show.status, show.out]).toEqual([
      0,
      expect.stringContaining(
        `1 job of 1 went to ${head.url.origin}, and its run is not back. Follow them, and stop them there by Ctrl-C, each with a checkpoint, with: npx ${attach}`,
      ),
    ]);
    const stop = await runWith(none, ["runs", "stop", "run"], { cwd });
    expect([stop.status, stop.err]).toEqual([1, expect.stringContaining("run is not trained by a process of this computer. 1 job of 1 went to")]);
    expect(stop.err).toContain("stop them there by Ctrl-C");
    // Stopped there: there is nothing to follow any more.
    for (const id of head.jobs.keys()) head.end(id, "STOPPED");
    expect((await runWith({ plan: planned }, [...compare, ...on(), "--attach", "--out", "run"], { cwd, root })).status).toBe(130);
    const over = (await runWith(none, ["runs", "list", "."], { cwd })).out;
    expect(over).toMatch(/^run +http:\S+ +0 of 1 +0 +nobody\nSubmit what is not finished again with: npx distill compare --on \S+ --resume --out run$/m);
    expect((await runWith(none, ["runs", "stop", "run"], { cwd })).err).toContain("no process trains this run now");
    // Gone on with here, to its end.
    mkdirSync(join(cwd, "run", "20"), { recursive: true });
    writeFileSync(join(cwd, "run", "20", "comparison.json"), "{}");
    expect((await runWith(none, ["runs", "list", "."], { cwd })).out).toBe(".: no runs\n");
  });

  it("is followed by one process at a time, until that has ended", async () => {
    expect((await detached()).status).toBe(0);
    const lock = join(cwd, "run", "ray.lock");
    expect(existsSync(lock)).toBe(false);
    const since = "2026-01-01T00:00:00.000Z";
    writeFileSync(lock, JSON.stringify({ ...thisProcess(), since }));
    const again = [...compare, ...on(), "--attach", "--out", "run"];
    const second = await runWith({ plan: planned }, again, { cwd, root });
    expect([second.status, second.err]).toEqual([1, expect.stringContaining(`run are followed by process ${process.pid} (since ${since}) already`)]);
    writeFileSync(lock, JSON.stringify({ ...thisProcess(), started: "1", since }));
    for (const id of head.jobs.keys()) head.end(id, "FAILED");
    expect((await runWith({ plan: planned }, again, { cwd, root })).err).toContain("1 of 1 job did not get to its end");
    expect(existsSync(lock)).toBe(false);
  });

  it.each([
    ["the terminal is closed", ["system"], 0, "interrupted: left. The jobs go on without this program. Follow them with: npx distill compare --on"],
    ["Ctrl-C is pressed twice", ["keyboard", "keyboard"], 1, "interrupted: left at once. The jobs were asked to stop, each with a checkpoint. Fetch what"],
  ] as const)("is left at once when %s", async (_, presses, stops, words) => {
    head.close();
    let press: (by: InterruptedBy) => void;
    const pressAll = () => {
      for (const by of presses) press(by);
    };
    head = await fakeHead({ token: "right", onSubmit: () => void setTimeout(pressAll) });
    const args = [...compare, "--labels", "10,20", ...on(), "--out", "run"];
    const during = ({ interrupt }: { interrupt(by: InterruptedBy): void }) => {
      press = interrupt;
    };
    const { status, err } = await runWith({ plan: planned }, args, { cwd, root, during });
    expect([status, err]).toEqual([130, expect.stringContaining(words)]);
    await vi.waitFor(() => expect([...head.jobs.values()].map((job) => [job.status, job.stops])).toEqual([["RUNNING", stops]]));
    expect(existsSync(join(cwd, "run", "ray.lock"))).toBe(false);
  });

  it("begins anew where checkpoints are here alone, which is said", async () => {
    expect((await detached()).status).toBe(0);
    for (const id of head.jobs.keys()) head.end(id, "FAILED");
    const again = (how: string) =>
      runWith({ plan: planned }, [...compare, ...on(), how, ...(how === "--resume" ? ["--detach"] : []), "--out", "run"], { cwd, root });
    expect((await again("--attach")).err).not.toContain("anew");
    mkdirSync(join(cwd, "run", "20", "control", "checkpoint"), { recursive: true });
    expect((await again("--attach")).err).toContain(`To go on from the checkpoints, here: npx distill compare --resume --out ${join(cwd, "run")}\n`);
    expect((await again("--resume")).err).toContain("warning: what is not finished begins anew on the cluster, without --storage");
  });

  it("leaves no folder behind whose jobs could not be written down", async () => {
    const plan = (asked: Parameters<typeof planned>[0]) => {
      const members = planned(asked);
      mkdirSync(join(asked.out, "ray.json.partial"));
      return members;
    };
    const { status, err } = await runWith({ plan }, [...compare, ...on(), "--out", "run"], { cwd, root });
    expect([status, err]).toEqual([1, expect.stringContaining("ray.json cannot be written")]);
    expect([existsSync(join(cwd, "run")), head.jobs.size]).toEqual([false, 0]);
  });

  it("whose jobs are larger than any node is warned of", async () => {
    const { err } = await runWith({ plan: planned }, [...compare, "--labels", "10,20", ...on(), "--job-processors", "8", "--detach", "--out", "run"], {
      cwd,
      root,
    });
    expect(err).toContain("warning: each job asks for 8 processors, and no node has more than 4: the jobs wait until a larger one joins");
    expect(err).not.toContain("fit on the cluster at once");
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
