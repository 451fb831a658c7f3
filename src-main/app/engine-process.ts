/** The engine as a utility process of Electron. */
import { MessageChannelMain, type MessagePortMain, type UtilityProcess, utilityProcess } from "electron";
import type { EngineEnd } from "../contract/engine";
import { type OwnerAnswer, runsArguments } from "../contract/owner";
import { engineEnvironment } from "../engine-client/environment";
import { engineEnd } from "../engine-client/exit";
import type { OwnedEngine, OwnedProcess } from "../engine-client/owned";

/** How many characters of standard error to keep, to explain an exit. */
const KEPT = 4000;

/**
 * On Linux the GLib of the image library and that of Electron's GTK use the same symbol names, so each image triggers warnings. They are
 * harmless here (github.com/lovell/sharp/issues/1449), but would push out the lines that explain an exit.
 */
const GLIB_NOISE = /\s*\(process:\d+\): GLib-GObject-CRITICAL \*\*:.*\n/g;

/** The app's engine. A page's end of a connection is a port. */
export type EngineProcess = OwnedEngine<MessagePortMain>;

export function startEngine(script: string, runsDirectory: string): OwnedProcess<MessagePortMain> {
  const child = utilityProcess.fork(script, runsArguments(runsDirectory), {
    serviceName: "distill-engine",
    stdio: ["ignore", "ignore", "pipe"],
    env: engineEnvironment(),
  });
  // If the owner's port closes, the engine leaves.
  const { port1, port2: owner } = new MessageChannelMain();
  child.postMessage("owner", [port1]);
  owner.start();
  return {
    ended: endOf(child),
    tell: (message) => owner.postMessage(message),
    onAnswer: (listener) => owner.on("message", ({ data }) => listener(data as OwnerAnswer)),
    connect: () => {
      const { port1, port2 } = new MessageChannelMain();
      child.postMessage("page", [port1]);
      return port2;
    },
    kill: () => child.kill(),
  };
}

function endOf(child: UtilityProcess): Promise<EngineEnd> {
  let errors = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString()).replace(GLIB_NOISE, "").slice(-KEPT);
  });
  return new Promise((resolve) => {
    // Electron reports a signal by its number, like an exit code.
    child.on("exit", (code: number) => resolve(engineEnd({ status: `exit code ${code}`, signal: code, errors })));
  });
}
