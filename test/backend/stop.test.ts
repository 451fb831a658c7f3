// stopOn: another thread's flag cuts ops short. The other thread sets it while an op of seconds is under way.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it } from "vitest";
import { addonPath } from "../../src-main/backend/load";
import { emulatedLibrary, noEmulator } from "../cuda/emulated";
import { addon, ops, withArguments } from "./calls";

const flag = new Int32Array(new SharedArrayBuffer(4));
const interrupted = expect.objectContaining({ code: "INTERRUPTED", message: "stopped on request" });
const [isa, threads] = [addon.cpuFeatures().isas.at(-1)!, addon.threads()];

afterEach(() => {
  flag[0] = 0;
  addon.stopOn(null);
  addon.useCpu();
  addon.selectIsa(isa);
  addon.setThreads(threads);
});

/** Tensors of a matrix product that the scalar kernel computes in seconds; y holds NaN. Released by `body`'s end. */
function withLongOp<T>(body: (op: { x: number; weight: number; y: number }) => T): T {
  addon.selectIsa("scalar");
  const shapes = { x: [2048, 1024], weight: [1024, 1024], y: [2048, 1024] };
  const op = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, addon.alloc("f32", shape)])) as Parameters<typeof body>[0];
  for (const y of [op.x, op.weight]) addon.fill({ y, value: 1 });
  addon.fill({ y: op.y, value: Number.NaN });
  try {
    return body(op);
  } finally {
    for (const tensor of Object.values(op)) addon.release(tensor);
  }
}

/** Sets the flag as soon as it runs. */
const SETS = `const { workerData, parentPort } = require("node:worker_threads"); parentPort.once("message", () => Atomics.store(workerData, 0, 1));`;

describe.each([1, 2])("on %i threads", (count) => {
  it("an op under way is cut short; the next ones work once the flag is 0", async () => {
    addon.setThreads(count);
    const worker = new Worker(SETS, { eval: true, workerData: flag });
    await once(worker, "online");
    addon.stopOn(flag);
    withLongOp((op) => {
      worker.postMessage("now");
      expect(() => addon.linearForward(op)).toThrow(interrupted);
      expect(addon.read(op.y).some(Number.isNaN)).toBe(true);
      expect(() => addon.linearForward(op)).toThrow(interrupted);
    });
    flag[0] = 0;
    withArguments(ops.linearForward!, (values) => addon.linearForward(values as never));
    await worker.terminate();
  });
});

it("every op but those that change gradients and weights in place refuses to begin while the flag is set", () => {
  addon.stopOn(flag);
  flag[0] = 1;
  for (const [op, call] of Object.entries(ops)) {
    withArguments(call, (values) => {
      const begin = () => (addon as unknown as Record<string, (values: object) => void>)[op]!(values);
      if (["adamw", "sgd", "accumulate", "clipNorm"].includes(op)) begin();
      else expect(begin, op).toThrow(interrupted);
    });
  }
});

it("a step of an optimizer runs to its end", () => {
  const SIZE = 1 << 20;
  const [value, gradient, moment] = [1, 2, 3].map(() => addon.alloc("f32", [SIZE])) as [number, number, number];
  const step = () => {
    for (const [i, y] of [value, gradient, moment].entries()) addon.fill({ y, value: i });
    const options = { decay: [false], step: 2, learningRate: 0.5, momentum: 0.5, weightDecay: 0, nesterov: false };
    addon.sgd({ values: [value], gradients: [gradient], first: [moment], ...options });
    return addon.checksum(value);
  };
  const expected = step();
  addon.stopOn(flag);
  flag[0] = 1;
  expect(step()).toBe(expected);
  for (const tensor of [value, gradient, moment]) addon.release(tensor);
});

it("null takes the flag back", () => {
  addon.stopOn(flag);
  flag[0] = -1;
  withArguments(ops.add!, (values) => expect(() => addon.add(values as never)).toThrow(interrupted));
  addon.stopOn(null);
  withArguments(ops.add!, (values) => addon.add(values as never));
});

it("what is no op goes on", () => {
  const tensor = addon.alloc("i32", [2]);
  addon.stopOn(flag);
  flag[0] = 1;
  addon.fill({ y: tensor, value: 3 });
  addon.copy({ from: tensor, to: tensor });
  expect([...addon.read(tensor)]).toEqual([3, 3]);
  addon.release(tensor);
});

it("an op on a GPU, which is only queued, goes on", (test) => {
  if (noEmulator) test.skip(noEmulator);
  addon.useCuda(emulatedLibrary, 0);
  addon.stopOn(flag);
  flag[0] = 1;
  withArguments(ops.add!, (values) => addon.add(values as never));
});

const STOPS = `
  const addon = require(${JSON.stringify(addonPath())});
  const { workerData, parentPort } = require("node:worker_threads");
  const y = addon.alloc("f32", [4]);
  const add = () => { try { addon.reluForward({ x: y, y: addon.alloc("f32", [4]) }); return "done"; } catch (error) { return error.code; } };
`;

/** What the worker says, and its exit code. Both may come in one turn of the event loop. */
async function endOf(worker: Worker): Promise<unknown[]> {
  const [[said], [code]] = await Promise.all([once(worker, "message"), once(worker, "exit")]);
  return [said, code];
}

it("a flag belongs to the thread that named it", async () => {
  addon.stopOn(flag);
  flag[0] = 1;
  const worker = new Worker(`${STOPS} parentPort.postMessage(add());`, { eval: true });
  expect(await endOf(worker)).toEqual(["done", 0]);
});

it("a thread that ends leaves the flag, and nothing else, behind", async () => {
  for (let i = 0; i < 5; i++) {
    const worker = new Worker(`${STOPS} addon.stopOn(workerData); Atomics.store(workerData, 0, 1); parentPort.postMessage(add());`, {
      eval: true,
      workerData: flag,
    });
    expect(await endOf(worker)).toEqual(["INTERRUPTED", 0]);
    withArguments(ops.add!, (values) => addon.add(values as never));
  }
});
