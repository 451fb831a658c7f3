/** A computer whose disk is full while it fetches what a cluster has trained: the program itself, against a head that only pretends. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { presetOf } from "../../src-main/contract/presets";
import { MARK, ORDER } from "../../src-main/ray/messages";
import { distill, type Finished, PROGRAM } from "../cli/distill";
import { type SmallDisk, smallDisk } from "../small-disk";
import { type FakeHead, fakeHead } from "./fake-head";

const SMALL = ["data.trainLimit=64", "data.testLimit=64", "train.epochs=1", "train.warmupEpochs=0", "train.precision=fp32"].flatMap((each) => ["--set", each]);

/** Hands out a run as if a job had trained it. */
function leave(head: FakeHead, id: string, run: string): void {
  const folder = `distill/${id}`;
  const files = readdirSync(run, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const file = join(entry.parentPath, entry.name);
      const bytes = readFileSync(file);
      const path = relative(run, file);
      head.files.set(`${folder}/${path}`, bytes);
      return { path, size: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
    });
  head.print(id, `${MARK}${JSON.stringify({ type: "files", folder, files })}\n`);
}

function onDisk({ enter }: SmallDisk, args: readonly string[], cwd: string): Promise<Finished> {
  const [command, ...rest] = [...enter, "sh", "-c", 'cd "$0" && exec "$@"', cwd, process.execPath, PROGRAM, ...args];
  const child = spawn(command!, rest, { stdio: ["ignore", "pipe", "pipe"] });
  const finished: Finished = { status: null, out: "", err: "" };
  child.stdout.on("data", (text) => {
    finished.out += text;
  });
  child.stderr.on("data", (text) => {
    finished.err += text;
  });
  return new Promise((resolve) => child.on("close", (status) => resolve({ ...finished, status })));
}

test("what does not fit stays on the cluster; with room, the command that is printed brings it, and no job is trained again", { timeout: 300_000 }, async ({
  skip,
}) => {
  const cwd = mkdtempSync(join(tmpdir(), "distill-full-"));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  const disk = await smallDisk(join(cwd, "disk"), 2000);
  if (typeof disk === "string") return skip(disk);
  writeFileSync(join(cwd, "recipe.json"), JSON.stringify(presetOf("demo").written));
  const compare = ["compare", "--recipe", "recipe.json", ...SMALL, "--seeds", "1"];
  expect((await distill([...compare, "--out", "made"], cwd)).status).toBe(0);
  let trained = 0;
  const head = await fakeHead({
    onSubmit: (id, fake) => {
      if (ORDER in (fake.jobs.get(id)!.submission.runtime_env?.env_vars ?? {})) {
        trained++;
        leave(fake, id, join(cwd, "made"));
      }
      fake.end(id, "SUCCEEDED");
    },
  });
  onTestFinished(() => head.close());
  const full = await onDisk(disk, [...compare, "--on", `ray://${head.url.host}`, "--out", "disk/run"], cwd);
  expect([full.status, full.err]).toEqual([
    1,
    expect.stringMatching(/seed \d+: .*\/disk\/run\/seed-\d+\/.* cannot be written \(ENOSPC: no space left on device/),
  ]);
  expect(full.err).toMatch(/Resume with: .*compare --on \S+ --resume --out \S+\/disk\/run\n/);
  expect(full.err).toMatch(/this run has \d+\.\d MB, of which \d+\.\d MB are still to come\. They stay on the cluster until they are here/);
  const [, again] = /Resume with: \S+ \S+ (.*)\n/.exec(full.err)!;
  expect(head.files.size).toBeGreaterThan(0);
  disk.grow(200_000);
  const whole = await onDisk(disk, again!.split(" "), cwd);
  expect([whole.status, whole.err]).toEqual([0, expect.not.stringContaining("error:")]);
  expect([trained, existsSync(disk.seen(join(cwd, "disk/run/report.html"))), head.jobs.size]).toEqual([1, true, 0]);
});
