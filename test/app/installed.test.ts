/**
 * The Debian package, as a user meets it: installed by dpkg, started from the menu's command, updated and removed. All of it in a mount namespace of
 * its own, whose changes to the system's folders lie in memory: this machine stays as it is.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { _electron, type ElectronApplication } from "playwright-core";
import { expect, onTestFinished, test } from "vitest";
import { presetOf } from "../../src-main/contract/presets";
import { endApp, noDesktop, PATIENCE_MS, ROOT } from "./launch";
import { batchesOf, Studio } from "./studio";

const NAME = "distill-studio";
/** What dpkg and its triggers write to. */
const SYSTEM = ["/opt", "/usr", "/etc", "/var"];

test("the Debian package is installed, trains, keeps runs and settings over an update, and leaves nothing when it is removed", {
  timeout: 6 * PATIENCE_MS,
}, async ({ skip }) => {
  skip(noDesktop !== null, noDesktop ?? undefined);
  const system = await System.enter();
  skip(typeof system === "string", system as string);
  const machine = system as System;
  const [first, second] = [await buildPackage("0.1.0"), await buildPackage("0.1.1")];
  const before = machine.files();

  machine.run("dpkg", "--install", first);
  expect(machine.run("sh", "-c", "grep -c x-distill-studio-recipe /usr/share/mime/globs2").trim()).toBe("1");
  expect(machine.run("distill", "--version").trim()).toBe("0.1.0");
  const recipe = path.join(machine.home, "mine.distill");
  writeFileSync(recipe, JSON.stringify({ ...presetOf("demo").recipe, train: { ...presetOf("demo").recipe.train, epochs: 3 } }));
  let studio = await machine.start([recipe]);
  await studio.sees("mine.distill fills the form.");
  expect(await studio.page.getByRole("textbox", { name: "Epochs", exact: true }).inputValue()).toBe("3");
  const run = { trainImages: 80, epochs: 1 };
  await studio.startShortRun(run);
  await studio.trainingIs("Finished");
  await studio.stepsAre(batchesOf(run));
  await studio.press("Predict with it");
  await studio.predict(path.join(ROOT, "build/icons/64x64.png"));
  expect((await studio.bars("Student")).size).toBe(10);
  await studio.go("setup");
  await studio.page.getByRole("textbox", { name: "Epochs", exact: true }).fill("7");
  await machine.close(studio);

  machine.run("dpkg", "--install", second);
  studio = await machine.start([]);
  await studio.menu("About Distill Studio");
  await studio.page.getByTestId("about").getByText("0.1.1", { exact: true }).waitFor();
  await studio.page.keyboard.press("Escape");
  await studio.go("setup");
  expect(await studio.page.getByRole("textbox", { name: "Epochs", exact: true }).inputValue()).toBe("7");
  await studio.go("runs");
  await studio.press(/^quick look$/);
  await studio.chart("Test accuracy").waitFor();
  const report = path.join(machine.home, "report.html");
  await studio.pickInDialogs(report);
  await studio.press("Export quick look");
  await studio.page.getByRole("menuitem", { name: "Web page" }).click();
  await studio.sees(`Report written to ${report}`);
  expect(readFileSync(report, "utf8")).toContain("quick look");
  expect(studio.complaints).toEqual([]);
  await machine.close(studio);

  machine.run("dpkg", "--purge", NAME);
  expect(machine.files()).toEqual(before);
  const runs = path.join(machine.home, "Distill Studio", "runs");
  expect(readdirSync(path.join(runs, readdirSync(runs)[0]!))).toEqual(expect.arrayContaining(["control", "student", "report.html"]));
});

/** A package of this version. It is not compressed, which takes longest. */
async function buildPackage(version: string): Promise<string> {
  const output = mkdtempSync(path.join(os.tmpdir(), "distill-package-"));
  onTestFinished(() => rmSync(output, { recursive: true, force: true }));
  const script = `
    import { packageApp } from "./build/packaged-app.mjs";
    import { buildDeb } from "./build/deb.mjs";
    const app = await packageApp({ unsupportedElectron: true, version: "${version}", output: "release/test-${version}" });
    buildDeb(app.slice(0, app.lastIndexOf("/")), "${output}/${NAME}.deb", { version: "${version}", compression: "none" });`;
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], { cwd: ROOT, encoding: "utf8" });
  expect(status, stderr).toBe(0);
  return path.join(output, `${NAME}.deb`);
}

/** This machine with folders of its own for what packages change, and a user whose home is empty. */
class System {
  readonly home: string;

  private constructor(
    private readonly holder: ChildProcess,
    readonly folder: string,
  ) {
    this.home = path.join(folder, "home");
    // Without a desktop's user-dirs.dirs, the home is the folder for documents.
    mkdirSync(this.home);
  }

  /** Why that is not possible here, in words, if it is not. */
  static async enter(): Promise<System | string> {
    if (process.platform !== "linux" || spawnSync("dpkg", ["--version"]).status !== 0) return "dpkg is not installed";
    if (process.getuid!() !== 0) return "needs root, for a mount namespace";
    const folder = mkdtempSync(path.join(os.tmpdir(), "distill-installed-"));
    const mounts = SYSTEM.map((place) => {
      const [upper, work] = ["upper", "work"].map((kind) => path.join(folder, "changes", kind, place));
      return `mkdir -p ${upper} ${work} && mount -t overlay overlay -o lowerdir=${place},upperdir=${upper},workdir=${work} ${place}`;
    });
    const script = [`mkdir ${folder}/changes`, `mount -t tmpfs none ${folder}/changes`, ...mounts, "echo ready", "exec sleep infinity"].join(" && ");
    const holder = spawn("unshare", ["--mount", "sh", "-c", script], { stdio: ["ignore", "pipe", "pipe"] });
    onTestFinished(() => {
      holder.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    });
    let problem = "";
    holder.stderr!.on("data", (chunk: Buffer) => {
      problem += chunk;
    });
    const began = await Promise.race([once(holder.stdout!, "data").then(() => true), once(holder, "exit").then(() => false)]);
    return began ? new System(holder, folder) : `no overlay can be mounted: ${problem.trim()}`;
  }

  run(command: string, ...args: string[]): string {
    const { status, stdout, stderr } = spawnSync("nsenter", [...this.#enter, command, ...args], {
      encoding: "utf8",
      maxBuffer: 1 << 28,
      env: this.#environment,
    });
    expect(status, `${command} ${args.join(" ")}: ${stdout}${stderr}`).toBe(0);
    return stdout;
  }

  /** All files that the package, or what it sets off, might leave; caches of the desktop by their names alone. */
  files(): string[] {
    const found = this.run("find", "/opt", "/usr", "/etc", "-xdev", "(", "-iname", "*distill*", "-o", "-path", "/opt/*", "-prune", ")", "-print");
    return [
      ...found.split("\n"),
      ...this.run("sh", "-c", "grep -l distill /usr/share/mime/globs2 /usr/share/applications/mimeinfo.cache 2>/dev/null || true").split("\n"),
    ].sort();
  }

  /** Starts the command that the menu starts. Playwright needs the debugger, which the package's program has switched off: here it is switched on. */
  async start(files: string[]): Promise<Studio> {
    const flip = `const { flipFuses, FuseVersion, FuseV1Options } = require("@electron/fuses");
      flipFuses("/opt/${NAME}/${NAME}", { version: FuseVersion.V1, [FuseV1Options.EnableNodeCliInspectArguments]: true });`;
    this.run(process.execPath, "-e", `process.chdir(${JSON.stringify(ROOT)}); module.paths.push(${JSON.stringify(path.join(ROOT, "node_modules"))}); ${flip}`);
    const program = path.join(this.folder, "program");
    writeFileSync(program, `#!/bin/sh\nexec nsenter ${this.#enter.join(" ")} /usr/bin/${NAME} "$@"\n`);
    chmodSync(program, 0o755);
    const app = await _electron.launch({
      executablePath: program,
      args: files,
      cwd: this.home,
      env: this.#environment,
      colorScheme: null,
      timeout: PATIENCE_MS,
    });
    onTestFinished(() => endApp(app));
    return Studio.of(app, files.length > 0 ? "setup" : "data");
  }

  /** Ends the app as a user does. */
  async close({ app }: { app: ElectronApplication }): Promise<void> {
    const closed = app.waitForEvent("close");
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.close());
    await closed;
  }

  get #enter(): string[] {
    return ["--target", String(this.holder.pid), "--mount"];
  }

  /** Of a user who has nothing of this app yet. */
  get #environment(): Record<string, string> {
    const { PATH, DISPLAY } = process.env as Record<string, string>;
    return { PATH: PATH!, DISPLAY: DISPLAY!, HOME: this.home, LANG: "C.UTF-8" };
  }
}
