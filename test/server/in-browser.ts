/** A real browser at `distill serve`, as tests drive it. Pictures are in test-results/. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, beforeEach, expect, vi } from "vitest";
import { seriousFindings } from "../app/axe";
import { PATIENCE_MS } from "../app/launch";
import { Window } from "../app/window";
import { ServedProcess } from "./served";

/** Why there is no browser; null if there is one. Set by build/test.mjs. */
const noBrowser = process.env.DISTILL_NO_BROWSER ?? (process.env.DISTILL_BROWSER ? null : "run by `npm test`, which finds a browser");
export const TOKEN = "t".repeat(32);

/** A server, a browser that is signed in, and its first window: all tests of a file share them, one after the other. */
export class InBrowser {
  /** Holds home/data, where the server was started, with the folder `leaves` of three classes, a text and a hidden file; and mine.jpg, of the user's computer. */
  folder!: string;
  browser!: Browser;
  context!: BrowserContext;
  served!: ServedProcess;
  window!: Window;

  /** `pictures`: their folder in test-results/. */
  constructor(private readonly pictures: string) {
    vi.setConfig({ testTimeout: 2 * PATIENCE_MS, hookTimeout: PATIENCE_MS });
    beforeAll(() => (noBrowser === null ? this.#begin() : undefined));
    beforeEach(({ skip }) => skip(noBrowser !== null, noBrowser ?? undefined));
    afterAll(() => (noBrowser === null ? this.#end() : undefined));
  }

  async #begin(): Promise<void> {
    rmSync(this.#place(), { recursive: true, force: true });
    mkdirSync(this.#place(), { recursive: true });
    await this.#fillFolder();
    [this.browser, this.served] = await Promise.all([
      // Chromium's own sandbox does not run as root.
      chromium.launch({ executablePath: process.env.DISTILL_BROWSER!, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] }),
      this.serve(),
    ]);
    this.context = await this.browser.newContext({ viewport: { width: 1280, height: 800 } });
    this.window = await shown(await this.openedAt(`${this.served.origin}/#token=${TOKEN}`));
  }

  async #fillFolder(): Promise<void> {
    this.folder = mkdtempSync(path.join(os.tmpdir(), "distill-browser-"));
    const picture = await sharp({ create: { width: 60, height: 40, channels: 3, background: "#3a7bd5" } })
      .jpeg()
      .toBuffer();
    for (const name of ["ash", "birch", "cedar"]) {
      mkdirSync(path.join(this.folder, "home/data/leaves", name), { recursive: true });
      for (let i = 0; i < 10; i++) writeFileSync(path.join(this.folder, "home/data/leaves", name, `${i}.jpg`), picture);
    }
    writeFileSync(path.join(this.folder, "home/data/notes.txt"), "no folder");
    writeFileSync(path.join(this.folder, "home/data/.hidden"), "");
    writeFileSync(path.join(this.folder, "mine.jpg"), picture);
  }

  async #end(): Promise<void> {
    await this.browser.close();
    await this.served.end("SIGTERM");
    rmSync(this.folder, { recursive: true, force: true });
  }

  #place(...names: string[]): string {
    return path.resolve(import.meta.dirname, "../../test-results", this.pictures, ...names);
  }

  serve(port = "0", token = TOKEN): Promise<ServedProcess> {
    return ServedProcess.start(["--port", port], { home: path.join(this.folder, "home"), env: { DISTILL_TOKEN: token } });
  }

  async openedAt(address: string): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(address);
    return page;
  }

  /** Light and dark, by the rules of axe. */
  async look(page: Page, name: string): Promise<void> {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await expect.poll(() => page.evaluate("document.getAnimations().length"), { timeout: PATIENCE_MS }).toBe(0);
      await page.screenshot({ path: this.#place(`${name}-${colorScheme}.png`) });
      expect(await seriousFindings(page), `${name}, ${colorScheme}`).toEqual([]);
    }
    await page.emulateMedia({ colorScheme: "light" });
  }

  /** In the dialog over the first window's page. */
  async signIn(token: string): Promise<void> {
    const { page } = this.window;
    const dialog = page.getByTestId("token");
    await dialog.getByRole("textbox").fill(token);
    await dialog.getByRole("button", { name: "Sign in" }).click();
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("alert").filter({ hasText: "does not know this browser" }).waitFor({ state: "detached" });
  }
}

export async function shown(page: Page): Promise<Window> {
  await page.getByTestId("train-count").waitFor({ timeout: PATIENCE_MS });
  return new Window(page);
}

/** Chooses what the page's menu has. */
export async function choose(page: Page, item: string): Promise<void> {
  await page.getByRole("button", { name: "Menu", exact: true }).click();
  await page.getByRole("menuitem", { name: item }).click();
}
