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

/** Of each of so many jobs: all processors are shared out, and a job is on one node. */
export function processorsEach(found: readonly ClusterNode[], jobs: number): number {
  const all = found.reduce((sum, { processors }) => sum + processors, 0);
  const largest = Math.max(...found.map(({ processors }) => processors));
  return Math.max(1, Math.min(Math.floor(all / jobs), Math.floor(largest)));
}

/** Jobs of so many processors that fit at once; at least one, as a cluster may grow when it is asked to. */
export function jobsAtOnce(found: readonly ClusterNode[], processors: number): number {
  return Math.max(
    1,
    found.reduce((sum, node) => sum + Math.floor(node.processors / processors), 0),
  );
}
