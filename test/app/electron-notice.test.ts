import { expect, test } from "vitest";
import packageJson from "../../package.json";
import { electronNotice } from "../../src-main/app/electron-notice";

test("an Electron older than the one that the app is made for is said to be past its end of life, and how to get the other", () => {
  expect(electronNotice("22.3.25")).toMatch(/Electron 22\.3\.25.*past its end of life.*npm run setup/);
  const made = packageJson.devDependencies.electron.replace("^", "");
  expect(electronNotice(made)).toBeNull();
  expect(electronNotice(`${Number.parseInt(made, 10) + 1}.0.0`)).toBeNull();
});
