/** The app among the other programs of a desktop: files that it is asked to open, what it remembers, what it tells, and its keys. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { ElectronApplication } from "playwright-core";
import sharp from "sharp";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import packageJson from "../../package.json";
import { presetOf } from "../../src-main/contract/presets";
import { commandKeys, pageKeys, shortcutGroups, windowKeys } from "../../src-main/contract/shortcuts";
import { endApp, launchDevelopmentApp, noDesktop, PATIENCE_MS, ROOT } from "./launch";
import { Studio } from "./studio";

vi.setConfig({ testTimeout: 3 * PATIENCE_MS });

let home: string;
let running: ElectronApplication[];

beforeEach(({ skip }) => {
  skip(noDesktop !== null, noDesktop ?? undefined);
  home = mkdtempSync(path.join(os.tmpdir(), "distill-desktop-"));
  running = [];
});

afterEach(async () => {
  for (const app of running) await endApp(app);
  rmSync(home, { recursive: true, force: true });
});

async function openStudio(files: string[] = []): Promise<Studio> {
  const app = await launchDevelopmentApp(home, files);
  running.push(app);
  return Studio.of(app, files.length > 0 ? "setup" : "data");
}

/** Ends the app as a user does. */
async function close(studio: Studio): Promise<void> {
  const closed = studio.app.waitForEvent("close");
  await studio.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.close());
  await closed;
  running.pop();
}

function writeRecipe(name: string, epochs: number): string {
  const { recipe } = presetOf("demo");
  const file = path.join(home, name);
  writeFileSync(file, JSON.stringify({ ...recipe, train: { ...recipe.train, epochs } }));
  return file;
}

/** A folder of images with two classes, four images of each. */
async function writeData(name: string): Promise<string> {
  const folder = path.join(home, name);
  for (const part of ["train", "test"])
    for (const [label, background] of Object.entries({ red: "#c02020", blue: "#2020c0" })) {
      mkdirSync(path.join(folder, part, label), { recursive: true });
      for (const size of [20, 24, 28, 32])
        await sharp({ create: { width: size, height: size + (part === "train" ? 1 : 0), channels: 3, background } })
          .png()
          .toFile(path.join(folder, part, label, `${size}.png`));
    }
  return folder;
}

const epochs = (studio: Studio) => studio.page.getByRole("textbox", { name: "Epochs", exact: true }).inputValue();

test("a recipe that is opened fills the form, also of the app that runs already", async () => {
  const studio = await openStudio([writeRecipe("first one.distill", 5)]);
  await studio.sees("first one.distill fills the form.");
  expect(await studio.current()).toBe("Set up");
  expect(await epochs(studio)).toBe("5");

  await studio.go("runs");
  // Not there yet: what is said names that file, in the folder in which the second instance was started.
  await secondInstance("second.distill");
  await studio.alert(`${path.join(home, "second.distill")} could not be opened`);
  writeRecipe("second.distill", 7);
  await secondInstance("second.distill");
  await studio.sees("second.distill fills the form.");
  expect(await epochs(studio)).toBe("7");
  expect(await studio.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
  expect(studio.complaints).toEqual([]);
});

/** Starts the app once more, in the folder `home`; it hands over to the one that runs, and ends. */
async function secondInstance(file: string): Promise<void> {
  const env = { ...process.env, DISTILL_HOME: home };
  const instance = spawn(process.env.DISTILL_ELECTRON!, ["--no-sandbox", ROOT, file], { cwd: home, env, stdio: "ignore" });
  expect(await once(instance, "exit")).toEqual([0, null]);
}

test("the form, its data and the folders that were opened are there again at the next start", async () => {
  const [first, other] = [await writeData("first pictures"), await writeData("other pictures")];
  let studio = await openStudio();
  for (const folder of [first, other]) {
    await studio.pickInDialogs(folder);
    await studio.page.getByRole("button", { name: /Choose/ }).click();
    await expect.poll(() => studio.page.getByTestId("train-count").textContent(), { timeout: PATIENCE_MS }).toBe("8");
    await studio.sees(path.basename(folder));
  }
  await studio.go("setup");
  await studio.page.getByRole("textbox", { name: "Epochs", exact: true }).fill("9");
  await close(studio);

  studio = await openStudio();
  await expect.poll(() => studio.page.getByTestId("train-count").textContent(), { timeout: PATIENCE_MS }).toBe("8");
  await studio.sees("other pictures");
  await studio.page.getByRole("group", { name: "Opened before" }).getByRole("button", { name: "first pictures" }).click();
  await studio.page.getByRole("group", { name: "Opened before" }).getByRole("button", { name: "other pictures" }).waitFor();
  await expect.poll(() => remembered()?.recipe.data.path, { timeout: PATIENCE_MS }).toBe(first);
  await studio.go("setup");
  expect(await epochs(studio)).toBe("9");
  await close(studio);

  rmSync(first, { recursive: true });
  studio = await openStudio();
  await studio.sees(/The data of the last time cannot be used: [\s\S]*first pictures[\s\S]*The bundled sample is chosen instead\.$/);
  expect(await studio.page.getByTestId("train-count").textContent()).toBe("5,000");
});

const preferences = () => JSON.parse(readFileSync(path.join(home, "settings", "preferences.json"), "utf8"));
const remembered = () => {
  try {
    return preferences().form;
  } catch {
    return null;
  }
};

test("only what the user chose is remembered as chosen", async () => {
  const studio = await openStudio();
  const recipe = { ...presetOf("demo").recipe, data: { ...presetOf("demo").recipe.data, path: "/etc" } };
  const calls = [
    `host.rememberForm({ preset: null, sweep: { kind: "one", seeds: "3", labels: "", trials: "20", batches: "50" }, recipe: ${JSON.stringify(recipe)} })`,
    'host.rememberData("/etc")',
  ];
  const [form, data] = await studio.page.evaluate<{ ok: boolean; message?: string }[]>(`Promise.all([${calls}])`);
  expect(form).toEqual({ ok: true, value: null });
  expect(data).toEqual({ ok: false, message: "/etc is no folder that you chose." });
  expect(preferences()).toMatchObject({ recentData: [], chosenForForm: [], form: { recipe: { data: { path: "/etc" } } } });
});

test("a run that ends is shown in the task bar, and the window asks to be looked at if it is not in front", async () => {
  const studio = await openStudio();
  await studio.app.evaluate(({ BrowserWindow }) => {
    const [window] = BrowserWindow.getAllWindows();
    const seen = { bar: [] as number[], calls: 0 };
    Object.assign(globalThis, { seen });
    window!.setProgressBar = (value) => void seen.bar.push(value);
    window!.flashFrame = (flashes) => {
      if (flashes) seen.calls++;
    };
    window!.isFocused = () => true;
  });
  const seen = () => studio.app.evaluate(() => (globalThis as unknown as { seen: { bar: number[]; calls: number } }).seen);
  await studio.startShortRun({ trainImages: 80, epochs: 1 });
  await studio.trainingIs("Finished");
  await expect.poll(async () => (await seen()).bar.at(-1)).toBe(-1);
  const { bar, calls } = await seen();
  expect(Math.max(...bar)).toBeGreaterThan(0.5);
  expect(calls).toBe(0);

  await studio.app.evaluate(({ BrowserWindow }) => {
    BrowserWindow.getAllWindows()[0]!.isFocused = () => false;
  });
  await studio.startShortRun({ trainImages: 80, epochs: 1 });
  await expect.poll(async () => (await seen()).calls, { timeout: PATIENCE_MS }).toBe(1);
});

test("About says what this copy is", async () => {
  const studio = await openStudio();
  await studio.menu("About Distill Studio");
  const about = studio.page.getByTestId("about");
  await about.getByText(/kernels, \d+ threads?, on /).waitFor();
  const words = (await about.getByRole("definition").allTextContents()).join("; ");
  expect(words).toContain(packageJson.version);
  expect(words).toContain((await studio.app.evaluate(() => process.versions.electron))!);
  expect(words).toContain(path.join(home, "runs"));
  expect(words).toContain("MIT");
  await studio.page.keyboard.press("Escape");
  await about.waitFor({ state: "detached" });
});

test("each key on the list does what the list says, and the list has each", async () => {
  const studio = await openStudio();
  const { page } = studio;
  const pressed = new Set<string>();
  const press = async ({ keys }: { keys: string }) => {
    pressed.add(keys);
    await studio.pressKeys(keys);
  };
  const list = page.getByTestId("shortcuts");

  for (const keys of [commandKeys.shortcuts, pageKeys.shortcuts]) {
    await press(keys);
    await list.waitFor();
    await press(pageKeys.close);
    await list.waitFor({ state: "detached" });
  }
  for (const [name, words] of Object.entries({ setup: "Set up", live: "Live run", predict: "Predict", runs: "Runs", data: "Data" })) {
    await press(commandKeys[name as "setup"]);
    await expect.poll(() => studio.current(), { timeout: PATIENCE_MS }).toBe(words);
  }

  await studio.pickInDialogs(await writeData("pictures"));
  await press(commandKeys.openData);
  await expect.poll(() => page.getByTestId("train-count").textContent(), { timeout: PATIENCE_MS }).toBe("8");
  await studio.pickInDialogs(path.join(home, "pictures/test/red/32.png"));
  await press(commandKeys.openImage);
  await studio.sees("Image: 32.png");

  const zoom = () => studio.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.webContents.getZoomLevel());
  await press(windowKeys.zoomIn);
  await expect.poll(zoom).toBe(0.5);
  await press(windowKeys.resetZoom);
  await expect.poll(zoom).toBe(0);
  await press(windowKeys.zoomOut);
  await expect.poll(zoom).toBe(-0.5);
  await press(windowKeys.resetZoom);
  await studio.app.evaluate(({ BrowserWindow }) => {
    const [window] = BrowserWindow.getAllWindows();
    window!.setFullScreen = (full) => void Object.assign(globalThis, { full });
  });
  await press(windowKeys.togglefullscreen);
  await expect.poll(() => studio.app.evaluate(() => (globalThis as { full?: boolean }).full)).toBe(true);

  await studio.go("data");
  await studio.press(/^Bundled sample/);
  await studio.go("setup");
  await studio.press(/^Quick look/);
  await press(commandKeys.start);
  await studio.trainingIs("Running");
  await press(commandKeys.pause);
  await studio.trainingIs("Paused");
  await press(commandKeys.pause);
  await studio.trainingIs("Running");
  await press(commandKeys.stop);
  await studio.trainingIs("Stopped");

  const closed = studio.app.waitForEvent("close");
  await press(windowKeys.quit);
  await closed;
  running.pop();
  expect([...pressed].sort()).toEqual(shortcutGroups.flatMap(({ shortcuts }) => shortcuts.map(({ keys }) => keys)).sort());
});
