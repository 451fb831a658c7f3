/** What this computer has, and what of it is used. */
import type { Arithmetic } from "./arithmetic";

export interface DoctorReport {
  version: string;
  node: string;
  electron: string | null;
  platform: string;
  cpu: { name: string; logicalCores: number; features: string[]; isas: string[]; isa: string; threads: number; threadsReason: string };
  /** What a run would choose, on each device; cuda: null where there is no usable GPU. */
  arithmetic: { cpu: Arithmetic; cuda: Arithmetic | null };
  /** What this process may use. limitedBy: the file that says so in a container; null where all of the machine's memory counts. */
  memory: { totalBytes: number; freeBytes: number; limitedBy: string | null };
  /** Decoded images that are kept on the disk; folder: null where none are kept. */
  decodedImages: { folder: string | null; stores: number; bytes: number; limitBytes: number };
  backends: { name: "cpu" | "cuda"; available: boolean; reason: string; used: boolean }[];
  /** The usable GPUs; recipes with device "cuda" use the first. */
  gpus: Gpu[];
  /** Paths; null if this copy of the program came without them. */
  bundled: { data: string | null; teachers: { model: string; weights: string | null }[] };
}

export interface Gpu {
  name: string;
  memoryBytes: number;
  freeBytes: number;
  /** CUDA's compute capability: "9.0". */
  capability: string;
}
