/** Takes away what jobs left on a cluster. */
import type { NoticeBody } from "../contract/notices";
import { nodes } from "./cluster";
import { followJob } from "./follow";
import type { RayHead } from "./head";
import { forgetJob, readJob, submitJob } from "./jobs";
import { DATA_FOLDER } from "./messages";

export interface LeftThere {
  /** Whose folders are here now. */
  jobs: readonly string[];
  /** On which they were. */
  nodes: Iterable<string>;
  /** Begins the names of data that nodes downloaded for it alone, and that nobody needs any more; null: somebody does. */
  sweep: string | null;
}

/** Files in the log folders of their nodes, data, then the records of the jobs. What stays is told. */
export async function cleanUp(head: RayHead, left: LeftThere, show: (notice: NoticeBody) => void): Promise<void> {
  if (left.jobs.length === 0) return;
  try {
    for (const node of new Set(left.nodes)) await removeFiles(head, node, left);
    for (const id of left.jobs) if (await readJob(head, id)) await forgetJob(head, id);
  } catch (error) {
    show({ type: "warning", text: `files of finished jobs stay on the cluster until its session ends: ${(error as Error).message}` });
  }
}

/** Only a job on a node can delete there. */
async function removeFiles(head: RayHead, node: string, { jobs, sweep }: LeftThere): Promise<void> {
  const id = `${jobs[0]}-clean-${node.slice(0, 8)}`;
  const data = sweep === null ? [] : [`"$logs"/../${DATA_FOLDER}/${sweep}-*`];
  const folders = [...jobs.map((job) => `"$logs/distill/${job}"`), ...data];
  const resource = await nodeResource(head, node);
  await submitJob(head, {
    submission_id: id,
    // The shell's own log, whatever its commands write to.
    entrypoint: `logs="$(dirname "$(readlink "/proc/$$/fd/1")")" && rm -rf -- ${folders.join(" ")} && { rmdir "$logs/distill" 2> /dev/null || true; }`,
    ...(resource && { entrypoint_resources: { [resource]: 0.001 } }),
  });
  const nobody = { onLine: () => {}, onConnection: () => {}, onState: () => {}, signal: new AbortController().signal };
  const info = await followJob(head, id, nobody);
  await forgetJob(head, id);
  if (info?.status !== "SUCCEEDED") throw new Error(`the job that deletes them failed${info?.message ? `: ${info.message}` : ""}`);
}

/** What a job asks for to run on one node: its address as a resource; null if that is not told. */
async function nodeResource(head: RayHead, node: string): Promise<string | null> {
  const found = (await nodes(head)).find(({ id }) => id === node);
  return found ? `node:${found.address}` : null;
}
