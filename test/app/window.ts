/** A window of the app, or of a browser, as a user sees it: what they can press, drop and read. Nothing here looks behind it. */
import path from "node:path";
import type { Locator, Page } from "playwright-core";
import { expect } from "vitest";
import { PATIENCE_MS } from "./launch";

export const SCREENS = { data: "Data", setup: "Set up", live: "Live run", predict: "Predict", runs: "Runs" };

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

export class Window {
  /** The page's errors and warnings, including refused content. */
  readonly complaints: string[] = [];

  constructor(readonly page: Page) {
    page.setDefaultTimeout(PATIENCE_MS);
    page.on("pageerror", ({ message }) => this.complaints.push(message));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.complaints.push(message.text());
    });
  }

  go(screen: keyof typeof SCREENS): Promise<void> {
    return this.page.getByRole("navigation", { name: "Screens" }).getByRole("button", { name: SCREENS[screen] }).click();
  }

  /** The screen that is shown. */
  async current(): Promise<string> {
    return (await this.page.getByRole("navigation", { name: "Screens" }).locator("[aria-current=page]").textContent())!.trim();
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
    await this.fill("Training images", trainImages);
    await this.fill("Test images", 16);
    await this.fill("Batch size", BATCH);
    await this.fill("Epochs", epochs);
    const kind = labels === undefined ? (seeds > 1 ? "Several seeds" : "One comparison") : "Numbers of labels";
    await this.page.getByLabel("What to run").selectOption(kind);
    if (labels !== undefined) await this.fill("Numbers of labels", labels);
    if (kind !== "One comparison") await this.fill("Seeds", seeds);
    await this.press("Start training");
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

  /** Writes a number into a field of the form. */
  fill(label: string, value: number | string): Promise<void> {
    return this.page.getByRole("textbox", { name: label, exact: true }).fill(String(value));
  }
}
