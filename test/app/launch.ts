import { _electron, type ElectronApplication } from "playwright-core";

/** Why the desktop tests cannot run here; null if they can. Set by build/test.mjs. */
export const noDesktop = process.env.DISTILL_NO_DESKTOP ?? (process.env.DISTILL_ELECTRON ? null : "run by `npm test`, which prepares Electron and a display");

/** Starts the app of this source tree, or the packaged one, with the given environment on top of the present one. */
export function launchApp(which: "development" | "packaged", env: Record<string, string>): Promise<ElectronApplication> {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name, value]) => name !== "ELECTRON_RUN_AS_NODE" && value !== undefined)) as Record<
    string,
    string
  >;
  return _electron.launch({
    executablePath: which === "packaged" ? process.env.DISTILL_PACKAGED_APP! : process.env.DISTILL_ELECTRON!,
    args: which === "packaged" ? [] : ["."],
    env: { ...inherited, ...env },
    timeout: 60_000,
  });
}
