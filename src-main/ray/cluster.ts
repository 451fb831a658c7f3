/** What a cluster has. */
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import type { RayHead } from "./head";
import { rayVersion } from "./jobs";

const answer = z.object({
  data: z.object({
    result: z.object({
      result: z.array(
        z.object({
          node_id: z.string(),
          node_ip: z.string(),
          state: z.string(),
          is_head_node: z.boolean().nullish(),
          resources_total: z.record(z.string(), z.number()).nullish(),
        }),
      ),
    }),
  }),
});

export interface ClusterNode {
  id: string;
  address: string;
  isHead: boolean;
  processors: number;
  gpus: number;
  memoryBytes: number;
}

/** Those that are alive. */
export async function nodes(head: RayHead): Promise<ClusterNode[]> {
  const { data } = answer.parse(await head.json("GET", "/api/v0/nodes?detail=1&limit=10000"));
  return data.result.result
    .filter(({ state }) => state === "ALIVE")
    .map(({ node_id: id, node_ip: address, is_head_node: isHead, resources_total: has }) => ({
      id,
      address,
      isHead: isHead ?? false,
      processors: has?.CPU ?? 0,
      gpus: has?.GPU ?? 0,
      memoryBytes: has?.memory ?? 0,
    }));
}

export interface ClusterReport {
  head: string;
  ray: string;
  note: string | null;
  nodes: ClusterNode[];
}

export async function clusterReport(head: RayHead): Promise<ClusterReport> {
  const { version, note } = await rayVersion(head);
  return { head: head.url.origin, ray: version, note, nodes: await nodesSoon(head) };
}

const LOOK_MS = 500;
const LOOKS = 20;

/** A head that has just begun lists its own node a moment later than it answers. */
async function nodesSoon(head: RayHead): Promise<ClusterNode[]> {
  for (let look = 1; ; look++) {
    const found = await nodes(head);
    if (found.length > 0 || look === LOOKS) return found;
    await pause(LOOK_MS);
  }
}

/** What a job takes of its node. */
export interface Share {
  processors: number;
  /** 0.5: half of one, which jobs share. */
  gpus: number;
}

/** Of each of so many jobs, with so many GPUs each: all processors are shared out, and a job is on one node. */
export function processorsEach(found: readonly ClusterNode[], jobs: number, gpus: number): number {
  const able = gpus === 0 ? [] : found.filter((node) => node.gpus >= gpus);
  // Where GPUs decide how many jobs a node has, these share its processors.
  if (able.length > 0) return Math.max(1, Math.min(...able.map((node) => Math.floor(node.processors / Math.min(jobs, Math.floor(node.gpus / gpus))))));
  const all = found.reduce((sum, { processors }) => sum + processors, 0);
  const largest = Math.max(...found.map(({ processors }) => processors));
  return Math.max(1, Math.min(Math.floor(all / jobs), Math.floor(largest)));
}

/** Jobs that fit at once. */
export function jobsAtOnce(found: readonly ClusterNode[], { processors, gpus }: Share): number {
  const on = (node: ClusterNode) => Math.floor(Math.min(node.processors / processors, gpus === 0 ? Number.POSITIVE_INFINITY : node.gpus / gpus));
  return found.reduce((sum, node) => sum + on(node), 0);
}
