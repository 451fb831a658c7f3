/** The main acts in a real browser, and what it refuses. The pictures are in test-results/serve. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { type Browser, type BrowserContext, chromium, type Download, type Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { OpenFile } from "../../src-main/disk/open-file";
import { ZipFile } from "../../src-main/disk/zip";
import { seriousFindings } from "../app/axe";
import { PATIENCE_MS } from "../app/launch";
import { batchesOf, Window } from "../app/window";
import { Line } from "./line";
import { ServedProcess } from "./served";

/** Why there is no browser; null if there is one. Set by build/test.mjs. */
const noBrowser = process.env.DISTILL_NO_BROWSER ?? (process.env.DISTILL_BROWSER ? null : "run by `npm test`, which finds a browser");
const PICTURES = path.resolve(import.meta.dirname, "../../test-results/serve");
const TOKEN = "t".repeat(32);

vi.setConfig({ testTimeout: 2 * PATIENCE_MS, hookTimeout: PATIENCE_MS });

let folder: string;
let browser: Browser;
let context: BrowserContext;
let served: ServedProcess;
let window: Window;

beforeAll(async () => {
  if (noBrowser !== null) return;
  rmSync(PICTURES, { recursive: true, force: true });
  mkdirSync(PICTURES, { recursive: true });
  folder = mkdtempSync(path.join(os.tmpdir(), "distill-browser-"));
  const picture = await sharp({ create: { width: 60, height: 40, channels: 3, background: "#3a7bd5" } })
    .jpeg()
    .toBuffer();
  for (const name of ["ash", "birch", "cedar"]) {
    mkdirSync(path.join(folder, "home/data/leaves", name), { recursive: true });
    for (let i = 0; i < 10; i++) writeFileSync(path.join(folder, "home/data/leaves", name, `${i}.jpg`), picture);
  }
  writeFileSync(path.join(folder, "home/data/notes.txt"), "no folder");
  writeFileSync(path.join(folder, "home/data/.hidden"), "");
  writeFileSync(path.join(folder, "mine.jpg"), picture);
  [browser, served] = await Promise.all([
    // Chromium's own sandbox does not run as root.
    chromium.launch({ executablePath: process.env.DISTILL_BROWSER!, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] }),
    serve(),
  ]);
  context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.goto(`${served.origin}/#token=${TOKEN}`);
  window = await shown(page);
});
beforeEach(({ skip }) => skip(noBrowser !== null, noBrowser ?? undefined));
afterAll(async () => {
  if (noBrowser !== null) return;
  await browser.close();
  await served.end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

const serve = (port = "0", token = TOKEN) => ServedProcess.start(["--port", port], { home: path.join(folder, "home"), env: { DISTILL_TOKEN: token } });

async function openedAt(address: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(address);
  return page;
}

async function shown(page: Page): Promise<Window> {
  await page.getByTestId("train-count").waitFor({ timeout: PATIENCE_MS });
  return new Window(page);
}

/** Light and dark, by the rules of axe. */
async function look(page: Page, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await expect.poll(() => page.evaluate("document.getAnimations().length"), { timeout: PATIENCE_MS }).toBe(0);
    await page.screenshot({ path: path.join(PICTURES, `${name}-${colorScheme}.png`) });
    expect(await seriousFindings(page), `${name}, ${colorScheme}`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: "light" });
}

test("the token opens the page and is gone from its address; without it, or with another, a page says what to do", async () => {
  expect(window.page.url()).toBe(`${served.origin}/`);
  expect(await window.page.evaluate("[document.cookie, history.length].join()")).toBe(",2");

  const stranger = await browser.newContext();
  const page = await stranger.newPage();
  await page.goto(`${served.origin}/#token=wrong`);
  await page.getByRole("alert").filter({ hasText: "That is not the token of this server" }).waitFor();
  expect(page.url()).toBe(`${served.origin}/`);
  await look(page, "sign-in");
  await page.getByRole("textbox").fill(`${served.origin}/#token=${TOKEN}`);
  await page.getByRole("button", { name: "Open" }).click();
  await shown(page);
  await stranger.close();
});

test("a page of another site gets no answer and no connection, though the browser is signed in", async () => {
  const evil = await context.newPage();
  await evil.route("http://evil.example/", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>evil</title>" }));
  await evil.goto("http://evil.example/");
  const got = await evil.evaluate(`(async (origin) => {
    const socket = await new Promise((resolve) => {
      const socket = new WebSocket(origin.replace("http", "ws") + "/socket", ["distill-studio", "key"]);
      socket.onopen = () => resolve("open");
      socket.onerror = () => resolve("refused");
    });
    const answer = await fetch(origin, { credentials: "include" }).then(() => "read", () => "refused");
    const opened = await fetch(origin + "/session", { method: "POST", mode: "no-cors", body: "x" }).then(({ type }) => type, () => "refused");
    return [socket, answer, opened];
  })("${served.origin}")`);
  // The last is sent, but says nothing and, as the server refuses it, does nothing.
  expect(got).toEqual(["refused", "refused", "refused"]);
  await evil.close();
});

test("data are chosen in the server's folders, by keyboard too; hidden files and others are left out, and said", async () => {
  const { page } = window;
  await window.press(/^Your own folder/);
  const picker = page.getByTestId("picker");
  await picker.getByText("Not shown: 1 other file, 1 hidden.").waitFor();
  await look(page, "picker");
  await picker.getByRole("button", { name: /^leaves/ }).press("Enter");
  await picker.getByRole("button", { name: /^ash/ }).waitFor();
  await page.keyboard.press("ArrowDown");
  expect(await page.evaluate("document.activeElement.textContent.trim()")).toMatch(/^birch/);
  await page.keyboard.press("Backspace");
  const find = picker.getByRole("searchbox");
  await find.fill("oak");
  await picker.getByText("No such name is in here.").waitFor();
  await find.fill("LEA");
  await picker.getByRole("button", { name: /^leaves/ }).click();
  await picker.getByRole("button", { name: "Choose this folder" }).click();
  await expect.poll(() => page.getByTestId("train-count").textContent(), { timeout: PATIENCE_MS }).toBe("24");
  await window.press(/^Bundled sample/);
  await expect.poll(() => page.getByTestId("train-count").textContent(), { timeout: PATIENCE_MS }).toBe("5,000");
});

test("a comparison is trained and seen live by another window; its report opens as a page that may do nothing", async () => {
  const { page } = window;
  const run = { trainImages: 32, epochs: 2 };
  await window.startShortRun(run);
  await window.trainingIs("Finished");
  await window.stepsAre(batchesOf(run));
  await window.go("runs");
  await window.act("quick look", "Export report: Web page");
  await window.sees("The report is ready");
  const opened = context.waitForEvent("page");
  await page.getByRole("button", { name: "Open", exact: true }).click();
  const report = await opened;
  await report.getByRole("heading", { name: "quick look" }).first().waitFor();
  expect(await report.evaluate("[origin, document.title !== ''].join()")).toBe("null,true");
  await report.close();

  await window.act("quick look", "Export model for other programs");
  await page
    .getByRole("radio", { name: /^ONNX|^safetensors/i })
    .first()
    .check();
  await window.press("Choose where ...");
  const picker = page.getByTestId("picker");
  await expect.poll(() => page.evaluate("document.activeElement.parentElement.textContent.trim()"), { timeout: PATIENCE_MS }).toBe("Name");
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type(".hidden");
  await page.keyboard.press("Enter");
  await picker.getByText("names that begin with a dot are hidden").waitFor();
  await picker.getByRole("textbox", { name: "Name" }).fill("model");
  await look(page, "picker-save");
  await picker.getByRole("button", { name: "Save here" }).click();
  await window.sees(/written to .*model\.\w+/);
  const download = page.waitForEvent("download");
  await window.press("Download");
  expect((await download).suggestedFilename()).toMatch(/^model\.\w+$/);

  const waiting = await shown(await openedAt(`${served.origin}/#token=${TOKEN}`));
  expect(waiting.page.url()).toBe(`${served.origin}/`);
  await window.startShortRun({ trainImages: 160, epochs: 60 });
  await window.stepsReach(3);
  await waiting.go("live");
  await waiting.trainingIs("Running");
  await waiting.page.close();
  const second = new Window(await openedAt(`${served.origin}/`));
  await second.trainingIs("Running");
  const before = await second.steps("Loss");
  await second.stepsReach(before + 3);
  expect(await second.page.title()).toMatch(/^\d+ % - Distill Studio$/);
  await second.press("Stop");
  await window.trainingIs("Stopped");
  await second.page.close();
});

test("the theme that is chosen is there, whatever the system's is", async () => {
  const { page } = window;
  const ground = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
  const light = await ground();
  await page.getByRole("button", { name: /^Theme: / }).click();
  expect(await ground()).toBe(light);
  await page.getByRole("button", { name: /^Theme: light/ }).click();
  expect(await ground()).not.toBe(light);
  await page.getByRole("button", { name: /^Theme: dark/ }).click();
  expect(await ground()).toBe(light);
});

test("the menu of a run lies above the rows below it", async () => {
  const { page } = window;
  await window.go("runs");
  const more = page.locator('td.actions button[aria-haspopup="menu"]');
  await expect.poll(() => more.count(), { timeout: PATIENCE_MS }).toBeGreaterThan(1);
  await more.first().click();
  for (const item of await page.getByRole("menuitem").all()) {
    const { x, y, width, height } = (await item.boundingBox())!;
    const top = await page.evaluate(`document.elementFromPoint(${x + width / 2}, ${y + height / 2}).textContent`);
    expect(top).toBe(await item.textContent());
  }
  await page.keyboard.press("Escape");
});

test("in a window of 400 pixels runs have names to press, and no button is cut", async () => {
  const { page } = window;
  await page.setViewportSize({ width: 400, height: 800 });
  await window.go("runs");
  expect((await page.locator("td.name button").first().boundingBox())!.width).toBeGreaterThan(60);
  await window.go("live");
  await look(page, "narrow");
  for (const button of await page.locator("main button").all()) {
    const box = await button.boundingBox();
    expect([box!.x >= 0, box!.x + box!.width <= 400], (await button.textContent())!).toEqual([true, true]);
  }
  await page.setViewportSize({ width: 1280, height: 800 });
});

test("an image of the user's own computer is predicted", async () => {
  const { page } = window;
  await window.go("predict");
  const chooser = page.waitForEvent("filechooser");
  await window.press(/^Choose an image/);
  await page.getByTestId("picker").getByRole("button", { name: "From your computer" }).click();
  await (await chooser).setFiles(path.join(folder, "mine.jpg"));
  await window.sees("Image: mine.jpg");
  await page.locator('[aria-busy="false"]').waitFor();
  expect((await window.bars("Bundled teacher")).size).toBe(10);
});

test("a file of the server is chosen and picked by the key Enter", async () => {
  const { page } = window;
  await window.press(/^Choose an image/);
  const picker = page.getByTestId("picker");
  await picker.getByRole("button", { name: /^leaves/ }).press("Enter");
  await picker.getByRole("button", { name: /^ash/ }).press("Enter");
  const picture = picker.locator(".entry").first();
  const name = (await picture.locator(".name").textContent())!.trim();
  await picture.press("Enter");
  await picture.press("Enter");
  await window.sees(`Image: ${name}`);
  await page.locator('[aria-busy="false"]').waitFor();
});

test("a recipe is saved by the browser", async () => {
  await window.go("setup");
  await window.press("JSON");
  const download = window.page.waitForEvent("download");
  await window.press("Export");
  expect((await download).suggestedFilename()).toMatch(/\.distill$/);
});

test("the keyboard shortcuts and About are in the page's menu, with the keys that a browser leaves to it", async () => {
  const { page } = window;
  await choose(page, "Keyboard Shortcuts");
  const shortcuts = page.getByTestId("shortcuts");
  expect(await shortcuts.getByRole("definition").allInnerTexts()).toEqual(["Ctrl\nEnter", "Ctrl\nShift\nS", "Ctrl\nO", "Ctrl\nI", "Escape", "F1", "?"]);
  await look(page, "shortcuts");
  await page.keyboard.press("Escape");
  await page.keyboard.press("F1");
  await shortcuts.waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+o");
  await page.getByTestId("picker").waitFor();
  await page.keyboard.press("Escape");
  await choose(page, "About Distill Studio");
  await page.getByTestId("about").getByText("distill serve, with Node").waitFor();
  await look(page, "about");
  await page.keyboard.press("Escape");
});

test("a browser that signs out is left by all of its windows, which say so; another one stays", async () => {
  const stranger = await browser.newContext();
  const opened = async () => {
    const page = await stranger.newPage();
    await page.goto(`${served.origin}/#token=${TOKEN}`);
    return shown(page);
  };
  const [first, second, third] = [await opened(), await opened(), await opened()];
  await first.page.getByRole("button", { name: "Menu", exact: true }).click();
  await look(first.page, "menu");
  await first.page.getByRole("menuitem", { name: "Sign out" }).click();
  for (const { page } of [first, second, third]) await page.getByRole("heading", { name: "This browser is signed out" }).waitFor();
  await look(second.page, "signed-out");
  expect(await second.page.evaluate("[location.href, localStorage.length].join()")).toBe(`${served.origin}/,0`);
  await first.page.reload();
  await first.page.getByRole("heading", { name: "Distill Studio asks for its token" }).waitFor();
  await second.page.getByRole("textbox").fill(TOKEN);
  await second.page.getByRole("button", { name: "Open" }).click();
  await shown(second.page);
  // Its other windows come back with it.
  await shown(third.page);
  await window.go("setup");
  expect(await window.page.getByRole("alert").count()).toBe(0);
  await stranger.close();
});

test("a model that is a folder, and a whole run, are saved as archives", async () => {
  const { page } = window;
  await window.go("runs");
  // Of the run that is finished; the one above it was stopped.
  const actions = page.getByRole("button", { name: "Actions for quick look" });
  await expect.poll(() => actions.count(), { timeout: PATIENCE_MS }).toBe(2);
  const act = async (item: string) => {
    await actions.last().click();
    await page.getByRole("menuitem", { name: item }).click();
  };
  await act("Export model for other programs");
  await page.getByRole("radio", { name: /^Folder for timm/ }).check();
  await window.press("Choose where ...");
  const picker = page.getByTestId("picker");
  await picker.getByRole("textbox", { name: "Name" }).fill("for timm");
  await picker.getByRole("button", { name: "Save here" }).click();
  await window.sees(/written to .*for timm/);
  let saved = page.waitForEvent("download");
  await window.press("Download");
  expect(await namesIn(await saved)).toEqual(expect.arrayContaining(["for timm/config.json", "for timm/model.safetensors"]));
  saved = page.waitForEvent("download");
  await act("Export the whole run (.zip)");
  expect(await namesIn(await saved)).toEqual(
    expect.arrayContaining([expect.stringMatching(/^[^/]+\/student\/recipe\.json$/), expect.stringMatching(/\/report\.html$/)]),
  );
});

test("a connection that breaks comes back by itself: the page stays as it is, dialogs and all, and its run goes on", async () => {
  const line = new Line();
  const other = await ServedProcess.start(["--port", "0", "--name", `127.0.0.1:${await line.listen()}`], { home: path.join(folder, "other") });
  line.leadTo(Number(/ssh -L (\d+):/.exec(other.err)![1]));
  const page = await openedAt(`${other.origin}/#token=${other.token}`);
  const mine = await shown(page);
  await mine.startShortRun({ trainImages: 160, epochs: 60 });
  await mine.stepsReach(3);
  await choose(page, "About Distill Studio");
  await page.evaluate("window.isMarked = true");
  line.break();
  await mine.sees(/^The connection to the server is lost/);
  line.mend();
  await page.getByText(/^The connection to the server is lost/).waitFor({ state: "detached" });
  await mine.trainingIs("Running");
  await page.getByTestId("about").waitFor();
  await page.keyboard.press("Escape");
  const before = await mine.steps("Loss");
  await mine.stepsReach(before + 3);
  expect([await page.evaluate("window.isMarked"), await page.getByRole("alert").count()]).toEqual([true, 0]);
  await mine.press("Stop");
  await mine.trainingIs("Stopped");
  await page.close();
  await other.end("SIGTERM");
  line.close();
});

test("a server that is gone is said; once it is there again the page asks for the token, and goes on with the form as it was", async () => {
  const { page } = window;
  await window.go("setup");
  await window.fill("Epochs", 7);
  await served.end();
  await window.sees(/^The server has ended; a run under way has stopped with a checkpoint/);
  await look(page, "lost");
  await window.fill("Epochs", 9);
  await page.evaluate("window.isMarked = true");
  served = await serve(served.url.port);
  await window.alert("The server does not know this browser any more");
  await window.press("Sign in");
  const dialog = page.getByTestId("token");
  await dialog.waitFor();
  // Whoever types at once is in the right field.
  await page.keyboard.type("wrong");
  await page.keyboard.press("Enter");
  await window.alert("That is not the token of this server");
  await look(page, "sign-in-again");
  await signIn(TOKEN);
  expect(await page.getByRole("textbox", { name: "Epochs", exact: true }).inputValue()).toBe("9");
  expect(await page.evaluate("window.isMarked")).toBe(true);
  const second = await shown(await openedAt(served.origin));
  await second.go("setup");
  await expect.poll(() => second.page.getByRole("textbox", { name: "Epochs", exact: true }).inputValue(), { timeout: PATIENCE_MS }).toBe("9");
  await second.page.close();
});

test.skipIf(process.platform !== "linux")("an engine that dies is said, and started anew from the page", async () => {
  await window.go("data");
  process.kill(served.engine, "SIGKILL");
  await window.alert("The engine ended unexpectedly (signal SIGKILL)");
  await window.press("Restart the engine");
  await window.press(/^Your own folder/);
  // Where the last data were.
  await window.press("Choose this folder");
  await expect.poll(() => window.page.getByTestId("train-count").textContent(), { timeout: PATIENCE_MS }).toBe("24");
});

test("after a kill of the server, with another token at its next start, the page names the run that was interrupted, and resumes it", async () => {
  const { page } = window;
  await window.go("data");
  await window.press(/^Bundled sample/);
  await window.startShortRun({ trainImages: 160, epochs: 60 });
  await window.stepsReach(25);
  await served.end("SIGKILL");
  await window.sees(/^The connection to the server is lost/);
  served = await serve(served.url.port, "u".repeat(40));
  await window.alert("The server does not know this browser any more");
  await window.press("Sign in");
  await signIn(served.token);
  await window.sees(/^quick look is not finished, and nobody trains it: .* of 60 epochs are done/);
  await look(page, "interrupted");
  // A page that is opened now says so, too.
  const second = await shown(await openedAt(served.origin));
  await second.sees(/^quick look is not finished, and nobody trains it/);
  await second.go("live");
  await second.sees(/quick look is not finished, and nobody trains it/);
  await look(second.page, "interrupted-live");
  await second.page.close();
  await page.getByRole("button", { name: "Resume quick look" }).first().click();
  await window.trainingIs("Running");
  await window.stepsReach(26);
  await window.press("Stop");
  await window.trainingIs("Stopped");
});

/** Chooses what the page's menu has. */
async function choose(page: Page, item: string): Promise<void> {
  await page.getByRole("button", { name: "Menu", exact: true }).click();
  await page.getByRole("menuitem", { name: item }).click();
}

/** In the dialog over the page. */
async function signIn(token: string): Promise<void> {
  const dialog = window.page.getByTestId("token");
  await dialog.getByRole("textbox").fill(token);
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await dialog.waitFor({ state: "detached" });
  await window.page.getByRole("alert").filter({ hasText: "does not know this browser" }).waitFor({ state: "detached" });
}

async function namesIn(download: Download): Promise<string[]> {
  const archive = path.join(folder, download.suggestedFilename());
  expect(archive).toMatch(/\.zip$/);
  await download.saveAs(archive);
  return new ZipFile(new OpenFile(archive, "r"), (why) => new Error(why)).names;
}
