// A browser for the tests of `distill serve`: an installed Chromium or Chrome, or Debian's Chromium without a window, which follows the releases.
import { existsSync } from "node:fs";
import path from "node:path";
import { installSystemPackages } from "./system.mjs";

const PACKAGE = "chromium-headless-shell";
const NAMES = [PACKAGE, "chromium", "google-chrome", "google-chrome-stable"];

/** The program; throws if there is none and none can be installed. */
export function browserExecutable() {
  const found = installed();
  if (found) return found;
  if (!installSystemPackages([PACKAGE])) throw new Error(`neither Chromium nor Chrome is installed, nor can the package ${PACKAGE} be`);
  return installed();
}

/** As an Ubuntu snap, Chromium does not start where tests run. */
function installed() {
  const folders = (process.env.PATH ?? "").split(path.delimiter).filter((folder) => !folder.startsWith("/snap"));
  const mac = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";
  return [process.env.DISTILL_BROWSER, mac, ...NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name)))].find(
    (file) => file && existsSync(file),
  );
}
