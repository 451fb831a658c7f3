import { expect, test } from "vitest";
import type { NoticeBody } from "../../src-main/contract/notices";
import type { BatchRecord } from "../../src-main/contract/run";
import { Notifier } from "../../src-main/engine/notices";

const batch = (iter: number) => ({ epoch: 1, iter }) as BatchRecord;
const progress = (done: number) => ({ done, total: 100, imagesPerSecond: 1, secondsLeft: 1 });

/** A notifier whose clock advances 10 ms with every batch. */
function hundredBatches(): NoticeBody[] {
  const posted: NoticeBody[] = [];
  let now = 0;
  const notifier = new Notifier(
    (notice) => posted.push(notice),
    () => now,
  );
  for (let i = 1; i <= 100; i++) {
    now += 10;
    notifier.batches({ type: "batches", arm: i <= 50 ? "control" : "student", records: [batch(i)], progress: progress(i) });
  }
  notifier.send({ type: "phase", text: "Testing" });
  return posted;
}

test("batches are sent in groups, about ten times a second, and none is lost", () => {
  const batches = hundredBatches().flatMap((notice) => (notice.type === "batches" ? [notice] : []));
  expect(batches.length).toBeGreaterThan(8);
  expect(batches.length).toBeLessThan(13);
  expect(batches.flatMap(({ records }) => records.map(({ iter }) => iter))).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
  for (const { records, progress } of batches) expect(progress.done).toBe(records.at(-1)!.iter);
});

test("records of two arms are never mixed, and other notices come after the batches before them", () => {
  const posted = hundredBatches();
  for (const notice of posted) {
    if (notice.type !== "batches") continue;
    for (const { iter } of notice.records) expect(notice.arm).toBe(iter <= 50 ? "control" : "student");
  }
  expect(posted.at(-1)).toEqual({ type: "phase", text: "Testing" });
});
