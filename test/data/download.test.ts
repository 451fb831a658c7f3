import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DownloadName } from "../../src-main/contract/data-formats";
import { downloadData } from "../../src-main/data/download";
import { type Handler, serve, withoutProxies } from "../download/server";
import { tarGz } from "./tar-archive";

const records = (labelBytes: number) => Buffer.concat(Array.from({ length: 40 }, () => Buffer.concat([Buffer.alloc(labelBytes, 3), randomBytes(3072)])));

const CIFAR10 = new Map([1, 2, 3, 4, 5].map((n) => [`data_batch_${n}.bin`, records(1)]).concat([["test_batch.bin", records(1)]]) as [string, Buffer][]);
const CIFAR100 = new Map([
  ["train.bin", records(2)],
  ["test.bin", records(2)],
]);

function archiveOf(folder: string, files: Map<string, Buffer>): Buffer {
  return tarGz([{ name: `${folder}/`, type: "5" }, ...[...files].map(([name, content]) => ({ name: `${folder}/${name}`, content }))]);
}
const ARCHIVE = archiveOf("cifar-10-batches-bin", CIFAR10);
const third = Math.floor(ARCHIVE.length / 3);

let directory: string;
let requests: (string | undefined)[];

beforeEach(() => {
  withoutProxies();
  directory = mkdtempSync(join(tmpdir(), "distill-download-"));
  requests = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Sends the requested range, as a good server does. */
const sending =
  (bytes: Buffer): Handler =>
  ({ headers }, response) => {
    requests.push(headers.range);
    const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
    const range = { "content-length": bytes.length - start, "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
    response.writeHead(headers.range ? 206 : 200, range).end(bytes.subarray(start));
  };

const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex");
const download = (url: string, bytes: Buffer = ARCHIVE, name: DownloadName = "cifar10") =>
  downloadData(name, directory, { from: { url, size: bytes.length, checksum: { algorithm: "md5", value: md5(bytes) } }, delay: 1 });

function expectComplete(path: string, folder = "cifar-10-batches-bin", files = CIFAR10): void {
  expect(path).toBe(join(directory, folder));
  for (const [name, content] of files) expect(readFileSync(join(path, name)).equals(content), name).toBe(true);
  expect(readdirSync(directory)).toEqual([folder]);
}

describe("a download", () => {
  test("of CIFAR-10 is checked and unpacked", async () => {
    expectComplete(await download(await serve(sending(ARCHIVE))));
  });

  test("of CIFAR-100 is checked and unpacked", async () => {
    const archive = archiveOf("cifar-100-binary", CIFAR100);
    expectComplete(await download(await serve(sending(archive)), archive, "cifar100"), "cifar-100-binary", CIFAR100);
  });

  test("leaves a folder of somebody's, whatever its name", async () => {
    mkdirSync(join(directory, "cifar-10-batches-bin.partial"), { recursive: true });
    await download(await serve(sending(ARCHIVE)));
    expect(readdirSync(directory).sort()).toEqual(["cifar-10-batches-bin", "cifar-10-batches-bin.partial"]);
  });

  test("that broke off in an earlier program resumes", async () => {
    writeFileSync(join(directory, "cifar-10-batches-bin.partial.tar.gz.part"), ARCHIVE.subarray(0, third));
    expectComplete(await download(await serve(sending(ARCHIVE))));
    expect(requests).toEqual([`bytes=${third}-`]);
  });

  test("that already exists is recognised without asking the server", async () => {
    const url = await serve(sending(ARCHIVE));
    await download(url);
    expectComplete(await download(url));
    expect(requests).toHaveLength(1);
  });
});

describe("a download that cannot be used", () => {
  const fails = (promise: Promise<string>, message: RegExp) =>
    expect(promise).rejects.toMatchObject({ code: "INPUT", message: expect.stringMatching(message) });
  const nothingUnpacked = () => expect(existsSync(join(directory, "cifar-10-batches-bin"))).toBe(false);

  test("because the server has another file, is told by the set's published size", async () => {
    const from = { url: await serve(sending(Buffer.from("<html>"))) };
    await fails(downloadData("cifar10", directory, { from, delay: 1 }), /is a file of 6 bytes; expected 170052171/);
    await fails(downloadData("cifar100", directory, { from, delay: 1 }), /is a file of 6 bytes; expected 168513733/);
    expect(readdirSync(directory)).toEqual([]);
  });

  test("does not touch a folder of the same name that holds something else", async () => {
    mkdirSync(join(directory, "cifar-10-batches-bin"));
    writeFileSync(join(directory, "cifar-10-batches-bin", "notes.txt"), "mine");
    await fails(download(await serve(sending(ARCHIVE))), /test_batch.bin is missing|data_batch_1.bin/);
    expect(readFileSync(join(directory, "cifar-10-batches-bin", "notes.txt"), "utf8")).toBe("mine");
    expect(requests).toHaveLength(0);
  });

  const batch = { name: "cifar-10-batches-bin/data_batch_1.bin", content: records(1) };
  test.each([
    ["a path that leads out", [{ ...batch, name: "cifar-10-batches-bin/../../escaped.bin" }], /escaped\.bin/],
    ["another folder", [{ ...batch, name: "other/data_batch_1.bin" }], /other/],
    ["a link", [{ name: "cifar-10-batches-bin/data_batch_1.bin", type: "2" as const }], /type 2/],
    ["a negative size", [{ ...batch, size: "-0000006001\0" }], /expected sizes in octal digits, got "-0000006001"/],
    ["a size in base 256", [{ ...batch, size: `\x80${"\0".repeat(9)}\x0c\x01` }], /expected sizes in octal digits/],
    ["a size that is no number", [{ ...batch, size: "00000x" }], /expected sizes in octal digits/],
    ["no test images", [batch], /test_batch\.bin is missing/],
    [
      "a batch cut short",
      [
        { ...batch, content: batch.content.subarray(1) },
        { ...batch, name: "cifar-10-batches-bin/test_batch.bin" },
      ],
      /data_batch_1\.bin has 122919 bytes/,
    ],
    ["a batch too few", [batch, { ...batch, name: "cifar-10-batches-bin/test_batch.bin" }], /data_batch_2\.bin is missing/],
  ])("refuses an archive with %s", async (_, entries, message) => {
    const archive = tarGz(entries);
    await fails(download(await serve(sending(archive)), archive), message);
    nothingUnpacked();
    expect(existsSync(join(directory, "..", "escaped.bin"))).toBe(false);
  });

  test("refuses an archive that ends early", async () => {
    const cut = ARCHIVE.subarray(0, third);
    await fails(download(await serve(sending(cut)), cut), /cannot be unpacked|ends early/);
    nothingUnpacked();
  });
});
