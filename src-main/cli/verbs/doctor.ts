import type { Command } from "commander";
import type { DoctorReport } from "../../contract/doctor";
import { familyOf, type ModelInfo } from "../../contract/families";
import type { ClusterReport } from "../../ray/cluster";
import { clusterAt } from "../cluster";
import { addVerb, type Perform } from "../verb";
import { count, table } from "../words";

export function addDoctor(program: Command, perform: Perform): void {
  addVerb(program, "doctor", "list this computer's hardware, which of it is used and why, and the models", "doctor")
    .option("--on <address>", "what a Ray cluster has instead: the address of its head, as in ray://head.example:8265")
    .action(({ on }: { on?: string }) =>
      perform(async (session) => {
        if (on !== undefined) {
          const report = await clusterAt(on);
          return { json: report, text: clusterText(report) };
        }
        const report = await session.call("doctor", {});
        const models = await session.call("models", {});
        return { json: { ...report, models }, text: `${machineText(report)}\n\n${modelsText(models)}` };
      }),
    );
}

function clusterText({ head, ray, note, nodes }: ClusterReport): string {
  const gigabytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const rows = nodes.map(({ address, isHead, processors, gpus, memoryBytes }) => [
    `${address}${isHead ? " (head)" : ""}`,
    String(processors),
    String(gpus),
    gigabytes(memoryBytes),
  ]);
  return [`Ray ${ray} at ${head}, ${count(nodes.length, "node")}${note ? `\n${note}` : ""}`, table([["node", "processors", "GPUs", "memory"], ...rows])].join(
    "\n\n",
  );
}

function machineText({ version, node, electron, platform, cpu, arithmetic, memory, decodedImages, backends, gpus, bundled }: DoctorReport): string {
  const gigabytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const used = (yes: boolean) => (yes ? "in use" : "not in use");
  return [
    ["version", version],
    ["runs on", `Node ${node}${electron ? `, Electron ${electron}` : ""}, ${platform}`],
    ["processor", `${cpu.name}, ${count(cpu.logicalCores, "logical core")}`],
    ["features", cpu.features.join(" ")],
    ["kernels", `${cpu.isa} of ${cpu.isas.join(", ")}`],
    ["threads", `${cpu.threads}: ${cpu.threadsReason}`],
    ["precision", arithmeticText(arithmetic.cpu)],
    ...(arithmetic.cuda ? [["", `with device "cuda": ${arithmeticText(arithmetic.cuda)}`]] : []),
    [
      "memory",
      `${gigabytes(memory.freeBytes)} free of ${gigabytes(memory.totalBytes)}${memory.limitedBy === null ? "" : `, which ${memory.limitedBy} allows`}`,
    ],
    ["decoded images", decodedText(decodedImages)],
    ...backends.map((backend) => [backend.name, `${backend.available ? `available, ${used(backend.used)}` : "not available"}: ${backend.reason}`]),
    ...gpus.map(({ name, memoryBytes, freeBytes, capability }, i) => [
      `GPU ${i}`,
      `${name}, ${gigabytes(freeBytes)} free of ${gigabytes(memoryBytes)}, compute capability ${capability}`,
    ]),
    ["bundled data", bundled.data ?? "missing"],
    ...bundled.teachers.map(({ model, weights }, i) => [i === 0 ? "bundled teacher" : "", weights ?? `the one for ${model} is missing`]),
  ]
    .map(([label, value]) => `${label!.padEnd(15)}   ${value}`)
    .join("\n");
}

/** Where images are kept as they were decoded, and how many bytes they take. */
function decodedText({ folder, stores, bytes, limitBytes }: DoctorReport["decodedImages"]): string {
  if (folder === null) return "not kept: DISTILL_CACHE is off, or there is no home folder";
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  return `${gigabytes(bytes)} in ${folder}, ${count(stores, "set")} of images, at most ${gigabytes(limitBytes)}; may be deleted; moved by DISTILL_CACHE, limited by DISTILL_CACHE_GB`;
}

/** What a run without a precision of its own takes, and why. */
function arithmeticText({ precision, bf16Products, reason }: DoctorReport["arithmetic"]["cpu"]): string {
  const products = precision === "bf16" ? "" : `; bf16, where a recipe asks for it, is multiplied in ${bf16Products}`;
  return `auto is ${precision}: ${reason}${products}`;
}

function modelsText(models: ModelInfo[]): string {
  const rows = models.map(({ name, imageSize, parameters }) => [name, familyOf(name).label, `${imageSize} px`, parameters.toLocaleString("en")]);
  return table([["model", "family", "images", "parameters"], ...rows]);
}
