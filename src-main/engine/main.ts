/** The engine process: owns the native addon and computes what its parent asks for. */
import { loadAddon } from "../backend/load";
import { useBackend } from "../tensor/tensor";
import { parentChannel } from "./channel";
import { Engine } from "./engine";

process.on("uncaughtException", die);
process.on("unhandledRejection", die);

useBackend(loadAddon());
const channel = parentChannel();
const engine = new Engine(channel);

// When nobody is left to report to, work ends with a checkpoint. The same happens when the system asks the process to end.
channel.onClose(leave);
process.on("SIGTERM", leave);

function leave(): void {
  engine.stop().then(() => process.exit(0), die);
}

function die(error: unknown): void {
  console.error(error);
  process.exit(1);
}
