import { describe, expect, it } from "vitest";
import { parseRecipe } from "../../../src-main/contract/parse-recipe";
import { presets } from "../../../src-main/contract/presets";
import { runWith } from "../fake-engine";

const recipe = (...args: string[]) => runWith({}, ["recipe", ...args]);

describe("distill recipe", () => {
  it("lists the ready-made recipes", async () => {
    const { status, out } = await recipe("list");
    expect(status).toBe(0);
    expect(out.trimEnd().split("\n")).toEqual(presets.map(({ id, description }) => expect.stringMatching(`^${id} .*${description}$`)));
    expect(JSON.parse((await recipe("list", "--json")).out)).toEqual(presets.map(({ id, title, description }) => ({ name: id, title, description })));
  });

  it.each(presets.map(({ id, recipe }) => [id, recipe] as const))("shows %s as a file that stands for it", async (name, expected) => {
    const { status, out } = await recipe("show", name);
    expect(status).toBe(0);
    expect(parseRecipe(JSON.parse(out))).toEqual(expected);
    expect((await recipe("show", name, "--json")).out).toBe(out);
  });

  it("names the recipes that there are", async () => {
    const { status, err } = await recipe("show", "artical");
    expect([status, err]).toEqual([
      2,
      'error: recipe "artical" does not exist (did you mean article?); expected one of demo, few-labels, same-labels, article, article-equal, quick-look, teacher-quick, teacher-resnet18, teacher-resnet34\n',
    ]);
  });
});
