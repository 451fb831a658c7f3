// The files that test/gpu/all.sh plays are what the program calls today. After a change that is meant: npx vitest run test/gpu --update
import { afterAll, expect, it } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { useBackend } from "../../src-main/tensor/tensor";
import { files } from "./calls";

afterAll(() => useBackend(loadAddon()));

it.each(Object.entries(files))("%s", async (name, note) => {
  await expect(note()).toMatchFileSnapshot(`calls/${name}.txt`);
});
