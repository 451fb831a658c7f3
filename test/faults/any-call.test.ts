// A share of test/long/any-call.long.ts.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { pointsOf, problemAfter, type Reference, reference, remove } from "./any-call";

vi.mock("node:fs", async () => (await import("./faulty-files")).faultyFiles);

let undisturbed: Reference;
beforeAll(async () => {
  undisturbed = await reference("train");
});
afterAll(() => remove());

const STRIDE = 8;

/** Every so many changes, beginning at another place for each kind of fault. */
const share = (offset: number) => pointsOf(undisturbed).filter((_, i) => i % STRIDE === offset);

test("a process that is killed at any call leaves a folder that resumes, and ends in the same bits", async () => {
  // Besides the share, before every file takes its name.
  const renames = pointsOf(undisturbed).filter((at) => undisturbed.changes[at]!.call === "renameSync");
  for (const at of new Set([...share(0), ...renames])) expect(await problemAfter(undisturbed, { at, kind: "kill" })).toBeNull();
});

test("a disk that is full from any call on: the message names the file, and the run resumes once there is room", async () => {
  for (const at of share(2)) expect(await problemAfter(undisturbed, { at, kind: "full" })).toBeNull();
});

test("any call that the system refuses: the message names the file, and the run resumes", async () => {
  for (const at of share(4)) expect(await problemAfter(undisturbed, { at, kind: "fail" })).toBeNull();
});
