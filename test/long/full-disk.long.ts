// Disks of ten sizes that fill up while a comparison is trained. Needs the right to mount a small disk in memory, as root has on Linux.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { distill } from "../cli/distill";
import { command, lasting, undisturbed, writeStormRecipe } from "../faults/storm";

const SIZES_KB = [64, 256, 700, 1200, 2000, 3000, 4500, 6000, 8000, 10_000];

const cwd = mkdtempSync(path.join(tmpdir(), "distill-disk-"));
const disk = path.join(cwd, "disk");
mkdirSync(disk);
const canMount = mount("1m").status === 0 && spawnSync("umount", [disk]).status === 0;
beforeAll(async () => {
  writeStormRecipe(cwd);
  if (canMount) await undisturbed(cwd, "compare", "whole");
}, 120_000);
afterAll(() => rmSync(cwd, { recursive: true }));

function mount(size: string, options = "") {
  return spawnSync("mount", ["-t", "tmpfs", "-o", `${options}size=${size}`, "tmpfs", disk], { encoding: "utf8" });
}

test.skipIf(!canMount).each(SIZES_KB)(
  "a disk of %i KB that is full: the error names a file; with room, the run ends in the same bits",
  async (size) => {
    expect(mount(`${size}k`).status).toBe(0);
    try {
      const full = await distill(command("compare", "disk/run"), cwd);
      if (full.status !== 0) expect(full.err).toMatch(new RegExp(`^error: .*${disk}.* cannot be (written|made)`, "m"));
      expect(mount("200m", "remount,").status).toBe(0);
      const begun = existsSync(path.join(disk, "run")) ? ["--resume"] : [];
      const resumed = await distill([...command("compare", "disk/run"), ...begun], cwd);
      expect([resumed.status, resumed.err.match(/^error:.*/m)?.[0]]).toEqual([0, undefined]);
      cpSync(path.join(disk, "run"), path.join(cwd, "run"), { recursive: true });
      expect(lasting(cwd, "run")).toEqual(lasting(cwd, "whole"));
    } finally {
      rmSync(path.join(cwd, "run"), { recursive: true, force: true });
      spawnSync("umount", [disk]);
    }
  },
  120_000,
);
