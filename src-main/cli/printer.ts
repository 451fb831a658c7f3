/** Prints a report with the app's own browser, which is opened for that alone. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { UsageError } from "../contract/failure";
import type { PrintedFormat } from "../contract/host";
import { PRINT_AS, PRINT_PAGE, PRINT_TO } from "../contract/printing";

/** Prints the page that `write` writes to the file it is given. */
export type Print = (write: (page: string) => Promise<unknown>, out: string, format: PrintedFormat) => Promise<void>;

/** `electron`: the program, or null if this copy has none; `app`: the folder of the app that it runs, null if it has one of its own. */
export const printWith = (electron: string | null, app: string | null): Print => {
  return async (write, out, format) => {
    const instead = "choose html, and print it from a browser";
    if (!electron) throw new UsageError(`--format ${format}: is printed by the desktop app, which is not installed here: run npm start once, or ${instead}`);
    if (process.platform === "linux" && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY)
      throw new UsageError(
        `--format ${format}: is printed by the desktop app, which needs a display, and there is none: run it under xvfb-run -a, or ${instead}`,
      );
    const folder = mkdtempSync(path.join(os.tmpdir(), "distill-report-"));
    try {
      const page = path.join(folder, "report.html");
      await write(page);
      await runElectron(electron, [...(app === null ? [] : [app]), `${PRINT_PAGE}${page}`, `${PRINT_TO}${out}`, `${PRINT_AS}${format}`]);
      if (!existsSync(out)) throw new UsageError(`--format ${format}: the desktop app has not printed the report: ${instead}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
};

async function runElectron(program: string, args: readonly string[]): Promise<void> {
  // As root, Electron's sandbox cannot run on Linux.
  const sandbox = process.platform === "linux" && process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  // Set by programs that use Electron as Node.
  const { ELECTRON_RUN_AS_NODE: _, ...env } = process.env;
  const child = spawn(program, [...sandbox, ...args], { env, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (text) => (said = `${said}${text}`.slice(-2000)));
  const [status] = await once(child, "close");
  if (status !== 0) throw new UsageError(`the desktop app could not print the report: ${said.trim().split("\n").at(-1) || `it ended with ${status}`}`);
}
