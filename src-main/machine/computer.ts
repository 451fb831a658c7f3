import { cpus } from "node:os";
import packageJson from "../../package.json";

/** On what, and by which version, a run is trained: "Distill Studio 0.1.0 on AMD EPYC, linux x64". Threads are left out, as no result depends on them. */
export function computerInWords(): string {
  const processor = cpus()[0]?.model.trim().replace(/ +/g, " ") || "an unknown processor";
  return `Distill Studio ${packageJson.version} on ${processor}, ${process.platform} ${process.arch}`;
}
