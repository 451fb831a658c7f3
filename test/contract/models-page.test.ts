import { expect, test } from "vitest";
import { modelGroups, modelNames } from "../../src-main/contract/families";
import { modelsPage } from "../../src-main/contract/models-page";

test("docs/models.md is what the table says", async () => {
  await expect(modelsPage()).toMatchFileSnapshot("../../docs/models.md");
});

test("the page has every model, under its family", () => {
  const page = modelsPage();
  expect(modelNames.filter((name) => !page.includes(`| \`${name}\` |`))).toEqual([]);
  for (const { label } of modelGroups) expect(page).toContain(`\n## ${label}\n`);
});
