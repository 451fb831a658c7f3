// lockFile: the system's exclusive lock on an open file.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeEach, expect, it } from "vitest";
import { addonPath } from "../../src-main/backend/load";
import { addon } from "./calls";

const folder = mkdtempSync(path.join(tmpdir(), "lock-file-"));
const file = path.join(folder, "lock");
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach((test) => {
  if (process.platform === "win32") test.skip("there are no such locks on Windows");
});

function opened(): { number: number; close(): void } {
  const number = openSync(file, "a");
  return { number, close: () => closeSync(number) };
}

it("is held by one of two that opened a file, until that one closes it", () => {
  const [one, other] = [opened(), opened()];
  expect(addon.lockFile(one.number)).toBe("taken");
  expect(addon.lockFile(other.number)).toBe("held by another");
  expect(addon.lockFile(one.number)).toBe("taken");
  one.close();
  expect(addon.lockFile(other.number)).toBe("taken");
  other.close();
});

it("is held by another process until that ends, however it ends", async () => {
  const code = `
    const file = require("node:fs").openSync(${JSON.stringify(file)}, "a");
    console.log(require(${JSON.stringify(addonPath())}).lockFile(file));
    setInterval(() => {}, 1000);
  `;
  const child = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  expect(String((await once(child.stdout, "data"))[0])).toBe("taken\n");
  const { number, close } = opened();
  expect(addon.lockFile(number)).toBe("held by another");
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(addon.lockFile(number)).toBe("taken");
  close();
});

it("refuses a file that is closed", () => {
  const { number, close } = opened();
  close();
  expect(() => addon.lockFile(number)).toThrow(/^lockFile: file: expected an open file.*, got /);
});
