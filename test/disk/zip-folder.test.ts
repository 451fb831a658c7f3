import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { OpenFile } from "../../src-main/disk/open-file";
import { ZipFile } from "../../src-main/disk/zip";
import { filesToZip, zipOfFolder } from "../../src-main/disk/zip-folder";

let place: string;
let folder: string;
beforeEach(() => {
  place = mkdtempSync(path.join(os.tmpdir(), "distill-zip-"));
  folder = path.join(place, "my run");
  mkdirSync(path.join(folder, "arm/checkpoint"), { recursive: true });
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

async function zipped(files = filesToZip(folder, ["lock"])): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of zipOfFolder(folder, files)) pieces.push(piece);
  const archive = path.join(place, "out.zip");
  writeFileSync(archive, Buffer.concat(pieces));
  return archive;
}

test("holds every file of the folder, in a folder of its name, and neither links nor what is hidden or kept back", async () => {
  const large = randomBytes(300_000);
  const contents = { "arm/checkpoint/weights.bin": large, "arm/übung.csv": Buffer.from("a,b\n".repeat(1000)), "empty.txt": Buffer.alloc(0) };
  for (const [name, content] of Object.entries(contents)) writeFileSync(path.join(folder, name), content);
  for (const name of ["lock", "arm/lock", ".hidden"]) writeFileSync(path.join(folder, name), "secret");
  mkdirSync(path.join(folder, ".bin"));
  writeFileSync(path.join(folder, ".bin/deleted.txt"), "deleted");
  writeFileSync(path.join(place, "outside.txt"), "outside");
  symlinkSync(path.join(place, "outside.txt"), path.join(folder, "link.txt"));
  symlinkSync(place, path.join(folder, "way-out"));
  const archive = await zipped();
  const zip = new ZipFile(new OpenFile(archive, "r"), (why) => new Error(why));
  expect(zip.names).toEqual(Object.keys(contents).map((name) => `my run/${name}`));
  for (const [name, content] of Object.entries(contents)) expect(Buffer.from(zip.read(`my run/${name}`, 1e6)).equals(content), name).toBe(true);
});

test("is read by other programs, which check its sums, take its names as UTF-8 and its files as they were, with their dates", async ({ skip }) => {
  writeFileSync(path.join(folder, "arm/weights.bin"), randomBytes(100_000));
  writeFileSync(path.join(folder, "notes.txt"), "noted\n".repeat(100));
  const written = new Date(2026, 10, 30, 9, 41, 58);
  for (const file of ["arm/weights.bin", "notes.txt"]) utimesSync(path.join(folder, file), written, written);
  const archive = await zipped();
  const check =
    "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(z.namelist(), {(i.create_system, oct(i.external_attr >> 16), i.date_time) for i in z.infolist()})";
  const { status, stdout, stderr, error } = spawnSync("python3", ["-c", check, archive], { encoding: "utf8" });
  skip(error !== undefined, "python3 is not installed");
  expect(status, stderr).toBe(0);
  expect(stdout.trim()).toBe("['my run/arm/weights.bin', 'my run/notes.txt'] {(3, '0o100644', (2026, 11, 30, 9, 41, 58))}");
});

test("a folder that is too large for an archive is refused, with what to do", () => {
  writeFileSync(path.join(folder, "large.bin"), "");
  truncateSync(path.join(folder, "large.bin"), 4_000_000_001);
  expect(() => filesToZip(folder)).toThrow(/my run has 4\.0 GB, and a zip archive takes 4 GB .* rsync/);
});

test("a file that is gone ends the archive with an error, and nothing is left open", async () => {
  writeFileSync(path.join(folder, "there.txt"), "there");
  await expect(zipped(["there.txt", "gone.txt"])).rejects.toThrow("ENOENT");
});
