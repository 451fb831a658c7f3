// The app as a folder that runs without this source tree, in release/linux-unpacked (or mac, win-unpacked). Installers are made of it.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import { electronDist, electronVersion, isUnsupported } from "./electron.mjs";
import { product, recipeFile } from "./product.mjs";
import { nativeSources, root, step } from "./run.mjs";

const folders = { linux: "linux-unpacked", win32: "win-unpacked", darwin: process.arch === "arm64" ? "mac-arm64" : "mac" };
const names = { linux: "distill-studio", win32: "Distill Studio.exe", darwin: "Distill Studio.app/Contents/MacOS/Distill Studio" };

/** Where the app's program is also the command line's, as Node. */
const hasCommand = process.platform === "linux";

/** Electron's switches, as docs/safety.md explains them. Linux has no integrity check of the archive, and versions before 30 have none on Windows. */
const fuses = {
  runAsNode: hasCommand,
  enableNodeOptionsEnvironmentVariable: false,
  enableNodeCliInspectArguments: false,
  onlyLoadAppFromAsar: true,
  enableEmbeddedAsarIntegrityValidation: process.platform !== "linux",
  enableCookieEncryption: true,
  loadBrowserProcessSpecificV8Snapshot: false,
};

/** Of electron-builder, for all systems. `version`: of the app. */
export const configuration = ({ dist, version, output = "release" }) => ({
  appId: product.id,
  productName: product.title,
  electronVersion: electronVersion(dist),
  electronDist: dist,
  extraMetadata: { version, commit: commit() },
  npmRebuild: false,
  nodeGypRebuild: false,
  buildDependenciesFromSource: false,
  publish: null,
  asar: true,
  // What the system itself opens. All else is inside, where the archive's checksums cover it.
  asarUnpack: ["**/*.node", "**/libdistill_cuda.so", "**/distill_cuda_probe*", "**/node_modules/@img/**"],
  directories: { output, buildResources: "build" },
  files: [
    "package.json",
    "out/**",
    ...(hasCommand ? [] : ["!out/cli/**", "!out/ray/**"]),
    "!**/*.map",
    { from: "native/build/Release", to: "native/build/Release", filter: ["distill_core.node", "libdistill_cuda.so", "distill_cuda_probe*"] },
  ],
  extraFiles: hasCommand ? [{ from: `build/command/${product.command}`, to: `bin/${product.command}` }] : [],
  extraResources: [{ from: "assets", to: "assets" }],
  fileAssociations: [{ ext: recipeFile.extension, name: recipeFile.name, description: recipeFile.name, mimeType: recipeFile.mimeType, role: "Editor" }],
  artifactName: `${product.name}-\${version}-\${os}-\${arch}.\${ext}`,
  linux: {
    executableName: product.name,
    category: product.categories.join(";"),
    synopsis: product.summary,
    syncDesktopName: true,
    target: ["dir"],
  },
  // For one user, without an administrator. The user's runs and settings stay when the app is removed.
  nsis: { oneClick: true, perMachine: false, deleteAppDataOnUninstall: false },
  win: { icon: "build/icons/512x512.png", target: ["dir"] },
  mac: { icon: "build/icons/512x512.png", category: "public.app-category.developer-tools", target: ["dir"] },
  electronFuses: fuses,
  // The app loader that comes with Electron does not belong in the finished app.
  afterPack: ({ appOutDir }) => rmSync(path.join(appOutDir, "resources/default_app.asar"), { force: true }),
});

/** The commit that is packaged, and whether files differ from it; null if that is not known. */
function commit() {
  const git = (...args) => spawnSync("git", args, { cwd: root, encoding: "utf8" });
  const { status, stdout } = git("rev-parse", "--short=10", "HEAD");
  if (status !== 0) return null;
  return stdout.trim() + (git("status", "--porcelain").stdout.trim() === "" ? "" : ", changed");
}

/**
 * Builds the folder of the app below `output`, and resolves to the program in it. `version` is what the app says of itself. Throws if the Electron at
 * hand is past its end of life, unless it may be.
 */
export async function packageApp({ unsupportedElectron = false, version = product.version, output = "release" } = {}) {
  const { bundleInputs } = await import("./bundle.mjs");
  const dist = electronDist();
  if (isUnsupported(electronVersion(dist)) && !unsupportedElectron) throw new Error(refusal(dist, electronVersion(dist)));
  const app = path.join(output, folders[process.platform], names[process.platform]);
  const own = ["build/packaged-app.mjs", "build/product.mjs", "build/icons", "build/command"];
  const inputs = [...bundleInputs, ...nativeSources, "assets", ...own, path.relative(root, path.join(dist, "version"))];
  await step(`packaged app ${version} in ${output.replaceAll(path.sep, "-")}`, { inputs, products: [app] }, async () => {
    process.env.DEBUG ??= "";
    const { build, Platform } = await import("electron-builder");
    await build({ targets: Platform.current().createTarget("dir"), config: configuration({ dist, version, output }), projectDir: root });
    if (!existsSync(path.join(root, app))) throw new Error(`packaging ended without ${app}`);
  });
  return path.join(root, app);
}

const refusal = (dist, version) => `Electron ${version} in ${dist} is past its end of life: known holes in it stay open, so it is not packaged for people.
Connect to the network and repeat, so that the current Electron can be downloaded, or set ELECTRON_OVERRIDE_DIST_PATH to the folder of one.
For a test package: npm run package -- --unsupported-electron`;
