/** What a node does to have the data, as jobs call it. test/ray/job.test.ts has the same in processes of their own. */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { doubtOf, remoteData } from "../../src-main/ray/data-there";
import { fetchData, type News } from "../../src-main/ray/fetch-data";
import { oneForAll } from "../../src-main/ray/one-for-all";
import { tarGz } from "../data/tar-archive";
import { type Handler, serve, withoutProxies } from "../download/server";

/** Clusters run it, and jobs hear of each other by its sockets. */
const onLinux = test.runIf(process.platform === "linux");

let cache: string;
let asked: (string | undefined)[];
beforeEach(() => {
  withoutProxies();
  cache = join(mkdtempSync(join(tmpdir(), "distill-node-")), "data");
  asked = [];
});
afterEach(() => rmSync(join(cache, ".."), { recursive: true }));

const archive = tarGz([
  { name: "pictures/", type: "5" },
  { name: "pictures/train/cat/1.txt", content: Buffer.from("meow") },
  { name: "pictures/test/cat/2.txt", content: Buffer.from("purr") },
]);
const sha256 = createHash("sha256").update(archive).digest("hex");

const sends =
  (bytes: Uint8Array): Handler =>
  ({ headers }, response) => {
    asked.push(headers.range);
    response.writeHead(200, { etag: '"1"', "content-length": bytes.length }).end(bytes);
  };

const fetched = (url: string, checksum: string | null, hear: (news: News) => void = () => {}) =>
  fetchData({ url, sha256: checksum, name: checksum ?? "sweep" }, cache, hear);

onLinux("jobs that begin at once share one download, and hear of it; the folder is that of the data", async () => {
  const url = await serve(sends(archive));
  const heard: News[][] = [[], [], []];
  const folders = await Promise.all(heard.map((news) => fetched(`${url}/p.tar.gz`, null, (each) => news.push(each))));
  expect([asked, new Set(folders)]).toEqual([[undefined], new Set([join(cache, "sweep/pictures")])]);
  expect(readFileSync(join(folders[0]!, "train/cat/1.txt"), "utf8")).toBe("meow");
  expect(readdirSync(cache)).toEqual(["sweep"]);
  // Whoever sees that all is there already hears nothing.
  const note = { type: "note", text: expect.stringContaining(`an archive whose SHA-256 is ${sha256}`) };
  expect(heard[0]).toEqual(expect.arrayContaining([{ type: "phase", text: expect.stringMatching(/^Downloading the data: 0\.0 MB of 0\.0 MB/) }, note]));
});

onLinux("what is there is not asked for again", async () => {
  const url = await serve(sends(archive));
  await fetched(url, sha256);
  expect([await fetched(url, sha256), asked.length]).toEqual([join(cache, sha256, "pictures"), 1]);
});

onLinux("where the work fails, whoever waits fails with the same words, and does not try it as well", async () => {
  let [isHeard, tries] = [false, 0];
  const work = async (tell: (news: string) => void) => {
    tries++;
    for (tell("begun"); !isHeard; await nextTurn()) tell("going on");
    throw new Error("the server has burnt down");
  };
  const shared = { name: cache, isDone: () => false, work };
  const first = oneForAll<string>({ ...shared, hear: () => {} });
  const second = oneForAll<string>({
    ...shared,
    hear: () => {
      isHeard = true;
    },
  });
  await expect(Promise.allSettled([first, second])).resolves.toEqual(
    Array(2).fill(expect.objectContaining({ reason: expect.objectContaining({ message: "the server has burnt down" }) })),
  );
  expect(tries).toBe(1);
});

onLinux("what the server does not have is told", async () => {
  const url = await serve((_, response) => response.writeHead(404).end());
  await expect(fetched(`${url}/p.zip`, null)).rejects.toThrow(`${url}/p.zip answers with status 404: the file is not available there`);
});

onLinux.each<[string, Uint8Array, RegExp]>([
  ["an HTML page", Buffer.from("<html><title>Sign in</title>"), /is an HTML page/],
  ["half an archive", archive.subarray(0, archive.length / 2), /ends early: it is truncated; download it again/],
])("%s is told, and leaves nothing", async (_, bytes, message) => {
  await expect(fetched(await serve(sends(bytes)), null)).rejects.toThrow(message);
  expect(readdirSync(cache)).toEqual([]);
});

onLinux("another archive than the checksum says is told", async () => {
  const other = "0".repeat(64);
  await expect(fetched(await serve(sends(archive)), other)).rejects.toThrow(`did not send the expected file: its SHA256 is ${sha256}, and not ${other}`);
  expect(existsSync(join(cache, other))).toBe(false);
});

test("a folder, an address, an address with a checksum", () => {
  expect(remoteData("/shared/pictures")).toBeNull();
  expect(remoteData("https://host/p.zip?key=1")).toEqual({ url: "https://host/p.zip?key=1", sha256: null });
  expect(remoteData(`https://host/p.zip#sha256=${sha256.toUpperCase()}`)).toEqual({ url: "https://host/p.zip", sha256 });
  expect(() => remoteData("https://host/p.zip#md5=1")).toThrow('expected #sha256= and 64 hexadecimal digits after the address, got "#md5=1"');
  expect(() => remoteData("ftp://host/p.zip")).toThrow(
    "--data-there ftp://host/p.zip: expected a folder that all nodes see, or an address that begins with https",
  );
  expect(() => remoteData("https://me:secret@host/p.zip")).toThrow(/^--data-there https:\/\/host\/p\.zip: leave name and password out/);
});

test("what this computer finds wrong with an address is told", async () => {
  const doubt = async (handler: Handler) => doubtOf({ url: `${await serve(handler)}/p.zip`, sha256: null });
  expect(await doubt(sends(archive))).toBeNull();
  expect(await doubt((_, response) => response.writeHead(404).end())).toMatch(/p\.zip answers with status 404: the file is not available there$/);
  expect(await doubt((_, response) => response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end("<html>"))).toMatch(
    /p\.zip answers with a web page, and an archive is expected$/,
  );
});
