/** The app as a user sees it: what they can press, drop and read. Nothing here looks behind the window. */
import path from "node:path";
import type { ElectronApplication, Locator, Page } from "playwright-core";
import { expect } from "vitest";
import { PATIENCE_MS } from "./launch";

const SCREENS = { data: "Data", setup: "Set up", live: "Live run", predict: "Predict", runs: "Runs" };

/** The form values of a short run. `batchesOf` counts those of one arm and seed. */
export interface ShortRun {
  trainImages: number;
  epochs: number;
  /** 1, if left out. */
  seeds?: number;
  /** At these numbers of labelled images, with commas between them. */
  labels?: string;
  /** Of the form as it is; left out: of the preset for a quick look. */
  keepsForm?: boolean;
}
/** Images per batch of a short run. */
const BATCH = 8;
export const batchesOf = ({ trainImages, epochs }: ShortRun) => (trainImages / BATCH) * epochs;

export class Studio {
  /** The page's errors and warnings, including refused content. */
  readonly complaints: string[] = [];

  private constructor(
    readonly app: ElectronApplication,
    readonly page: Page,
  ) {
    page.setDefaultTimeout(PATIENCE_MS);
    page.on("pageerror", ({ message }) => this.complaints.push(message));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.complaints.push(message.text());
    });
  }

  /** Starts the app and waits until the data have been read; where it is asked to open a recipe, until that is on screen. */
  static async of(app: ElectronApplication, screen: "data" | "setup" = "data"): Promise<Studio> {
    const studio = new Studio(app, await app.firstWindow());
    const { page } = studio;
    const sign = screen === "data" ? page.getByTestId("train-count") : page.locator("[aria-current=page]", { hasText: SCREENS.setup });
    await sign.waitFor({ timeout: PATIENCE_MS });
    return studio;
  }

  go(screen: keyof typeof SCREENS): Promise<void> {
    return this.page.getByRole("navigation", { name: "Screens" }).getByRole("button", { name: SCREENS[screen] }).click();
  }

  /** The screen that is shown. */
  async current(): Promise<string> {
    return (await this.page.getByRole("navigation", { name: "Screens" }).locator("[aria-current=page]").textContent())!.trim();
  }

  /** Chooses an item of the menu. */
  menu(label: string): Promise<void> {
    return this.app.evaluate(({ Menu }, wanted) => {
      const items = Menu.getApplicationMenu()!.items.flatMap(({ submenu }) => submenu?.items ?? []);
      items.find(({ label: its }) => its.replace("&", "") === wanted)!.click();
    }, label);
  }

  /** Presses keys, as Electron writes accelerators; the browser gets them, and gives the menu those that the page leaves. */
  pressKeys(keys: string): Promise<void> {
    const parts = keys.split("+");
    const modifiers = parts.slice(0, -1).map((part) => (part === "CmdOrCtrl" ? (process.platform === "darwin" ? "meta" : "control") : part.toLowerCase()));
    const last = parts.at(-1)!;
    // On most keyboards, plus and the question mark need Shift.
    const keyCode = { Plus: "=" }[last] ?? last;
    if (["Plus", "?"].includes(last)) modifiers.push("shift");
    return this.app.evaluate(
      ({ BrowserWindow }, key) => {
        const { webContents } = BrowserWindow.getAllWindows()[0]!;
        webContents.focus();
        for (const type of ["keyDown", ...(key.keyCode === "?" ? ["char"] : []), "keyUp"] as const) webContents.sendInputEvent({ ...key, type } as never);
      },
      { keyCode, modifiers },
    );
  }

  press(name: string | RegExp): Promise<void> {
    return this.page.getByRole("button", { name }).click();
  }

  /** Does something with a run of the list, by its menu. */
  async act(run: string, item: string): Promise<void> {
    await this.press(`Actions for ${run}`);
    await this.page.getByRole("menuitem", { name: item, exact: true }).click();
  }

  /** Waits for an alert with this text; resolves to its full text. */
  async alert(words: string): Promise<string | null> {
    const alert = this.page.getByRole("alert").filter({ hasText: words });
    await alert.waitFor();
    return alert.textContent();
  }

  async sees(words: string | RegExp): Promise<void> {
    await this.page.getByText(words).first().waitFor();
  }

  /** Starts the preset for a quick look, made shorter. */
  async startShortRun({ trainImages, epochs, seeds = 1, labels, keepsForm = false }: ShortRun): Promise<void> {
    await this.go("setup");
    if (!keepsForm) await this.press(/^Quick look/);
    await this.#fill("Training images", trainImages);
    await this.#fill("Test images", 16);
    await this.#fill("Batch size", BATCH);
    await this.#fill("Epochs", epochs);
    const kind = labels === undefined ? (seeds > 1 ? "Several seeds" : "One comparison") : "Numbers of labels";
    await this.page.getByLabel("What to run").selectOption(kind);
    if (labels !== undefined) await this.#fill("Numbers of labels", labels);
    if (kind !== "One comparison") await this.#fill("Seeds", seeds);
    await this.press("Start training");
  }

  /** Starts the preset of the article with few images, of which one batch takes seconds. */
  async startLongBatch(): Promise<void> {
    await this.go("setup");
    await this.press(/^Article ViT/);
    await this.#fill("Training images", 96);
    await this.#fill("Test images", 8);
    await this.#fill("Batch size", 96);
    await this.press("Start training");
  }

  /** Makes a teacher of the bundled data and a file of weights, of fewer images than there are. */
  async makeTeacher(weights: string, trainImages: number): Promise<void> {
    await this.go("setup");
    await this.#fill("Training images", trainImages);
    await this.#fill("Test images", 50);
    await this.pickInDialogs(weights);
    await this.press("Another backbone");
    await this.sees(/^About .+ with/);
    await this.press("Train the teacher");
    await this.sees(/^The teacher is ready, and chosen below: [\d.]+ % of the test images are right/);
  }

  async trainingIs(state: "Running" | "Paused" | "Stopped" | "Finished" | "Failed"): Promise<void> {
    await expect.poll(() => this.page.getByTestId("training-state").textContent(), { timeout: PATIENCE_MS }).toBe(state);
  }

  chart(title: "Loss" | "Test accuracy"): Locator {
    return this.page.getByRole("img", { name: `${title}: ` });
  }

  /** Number of steps along x for which a chart has values. */
  async steps(title: "Loss" | "Test accuracy"): Promise<number> {
    return Number(await this.chart(title).getAttribute("data-steps"));
  }

  async stepsAre(count: number): Promise<void> {
    for (const title of ["Loss", "Test accuracy"] as const) await expect.poll(() => this.steps(title), { timeout: PATIENCE_MS }).toBe(count);
  }

  async stepsReach(count: number): Promise<void> {
    await expect.poll(() => this.steps("Loss"), { timeout: PATIENCE_MS }).toBeGreaterThanOrEqual(count);
  }

  /** Drops files and folders onto one of the places of the window that take them, as the system does. `meanwhile`: with them over that place. */
  async drop(files: string | string[], place: "Use as data" | "Predict these", meanwhile: () => Promise<void> = async () => {}): Promise<void> {
    const session = await this.page.context().newCDPSession(this.page);
    const data = { items: [], files: [files].flat(), dragOperationsMask: 1 };
    const drag = (type: "dragEnter" | "dragOver" | "drop", x: number, y: number) => session.send("Input.dispatchDragEvent", { type, x, y, data });
    await drag("dragEnter", 5, 5);
    const { x, y, width, height } = (await this.page.locator("[data-target]", { hasText: place }).boundingBox())!;
    await drag("dragOver", x + width / 2, y + height / 2);
    await meanwhile();
    await drag("drop", x + width / 2, y + height / 2);
    await session.detach();
  }

  /** Drops an image and waits for the answers of all networks. */
  async predict(image: string): Promise<void> {
    await this.drop(image, "Predict these");
    await this.sees(`Image: ${path.basename(image)}`);
    await this.page.locator('[aria-busy="false"]').waitFor();
  }

  /** Probabilities in percent by class, in the order of their bars. */
  async bars(network: string): Promise<Map<string, number>> {
    const rows = await this.page
      .getByRole("list", { name: `Probabilities by ${network}` })
      .getByRole("listitem")
      .allInnerTexts();
    return new Map(rows.map((row) => /^(\S+)\s+([\d.]+) %$/.exec(row)!).map(([, name, value]) => [name!, Number(value)]));
  }

  /** Makes the next file dialogs answer with a path, as if it had been picked. */
  pickInDialogs(chosen: string): Promise<void> {
    return this.app.evaluate(({ dialog }, filePath) => {
      dialog.showOpenDialog = async () => ({ canceled: false, filePaths: [filePath] });
      dialog.showSaveDialog = async () => ({ canceled: false, filePath });
    }, chosen);
  }

  #fill(label: string, value: number | string): Promise<void> {
    return this.page.getByRole("textbox", { name: label, exact: true }).fill(String(value));
  }
}
