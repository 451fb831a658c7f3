/** The app's page with an engine that is none: it has trained a run of any length, and goes on at any pace. */
import { mount } from "svelte";
import "uplot/dist/uPlot.min.css";
import type { ArmName } from "../../../src-main/contract/arms";
import type { BatchColumns } from "../../../src-main/contract/run";
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

type Notice = { type: "started" | "batches" } & Record<string, unknown>;
let notify: (notice: Notice) => void = () => {};
let known: BatchColumns = columns(0);
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
    const tested = Array.from({ length: Math.floor(known.batches / PER_EPOCH) }, (_, index) =>
      epoch(index + 1, 0.8 - (arm === "control" ? 0.5 : 0.4) / (index + 1)),
    );
    return { ...details(arm, { directory, epochRecords: tested }), columns: known, evidence: { arm, chain: [], damage: null } };
  },
});
const studio = new Studio(fakeBridge(engine).bridge);

/** Shows a comparison whose arms have so many batches. */
async function show(batches: number): Promise<void> {
  known = columns(batches);
  studio.training.follow(liveRun({ recipe: studentRecipe }));
  studio.show("live");
  await new Promise(requestAnimationFrame);
  for (const arm of ["control", "student"]) notify({ type: "started", arm, directory: `/runs/one/${arm}`, batchesPerEpoch: PER_EPOCH, epochs: EPOCHS });
  for (let turn = 0; turn < 20; turn++) await new Promise(requestAnimationFrame);
}

/** Sends so many notices of a batch per second, alternately for each arm, for so long. */
async function stream(perSecond: number, seconds: number): Promise<number> {
  const began = performance.now();
  let sent = 0;
  while (sent < perSecond * seconds) {
    const due = Math.min(perSecond * seconds, ((performance.now() - began) / 1000) * perSecond);
    for (; sent < due; sent++) {
      const arm = sent % 2 === 0 ? "control" : "student";
      const record = { ...madeUpBatch(known.batches + Math.floor(sent / 2), PER_EPOCH), chain: `link ${sent}` };
      notify({
        type: "batches",
        arm,
        records: [record],
        progress: { done: known.batches + sent, total: 2 * PER_EPOCH * EPOCHS, imagesPerSecond: 2000, secondsLeft: 1000 },
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
  return performance.now() - began;
}

Object.assign(window, { show, stream, studio, notify: (notice: Notice) => notify(notice), epoch });
await studio.start();
mount(App, { target: document.getElementById("app")!, props: { studio } });
