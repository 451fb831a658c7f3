import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EngineClient } from "../../src-main/engine-client/client";
import { startEngine } from "../../src-main/engine-client/node-process";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "distill-engine-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** An engine that answers the handshake and does what its `listRuns` directory says. */
const SCRIPT = `
process.on("message", ({ id, method, params }) => {
  const answer = (result) => process.send({ id, ok: true, result });
  if (method === "hello") answer({ protocol: params.protocol, version: "test" });
  if (method === "predict") answer({ bytes: params.images[0].bytes });
  if (method === "listRuns") {
    console.error("last words");
    if (params.directory === "exit") process.exit(3);
    process.kill(process.pid, params.directory);
  }
});`;

async function start(script = SCRIPT): Promise<EngineClient> {
  const path = join(folder, "engine.cjs");
  writeFileSync(path, script);
  return EngineClient.connect(startEngine(path));
}

describe("the engine as a process", () => {
  it("passes typed arrays unchanged in both directions", async () => {
    const client = await start();
    const bytes = new Uint8Array([1, 2, 255]);
    const result = (await client.call("predict", { model: "m", weights: "w", images: [{ path: "p", bytes }] })) as unknown as { bytes: Uint8Array };
    expect(new Uint8Array(result.bytes)).toEqual(bytes);
    client.close();
  });

  it.each([
    ["exit", "exit code 3"],
    ["SIGSEGV", "signal SIGSEGV): a memory fault"],
    ["SIGKILL", "signal SIGKILL): it was killed from outside, most often because memory ran out"],
  ])("that ends by %s says so, with its last words", async (how, words) => {
    const client = await start();
    const call = client.call("listRuns", { directory: how });
    await expect(call).rejects.toMatchObject({ code: "ENGINE_DIED", message: expect.stringContaining(words), details: "last words" });
  });

  it("that cannot start says why", async () => {
    await expect(start("throw new Error('no addon')")).rejects.toMatchObject({
      code: "ENGINE_DIED",
      message: expect.stringContaining("exit code 1): no addon."),
    });
  });
});
