/** The screen Set up as it lies in the window: nothing covers its button, and what is wrong leads to its field. */
import path from "node:path";
import { expect, test, vi } from "vitest";
import { noDesktop, PATIENCE_MS } from "./launch";
import { oneStudio } from "./one-studio";

vi.setConfig({ testTimeout: PATIENCE_MS, hookTimeout: PATIENCE_MS });

const one = oneStudio("setup");

/** What a click in the middle of "Start training" would meet. */
const atStart = () =>
  one.studio.page.evaluate(`(() => {
    const button = [...document.querySelectorAll("button")].find(({ textContent }) => textContent.trim() === "Start training");
    const { x, y, width, height } = button.getBoundingClientRect();
    return document.elementFromPoint(x + width / 2, y + height / 2)?.textContent.trim();
  })()`);

test.skipIf(noDesktop !== null)("one epoch is started in one click, a preset can be undone, and its message leaves the button free", async () => {
  const { studio } = one;
  const { page } = studio;
  await studio.go("setup");
  // The demo's first image is one that shows something soft.
  const entropy = page.getByTestId("playground-entropy");
  await entropy.waitFor();
  if (process.env.DISTILL_PICTURES) await page.screenshot({ path: path.join(process.env.DISTILL_PICTURES, "setup-playground.png") });
  await expect.poll(async () => Number.parseFloat((await entropy.textContent())!)).toBeGreaterThan(0.1);
  await page.getByLabel("Epochs", { exact: true }).fill("1");
  await page.getByRole("button", { name: "1 setting has to be changed first" }).click();
  const warmUp = page.locator('[data-field="train.warmupEpochs"]');
  await expect.poll(() => page.evaluate('document.activeElement.closest("[data-field]")?.dataset.field')).toBe("train.warmupEpochs");
  await warmUp.getByRole("button", { name: "Set warm-up to 0" }).click();
  expect(await page.getByRole("button", { name: "Start training" }).isEnabled()).toBe(true);

  await page.getByRole("group", { name: "Presets" }).getByRole("button").nth(1).click();
  for (const [width, height] of [
    [1280, 800],
    [1280, 600],
    [900, 600],
  ]) {
    await one.app.evaluate(({ BrowserWindow }, [width, height]) => BrowserWindow.getAllWindows()[0]!.setContentSize(width!, height!), [width, height]);
    await expect.poll(() => page.evaluate("[innerWidth, innerHeight].join()")).toBe(`${width},${height}`);
    expect(await page.getByText("Your settings, the teacher among them, were replaced").isVisible()).toBe(true);
    await expect.poll(atStart).toBe("Start training");
    if (process.env.DISTILL_PICTURES) await page.screenshot({ path: path.join(process.env.DISTILL_PICTURES, `setup-${width}x${height}.png`) });
  }
  await page.getByRole("button", { name: "Undo" }).click();
  expect(await page.getByLabel("Epochs", { exact: true }).inputValue()).toBe("1");
});
