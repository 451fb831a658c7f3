import { describe, expect, it } from "vitest";
import type { Call, EngineEnd } from "../../src-main/contract/engine";
import { PROTOCOL } from "../../src-main/contract/engine";
import { type Incoming, type Port, portChannel } from "../../src-main/engine-client/channel";
import { EngineClient, type EngineError } from "../../src-main/engine-client/client";

/** The engine's end of a port: the calls it received, and ways to answer. */
class FakeEngine {
  readonly calls: Call[] = [];
  closed = false;
  protocol = PROTOCOL;
  #listener: (event: { data: unknown }) => void = () => {};

  readonly port: Port = {
    postMessage: (call) => this.#asked(call as Call),
    addEventListener: (_, listener) => {
      this.#listener = listener;
    },
    start: () => {},
    close: () => {
      this.closed = true;
    },
  };

  send(message: Incoming): void {
    this.#listener({ data: message });
  }

  #asked(call: Call): void {
    this.calls.push(call);
    if (call.method === "hello") this.send({ id: call.id, ok: true, result: { protocol: this.protocol, version: "1.2.3" } });
  }

  get last(): Call {
    return this.calls.at(-1)!;
  }
}

const END: EngineEnd = { message: "the engine ended unexpectedly (signal SIGSEGV).", details: "last words" };
const request = { kind: "train", recipe: {} as never, out: "out", resume: false } as const;

async function connected() {
  const engine = new FakeEngine();
  const channel = portChannel(engine.port);
  return { engine, channel, client: await EngineClient.connect(channel) };
}

describe("a call", () => {
  it("gets its own answer, in whatever order answers come", async () => {
    const { engine, client } = await connected();
    const first = client.call("models", {});
    const firstId = engine.last.id;
    const second = client.call("listRuns", { directory: "runs" });
    engine.send({ id: engine.last.id, ok: true, result: ["second"] });
    engine.send({ id: firstId, ok: true, result: ["first"] });
    expect([await first, await second]).toEqual([["first"], ["second"]]);
    expect(engine.last.params).toEqual({ directory: "runs" });
  });

  it("receives its own notices, and none after the answer", async () => {
    const { engine, client } = await connected();
    const heard: string[] = [];
    const call = client.call("watch", { run: "1", from: 0 }, { onNotice: (notice) => heard.push(notice.type === "phase" ? notice.text : notice.type) });
    const { id } = engine.last;
    engine.send({ id, type: "phase", text: "reading" });
    engine.send({ id: id + 1, type: "phase", text: "of another call" });
    engine.send({ id, ok: true, result: null });
    engine.send({ id, type: "phase", text: "late" });
    await call;
    expect(heard).toEqual(["reading"]);
  });

  it("fails with the engine's own words", async () => {
    const { engine, client } = await connected();
    const call = client.call("models", {});
    engine.send({ id: engine.last.id, ok: false, error: { code: "INPUT", message: "no such folder", details: "stack" } });
    await expect(call).rejects.toMatchObject({ code: "INPUT", message: "no such folder", details: "stack" });
  });
});

describe("an engine of another version", () => {
  it("is refused and closed", async () => {
    const engine = new FakeEngine();
    engine.protocol = PROTOCOL + 1;
    await expect(EngineClient.connect(portChannel(engine.port))).rejects.toThrow(`expected an engine of protocol ${PROTOCOL}, got protocol ${PROTOCOL + 1}`);
    expect(engine.closed).toBe(true);
  });
});

describe("when the engine dies", () => {
  it("every pending call and every later one fails with what happened", async () => {
    const { channel, client } = await connected();
    const pending = [client.call("models", {}), client.train(request)];
    channel.ended(END);
    for (const call of [...pending, client.call("models", {})]) {
      await expect(call).rejects.toMatchObject({ code: "ENGINE_DIED", message: END.message, details: END.details });
    }
  });

  it("before the handshake, connecting fails", async () => {
    const channel = portChannel({ ...new FakeEngine().port, postMessage: () => {} });
    channel.ended(END);
    await expect(EngineClient.connect(channel)).rejects.toMatchObject({ code: "ENGINE_DIED" });
  });
});

describe("aborting", () => {
  it("stops the run, and waits for its checkpoint", async () => {
    const { engine, client } = await connected();
    const abort = new AbortController();
    const folders: string[] = [];
    const training = client.train(request, { signal: abort.signal, onStart: (directory) => folders.push(directory) });
    expect(engine.last).toMatchObject({ method: "start", params: request });
    engine.send({ id: engine.last.id, ok: true, result: { run: "1", directory: "out" } });
    await expect.poll(() => engine.last).toMatchObject({ method: "watch", params: { run: "1", from: 0 } });
    const { id } = engine.last;
    abort.abort();
    expect(engine.last).toMatchObject({ method: "control", params: { run: "1", action: "stop" } });
    engine.send({ id, ok: false, error: { code: "INTERRUPTED", message: "stopped; checkpoint written" } });
    await expect(training).rejects.toMatchObject({ code: "INTERRUPTED", message: "stopped; checkpoint written" });
    expect(folders).toEqual(["out"]);
  });

  it("ends a call at once", async () => {
    const { engine, client } = await connected();
    const abort = new AbortController();
    const call = client.call("dataDownload", { name: "cifar10", directory: "d" }, { signal: abort.signal });
    abort.abort();
    await expect(call).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(engine.last.method).toBe("dataDownload");
  });

  it("before the call, nothing is sent", async () => {
    const { engine, client } = await connected();
    await expect(client.call("models", {}, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(engine.last.method).toBe("hello");
  });
});

it("closing fails what is pending and closes the channel", async () => {
  const { engine, client } = await connected();
  const call = client.call("models", {});
  client.close();
  const error = await call.catch((thrown: EngineError) => thrown);
  expect(error).toMatchObject({ code: "ENGINE_DIED" });
  expect(engine.closed).toBe(true);
});
