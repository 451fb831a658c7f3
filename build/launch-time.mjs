// node build/launch-time.mjs [LAUNCHES]: how long the app takes from the start of its process to what a user waits for. Playwright looks, so each
// figure holds a little of its own time. docs/performance/launch.md has results.
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { _electron } from "playwright-core";
import { hasDisplay, virtualDisplay } from "./display.mjs";
import { electronExecutable, sandboxFlags } from "./electron.mjs";
import { root } from "./run.mjs";
import { setUp } from "./setup.mjs";

await setUp();
const launches = Number(process.argv[2] ?? 9);
const virtual = process.platform === "linux" ? await virtualDisplay() : null;
if (!virtual && !hasDisplay()) throw new Error("There is no display, and Xvfb is not installed.");
const home = mkdtempSync(path.join(os.tmpdir(), "distill-launch-"));
const rows = [];
// The first launch makes the app's settings, and is not counted.
for (let launch = 0; launch <= launches; launch++) {
  const env = { ...process.env, ...(virtual ? { DISPLAY: virtual.display } : {}), DISTILL_HOME: home };
  const app = await _electron.launch({ executablePath: electronExecutable(), args: [...sandboxFlags(), "."], cwd: root, env });
  const began = await app.evaluate(() => process.getCreationTime());
  const page = await app.firstWindow();
  const row = [];
  for (const sign of [page.getByRole("heading", { name: "Data" }), page.getByLabel("The engine is ready"), page.getByTestId("train-count")]) {
    await sign.waitFor();
    row.push(Date.now() - began);
  }
  if (launch > 0) rows.push(row);
  await app.evaluate(({ app: main }) => main.exit()).catch(() => "it ended before it could answer");
  await app.close();
}
rmSync(home, { recursive: true, force: true });
virtual?.close();
const middle = (column) => rows.map((row) => row[column]).sort((a, b) => a - b)[Math.floor(rows.length / 2)];
console.log(
  `first screen ${seconds(0)}, engine ${seconds(1)}, data ${seconds(2)}: medians of ${launches} launches, load ${os.loadavg()[0].toFixed(1)} on ${os.cpus().length} cores`,
);

function seconds(column) {
  return `${(middle(column) / 1000).toFixed(1)} s`;
}
