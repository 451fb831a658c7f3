// npm run package: builds what people install (installers.mjs), in release/. With `-- --dir` only the folder that they are made of: the app as it
// runs without this source tree, in release/linux-unpacked (or mac, win-unpacked).
// With `-- --unsupported-electron` also around an Electron past its end of life, for tests.
import { renewElectron } from "./electron.mjs";
import { setUp } from "./setup.mjs";

const asked = (flag) => process.argv.includes(flag);

await setUp();
renewElectron();
try {
  const { packageApp } = await import("./packaged-app.mjs");
  const app = await packageApp({ unsupportedElectron: asked("--unsupported-electron") });
  if (asked("--dir")) console.log(app);
  else {
    const { buildInstallers } = await import("./installers.mjs");
    process.exitCode = await buildInstallers(app);
  }
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
