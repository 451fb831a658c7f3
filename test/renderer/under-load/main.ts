/** The app's page with an engine that is none: it has trained a run of any length with all that a screen shows of one, and goes on at any pace. */
import { mount } from "svelte";
import "uplot/dist/uPlot.min.css";
import type { ArmName, ComparedArm } from "../../../src-main/contract/arms";
import type { BatchColumns, RunEvidence, SeedCourse } from "../../../src-main/contract/run";
import App from "../../../src-renderer/App.svelte";
import { Studio } from "../../../src-renderer/state/studio.svelte";
import "../../../src-renderer/styles/base.css";
import { madeUpBatch } from "../../runs/made-up";
import { details, epoch, FakeEngine, fakeBridge, liveRun, studentRecipe } from "../fakes";

const PER_EPOCH = 1000;
const EPOCHS = 1200;

/** The columns of a run's first batches. */
function columns(batches: number): BatchColumns {
  const records = Array.from({ length: batches }, (_, index) => madeUpBatch(index, PER_EPOCH));
  const column = (value: (record: (typeof records)[number]) => number) => Float32Array.from(records, value);
  return {
    batches,
    perEpoch: PER_EPOCH,
    loss: column(({ loss }) => loss),
    trainAcc: column(({ trainAcc }) => trainAcc),
    lr: column(({ lr }) => lr),
    imagesPerSecond: column(({ imagesPerSecond }) => imagesPerSecond),
    parts: { ce: column(({ parts }) => parts.ce!), kd: column(({ parts }) => parts.kd!) },
  };
}

type Notice = { type: "member" | "started" | "batches" | "epoch" | "machine" } & Record<string, unknown>;
let notify: (notice: Notice) => void = () => {};
let known: BatchColumns = columns(0);
/** Batches of the control that were sent after those that are known. The student has as many, or one less. */
let sent = 0;
let otherSeeds: SeedCourse[] = [];

const links = (arm: ArmName, batches: number): RunEvidence => ({ arm, chain: Array.from({ length: batches }, (_, index) => `link ${index}`), damage: null });
const epochsIn = (batches: number) => Math.floor(batches / PER_EPOCH);
const accuracyAfter = (arm: ArmName, number: number, seed = 0) => 0.8 - ((arm === "control" ? 0.5 : 0.4) + 0.02 * seed) / number;
const tested = (arm: ArmName, number: number) => epoch(number, accuracyAfter(arm, number));

const CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse"];
/** [E,N,K] after these epochs: the true class gains, and the others share the rest. */
const answersAfter = (epochs: readonly number[]) =>
  Float64Array.from(
    epochs.flatMap((number) => {
      const truth = 0.9 - (0.7 * (1 + Math.cos(number))) / 2;
      return CLASSES.flatMap((_, image) => CLASSES.map((_, label) => (label === image ? truth : (1 - truth) / (CLASSES.length - 1))));
    }),
  );

async function picture(hue: number): Promise<Uint8Array> {
  const canvas = new OffscreenCanvas(32, 32);
  const context = canvas.getContext("2d")!;
  context.fillStyle = `hsl(${hue} 60% 50%)`;
  context.fillRect(0, 0, 32, 32);
  return new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
}

const engine = new FakeEngine({
  doctor: () => ({ arithmetic: { cpu: null, cuda: null }, cpu: { threads: 2 }, gpus: [], backends: [], bundled: { teachers: [] } }),
  dataInfo: () => Promise.reject(new Error("no data here")),
  models: () => [],
  listRuns: () => [],
  list: () => [],
  watch: (_, tell) => {
    notify = tell as typeof notify;
    return new Promise(() => {});
  },
  readCourse: ({ directory }: { directory: string }) => {
    const arm = directory.split("/").at(-1) as ArmName;
    const epochRecords = Array.from({ length: epochsIn(known.batches) }, (_, index) => tested(arm, index + 1));
    return { ...details(arm, { directory, epochRecords }), columns: known };
  },
  readEvidence: ({ directory }: { directory: string }) => links(directory.split("/").at(-1) as ArmName, known.batches),
  seeds: () => otherSeeds,
  examples: async () => ({
    classes: CLASSES,
    images: CLASSES.map((_, label) => ({ name: String(label), label })),
    pictures: await Promise.all(CLASSES.map((_, label) => picture(45 * label))),
    teacher: answersAfter([1]),
  }),
  exampleAnswers: ({ after }: { after: number }) => {
    const epochs = Array.from({ length: epochsIn(known.batches + sent) - after }, (_, index) => after + 1 + index);
    return { epochs, probabilities: answersAfter(epochs) };
  },
});
const studio = new Studio(fakeBridge(engine).bridge);

/** Shows a comparison whose arms have so many batches; of a sweep, with so many other seeds, which are finished. */
async function show(batches: number, seeds = 0): Promise<void> {
  [known, sent] = [columns(batches), 0];
  const arms = ["control", "student"] as const;
  otherSeeds = Array.from({ length: seeds }, (_, seed) => arms.map((arm) => courseOfSeed(seed + 1, arm))).flat();
  studio.training.follow(liveRun({ recipe: studentRecipe, seeds: seeds + 1 }));
  studio.show("live");
  await new Promise(requestAnimationFrame);
  if (seeds > 0) notify({ type: "member", index: 0, total: seeds + 1, words: "seed 0" });
  for (const arm of arms) notify({ type: "started", arm, directory: `/runs/one/seed-0/${arm}`, batchesPerEpoch: PER_EPOCH, epochs: EPOCHS });
  for (let turn = 0; turn < 20; turn++) await new Promise(requestAnimationFrame);
}

function courseOfSeed(seed: number, arm: ComparedArm): SeedCourse {
  const epochs = Array.from({ length: EPOCHS }, (_, index) => ({ epoch: index + 1, testAcc: accuracyAfter(arm, index + 1, seed) }));
  return { seed, arm, directory: `/runs/one/seed-${seed}/${arm}`, epochs };
}

const MACHINE_EVERY_MS = 2000;

/**
 * Goes on where it was, for so long: so many notices of a batch per second, alternately for each arm, each epoch that ends by them, and what the machine does every two
 * seconds.
 */
async function stream(perSecond: number, seconds: number): Promise<number> {
  const began = performance.now();
  const [before, total] = [2 * sent, perSecond * seconds];
  let [notices, sampled] = [0, 0];
  while (notices < total) {
    const passed = performance.now() - began;
    for (; notices < Math.min(total, (passed / 1000) * perSecond); notices++) sendBatch(before + notices);
    if (passed >= sampled) {
      const at = began + passed;
      notify({ type: "machine", sample: { at, processors: 1.5 + Math.sin(at), threads: 2, tensorBytes: 4e8, processBytes: 9e8, freeBytes: 4e9 } });
      sampled += MACHINE_EVERY_MS;
    }
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
  return performance.now() - began;
}

function sendBatch(notice: number): void {
  const arm = notice % 2 === 0 ? "control" : "student";
  sent = Math.floor(notice / 2) + 1;
  const index = known.batches + Math.floor(notice / 2);
  notify({
    type: "batches",
    arm,
    records: [{ ...madeUpBatch(index, PER_EPOCH), chain: `link ${index}` }],
    progress: { done: 2 * known.batches + notice, total: 2 * PER_EPOCH * EPOCHS, imagesPerSecond: 2000, secondsLeft: 1000 },
  });
  if ((index + 1) % PER_EPOCH === 0) notify({ type: "epoch", arm, record: tested(arm, (index + 1) / PER_EPOCH) });
}

Object.assign(window, { show, stream, studio, notify: (notice: Notice) => notify(notice), epoch });
await studio.start();
mount(App, { target: document.getElementById("app")!, props: { studio } });
