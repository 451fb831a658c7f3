import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Evidence } from "../../../src-renderer/state/evidence.svelte";
import { curvesOf } from "../../../src-renderer/state/training.svelte";
import { batches, details, FakeEngine, failure, fakeBridge, startedEngine } from "../fakes";

const shown = (arm: string, batch: number) => ({
  batch,
  epoch: 1,
  count: 8,
  images: [{ label: "cat", student: new Uint8Array([1]), teacher: arm === "student" ? new Uint8Array([2]) : null }],
  sides: { student: 32, teacher: null },
  again: { plan: true, pixels: true, targets: true },
});
const made: string[] = [];
const revoked: string[] = [];
beforeEach(() => {
  made.length = revoked.length = 0;
  vi.spyOn(URL, "createObjectURL").mockImplementation(() => `blob:${made.push("") - 1}`);
  vi.spyOn(URL, "revokeObjectURL").mockImplementation((url) => void revoked.push(url));
});
afterEach(() => vi.restoreAllMocks());

const curves = () => curvesOf([details("control", { batches: batches(4, 2) }), details("student", { batches: batches(2, 2) })]);
const opened = async (engine: FakeEngine) => {
  const evidence = new Evidence(await startedEngine(fakeBridge(engine).bridge));
  evidence.open(curves());
  return evidence;
};
const armOf = ({ directory }: { directory: string }) => directory.split("/").at(-1)!;

test("a batch is shown as each arm that has it saw it, and pictures are freed with the next", async () => {
  const engine = new FakeEngine({ shownBatch: (params: { directory: string; batch: number }) => shown(armOf(params), params.batch) });
  const evidence = await opened(engine);
  await evidence.look(2);
  expect(evidence.seen.map(({ arm, batch, images }) => [arm, batch, images[0]!.label, images[0]!.teacher !== null])).toEqual([
    ["control", 2, "cat", false],
    ["student", 2, "cat", true],
  ]);
  await evidence.look(4);
  expect(evidence.seen.map(({ arm }) => arm)).toEqual(["control"]);
  expect(revoked).toHaveLength(3);
  evidence.close();
  expect([evidence.curves, evidence.seen, revoked.length]).toEqual([null, [], 4]);
});

test("what the engine refuses is said, and nothing else is shown", async () => {
  const engine = new FakeEngine({
    shownBatch: () => {
      throw failure("the data are gone");
    },
  });
  const evidence = await opened(engine);
  await evidence.look(1);
  expect(evidence).toMatchObject({ problem: "The data are gone", seen: [], loading: false });
});

test("only the batch that was asked for last is shown", async () => {
  const engine = new FakeEngine({ shownBatch: (params: { directory: string; batch: number }) => shown(armOf(params), params.batch) });
  const evidence = await opened(engine);
  await Promise.all([evidence.look(1), evidence.look(2)]);
  expect(evidence.seen.map(({ batch }) => batch)).toEqual([2, 2]);
});
