import { expect, test } from "vitest";
import { settingKeys } from "../../src-main/contract/settings";
import { settingsPage } from "../../src-main/contract/settings-page";

test("docs/settings.md is what the tables say", async () => {
  await expect(settingsPage()).toMatchFileSnapshot("../../docs/settings.md");
});

test("the page has every key of the table", () => {
  const page = settingsPage();
  expect(settingKeys.filter((key) => !page.includes(`| \`${key}\` |`))).toEqual([]);
});
