import { beforeEach, expect, it } from "vitest";
import type { ListedRun } from "../../../src-main/contract/run";
import { exportsOf } from "../../../src-renderer/state/exports";
import { ModelExport } from "../../../src-renderer/state/model-export.svelte";
import type { RunRow } from "../../../src-renderer/state/run-rows";
import { FakeEngine, failure, fakeBridge, settle, startedEngine } from "../fakes";

const group = (directory: string, state: ListedRun["state"]) => ({ directory, name: "first", state }) as RunRow["groups"][number];
const row = (data: object, train: object, ...groups: RunRow["groups"]) =>
  ({ name: "first", started: "2026-11-24T12:00:00.000Z", groups, recipe: { data, train } }) as unknown as RunRow;
const sweep = row(
  { validation: 10 },
  { ema: null },
  group("/runs/a/seed-0", "stopped"),
  group("/runs/a/seed-1", "finished"),
  group("/runs/a/seed-2", "finished"),
);

let engine: FakeEngine;
let fake: ReturnType<typeof fakeBridge>;
let model: ModelExport;
beforeEach(async () => {
  engine = new FakeEngine();
  fake = fakeBridge(engine, () => "/picked");
  model = new ModelExport(fake.bridge, await startedEngine(fake.bridge), fake.bridge.reveal);
});

it("only what is finished can be exported", () => {
  expect(exportsOf(fake.bridge, sweep).at(-1)).toEqual({ value: "model", label: "Model for other programs" });
  expect(exportsOf(fake.bridge, row({}, {}, group("/runs/b", "running"))).map(({ value }) => value)).toEqual(["html", "pdf", "png", "csv", "json"]);
  const inBrowser = { can: { reveal: false, print: false, paths: false } };
  expect(exportsOf(inBrowser, row({}, {}, group("/runs/b", "running"))).map(({ value }) => value)).toEqual(["html", "csv", "json", "folder"]);
  model.open(sweep);
  expect(model.choices).toEqual([
    { value: "/runs/a/seed-1", label: "seed 1" },
    { value: "/runs/a/seed-2", label: "seed 2" },
  ]);
  expect([model.directory, model.weights]).toEqual(["/runs/a/seed-1", ["last", "best"]]);
});

it("the model of the chosen seed is written where the user says, and what is said of it is shown", async () => {
  engine.answers.exportModel = (_: never, notify) => {
    notify({ type: "note", text: "timm has no such model" });
    return { path: "/picked", bytes: 1, model: "resnet20_cifar10", weights: "w", testAccuracy: 0.5 };
  };
  model.open(sweep, sweep.groups[2]);
  model.weightsOf = "best";
  model.options = { precision: "fp32" };
  const message = await model.export();
  expect(fake.argsOf("chooseModelPlace")).toEqual([["timm", expect.stringMatching(/^2026-11-24-\d{4}-first$/)]]);
  // timm takes no precision.
  expect(engine.paramsOf("exportModel")).toEqual([
    { source: { run: "/runs/a/seed-2", weightsOf: "best" }, format: "timm", options: {}, out: "/picked", replaces: true },
  ]);
  expect(message).toMatchObject({
    kind: "done",
    text: "resnet20_cifar10, which classified 50.0 % of the test images correctly, written to /picked\nTimm has no such model.",
  });
  message!.action!.run();
  expect([fake.argsOf("reveal"), model.row, model.busy]).toEqual([[["/picked"]], null, false]);
});

it("weights of 8 bits are offered for vision transformers alone, and how far their test is is said", async () => {
  const of = (student: object) => ({ ...sweep, recipe: { ...sweep.recipe!, student } }) as RunRow;
  model.open(of({ model: "resnet20_cifar10" }));
  expect(model.takesInt8).toBe(false);
  model.open(of({ model: "vit_micro_patch4_32" }));
  expect(model.takesInt8).toBe(true);
  const doings: string[] = [];
  engine.answers.exportModel = (_: never, notify) => {
    notify({ type: "work", name: "weights of 8 bits", done: 123, total: 1000, secondsLeft: 9 });
    doings.push(model.doing);
    return { path: "/picked", bytes: 1, model: "vit_micro_patch4_32", weights: "w", testAccuracy: null };
  };
  model.format = "onnx";
  model.options = { int8: true };
  await model.export();
  expect(engine.paramsOf("exportModel")[0]).toMatchObject({ format: "onnx", options: { int8: true } });
  expect(doings).toEqual(["Testing 12 % ..."]);
});

it("one that is closed while it is written is stopped, says nothing, and leaves the next one alone", async () => {
  const stops: (() => void)[] = [];
  engine.answers.exportModel = () => new Promise((_, reject) => stops.push(() => reject(failure("stopped", "INTERRUPTED"))));
  engine.answers.stopWriting = () => null;
  model.open(sweep);
  const first = model.export();
  await settle();
  expect(model.busy).toBe(true);
  model.close();
  model.open(sweep);
  expect([engine.paramsOf("stopWriting"), model.busy]).toEqual([[{}], false]);
  const second = model.export();
  await settle();
  stops[0]!();
  expect([await first, model.busy, model.row]).toEqual([null, true, sweep]);
  model.close();
  stops[1]!();
  expect([await second, model.busy]).toEqual([null, false]);
});
