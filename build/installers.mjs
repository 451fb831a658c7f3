// What people install, made of the packaged folder: deb, tar.gz and AppImage on Linux, dmg on macOS, an NSIS installer on Windows.
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { buildDeb } from "./deb.mjs";
import { electronDist } from "./electron.mjs";
import { configuration } from "./packaged-app.mjs";
import { product } from "./product.mjs";
import { has, root, run } from "./run.mjs";

const release = path.join(root, "release");
const machine = `${{ linux: "linux", darwin: "mac", win32: "win" }[process.platform]}-${process.arch}`;
const named = (ending) => path.join(release, `${product.name}-${product.version}-${machine}.${ending}`);

/** Each makes its file of the app's folder. `missing` says what to install where a tool is not there; null if all are. */
const formats = {
  linux: [
    {
      name: "deb",
      file: path.join(release, `${product.name}_${product.version}_${{ x64: "amd64", arm64: "arm64" }[process.arch]}.deb`),
      missing: () => (has("dpkg-deb") ? null : "dpkg-deb is not installed (package dpkg)"),
      build: (folder, file) => buildDeb(folder, file),
    },
    {
      name: "tar.gz",
      file: named("tar.gz"),
      missing: () => null,
      build: (folder, file) => {
        const inside = path.parse(file).name.replace(/\.tar$/, "");
        run("tar", ["-czf", file, "--owner=0", "--group=0", `--transform=s,^\\.,${inside},`, "-C", folder, "."]);
      },
    },
    {
      name: "AppImage",
      file: named("AppImage"),
      // Its start is a small program, which electron-builder downloads with mksquashfs.
      missing: () => null,
      build: (folder) => byElectronBuilder("AppImage", folder),
      help: "Connect to the network and repeat, or set APPIMAGE_TOOLS_PATH to a folder of the toolset appimage-12.0.1 of electron-builder-binaries.",
    },
  ],
  darwin: [{ name: "dmg", file: named("dmg"), missing: () => null, build: (folder) => byElectronBuilder("dmg", folder) }],
  win32: [{ name: "installer", file: named("exe"), missing: () => null, build: (folder) => byElectronBuilder("nsis", folder) }],
};

/** Builds every format that is possible here and says which are not, and why. Resolves to the exit status: 1 if there is none. */
export async function buildInstallers(app) {
  // On macOS the app is a folder itself, on the others a program in one.
  const folder = process.platform === "darwin" ? app.slice(0, app.indexOf(".app/") + 4) : path.dirname(app);
  let made = 0;
  for (const format of formats[process.platform]) {
    const problem = await attempt(format, folder);
    if (problem) console.error(`left out: ${format.name}: ${problem}`);
    else {
      made++;
      console.log(`${path.relative(root, format.file)}  ${(statSync(format.file).size / 1e6).toFixed(0)} MB`);
    }
  }
  return made > 0 ? 0 : 1;
}

/** Null if the file is there; otherwise why not. */
async function attempt({ name, file, missing, build, help }, folder) {
  rmSync(file, { force: true });
  const reason = missing();
  if (reason) return reason;
  process.stderr.write(`package: ${name} ...\n`);
  try {
    await build(folder, file);
    return existsSync(file) ? null : `there is no ${path.basename(file)} in ${readdirSync(release).join(", ")}`;
  } catch (error) {
    return [error.message.split("\n")[0], help].filter(Boolean).join(". ");
  }
}

async function byElectronBuilder(target, folder) {
  const { build, Platform } = await import("electron-builder");
  const config = configuration({ dist: electronDist(), version: product.version });
  await build({ targets: Platform.current().createTarget(target), prepackaged: folder, config, projectDir: root });
}
