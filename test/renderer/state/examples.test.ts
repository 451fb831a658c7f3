import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { EXAMPLES_RULE } from "../../../src-main/contract/examples";
import { atTemperature, classOrder, Examples, teachingTemperature, verdictOn } from "../../../src-renderer/state/examples.svelte";
import { begunCurves, deferred, epoch, FakeEngine, failure, fakeBridge, startedEngine } from "../fakes";

const made: string[] = [];
const revoked: string[] = [];
beforeEach(() => {
  made.length = revoked.length = 0;
  vi.spyOn(URL, "createObjectURL").mockImplementation(() => `blob:${made.push("") - 1}`);
  vi.spyOn(URL, "revokeObjectURL").mockImplementation((url) => void revoked.push(url));
});
afterEach(() => vi.restoreAllMocks());

/** Two images, of two classes. */
const known = {
  classes: ["cat", "dog"],
  images: [
    { name: "0", label: 0 },
    { name: "7", label: 1 },
  ],
  pictures: [new Uint8Array([1]), new Uint8Array([2])],
  teacher: Float64Array.of(0.9, 0.1, 0.2, 0.8),
};
/** After an epoch, an arm gives the true class of the first image so much. */
const share = (arm: string, epoch: number) => (arm === "control" ? 0.1 : 0.5) + epoch / 100;
/** A run of which so many epochs are in the folder of each arm. */
const engineWith = (written: Record<string, number>, examples: () => unknown = () => known) =>
  new FakeEngine({
    examples,
    exampleAnswers: ({ directory, after }: { directory: string; after: number }) => {
      const arm = directory.split("/").at(-1)!;
      const epochs = Array.from({ length: written[arm]! - after }, (_, i) => after + 1 + i);
      return { epochs, probabilities: Float64Array.from(epochs.flatMap((epoch) => [share(arm, epoch), 1 - share(arm, epoch), 0.5, 0.5])) };
    },
  });
const opened = async (engine: FakeEngine) => new Examples(await startedEngine(fakeBridge(engine).bridge));
const run = () => begunCurves(["control", "student"], 2, 5);
const said = (examples: Examples) => examples.answersTo(0).map(({ network, probabilities }) => [network, probabilities?.[0] ?? null]);

test("before the first epoch the teacher has answered; then all have, and the last epoch that both have is followed", async () => {
  const written = { control: 0, student: 0 };
  const engine = engineWith(written);
  const examples = await opened(engine);
  const curves = run();
  await examples.follow(curves);
  expect([examples.epoch, examples.pictures]).toEqual([null, ["blob:0", "blob:1"]]);
  expect(said(examples)).toEqual([
    ["teacher", 0.9],
    ["control", null],
    ["student", null],
  ]);
  const end = async (arm: "control" | "student", number: number) => {
    written[arm] = number;
    curves.addEpoch(arm, epoch(number, 0.5));
    await examples.follow(curves);
  };
  await end("control", 1);
  expect([examples.epoch, said(examples)[2]]).toEqual([1, ["student", null]]);
  await end("student", 1);
  await end("control", 2);
  expect([examples.epoch, examples.epochs]).toEqual([1, [1]]);
  await end("student", 2);
  expect(said(examples)).toEqual([
    ["teacher", 0.9],
    ["control", share("control", 2)],
    ["student", share("student", 2)],
  ]);
  expect(examples.courseOf(0)[1]!.points).toEqual([1, 2].map((x) => ({ x, y: share("student", x) })));
  // Each epoch is asked for once, and the pictures are not asked for again.
  expect(engine.paramsOf("exampleAnswers").map((params) => (params as { after: number }).after)).toEqual([0, 0, 0, 0, 1, 1]);
  expect(engine.paramsOf("examples")).toHaveLength(1);
});

test("a chosen epoch stays while the run goes on, and choosing the last one follows it again", async () => {
  const written = { control: 3, student: 3 };
  const examples = await opened(engineWith(written));
  const curves = run();
  for (const arm of ["control", "student"] as const) for (const number of [1, 2, 3]) curves.addEpoch(arm, epoch(number, 0.5));
  await examples.follow(curves);
  examples.showAt(0);
  Object.assign(written, { control: 4, student: 4 });
  for (const arm of ["control", "student"] as const) curves.addEpoch(arm, epoch(4, 0.5));
  await examples.follow(curves);
  expect([examples.epoch, examples.epochs]).toEqual([1, [1, 2, 3, 4]]);
  examples.showAt(3);
  expect([examples.epoch, examples.chosen]).toEqual([4, null]);
});

test("an epoch that ends while another is read is read as well", async () => {
  const written = { control: 1, student: 1 };
  const waiting = deferred<typeof known>();
  const examples = await opened(engineWith(written, () => waiting.promise));
  const curves = run();
  const following = examples.follow(curves);
  for (const arm of ["control", "student"] as const) curves.addEpoch(arm, epoch(1, 0.5));
  const again = examples.follow(curves);
  waiting.resolve(known);
  await Promise.all([following, again]);
  expect(examples.epoch).toBe(1);
});

test("an epoch that ends at any moment of the reading of another is read, without being asked for again", async () => {
  for (let moment = 0; moment < 40; moment++) {
    const written = { control: 1 };
    const examples = await opened(engineWith(written));
    const curves = begunCurves(["control"], 2, 5);
    curves.addEpoch("control", epoch(1, 0.5));
    const following = examples.follow(curves);
    for (let turn = 0; turn < moment; turn++) await null;
    written.control = 2;
    curves.addEpoch("control", epoch(2, 0.5));
    await Promise.all([following, examples.follow(curves)]);
    expect([moment, examples.epochs]).toEqual([moment, [1, 2]]);
  }
});

test("another run takes the place of the one before, whose pictures are freed and whose late answers are dropped", async () => {
  const late = deferred<typeof known>();
  let calls = 0;
  const examples = await opened(engineWith({ control: 0, student: 0 }, () => (++calls === 2 ? late.promise : known)));
  await examples.follow(run());
  examples.open = 1;
  const second = examples.follow(run());
  expect([examples.pictures, examples.open, revoked]).toEqual([[], null, ["blob:0", "blob:1"]]);
  const third = examples.follow(run());
  late.resolve({ ...known, classes: ["late", "late"] });
  await Promise.all([second, third]);
  expect(examples.known!.classes).toEqual(["cat", "dog"]);
});

test("what cannot be read is said once, and the next epoch tries again", async () => {
  let isDamaged = true;
  const written = { control: 0, student: 0 };
  const engine = engineWith(written, () => {
    if (isDamaged) throw failure("examples.csv is damaged");
    return known;
  });
  const examples = await opened(engine);
  const curves = run();
  await examples.follow(curves);
  await examples.follow(curves);
  expect([examples.problem, examples.known]).toEqual(["examples.csv is damaged", null]);
  isDamaged = false;
  written.control = 1;
  curves.addEpoch("control", epoch(1, 0.5));
  await examples.follow(curves);
  expect([examples.problem, examples.epoch]).toEqual([null, 1]);
});

describe("what is made of probabilities", () => {
  test("an answer is the likeliest class", () => {
    expect(verdictOn([0.2, 0.5, 0.3], 1)).toEqual({ isRight: true, answer: 1, truth: 0.5 });
    expect(verdictOn([0.2, 0.5, 0.3], 2)).toEqual({ isRight: false, answer: 1, truth: 0.3 });
  });

  test("at another temperature they are what the softmax of the logits gives, zeros and all", () => {
    const logits = [3, 1, -2];
    const at = (T: number) => {
      const powers = logits.map((logit) => Math.exp(logit / T));
      return powers.map((power) => power / powers.reduce((a, b) => a + b));
    };
    for (const T of [0.212, 1, 4]) for (const [k, p] of atTemperature(at(1), T).entries()) expect(p).toBeCloseTo(at(T)[k]!, 12);
    expect(atTemperature([1, 0], 0.05)).toEqual([1, 0]);
    expect(atTemperature([1e-300, 1], 4)[0]).toBeCloseTo(1e-75, 80);
  });

  test("the temperature of teaching is that of the first soft labels", () => {
    const terms = (...kinds: object[]) => teachingTemperature({ labels: 1, images: "all", terms: kinds } as never);
    expect(terms({ kind: "soft", weight: 1, temperature: 4 })).toBe(4);
    expect(terms({ kind: "token", weight: 1, targets: "hard", temperature: 3 }, { kind: "dkd", weight: 1, temperature: 2 })).toBe(2);
    expect(terms({ kind: "standardized-soft", weight: 1, temperature: 2 }, { kind: "hard", weight: 1 })).toBeNull();
    expect(teachingTemperature(null)).toBeNull();
  });

  test("classes are in the order of the first network that has answered", () => {
    const silent = { network: "teacher" as const, probabilities: null };
    expect(classOrder([silent, { network: "control", probabilities: [0.1, 0.7, 0.2] }])).toEqual([1, 2, 0]);
    expect(classOrder([silent])).toEqual([]);
  });
});

test("the rule says how many there are", () => {
  expect(EXAMPLES_RULE).toMatch(/up to eight\b/);
});
