// npm run package: builds the app as a folder that runs without this source tree, in release/linux-unpacked (or mac, win-unpacked).
import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import { nativeSources, root, step } from "./run.mjs";
import { setUp } from "./setup.mjs";

const folders = { linux: "linux-unpacked", win32: "win-unpacked", darwin: process.arch === "arm64" ? "mac-arm64" : "mac" };
const names = { linux: "distill-studio", win32: "Distill Studio.exe", darwin: "Distill Studio.app/Contents/MacOS/Distill Studio" };
export const packagedApp = path.join("release", folders[process.platform], names[process.platform]);

const configuration = (dist, version) => ({
  appId: "org.distill-studio.app",
  productName: "Distill Studio",
  electronVersion: version,
  electronDist: dist,
  npmRebuild: false,
  nodeGypRebuild: false,
  buildDependenciesFromSource: false,
  publish: null,
  asar: true,
  asarUnpack: ["**/*.node", "**/libdistill_cuda.so", "**/distill_cuda_probe*", "**/node_modules/sharp/**", "**/node_modules/@img/**", "out/engine/**"],
  directories: { output: "release", buildResources: "build" },
  files: [
    "package.json",
    "out/**",
    "!out/cli/**",
    "!**/*.map",
    { from: "native/build/Release", to: "native/build/Release", filter: ["distill_core.node", "libdistill_cuda.so", "distill_cuda_probe*"] },
  ],
  extraResources: [{ from: "assets", to: "assets" }],
  linux: { category: "Science", executableName: "distill-studio", target: ["dir"] },
  win: { target: ["dir"] },
  mac: { target: ["dir"] },
  // The app loader that comes with Electron does not belong in the finished app.
  afterPack: ({ appOutDir }) => rmSync(path.join(appOutDir, "resources/default_app.asar"), { force: true }),
});

export async function packageApp() {
  const { electronDist, electronVersion } = await import("./electron.mjs");
  const { bundleInputs } = await import("./bundle.mjs");
  const dist = electronDist();
  const inputs = [...bundleInputs, ...nativeSources, "assets", "build/package.mjs", "build/icons"];
  await step("packaged app", { inputs, products: [packagedApp] }, async () => {
    process.env.DEBUG ??= "";
    const { build, Platform } = await import("electron-builder");
    await build({ targets: Platform.current().createTarget("dir"), config: configuration(dist, electronVersion(dist)), projectDir: root });
    if (!existsSync(path.join(root, packagedApp))) throw new Error(`packaging ended without ${packagedApp}`);
  });
  return path.join(root, packagedApp);
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  await setUp();
  console.log(await packageApp());
}
