import { expect, it, vi } from "vitest";
import { integer } from "../../../src-main/contract/setting";

const TABLE = "../../../src-main/contract/settings";

it("the form shows and sets a setting that no list in the renderer mentions", async () => {
  vi.resetModules();
  vi.doMock(TABLE, async (original) => {
    const table = await original<typeof import("../../../src-main/contract/settings")>();
    // The module's own functions look rows up in this object.
    Object.assign(table.settings, { "train.madeUp": integer(1, 10, { default: 7, label: "Made-up setting", help: "Exists in this test alone." }) });
    return { ...table, settingKeys: Object.keys(table.settings) };
  });
  try {
    const { FakeEngine, fakeBridge } = await import("../fakes");
    const { render } = await import("svelte/server");
    const { Studio } = await import("../../../src-renderer/state/studio.svelte");
    const { default: SetupScreen } = await import("../../../src-renderer/views/SetupScreen.svelte");
    const studio = new Studio(fakeBridge(new FakeEngine()).bridge);
    const { body } = render(SetupScreen, { props: { studio } });
    expect(body).toMatch(/<h2[^>]*>Training<.*Made-up setting.*value="7".*Exists in this test alone\./s);
    studio.setup.set("train.madeUp", "8");
    expect(studio.setup.result.recipe?.train).toMatchObject({ madeUp: 8 });
  } finally {
    vi.doUnmock(TABLE);
    vi.resetModules();
  }
});
