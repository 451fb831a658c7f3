import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import { OpenFile, withFile } from "../../src-main/disk/open-file";
import { ZipFile } from "../../src-main/disk/zip";
import { LAST_ENTRY, pack } from "../../src-main/ray/package";
import { zipOf } from "../../src-main/ray/zip";

/** From where alone this program is sent to clusters, which run Linux, too. */
const onLinux = test.runIf(process.platform === "linux");
const root = resolve(import.meta.dirname, "../..");

onLinux("what says that the program is whole is unpacked after all that a job needs", () => {
  const { entries } = pack({
    root,
    recipe: parseRecipe({ data: { path: "bundled" }, student: { model: "vit_micro_patch4_32" } }),
    dataThere: null,
    node: "ship",
  });
  const names = entries.map(({ name }) => name);
  expect(names.indexOf(LAST_ENTRY)).toBe(names.length - 1);
  expect(names).toEqual(expect.arrayContaining(["node", "out/ray/job.cjs", "out/cli/distill.cjs", "package.json"]));
});

onLinux("jobs on GPUs get the kernels for these, and are not begun without", () => {
  const folder = mkdtempSync(join(tmpdir(), "distill-pack-"));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
    vi.unstubAllEnvs();
  });
  const library = join(folder, "library.so");
  vi.stubEnv("DISTILL_CUDA_LIBRARY", library);
  const packed = (device: "cpu" | "cuda") => {
    const recipe = parseRecipe({ device, data: { path: "bundled" }, student: { model: "vit_micro_patch4_32" } });
    return pack({ root, recipe, dataThere: null, node: "pip" }).entries.map(({ name }) => name);
  };
  expect(() => packed("cuda")).toThrow(`device "cuda": ${library} is missing, so jobs would have no kernels for GPUs. Build it with npm run cuda`);
  writeFileSync(library, "");
  const files = ["native/build/Release/distill_cuda_probe", "native/build/Release/libdistill_cuda.so"];
  expect(packed("cuda")).toEqual(expect.arrayContaining(files));
  expect(packed("cpu").filter((name) => files.includes(name))).toEqual([]);
});

test("an archive is read as it was packed, and the same content makes the same archive", async () => {
  const out = mkdtempSync(join(tmpdir(), "distill-pack-"));
  onTestFinished(() => rmSync(out, { recursive: true }));
  const entries = [
    { name: "a/é.txt", bytes: Buffer.from("ä".repeat(1000)) },
    { name: "empty", bytes: Buffer.alloc(0) },
  ];
  const zip = await zipOf(entries);
  writeFileSync(join(out, "x.zip"), zip);
  const read = withFile(new OpenFile(join(out, "x.zip"), "r"), (file) => {
    const archive = new ZipFile(file, (why) => new Error(why));
    return entries.map(({ name }) => archive.read(name, 10_000));
  });
  expect(read.map((bytes) => Buffer.from(bytes))).toEqual(entries.map(({ bytes }) => bytes));
  expect((await zipOf(entries)).equals(zip)).toBe(true);
});
