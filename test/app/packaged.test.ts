import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { listPackage } from "@electron/asar";
import { FuseV1Options, FuseVersion, flipFuses, getCurrentFuseWire } from "@electron/fuses";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { electronNotice } from "../../src-main/app/electron-notice";
import { endApp, launchPackagedApp, noDesktop, PATIENCE_MS } from "./launch";
import { batchesOf, Studio } from "./studio";

/** On Linux the program is also the command line's, as Node. */
const hasCommand = process.platform === "linux";
const RELEASE = path.resolve(import.meta.dirname, "../../release");

beforeEach(({ skip }) => skip(noDesktop !== null, noDesktop ?? undefined));

test("the packaged app trains where there is no source tree", { timeout: 3 * PATIENCE_MS }, async () => {
  const { folder, home, executable } = copyOfPackagedApp();
  // Playwright drives the app through the debugger: this copy differs from the package in the switch for that alone.
  await flipFuses(executable, { version: FuseVersion.V1, resetAdHocDarwinSignature: true, [FuseV1Options.EnableNodeCliInspectArguments]: true });
  const app = await launchPackagedApp(executable, home);
  onTestFinished(() => endApp(app));

  const place = await app.evaluate(({ app }) => ({ packaged: app.isPackaged, path: app.getAppPath() }));
  expect(place.packaged).toBe(true);
  expect(place.path.startsWith(folder)).toBe(true);

  const studio = await Studio.of(app);
  const run = { trainImages: 80, epochs: 2 };
  await studio.startShortRun(run);
  await studio.trainingIs("Finished");
  await studio.stepsAre(batchesOf(run));

  const [runFolder] = readdirSync(path.join(home, "runs"));
  expect(readFileSync(path.join(home, "runs", runFolder!, "report.html"), "utf8")).toContain("quick look");
  expect(studio.complaints).toEqual([]);
});

test("the package holds only the native code that it needs: the addon, the CUDA library and the probe, but nothing for tests", () => {
  const native = readdirSync(RELEASE, { recursive: true, encoding: "utf8" }).filter((file) => /native[/\\]build[/\\]Release[/\\]/.test(file));
  const names = native.map((file) => path.parse(file).name);
  expect(names).toEqual(expect.arrayContaining(["distill_core", "distill_cuda_probe"]));
  expect(names.filter((name) => !["distill_core", "distill_cuda_probe", "libdistill_cuda"].includes(name))).toEqual([]);
});

test("Electron's switches for other uses of the program are off, and the app is loaded from its archive alone", async () => {
  const wire = await getCurrentFuseWire(process.env.DISTILL_PACKAGED_APP!);
  const on = (fuse: FuseV1Options) => wire[fuse] === "1".charCodeAt(0);
  expect({
    runAsNode: on(FuseV1Options.RunAsNode),
    nodeOptions: on(FuseV1Options.EnableNodeOptionsEnvironmentVariable),
    inspect: on(FuseV1Options.EnableNodeCliInspectArguments),
    onlyAsar: on(FuseV1Options.OnlyLoadAppFromAsar),
    integrity: on(FuseV1Options.EnableEmbeddedAsarIntegrityValidation),
    cookies: on(FuseV1Options.EnableCookieEncryption),
  }).toEqual({ runAsNode: hasCommand, nodeOptions: false, inspect: false, onlyAsar: true, integrity: process.platform !== "linux", cookies: true });
});

test("all scripts of the app lie in its archive", () => {
  const asar = filesBelow(RELEASE).find((file) => path.basename(file) === "app.asar")!;
  const inside = listPackage(asar, { isPack: false }).map((file) => file.replaceAll("\\", "/"));
  expect(inside.includes("/out/cli/distill.cjs")).toBe(hasCommand);
  expect(inside).toEqual(expect.arrayContaining(["/out/app/main.cjs", "/out/app/preload.cjs", "/out/engine/engine.cjs", "/out/renderer/index.html"]));
  expect(existsSync(path.join(`${asar}.unpacked`, "out"))).toBe(false);
});

test.skipIf(!hasCommand)(
  "the package has the command line, which needs no Node: it trains, and serves the app's page",
  { timeout: 3 * PATIENCE_MS },
  async () => {
    const { folder, home } = copyOfPackagedApp();
    const command = filesBelow(folder).find((file) => file.endsWith("bin/distill"))!;
    // No Node, and no display.
    const env = { PATH: "/usr/bin:/bin", HOME: home, DISTILL_HOME: home };
    const distill = (...args: string[]) => spawnSync(command, args, { cwd: home, env, encoding: "utf8" });
    const recipe = path.join(home, "recipe.json");
    writeFileSync(recipe, distill("recipe", "show", "quick-look").stdout);
    const out = path.join(home, "runs/first");
    const small = ["data.trainLimit=64", "data.testLimit=16", "train.batchSize=16", "train.epochs=1"].flatMap((setting) => ["--set", setting]);
    const { status, stderr } = distill("compare", "--recipe", recipe, "--out", out, "--seeds", "1", ...small);
    expect(status, stderr).toBe(0);
    expect(readFileSync(path.join(out, "report.html"), "utf8")).toContain("quick look");
    expect(distill("compare", "--help").stdout).toContain(`${command} compare`);

    const served = spawn(command, ["serve", "--port", "0"], { cwd: home, env, stdio: ["ignore", "pipe", "ignore"] });
    onTestFinished(() => void served.kill("SIGKILL"));
    const { origin, hash } = new URL(String((await once(served.stdout, "data"))[0]).trim());
    const session = await fetch(`${origin}/session`, { method: "POST", headers: { origin }, body: hash.slice("#token=".length) });
    const page = await fetch(origin, { headers: { cookie: session.headers.get("set-cookie")!.split(";")[0]! } });
    expect([session.status, page.status, await page.text()]).toEqual([200, 200, expect.stringContaining("/assets/index-")]);
    const ended = once(served, "exit");
    served.kill("SIGINT");
    expect((await ended)[0]).toBe(130);
  },
);

test("the package cannot be debugged and loads no other app, nor is it Node where it has no command line", { timeout: PATIENCE_MS }, async () => {
  const { folder, home, executable } = copyOfPackagedApp();
  const ran = (name: string) => `require("node:fs").writeFileSync(${JSON.stringify(path.join(folder, name))}, "")`;
  writeFileSync(path.join(folder, "required.cjs"), ran("ran-required"));
  const other = path.join(path.dirname(filesBelow(folder).find((file) => path.basename(file) === "app.asar")!), "app");
  mkdirSync(other);
  writeFileSync(path.join(other, "package.json"), JSON.stringify({ name: "other", main: "main.js" }));
  writeFileSync(path.join(other, "main.js"), ran("ran-other"));

  const sandbox = process.platform === "linux" && process.getuid!() === 0 ? ["--no-sandbox"] : [];
  const app = spawn(executable, [...sandbox, "--inspect=0", "-e", ran("ran-as-node")], {
    cwd: home,
    env: {
      ...process.env,
      DISTILL_HOME: home,
      ...(hasCommand ? {} : { ELECTRON_RUN_AS_NODE: "1" }),
      NODE_OPTIONS: `--require=${path.join(folder, "required.cjs")}`,
    },
  });
  const ended = once(app, "exit");
  onTestFinished(() => void app.kill("SIGKILL"));
  let errors = "";
  app.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  // It has become the app, and not Node, once it has settings. An Electron past its end of life is said on the console, too.
  const notice = noticeOfElectron();
  const isApp = () => existsSync(path.join(home, "settings")) && errors.includes(notice);
  await expect.poll(() => isApp() || app.exitCode !== null, { timeout: PATIENCE_MS }).toBe(true);
  expect(app.exitCode).toBeNull();
  app.kill("SIGTERM");
  await ended;
  expect(readdirSync(folder).filter((name) => name.startsWith("ran-"))).toEqual([]);
  expect(errors).not.toContain("Debugger listening");
});

/** Empty if the Electron at hand is supported. */
function noticeOfElectron(): string {
  const file = path.join(path.dirname(process.env.DISTILL_ELECTRON!), "version");
  return existsSync(file) ? (electronNotice(readFileSync(file, "utf8").trim()) ?? "") : "";
}

/** A copy of the whole folder that packaging created, in a folder outside this source tree, and a home for it. Both are removed after the test. */
function copyOfPackagedApp(): { folder: string; home: string; executable: string } {
  const folder = mkdtempSync(path.join(os.tmpdir(), "distill-packaged-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const home = path.join(folder, "home");
  mkdirSync(home);
  const [first, ...rest] = path.relative(RELEASE, process.env.DISTILL_PACKAGED_APP!).split(path.sep);
  // Links stay links: on macOS they hold the app's frameworks together.
  cpSync(path.join(RELEASE, first!), path.join(folder, first!), { recursive: true, verbatimSymlinks: true });
  return { folder, home, executable: path.join(folder, first!, ...rest) };
}

const filesBelow = (folder: string): string[] => readdirSync(folder, { recursive: true, encoding: "utf8" }).map((file) => path.join(folder, file));
