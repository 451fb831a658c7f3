// Packages of the operating system. Installed only on Linux, as root, with apt, as browser test tools do; elsewhere the error says what to install.
import { spawnSync } from "node:child_process";
import { has, run } from "./run.mjs";

/** The packages that Electron needs on Debian and Ubuntu, and a virtual display. */
export const electronPackages = ["xvfb", "xauth", "libgtk-3-0", "libnss3", "libasound2", "libgbm1", "libxss1", "libxtst6"];

export const canInstall = () => process.platform === "linux" && process.getuid() === 0 && has("apt-get");

const isInstalled = (name) => /^Status: install ok installed/m.test(spawnSync("dpkg", ["-s", name], { encoding: "utf8" }).stdout ?? "");

/** Installs the missing packages if that is possible here; returns whether all are installed. */
export function installSystemPackages(names) {
  if (process.platform !== "linux" || !has("dpkg")) return false;
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return true;
  if (!canInstall()) return false;
  process.stderr.write(`set-up: system packages ${missing.join(" ")} ...\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  run("apt-get", ["update"], { env });
  run("apt-get", ["install", "-y", "--no-install-recommends", ...missing], { env });
  return true;
}
