// The part of Electron's default app that `electron <app folder>` needs, for builds of Electron that come without one.
const { app } = require("electron");
const fs = require("node:fs");
const path = require("node:path");

const [, ...args] = process.argv;
if (args.includes("--version")) {
  console.log(`v${process.versions.electron}`);
  process.exit(0);
}
const folder = args.find((argument) => !argument.startsWith("-"));
if (!folder) {
  console.error("usage: electron <app folder>");
  process.exit(1);
}

const directory = path.resolve(folder);
const manifest = JSON.parse(fs.readFileSync(path.join(directory, "package.json"), "utf8"));
process.defaultApp = true;
app.setVersion(manifest.version);
app.name = manifest.productName ?? manifest.name;
app.setAppPath(directory);
app.setPath("userData", path.join(app.getPath("appData"), app.name));
require(path.join(directory, manifest.main));
