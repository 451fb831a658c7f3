// The addon on several JavaScript threads at once, and ending in the middle of work. Worker threads run JavaScript from a string.
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { addonPath } from "../../src-main/backend/load";

const SUM = `
  const addon = require(${JSON.stringify(addonPath())});
  const shapes = { x: [300, 64], weight: [200, 64], y: [300, 200] };
  const a = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, addon.alloc("f32", shape)]));
  addon.randomNormal({ y: a.x, seed: 1, stream: 0, mean: 0, std: 1 });
  addon.randomNormal({ y: a.weight, seed: 1, stream: 1, mean: 0, std: 1 });
  const compute = () => (addon.linearForward(a), addon.checksum(a.y));
`;
const FOR_EVER = `${SUM} require("node:worker_threads").parentPort.postMessage(compute()); for (;;) compute();`;
const TIMES = `${SUM} const sums = new Set(); for (let i = 0; i < 200; i++) sums.add(compute()); require("node:worker_threads").parentPort.postMessage([...sums]);`;

const start = (code: string) => new Worker(code, { eval: true });
const compute = () => new Function("require", `${SUM} return compute();`)(createRequire(import.meta.url)) as string;

it("computes bitwise equal results on several threads at once", async () => {
  const workers = [start(TIMES), start(TIMES), start(TIMES)];
  const sums = await Promise.all(workers.map(async (worker) => (await once(worker, "message"))[0]));
  expect(sums).toEqual(workers.map(() => [compute()]));
});

it("survives the end of a thread in the middle of work", async () => {
  for (let i = 0; i < 5; i++) {
    const worker = start(FOR_EVER);
    await once(worker, "message");
    expect(await worker.terminate()).toBe(1);
  }
  expect(compute()).toHaveLength(16);
});

it("survives the end of the process in the middle of work", () => {
  const code = `
    const worker = new (require("node:worker_threads").Worker)(${JSON.stringify(FOR_EVER)}, { eval: true });
    worker.once("message", () => { ${SUM} compute(); process.exit(7); });
  `;
  expect(spawnSync(process.execPath, ["-e", code])).toMatchObject({ status: 7, signal: null });
});

it("survives the end of the process while it reads arguments", () => {
  const code = `${SUM} addon.linearForward({ x: a.x, get weight() { process.exit(8); } });`;
  expect(spawnSync(process.execPath, ["-e", code])).toMatchObject({ status: 8, signal: null });
});
