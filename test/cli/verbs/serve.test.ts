import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ServedProcess } from "../../server/served";
import { distill } from "../distill";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "distill-serve-verb-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("prints one line with the address, and beside it how to come from another computer, what is open, and how it ends", async () => {
  const served = await ServedProcess.start();
  expect(served.out).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{32}\n$/);
  const { port } = served.url;
  expect(served.err).toContain(`ssh -L ${port}:127.0.0.1:${port} `);
  expect(served.err).toContain(`Files are picked from ${served.home}/data, ${served.home}/runs.`);
  expect(await served.end("SIGTERM")).toBe(130);
  await served.remove();
});

test("--json prints one document", async () => {
  const served = await ServedProcess.start(["--json"]);
  await served.end();
  const { url, port, token, roots, runs } = JSON.parse(served.out);
  expect([url, roots, runs]).toEqual([`http://127.0.0.1:${port}/#token=${token}`, [`${served.home}/data`, `${served.home}/runs`], `${served.home}/runs`]);
  await served.remove();
});

test("takes the token of a file, which is not printed, and says what is wrong with one that could be guessed", async () => {
  const token = "a".repeat(32);
  writeFileSync(path.join(folder, "token"), `${token}\n`, { mode: 0o644 });
  writeFileSync(path.join(folder, "short"), "secret");
  const served = await ServedProcess.start(["--token-file", path.join(folder, "token")]);
  expect(served.out + served.err).not.toContain(token);
  expect(served.err).toContain("sign in there with the token of ");
  expect((await served.signIn(token)).status).toBe(200);
  await served.remove();
  expect(served.err).toContain("others on this computer may read the token");
  const { status, err } = await distill(["serve", "--token-file", "short"], folder);
  expect([status, err]).toEqual([2, expect.stringContaining("the token has 6 characters, expected 32 or more")]);
});

test.each([
  [["--address", "0.0.0.0"], "say --behind-tls if something in front of this server encrypts"],
  [["--address", "0.0.0.0", "--behind-tls"], "say also by which name"],
  [["--root", "none"], "there is no such folder"],
  [["--name", "http://studio.example/x"], "expected a name, with its port if it has one"],
  [["--token-file", "none"], "none: expected a file with the token that this program can read"],
  [["--token-file", "."], "expected a file with the token that this program can read"],
  [["--runs", "short"], "short is a file: expected the folder of runs"],
])("%j is refused in words", async (args, words) => {
  const { status, err } = await distill(["serve", ...args], folder);
  expect(status).toBeGreaterThan(0);
  expect(err).toContain(words);
});

test("a port that is taken is said, if it was asked for", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as { port: number };
  const { status, err } = await distill(["serve", "--port", String(port)], folder);
  expect([status, err]).toEqual([2, expect.stringContaining(`port ${port} is taken on 127.0.0.1`)]);
  other.close();
});

test("in the home folder, only the runs are open, which is said", async () => {
  const home = mkdtempSync(path.join(folder, "home-"));
  const served = await ServedProcess.start([], { home, env: { HOME: path.join(home, "data") } });
  expect(served.err).toContain(`Files are picked from ${home}/runs.`);
  expect(served.err).toContain("--root DIR names another");
  await served.end();
});
