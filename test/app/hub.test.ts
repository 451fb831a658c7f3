/** Weights from the Hugging Face hub, here one on this computer: nobody is asked before the user has agreed, and what came is tested, used and remembered. */
import { readFileSync } from "node:fs";
import path from "node:path";
import type { ElectronApplication } from "playwright-core";
import { expect, test, vi } from "vitest";
import { COMMIT, type FakeHub, fakeHub, sha256 } from "../hub/fake-hub";
import { endApp, launchDevelopmentApp, noDesktop, PATIENCE_MS, ROOT } from "./launch";
import { oneStudio } from "./one-studio";
import { Studio } from "./studio";

vi.setConfig({ testTimeout: 2 * PATIENCE_MS, hookTimeout: PATIENCE_MS });

const TEACHER = readFileSync(path.join(ROOT, "assets/teacher/resnet20_cifar10.safetensors"));
const LANGUAGE = new Map([
  ["config.json", Buffer.from('{"architectures":["LlamaForCausalLM"]}')],
  ["model.safetensors", Buffer.alloc(1000, "words")],
]);
let hub: FakeHub;

const one = oneStudio("hub", async ({ home }) => {
  const files = new Map([["model.safetensors", TEACHER]]);
  hub = await fakeHub(files, { stalled: 1, others: new Map([["o/language", LANGUAGE]]) });
  vi.stubEnv("HF_ENDPOINT", hub.endpoint);
  vi.stubEnv("HF_HOME", path.join(home, "hub"));
  vi.stubEnv("HF_TOKEN", "");
});

/** Answers the app's own question from now on, and keeps what it said. */
const answerQuestions = (app: ElectronApplication, response: number) =>
  app.evaluate(({ dialog }, response) => {
    dialog.showMessageBox = (async (_window: unknown, { message }: { message: string }) => {
      Object.assign(globalThis, { question: message });
      return { response, checkboxChecked: false };
    }) as never;
  }, response);

test.skipIf(noDesktop !== null)("a teacher from the hub: allowed, downloaded, stopped and resumed, tested, chosen, and there at the next start", async () => {
  const { app, studio } = one;
  const { page } = studio;
  const field = page.getByRole("textbox", { name: "Model on the hub" });
  const fetch = async (typed: string) => {
    await field.fill(typed);
    await studio.press("Download…");
  };
  await page.getByRole("group", { name: "Parts" }).getByRole("button", { name: "Teacher" }).click();
  await studio.sees(`The app asks ${new URL(hub.endpoint).host} for that name, and only once you have agreed.`);

  await answerQuestions(app, 1);
  await fetch("o/m");
  await expect.poll(() => app.evaluate(() => (globalThis as { question?: string }).question)).toBe(`Ask ${new URL(hub.endpoint).host} for o/m?`);
  await field.waitFor();
  expect(hub.asked).toEqual([]);

  await answerQuestions(app, 0);
  for (const [typed, words] of [
    ["resnet18", "names no model on the hub: expected owner/name"],
    ["o/gone", "knows no such model, or shows it to nobody: if it is private, set HF_TOKEN"],
    ["https://huggingface.co/o/gated", "asks for consent before it is downloaded: give it on its page"],
    ["o/language", "a model of the kind “LlamaForCausalLM”, which this program does not have; nothing was downloaded"],
  ] as const) {
    await fetch(typed);
    await studio.alert(words);
  }
  expect(hub.asked.filter((each) => each.startsWith("GET") && each.includes(sha256(LANGUAGE.get("model.safetensors")!)))).toEqual([]);

  await fetch(`${hub.endpoint}/o/m`);
  await studio.sees(/^Downloading o\/m, \d+ MB of 1 MB/);
  await studio.press("Stop");
  await studio.sees("Stopped. What has arrived is kept for the next time.");
  await fetch("hf:o/m");
  const row = page.getByRole("listitem").filter({ hasText: "o/m" });
  await row.getByText("Chosen").waitFor();
  expect(await row.textContent()).toMatch(/9\d\.\d %\s*of \d+ test images right/);
  expect(hub.asked.at(-1)).toBe(`GET /${sha256(TEACHER)} range`);

  // From now on nobody is asked: the recipe names what came by its commit.
  hub.asked.length = 0;
  await studio.startShortRun({ trainImages: 32, epochs: 4, keepsForm: true });
  await studio.trainingIs("Finished");
  await studio.go("setup");
  await studio.sees("32 px, o/m");
  await endApp(app);
  one.app = await launchDevelopmentApp(one.home);
  one.studio = await Studio.of(one.app);
  await one.studio.go("setup");
  await one.studio.sees("32 px, o/m");
  expect(await one.studio.page.getByRole("alert").count()).toBe(0);
  const remembered = JSON.parse(readFileSync(one.inHome("settings", "preferences.json"), "utf8"));
  expect(remembered).toMatchObject({ chosenForForm: [`hf:o/m@${COMMIT}/model.safetensors`] });
  expect(hub.asked).toEqual([]);
});
