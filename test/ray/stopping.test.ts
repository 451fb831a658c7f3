import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { NoticeBody } from "../../src-main/contract/notices";
import type { Training } from "../../src-main/ray/member-training";
import { type FakeHead, fakeHead } from "./fake-head";
import { batch, fetchedIn, isMember, leave, trainOn, wellBehaved } from "./sweep-there";

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
    const checkpoint = join(out, "seed-0/control/checkpoint/latest.safetensors");
    expect(readFileSync(checkpoint, "utf8")).toBe("state");
    // This computer goes on with it, and nothing that comes to follow the jobs takes that back.
    writeFileSync(checkpoint, "a later state");
    expect((await train({ restart: false }, 2)).failed.map(({ message }) => message)).toEqual(
      Array.from({ length: 2 }, () => "its job has ended before its end; --resume submits it again"),
    );
    const requests = fake.requests.length;
    for (const seed of [0, 1]) writeFileSync(join(out, `seed-${seed}`, "comparison.json"), "{}");
    expect((await train({}, 2)).failed).toEqual([]);
    expect([readFileSync(checkpoint, "utf8"), fake.requests.slice(requests).filter((each) => each.includes("/jobs/"))]).toEqual(["a later state", []]);
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
});
