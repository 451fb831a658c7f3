import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { endApp, launchPackagedApp, noDesktop, PATIENCE_MS } from "./launch";
import { batchesOf, Studio } from "./studio";

test("the packaged app trains where there is no source tree", { timeout: 3 * PATIENCE_MS }, async ({ skip }) => {
  skip(noDesktop !== null, noDesktop ?? undefined);
  const elsewhere = mkdtempSync(path.join(os.tmpdir(), "distill-packaged-"));
  onTestFinished(() => rmSync(elsewhere, { recursive: true, force: true }));
  const home = path.join(elsewhere, "home");
  mkdirSync(home);
  const app = await launchPackagedApp(copyOfPackagedApp(elsewhere), home);
  onTestFinished(() => endApp(app));

  const place = await app.evaluate(({ app }) => ({ packaged: app.isPackaged, path: app.getAppPath() }));
  expect(place.packaged).toBe(true);
  expect(place.path.startsWith(elsewhere)).toBe(true);

  const studio = await Studio.of(app);
  const run = { trainImages: 80, epochs: 2 };
  await studio.startShortRun(run);
  await studio.trainingIs("Finished");
  await studio.stepsAre(batchesOf(run));

  const [folder] = readdirSync(path.join(home, "runs"));
  expect(readFileSync(path.join(home, "runs", folder!, "report.html"), "utf8")).toContain("quick look");
  expect(studio.complaints).toEqual([]);
});

test("the package holds only the native code that it needs: the addon, the CUDA library and the probe, but nothing for tests", ({ skip }) => {
  skip(noDesktop !== null, noDesktop ?? undefined);
  const release = path.resolve(import.meta.dirname, "../../release");
  const native = readdirSync(release, { recursive: true, encoding: "utf8" }).filter((file) => /native[/\\]build[/\\]Release[/\\]/.test(file));
  const names = native.map((file) => path.parse(file).name);
  expect(names).toEqual(expect.arrayContaining(["distill_core", "distill_cuda_probe"]));
  expect(names.filter((name) => !["distill_core", "distill_cuda_probe", "libdistill_cuda"].includes(name))).toEqual([]);
});

/** Copies the whole folder that packaging created; returns the program in the copy. */
function copyOfPackagedApp(target: string): string {
  const release = path.resolve(import.meta.dirname, "../../release");
  const [folder, ...rest] = path.relative(release, process.env.DISTILL_PACKAGED_APP!).split(path.sep);
  // Links stay links: on macOS they hold the app's frameworks together.
  cpSync(path.join(release, folder!), path.join(target, folder!), { recursive: true, verbatimSymlinks: true });
  return path.join(target, folder!, ...rest);
}
