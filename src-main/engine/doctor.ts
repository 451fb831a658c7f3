import packageJson from "../../package.json";
import { cudaStatus, machineOf } from "../backend/device";
import { threadsReason } from "../backend/threads";
import { type Arithmetic, chooseArithmetic, type Machine } from "../contract/arithmetic";
import type { DoctorReport } from "../contract/doctor";
import { bundledData, bundledTeacher, bundledTeachers } from "../data/assets";
import { storePlace, storesIn } from "../data/store/place";
import { memory } from "../machine/memory";
import { backend } from "../tensor/tensor";

/** What this machine has, what is used, and why. `device`: where the last run was trained. */
export function doctor(device: "cpu" | "cuda"): DoctorReport {
  const addon = backend();
  const cuda = cudaStatus();
  const { total, available, limit } = memory();
  const { name, logicalCores, features, isas, isa } = addon.cpuFeatures();
  return {
    version: packageJson.version,
    node: process.versions.node,
    electron: process.versions.electron ?? null,
    platform: `${process.platform} ${process.arch}`,
    cpu: { name, logicalCores, features, isas, isa, threads: addon.threads(), threadsReason: threadsReason() },
    memory: { totalBytes: total, freeBytes: available, limitedBy: limit?.file ?? null },
    decodedImages: decodedImages(),
    arithmetic: { cpu: chosenFor(machineOf(addon, null)), cuda: cuda.gpus[0] ? chosenFor(machineOf(addon, cuda.gpus[0])) : null },
    backends: [
      {
        name: "cpu",
        available: true,
        reason: `${isa} is the fastest of the variants that this processor runs (${isas.join(", ")})`,
        used: device === "cpu",
      },
      {
        name: "cuda",
        available: cuda.available,
        reason: cuda.available ? `${cuda.reason}; used by recipes with device "cuda"` : cuda.reason,
        used: device === "cuda",
      },
    ],
    gpus: cuda.gpus,
    bundled: { data: bundledData(), teachers: bundledTeachers.map((model) => ({ model, weights: bundledTeacher(model) })) },
  };
}

function decodedImages(): DoctorReport["decodedImages"] {
  const { folder, limitBytes } = storePlace();
  const stores = folder === null ? [] : storesIn(folder);
  return { folder, stores: stores.length, bytes: stores.reduce((sum, { bytes }) => sum + bytes, 0), limitBytes };
}

const chosenFor = (machine: Machine): Arithmetic => ({ ...chooseArithmetic(machine), machine });
