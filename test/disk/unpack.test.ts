import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { unpack } from "../../src-main/disk/unpack";
import { tarGz } from "../data/tar-archive";
import { zipOf } from "../models/torch-archive";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "distill-unpack-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The unpacked files by their paths. */
async function unpacked(bytes: Uint8Array): Promise<Record<string, string>> {
  writeFileSync(join(folder, "archive"), bytes);
  await unpack(join(folder, "archive"), join(folder, "into"), { name: "http://host/pictures" });
  const files = readdirSync(join(folder, "into"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map((entry) => [join(entry.parentPath, entry.name).slice(join(folder, "into").length + 1), readFileSync(join(entry.parentPath, entry.name), "utf8")]),
  );
}

const FILES = { "train/cat/1.txt": "one", "train/dog/2.txt": "two", "train/dog/empty.txt": "" };
const entries = Object.entries(FILES).map(([name, text]) => ({ name, content: Buffer.from(text) }));

test.each([
  ["zip", () => zipOf([{ name: "train/", content: Buffer.alloc(0) }, ...entries.map((entry) => ({ ...entry, deflate: true }))])],
  ["tar.gz", () => tarGz([{ name: "train/", type: "5" }, ...entries])],
  ["zip with the separators of Windows", () => zipOf(entries.map(({ name, content }) => ({ name: name.replaceAll("/", "\\"), content })))],
])("a .%s becomes the files that it holds", async (_, archive) => {
  expect(await unpacked(archive())).toEqual(FILES);
});

test.runIf(process.platform === "linux").each(["ustar", "pax", "gnu"])("a .tar in the format %s, with names of any length and script", async (format) => {
  const name = `train/${"long ".repeat(18)}/${"deep/".repeat(8)}Kätzchen 猫.txt`;
  mkdirSync(dirname(join(folder, "made", name)), { recursive: true });
  writeFileSync(join(folder, "made", name), "meow");
  const { status } = spawnSync("tar", [`--format=${format}`, "-cf", join(folder, "made.tar"), "-C", join(folder, "made"), "train"]);
  expect(status).toBe(0);
  expect(await unpacked(readFileSync(join(folder, "made.tar")))).toEqual({ [name]: "meow" });
});

/** The mode of each entry is in the list of a zip archive. */
function asLinks(zip: Buffer): Buffer {
  for (let at = zip.indexOf("PK\x01\x02"); at >= 0; at = zip.indexOf("PK\x01\x02", at + 4)) zip.writeUInt32LE(0o120777 * 0x10000, at + 38);
  return zip;
}

/** In the content of the first file of a zip, or amid a gzip stream. */
function flipped(archive: Buffer): Buffer {
  const bytes = Buffer.from(archive);
  const at = bytes.includes("one") ? bytes.indexOf("one") : bytes.length >> 1;
  bytes[at]! ^= 1;
  return bytes;
}

const tar = tarGz(entries);
const zip = zipOf(entries);
test.each<[string, Uint8Array, RegExp]>([
  [
    "a path that leads out",
    tarGz([{ ...entries[0]!, name: "a/../../evil.txt" }]),
    /holds "a\/\.\.\/\.\.\/evil\.txt", which leads elsewhere: expected files and folders alone/,
  ],
  ["a path that leads out of a zip", zipOf([{ ...entries[0]!, name: "../evil.txt" }]), /holds "\.\.\/evil\.txt", which leads elsewhere/],
  ["an absolute path", tarGz([{ ...entries[0]!, name: "/tmp/evil.txt" }]), /which leads elsewhere/],
  ["a path that leads out of a zip, with the separators of Windows", zipOf([{ ...entries[0]!, name: "..\\evil.txt" }]), /which leads elsewhere/],
  ["a name that Windows would take for a path", tarGz([{ ...entries[0]!, name: "a\\b" }]), /which has a name that not every system takes/],
  ["a link", tarGz([{ name: "a", type: "2" }]), /holds "a", which is a link/],
  ["a link in a zip", asLinks(zipOf(entries)), /holds "train\/cat\/1\.txt", which is a link/],
  ["a name twice", tarGz([entries[0]!, entries[0]!]), /which is there twice/],
  ["a flipped bit in a zip", flipped(zip), /^http:\/\/host\/pictures cannot be unpacked: .*the checksum of its entry train\/cat\/1\.txt is wrong/],
  ["a flipped bit in a tar.gz", flipped(tar), /^http:\/\/host\/pictures /],
  ["an encrypted file", zipOf([{ ...entries[0]!, encrypted: true }]), /its entry train\/cat\/1\.txt is encrypted/],
  ["an end too early", tar.subarray(0, tar.length - 20), /^http:\/\/host\/pictures ends early: it is truncated; download it again/],
  ["an end too early in a zip", zip.subarray(0, zip.length - 30), /^http:\/\/host\/pictures cannot be unpacked: it is cut off/],
])("an archive with %s is refused", async (_, archive, message) => {
  await expect(unpacked(archive)).rejects.toMatchObject({ code: "INPUT", message: expect.stringMatching(message) });
  expect(existsSync(join(folder, "evil.txt"))).toBe(false);
});

test.each([
  ["<!DOCTYPE html><title>Sign in</title>", "is an HTML page, as a server sends for signing in or for an error: expected an archive (.zip, .tar or .tar.gz)"],
  ["", "is empty"],
  ["\xfd7zXZ\0", "is compressed with xz, which this program does not read"],
  ["no such bucket", 'is no archive: it begins with "no such bucket"'],
])("what is no archive is told: %j", async (content, words) => {
  await expect(unpacked(Buffer.from(content, "latin1"))).rejects.toThrow(`http://host/pictures ${words}`);
});
