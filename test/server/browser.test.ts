/** The main acts in a real browser, and what it refuses. */
import path from "node:path";
import type { Download, Page } from "playwright-core";
import { expect, test } from "vitest";
import { OpenFile } from "../../src-main/disk/open-file";
import { ZipFile } from "../../src-main/disk/zip";
import { PATIENCE_MS } from "../app/launch";
import { batchesOf, Window } from "../app/window";
import { choose, InBrowser, shown, TOKEN } from "./in-browser";

const here = new InBrowser("serve");

test("the token opens the page and is gone from its address; without it, or with another, a page says what to do", async () => {
  expect(here.window.page.url()).toBe(`${here.served.origin}/`);
  expect(await here.window.page.evaluate("[document.cookie, history.length].join()")).toBe(",2");

  const stranger = await here.browser.newContext();
  const page = await stranger.newPage();
  await page.goto(`${here.served.origin}/#token=wrong`);
  await page.getByRole("alert").filter({ hasText: "That is not the token of this server" }).waitFor();
  expect(page.url()).toBe(`${here.served.origin}/`);
  await here.look(page, "sign-in");
  await page.getByRole("textbox").fill(`${here.served.origin}/#token=${TOKEN}`);
  await page.getByRole("button", { name: "Open" }).click();
  await shown(page);
  await stranger.close();
});

test("a page of another site gets no answer and no connection, though the browser is signed in", async () => {
  const evil = await here.context.newPage();
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
  })("${here.served.origin}")`);
  // The last is sent, but says nothing and, as the server refuses it, does nothing.
  expect(got).toEqual(["refused", "refused", "refused"]);
  await evil.close();
});

test("data are chosen in the server's folders, by keyboard too; hidden files and others are left out, and said", async () => {
  const { page } = here.window;
  await here.window.press(/^Your own folder/);
  const picker = page.getByTestId("picker");
  await picker.getByText("Not shown: 1 other file, 1 hidden.").waitFor();
  await here.look(page, "picker");
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
  await here.window.press(/^Bundled sample/);
  await expect.poll(() => page.getByTestId("train-count").textContent(), { timeout: PATIENCE_MS }).toBe("5,000");
});

test("that the data of the last time cannot be used is said until others are chosen", async () => {
  const { page } = here.window;
  const choose = async (...folders: RegExp[]) => {
    await here.window.press(/^Your own folder/);
    const picker = page.getByTestId("picker");
    // It begins in the folder that was chosen last.
    await picker.getByRole("navigation").getByRole("button").first().click();
    for (const folder of folders) await picker.getByRole("button", { name: folder }).press("Enter");
    await here.window.press("Choose this folder");
  };
  await choose(/^leaves/, /^ash/);
  await here.window.alert("ash");
  await page.reload();
  const notice = page.getByText("The data of the last time cannot be used");
  await notice.waitFor();
  await choose(/^leaves/);
  await notice.waitFor({ state: "detached" });
  await expect.poll(() => page.getByTestId("train-count").textContent(), { timeout: PATIENCE_MS }).toBe("24");
  await here.window.press(/^Bundled sample/);
  await expect.poll(() => page.getByTestId("train-count").textContent(), { timeout: PATIENCE_MS }).toBe("5,000");
  expect(await notice.count()).toBe(0);
});

test("a comparison is trained and seen live by another window; its report opens as a page that may do nothing", async () => {
  const { page } = here.window;
  const run = { trainImages: 32, epochs: 2 };
  await here.window.startShortRun(run);
  await here.window.trainingIs("Finished");
  await here.window.stepsAre(batchesOf(run));
  await here.window.go("runs");
  await here.window.act("quick look", "Export report: Web page");
  await here.window.sees("The report is ready");
  const opened = here.context.waitForEvent("page");
  await page.getByRole("button", { name: "Open", exact: true }).click();
  const report = await opened;
  await report.getByRole("heading", { name: "quick look" }).first().waitFor();
  expect(await report.evaluate("[origin, document.title !== ''].join()")).toBe("null,true");
  await report.close();

  await here.window.act("quick look", "Export model for other programs");
  await page
    .getByRole("radio", { name: /^ONNX|^safetensors/i })
    .first()
    .check();
  await here.window.press("Choose where ...");
  const picker = page.getByTestId("picker");
  await expect.poll(() => page.evaluate("document.activeElement.parentElement.textContent.trim()"), { timeout: PATIENCE_MS }).toBe("Name");
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type(".hidden");
  await page.keyboard.press("Enter");
  await picker.getByText("names that begin with a dot are hidden").waitFor();
  await picker.getByRole("textbox", { name: "Name" }).fill("model");
  await here.look(page, "picker-save");
  await picker.getByRole("button", { name: "Save here" }).click();
  await here.window.sees(/written to .*model\.\w+/);
  const download = page.waitForEvent("download");
  await here.window.press("Download");
  expect((await download).suggestedFilename()).toMatch(/^model\.\w+$/);

  const waiting = await shown(await here.openedAt(`${here.served.origin}/#token=${TOKEN}`));
  expect(waiting.page.url()).toBe(`${here.served.origin}/`);
  await here.window.startShortRun({ trainImages: 160, epochs: 60 });
  await focusIs(page, "Stop");
  await here.window.stepsReach(3);
  await waiting.go("live");
  await waiting.trainingIs("Running");
  await waiting.page.close();
  const second = new Window(await here.openedAt(`${here.served.origin}/`));
  await second.trainingIs("Running");
  const before = await second.steps("Loss");
  await second.stepsReach(before + 3);
  expect(await second.page.title()).toMatch(/^\d+ % - Distill Studio$/);
  await second.press("Stop");
  await here.window.trainingIs("Stopped");
  await focusIs(second.page, "Resume");
  await second.page.close();
});

test("the theme that is chosen is there, whatever the system's is", async () => {
  const { page } = here.window;
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
  const { page } = here.window;
  await here.window.go("runs");
  const more = page.locator('td.actions button[aria-haspopup="menu"]');
  await expect.poll(() => more.count(), { timeout: PATIENCE_MS }).toBeGreaterThan(1);
  await more.first().click();
  const items = await page.getByRole("menuitem").all();
  expect(items.length).toBeGreaterThan(2);
  for (const item of items) {
    const { x, y, width, height } = (await item.boundingBox())!;
    const top = await page.evaluate(`document.elementFromPoint(${x + width / 2}, ${y + height / 2}).textContent`);
    expect(top).toBe(await item.textContent());
  }
  await here.look(page, "runs-menu");
  const labels = await Promise.all(items.map((item) => item.textContent()));
  const keys: [key: string, item: string][] = [
    ["End", labels.at(-1)!],
    ["Home", "Rename, and write a note"],
    ["d", "Duplicate and change"],
    ["D", "Delete"],
    ["d", "Duplicate and change"],
    ["w", "Where it is"],
  ];
  for (const [key, item] of keys) {
    await page.keyboard.press(key);
    await focusIs(page, item);
  }
  await page.keyboard.press("Escape");
});

const LONG_NAME = "a run that has a name of forty letters..";

test("whoever uses the keys alone stays at a run that is renamed, and is at the one beside it if it is deleted", async () => {
  const { page } = here.window;
  await here.window.go("runs");
  const act = async (run: string, letter: string) => {
    await page
      .getByRole("button", { name: `Actions for ${run}` })
      .first()
      .press("Enter");
    await page.keyboard.press(letter);
    await page.keyboard.press("Enter");
  };
  await act("quick look", "r");
  await page.getByRole("textbox", { name: "Name" }).fill(LONG_NAME);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: LONG_NAME, exact: true }).waitFor();
  await focusIs(page, `Actions for ${LONG_NAME}`);

  await page.getByRole("button", { name: "Actions for quick look" }).press("Enter");
  await page.keyboard.press("End");
  await focusIs(page, "Delete");
  await page.keyboard.press("Enter");
  await here.window.sees("in the bin");
  await focusIs(page, `Actions for ${LONG_NAME}`);
  await page.getByRole("button", { name: "Undo" }).press("Enter");
  await here.window.sees("quick look is back");
});

test("in a window of 400 pixels runs have names to press, and nothing that is pressed is cut", async () => {
  const { page } = here.window;
  await page.setViewportSize({ width: 400, height: 800 });
  await here.window.go("runs");
  expect((await page.locator("td.name button").first().boundingBox())!.width).toBeGreaterThan(60);
  await here.window.go("live");
  await here.look(page, "narrow");
  await expectWhole(page, "main button", 2);
  await here.window.go("runs");
  await here.window.act("quick look", "Export model for other programs");
  await here.look(page, "narrow-export");
  await expectWhole(page, "dialog :is(button, select)", 3);
  await page.keyboard.press("Escape");

  const idle = await shown(await here.openedAt(`${here.served.origin}/`));
  await idle.page.setViewportSize({ width: 400, height: 800 });
  await expectWhole(idle.page, "[role=status] button", 1);
  await idle.go("live");
  await idle.sees("Nothing is running");
  await here.look(idle.page, "narrow-idle");
  await expectWhole(idle.page, "main button", 3);
  await idle.page.close();
  await page.setViewportSize({ width: 1280, height: 800 });
});

/** At least so many, none of which runs out of the window at its sides. */
async function expectWhole(page: Page, selector: string, least: number): Promise<void> {
  const all = await page.locator(selector).all();
  expect(all.length).toBeGreaterThanOrEqual(least);
  for (const one of all) {
    const { x, width } = (await one.boundingBox())!;
    expect([x >= 0, x + width <= page.viewportSize()!.width], (await one.textContent())!).toEqual([true, true]);
  }
}

/** Waits until the focus is on what has this label or, without one, this text. */
async function focusIs(page: Page, words: string): Promise<void> {
  await expect.poll(() => page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent.trim()"), { timeout: 10_000 }).toBe(words);
}

test("an image of the user's own computer is predicted", async () => {
  const { page } = here.window;
  await here.window.go("predict");
  const chooser = page.waitForEvent("filechooser");
  await here.window.press(/^Choose an image/);
  await page.getByTestId("picker").getByRole("button", { name: "From your computer" }).click();
  await (await chooser).setFiles(path.join(here.folder, "mine.jpg"));
  await here.window.sees("Image: mine.jpg");
  await page.locator('[aria-busy="false"]').waitFor();
  expect((await here.window.bars("Bundled teacher")).size).toBe(10);
});

test("a file of the server is chosen and picked by the key Enter", async () => {
  const { page } = here.window;
  await here.window.press(/^Choose an image/);
  const picker = page.getByTestId("picker");
  await picker.getByRole("button", { name: /^leaves/ }).press("Enter");
  await picker.getByRole("button", { name: /^ash/ }).press("Enter");
  const picture = picker.getByRole("button", { name: /^0\.jpg/ });
  await picture.press("Enter");
  await picture.press("Enter");
  await here.window.sees("Image: 0.jpg");
  await page.locator('[aria-busy="false"]').waitFor();
});

test("a recipe is saved by the browser", async () => {
  await here.window.go("setup");
  await here.window.press("JSON");
  const download = here.window.page.waitForEvent("download");
  await here.window.press("Export");
  expect((await download).suggestedFilename()).toMatch(/\.distill$/);
});

test("the keyboard shortcuts and About are in the page's menu, with the keys that a browser leaves to it", async () => {
  const { page } = here.window;
  await choose(page, "Keyboard Shortcuts");
  const shortcuts = page.getByTestId("shortcuts");
  expect(await shortcuts.getByRole("definition").allInnerTexts()).toEqual(["Ctrl\nEnter", "Ctrl\nShift\nS", "Ctrl\nO", "Ctrl\nI", "Escape", "F1", "?"]);
  await here.look(page, "shortcuts");
  await page.keyboard.press("Escape");
  await page.keyboard.press("F1");
  await shortcuts.waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+o");
  await page.getByTestId("picker").waitFor();
  await page.keyboard.press("Escape");
  await choose(page, "About Distill Studio");
  await page.getByTestId("about").getByText("distill serve, with Node").waitFor();
  await here.look(page, "about");
  await page.keyboard.press("Escape");
});

test("a browser that signs out is left by all of its windows, which say so; another one stays", async () => {
  const stranger = await here.browser.newContext();
  const opened = async () => {
    const page = await stranger.newPage();
    await page.goto(`${here.served.origin}/#token=${TOKEN}`);
    return shown(page);
  };
  const [first, second, third] = [await opened(), await opened(), await opened()];
  await first.page.getByRole("button", { name: "Menu", exact: true }).click();
  await here.look(first.page, "menu");
  await first.page.getByRole("menuitem", { name: "Sign out" }).click();
  for (const { page } of [first, second, third]) await page.getByRole("heading", { name: "This browser is signed out" }).waitFor();
  await here.look(second.page, "signed-out");
  expect(await second.page.evaluate("[location.href, localStorage.length].join()")).toBe(`${here.served.origin}/,0`);
  await first.page.reload();
  await first.page.getByRole("heading", { name: "Distill Studio asks for its token" }).waitFor();
  await second.page.getByRole("textbox").fill(TOKEN);
  await second.page.getByRole("button", { name: "Open" }).click();
  await shown(second.page);
  // Its other windows come back with it.
  await shown(third.page);
  await here.window.go("setup");
  expect(await here.window.page.getByRole("alert").count()).toBe(0);
  await stranger.close();
});

test("a model that is a folder, and a whole run, are saved as archives", async () => {
  const { page } = here.window;
  await here.window.go("runs");
  const act = (item: string) => here.window.act("quick look", item);
  await act("Export model for other programs");
  await page.getByRole("radio", { name: /^Folder for timm/ }).check();
  await here.window.press("Choose where ...");
  const picker = page.getByTestId("picker");
  await picker.getByRole("textbox", { name: "Name" }).fill("for timm");
  await picker.getByRole("button", { name: "Save here" }).click();
  await here.window.sees(/written to .*for timm/);
  let saved = page.waitForEvent("download");
  await here.window.press("Download");
  expect(await namesIn(await saved)).toEqual(expect.arrayContaining(["for timm/config.json", "for timm/model.safetensors"]));
  saved = page.waitForEvent("download");
  await act("Export the whole run (.zip)");
  expect(await namesIn(await saved)).toEqual(
    expect.arrayContaining([expect.stringMatching(/^[^/]+\/student\/recipe\.json$/), expect.stringMatching(/\/report\.html$/)]),
  );
});

async function namesIn(download: Download): Promise<string[]> {
  const archive = path.join(here.folder, download.suggestedFilename());
  expect(archive).toMatch(/\.zip$/);
  await download.saveAs(archive);
  return new ZipFile(new OpenFile(archive, "r"), (why) => new Error(why)).names;
}
