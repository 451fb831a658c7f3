/** One app that all tests of a file use, in a home of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { ElectronApplication } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { endApp, launchDevelopmentApp, noDesktop } from "./launch";
import { Studio } from "./studio";

/** Of the app once the tests run. */
export interface OneStudio {
  home: string;
  app: ElectronApplication;
  studio: Studio;
  /** A path in the home. */
  inHome(...names: string[]): string;
}

/** Starts the app before the tests of a file, once `prepare` has filled its home, and ends it after them. Nothing happens where there is no desktop. */
export function oneStudio(name: string, prepare: (one: OneStudio) => unknown = () => {}): OneStudio {
  const one = { inHome: (...names: string[]) => path.join(one.home, ...names) } as OneStudio;
  beforeAll(async () => {
    if (noDesktop !== null) return;
    one.home = mkdtempSync(path.join(os.tmpdir(), `distill-${name}-`));
    await prepare(one);
    one.app = await launchDevelopmentApp(one.home);
    one.studio = await Studio.of(one.app);
  });
  afterAll(async () => {
    if (one.app) await endApp(one.app);
    if (one.home) rmSync(one.home, { recursive: true, force: true });
  });
  return one;
}
