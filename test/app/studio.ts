/** The app as a user sees it: its window and its menu. */
import type { ElectronApplication, Page } from "playwright-core";
import { PATIENCE_MS } from "./launch";
import { SCREENS, Window } from "./window";

export { batchesOf, type ShortRun } from "./window";

export class Studio extends Window {
  private constructor(
    readonly app: ElectronApplication,
    page: Page,
  ) {
    super(page);
  }

  /** Starts the app and waits until the data have been read; where it is asked to open a recipe, until that is on screen. */
  static async of(app: ElectronApplication, screen: "data" | "setup" = "data"): Promise<Studio> {
    const studio = new Studio(app, await app.firstWindow());
    const { page } = studio;
    const sign = screen === "data" ? page.getByTestId("train-count") : page.locator("[aria-current=page]", { hasText: SCREENS.setup });
    await sign.waitFor({ timeout: PATIENCE_MS });
    return studio;
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

  /** Starts the preset of the article with few images, of which one batch takes seconds. */
  async startLongBatch(): Promise<void> {
    await this.go("setup");
    await this.press(/^Article ViT/);
    await this.fill("Training images", 96);
    await this.fill("Test images", 8);
    await this.fill("Batch size", 96);
    await this.press("Start training");
  }

  /** Makes a teacher of the bundled data and a file of weights, of fewer images than there are. */
  async makeTeacher(weights: string, trainImages: number): Promise<void> {
    await this.go("setup");
    await this.fill("Training images", trainImages);
    await this.fill("Test images", 50);
    await this.pickInDialogs(weights);
    await this.press("Another backbone");
    await this.sees(/^About .+ with/);
    await this.press("Train the teacher");
    await this.sees(/^The teacher is ready, and chosen below: [\d.]+ % of the test images are right/);
  }

  /** Makes the next file dialogs answer with a path, as if it had been picked. */
  pickInDialogs(chosen: string): Promise<void> {
    return this.app.evaluate(({ dialog }, filePath) => {
      dialog.showOpenDialog = async () => ({ canceled: false, filePaths: [filePath] });
      dialog.showSaveDialog = async () => ({ canceled: false, filePath });
    }, chosen);
  }
}
