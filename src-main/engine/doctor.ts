import { freemem, totalmem } from "node:os";
import packageJson from "../../package.json";
import type { DoctorReport } from "../contract/engine";
import { bundledData, bundledTeacher } from "../data/assets";
import { backend } from "../tensor/tensor";

/** What this machine has, and what of it is used and why. */
export function doctor(): DoctorReport {
  const addon = backend();
  const { name, logicalCores, features, isas, isa } = addon.cpuFeatures();
  return {
    version: packageJson.version,
    node: process.versions.node,
    electron: process.versions.electron ?? null,
    platform: `${process.platform} ${process.arch}`,
    cpu: { name, logicalCores, features, isas, isa, threads: addon.threads() },
    memory: { totalBytes: totalmem(), freeBytes: freemem() },
    backends: [
      { name: "cpu", available: true, reason: `${isa} is the fastest of the variants that this processor runs (${isas.join(", ")})`, used: true },
      { name: "cuda", available: false, reason: "this version computes on the processor only", used: false },
    ],
    bundled: { data: bundledData(), teacher: bundledTeacher("resnet20_cifar10.safetensors") },
  };
}
