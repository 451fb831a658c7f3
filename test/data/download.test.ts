import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { downloadCifar10 } from "../../src-main/data/download";
import { tarGz } from "./tar-archive";

const TRAIN = ["data_batch_1.bin", "data_batch_2.bin"];
const FILES = new Map([...TRAIN, "test_batch.bin"].map((name) => [name, Buffer.concat(Array.from({ length: 40 }, () => record(3)))]));
const ARCHIVE = tarGz([
  { name: "cifar-10-batches-bin/", type: "5" },
  ...[...FILES].map(([name, content]) => ({ name: `cifar-10-batches-bin/${name}`, content })),
]);

function record(label: number): Buffer {
  return Buffer.concat([Buffer.from([label]), randomBytes(3072)]);
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let directory: string;
let requests: (string | undefined)[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "distill-download-"));
  requests = [];
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true });
});

/** Serves with one handler per request; the last one handles all that follow. */
async function serve(...handlers: Handler[]): Promise<string> {
  server = createServer((request, response) => {
    requests.push(request.headers.range);
    (handlers.length > 1 ? handlers.shift()! : handlers[0]!)(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/cifar.tar.gz`;
}

const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex");
const download = (url: string, bytes: Buffer = ARCHIVE, more: object = {}) =>
  downloadCifar10(directory, { archive: { url, size: bytes.length, md5: md5(bytes) }, delay: 1, ...more });

/** Sends the requested range, as a good server does. */
const whole: Handler = (request, response) => sendFrom(request, response, ARCHIVE);
function sendFrom(request: IncomingMessage, response: ServerResponse, bytes: Buffer): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const headers = { "content-length": bytes.length - start, "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
  response.writeHead(request.headers.range ? 206 : 200, headers).end(bytes.subarray(start));
}
const withoutRanges: Handler = (_, response) => void response.writeHead(200, { "content-length": ARCHIVE.length }).end(ARCHIVE);
const breakingOffAt =
  (end: number): Handler =>
  (request, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    response.writeHead(start > 0 ? 206 : 200, {
      "content-length": ARCHIVE.length - start,
      "content-range": `bytes ${start}-${ARCHIVE.length - 1}/${ARCHIVE.length}`,
    });
    response.write(ARCHIVE.subarray(start, end), () => response.destroy());
  };
const answering =
  (status: number, body = ""): Handler =>
  (_, response) =>
    void response.writeHead(status, { "content-length": body.length }).end(body);

const third = Math.floor(ARCHIVE.length / 3);

function expectComplete(path: string): void {
  expect(path).toBe(join(directory, "cifar-10-batches-bin"));
  for (const [name, content] of FILES) expect(readFileSync(join(path, name)).equals(content), name).toBe(true);
  expect(readdirSync(directory)).toEqual(["cifar-10-batches-bin"]);
}

describe("a download", () => {
  test("is checked, unpacked and reported with its progress", async () => {
    const progress: number[] = [];
    const path = await download(await serve(whole), ARCHIVE, { onProgress: (received: number) => progress.push(received) });
    expectComplete(path);
    expect(progress.at(-1)).toBe(ARCHIVE.length);
  });

  test("resumes where it broke off, even more than once", async () => {
    expectComplete(await download(await serve(breakingOffAt(third), breakingOffAt(2 * third), whole)));
    expect(requests).toEqual([undefined, `bytes=${third}-`, `bytes=${2 * third}-`]);
  });

  test("starts over if the server does not support ranges", async () => {
    expectComplete(await download(await serve(breakingOffAt(third), withoutRanges)));
    expect(requests).toEqual([undefined, `bytes=${third}-`]);
  });

  test("retries when the server fails for a while", async () => {
    expectComplete(await download(await serve(answering(503), answering(429), whole)));
  });

  test("follows a redirection", async () => {
    const url = await serve((_, response) => void response.writeHead(302, { location: "/elsewhere.tar.gz" }).end(), whole);
    expectComplete(await download(url));
  });

  test("that already exists is recognised without asking the server", async () => {
    const url = await serve(whole);
    await download(url);
    expectComplete(await download(url));
    expect(requests).toHaveLength(1);
  });

  test("can be stopped, and resumes with what it had", async () => {
    const stop = new AbortController();
    const url = await serve((_, response) => {
      response.writeHead(200, { "content-length": ARCHIVE.length });
      response.write(ARCHIVE.subarray(0, third));
    }, whole);
    await expect(download(url, ARCHIVE, { signal: stop.signal, onProgress: (received: number) => received === third && stop.abort() })).rejects.toMatchObject({
      code: "INTERRUPTED",
      message: expect.stringContaining(`${third} bytes are kept`),
    });
    expectComplete(await download(url));
    expect(requests).toEqual([undefined, `bytes=${third}-`]);
  });

  test("with a wrong beginning is fetched again completely", async () => {
    writeFileSync(join(directory, "cifar-10-binary.tar.gz.part"), randomBytes(third));
    expectComplete(await download(await serve(whole)));
    expect(requests).toEqual([`bytes=${third}-`, undefined]);
  });
});

describe("a download that cannot be completed", () => {
  const fails = (promise: Promise<string>, message: RegExp) =>
    expect(promise).rejects.toMatchObject({ code: "INPUT", message: expect.stringMatching(message) });
  const nothingUnpacked = () => expect(existsSync(join(directory, "cifar-10-batches-bin"))).toBe(false);

  test("reports bytes that are not the expected ones, and removes them", async () => {
    const wrong = Buffer.from(ARCHIVE);
    wrong[third] = wrong[third]! ^ 1;
    await fails(download(await serve((request, response) => sendFrom(request, response, wrong))), /MD5/);
    expect(readdirSync(directory)).toEqual([]);
  });

  test("reports a file of another size before fetching it", async () => {
    await fails(download(await serve(answering(200, "<html>moved</html>"))), /18 bytes; expected \d+/);
    nothingUnpacked();
  });

  test("reports a server that sends too much", async () => {
    const url = await serve((_, response) => {
      response.writeHead(200);
      response.end(Buffer.concat([ARCHIVE, ARCHIVE]));
    });
    await fails(download(url), /sends more than the expected/);
  });

  test("reports a missing file immediately", async () => {
    await fails(download(await serve(answering(404))), /status 404/);
    expect(requests).toHaveLength(1);
  });

  test("gives up after several attempts and keeps what it has", async () => {
    await fails(download(await serve(breakingOffAt(third))), /broke off .* gave up after 6 attempts.*resumes at byte \d+/);
    expect(requests).toHaveLength(6);
    expect(readFileSync(join(directory, "cifar-10-binary.tar.gz.part")).equals(ARCHIVE.subarray(0, third))).toBe(true);
    nothingUnpacked();
  });

  test("does not touch a folder of the same name that holds something else", async () => {
    mkdirSync(join(directory, "cifar-10-batches-bin"));
    writeFileSync(join(directory, "cifar-10-batches-bin", "notes.txt"), "mine");
    await fails(download(await serve(whole)), /test_batch.bin is missing/);
    expect(readFileSync(join(directory, "cifar-10-batches-bin", "notes.txt"), "utf8")).toBe("mine");
    expect(requests).toHaveLength(0);
  });

  test.each([
    ["a path that leads out", [{ name: "cifar-10-batches-bin/../../escaped.bin", content: record(0) }], /escaped\.bin/],
    ["another folder", [{ name: "other/data_batch_1.bin", content: record(0) }], /other/],
    ["a link", [{ name: "cifar-10-batches-bin/data_batch_1.bin", type: "2" as const }], /type 2/],
    [
      "a negative size",
      [{ name: "cifar-10-batches-bin/data_batch_1.bin", content: record(0), size: "-0000006001\0" }],
      /expected sizes in octal digits, got "-0000006001"/,
    ],
    [
      "a size in base 256",
      [{ name: "cifar-10-batches-bin/data_batch_1.bin", content: record(0), size: `\x80${"\0".repeat(9)}\x0c\x01` }],
      /expected sizes in octal digits/,
    ],
    ["a size that is no number", [{ name: "cifar-10-batches-bin/data_batch_1.bin", content: record(0), size: "00000x" }], /expected sizes in octal digits/],
    ["no test images", [{ name: "cifar-10-batches-bin/data_batch_1.bin", content: record(0) }], /test_batch\.bin is missing/],
    ["a batch cut short", [{ name: "cifar-10-batches-bin/data_batch_1.bin", content: record(0).subarray(1) }], /data_batch_1\.bin has 3072 bytes/],
  ])("refuses an archive with %s", async (_, entries, message) => {
    const archive = tarGz(entries);
    await fails(download(await serve((request, response) => sendFrom(request, response, archive)), archive), message);
    nothingUnpacked();
    expect(existsSync(join(directory, "..", "escaped.bin"))).toBe(false);
  });

  test("refuses an archive that ends early", async () => {
    const cut = ARCHIVE.subarray(0, third);
    await fails(download(await serve((request, response) => sendFrom(request, response, cut)), cut), /cannot be unpacked|ends early/);
    nothingUnpacked();
  });
});
