import { describe, expect, it } from "vitest";
import { checkSetting } from "../../src-main/contract/check-recipe";
import type { Setting } from "../../src-main/contract/setting";
import { settingAt, settingKeys, settings } from "../../src-main/contract/settings";

describe("the table", () => {
  it.each(settingKeys.filter((key) => "default" in settings[key]))("has a default that passes its own check: %s", (key) => {
    expect(checkSetting(key, (settingAt(key) as Setting & { default: never }).default)).toBeNull();
  });

  it("says what is wrong with one value", () => {
    expect(checkSetting("distillation.alpha", 2)).toBe("expected a number from 0 to 1, got 2");
    expect(checkSetting("distillation.alpha", 0.62)).toBeNull();
  });
});
