import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";

test("an Electron past its end of life is not packaged unless asked for", async () => {
  const dist = mkdtempSync(path.join(os.tmpdir(), "electron-dist-"));
  onTestFinished(() => rmSync(dist, { recursive: true }));
  const executable = { darwin: "Electron.app/Contents/MacOS/Electron", win32: "electron.exe" }[process.platform as string] ?? "electron";
  mkdirSync(path.dirname(path.join(dist, executable)), { recursive: true });
  writeFileSync(path.join(dist, executable), "");
  writeFileSync(path.join(dist, "version"), "v22.3.25");
  process.env.ELECTRON_OVERRIDE_DIST_PATH = dist;
  onTestFinished(() => void delete process.env.ELECTRON_OVERRIDE_DIST_PATH);
  // @ts-expect-error: a script of the build, without types.
  const { packageApp } = await import("../../build/packaged-app.mjs");
  await expect(packageApp()).rejects.toThrow(/Electron 22\.3\.25 .* past its end of life[\s\S]*--unsupported-electron/);
});
