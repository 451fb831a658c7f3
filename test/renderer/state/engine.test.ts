import { expect, it } from "vitest";
import { Engine, inWords, isInterruption } from "../../../src-renderer/state/engine.svelte";
import { FakeEngine, failure, fakeBridge } from "../fakes";

it("comes, goes, and comes again", async () => {
  const fake = new FakeEngine({ models: () => [] });
  const engine = new Engine(fakeBridge(fake).bridge);
  expect(engine.state.kind).toBe("starting");
  await engine.start();
  expect(engine.state.kind).toBe("ready");
  fake.die({ message: "the engine ended unexpectedly", details: "signal 11" });
  expect(engine.state).toEqual({ kind: "dead", message: "The engine ended unexpectedly", details: "signal 11" });
  await engine.start();
  expect(engine.state.kind).toBe("ready");
  expect(await engine.call("models", {})).toEqual([]);
});

it("one that cannot start says why", async () => {
  const { bridge } = fakeBridge(new FakeEngine());
  const engine = new Engine({ ...bridge, connectEngine: () => Promise.reject(new Error("no addon for this system")) });
  await engine.start();
  expect(engine.state).toMatchObject({ kind: "dead", message: "No addon for this system" });
});

it("what only reads is asked again where the connection broke; what a person asks for is not said to nobody", async () => {
  let broken = 2;
  const fake = new FakeEngine({ models: () => (broken-- > 0 ? Promise.reject(failure("broke", "DISCONNECTED")) : []), control: () => ({ state: "stopping" }) });
  const engine = new Engine(fakeBridge(fake).bridge);
  await engine.start();
  expect(await engine.read("models", {})).toEqual([]);
  expect(fake.paramsOf("models")).toHaveLength(3);
  const stop = () => engine.act("control", { run: "1", action: "stop" });
  engine.isReachable = false;
  await expect(stop()).rejects.toThrow("The server cannot be reached now");
  expect(fake.paramsOf("control")).toEqual([]);
  engine.isReachable = true;
  expect(await stop()).toEqual({ state: "stopping" });
});

it("errors in words, and which of them are interruptions", () => {
  expect([inWords(new Error("the disk is full")), inWords("odd things")]).toEqual(["The disk is full", "Odd things"]);
  expect([failure("stopped", "INTERRUPTED"), failure("x"), new Error("x")].map(isInterruption)).toEqual([true, false, false]);
});
