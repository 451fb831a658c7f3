// npm run package: builds the app as a folder that runs without this source tree, in release/linux-unpacked (or mac, win-unpacked).
// With `-- --unsupported-electron` also around an Electron past its end of life, for tests.
import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import { nativeSources, root, step } from "./run.mjs";
import { setUp } from "./setup.mjs";

const folders = { linux: "linux-unpacked", win32: "win-unpacked", darwin: process.arch === "arm64" ? "mac-arm64" : "mac" };
const names = { linux: "distill-studio", win32: "Distill Studio.exe", darwin: "Distill Studio.app/Contents/MacOS/Distill Studio" };
export const packagedApp = path.join("release", folders[process.platform], names[process.platform]);

/** Electron's switches, as docs/safety.md explains them. Linux has no integrity check of the archive, and versions before 30 have none on Windows. */
const fuses = {
  runAsNode: false,
  enableNodeOptionsEnvironmentVariable: false,
  enableNodeCliInspectArguments: false,
  onlyLoadAppFromAsar: true,
  enableEmbeddedAsarIntegrityValidation: process.platform !== "linux",
  enableCookieEncryption: true,
  loadBrowserProcessSpecificV8Snapshot: false,
};

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
  // What the system itself opens. All else is inside, where the archive's checksums cover it.
  asarUnpack: ["**/*.node", "**/libdistill_cuda.so", "**/distill_cuda_probe*", "**/node_modules/@img/**"],
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
  electronFuses: fuses,
  // The app loader that comes with Electron does not belong in the finished app.
  afterPack: ({ appOutDir }) => rmSync(path.join(appOutDir, "resources/default_app.asar"), { force: true }),
});

/** Throws if the Electron at hand is past its end of life, unless it may be. */
export async function packageApp({ unsupportedElectron = false } = {}) {
  const { electronDist, electronVersion, isUnsupported } = await import("./electron.mjs");
  const { bundleInputs } = await import("./bundle.mjs");
  const dist = electronDist();
  if (isUnsupported(electronVersion(dist)) && !unsupportedElectron) throw new Error(refusal(dist, electronVersion(dist)));
  const inputs = [...bundleInputs, ...nativeSources, "assets", "build/package.mjs", "build/icons", path.relative(root, path.join(dist, "version"))];
  await step("packaged app", { inputs, products: [packagedApp] }, async () => {
    process.env.DEBUG ??= "";
    const { build, Platform } = await import("electron-builder");
    await build({ targets: Platform.current().createTarget("dir"), config: configuration(dist, electronVersion(dist)), projectDir: root });
    if (!existsSync(path.join(root, packagedApp))) throw new Error(`packaging ended without ${packagedApp}`);
  });
  return path.join(root, packagedApp);
}

const refusal = (dist, version) => `Electron ${version} in ${dist} is past its end of life: known holes in it stay open, so it is not packaged for people.
Connect to the network and repeat, so that the current Electron can be downloaded, or set ELECTRON_OVERRIDE_DIST_PATH to the folder of one.
For a test package: npm run package -- --unsupported-electron`;

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const { renewElectron } = await import("./electron.mjs");
  await setUp();
  renewElectron();
  try {
    console.log(await packageApp({ unsupportedElectron: process.argv.includes("--unsupported-electron") }));
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
