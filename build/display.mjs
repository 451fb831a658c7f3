// A display to draw on: the existing one, or a virtual one.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { has } from "./run.mjs";

export const hasDisplay = () => process.platform !== "linux" || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);

/**
 * Starts Xvfb on a free display number and resolves with `{ display, close }`; null if Xvfb is not installed. The server writes its
 * number once it accepts clients.
 */
export async function virtualDisplay(size = "1680x1050x24") {
  if (!has("Xvfb")) return null;
  const server = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", size, "-nolisten", "tcp"], { stdio: ["ignore", "ignore", "ignore", "pipe"] });
  const [number] = await Promise.race([once(server.stdio[3], "data"), once(server, "exit").then(() => Promise.reject(new Error("Xvfb ended at once")))]);
  return { display: `:${String(number).trim()}`, close: () => server.kill() };
}
