/** The engine process: owns the native addon and computes what its clients ask for. A second thread runs the same script and trains. */
import { isMainThread } from "node:worker_threads";
import { loadAddon } from "../backend/load";
import { limitThreads } from "../backend/threads";
import { useBackend } from "../tensor/tensor";
import { Engine } from "./engine";
import { parent } from "./parent";
import { OwnThread, workAsThread } from "./trainer-thread";

const addon = loadAddon();
useBackend(addon);
if (isMainThread) {
  limitThreads(addon);
  serve();
} else workAsThread();

function serve(): void {
  process.on("uncaughtException", die);
  process.on("unhandledRejection", die);
  const { program, permits, onClient, onLeave, onTrainingAsked } = parent();
  const engine = new Engine(program, new OwnThread(__filename), permits);
  onClient((channel, audience) => engine.serve(channel, audience));

  onTrainingAsked(() => engine.isTraining);

  // When nobody is left to report to, work ends with a checkpoint. The same happens when the system asks the process to end.
  const leave = () => void engine.stop().then(() => process.exit(0), die);
  onLeave(leave);
  process.on("SIGTERM", leave).on("SIGHUP", leave);
}

function die(error: unknown): void {
  console.error(error);
  process.exit(1);
}
