import path from "node:path";
import { _electron, type ElectronApplication } from "playwright-core";

/** Why the desktop tests cannot run here; null if they can. Set by build/test.mjs. */
export const noDesktop = process.env.DISTILL_NO_DESKTOP ?? (process.env.DISTILL_ELECTRON ? null : "run by `npm test`, which prepares Electron and a display");

export const ROOT = path.resolve(import.meta.dirname, "../..");

/** The app of this source tree, asked to open these files. `home` holds its settings and runs. */
export const launchDevelopmentApp = (home: string, files: string[] = []) => launch(process.env.DISTILL_ELECTRON!, [".", ...files], home, ROOT);

/** A packaged app. It starts in a folder outside this source tree. */
export const launchPackagedApp = (executable: string, home: string) => launch(executable, [], home, home);

/**
 * Playwright detaches its debugger, for which the app waits at its end, once it reads in the app's standard error that it does. Chromium's own errors would fill
 * that: asked to end together with the processes that draw, the app tells a thousand times a second that it cannot start others.
 */
const QUIET = "--log-level=3";

function launch(executablePath: string, args: string[], home: string, cwd: string): Promise<ElectronApplication> {
  // Set by programs that use Electron as Node; with it no window would open.
  const { ELECTRON_RUN_AS_NODE: _, ...inherited } = process.env as Record<string, string>;
  return _electron.launch({ executablePath, args: [QUIET, ...args], cwd, env: { ...inherited, DISTILL_HOME: home }, colorScheme: null, timeout: PATIENCE_MS });
}

/** Ends the app immediately. Closing it as a user does would first ask whether to stop a training run. */
export async function endApp(app: ElectronApplication): Promise<void> {
  await app.evaluate(({ app }) => app.exit()).catch(() => "it ended before it could answer");
  await app.close();
}

/** The longest that anything the tests wait for may take, on a slow and busy machine. */
export const PATIENCE_MS = 180_000;
