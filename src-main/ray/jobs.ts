/** Ray's Jobs interface (Ray 2.60, dashboard/modules/job): what of it is used. */
import { z } from "zod";
import { InputError } from "../contract/failure";
import type { RayHead } from "./head";

/** Older heads lack parts of what is used here. */
const OLDEST = [2, 10];
/** With which it was tried. */
const TRIED = "2.60";

const version = z.object({ ray_version: z.string() });

/** Of the head's Ray. Throws an InputError if it is too old, or if none answers there. */
export async function rayVersion(head: RayHead): Promise<{ version: string; note: string | null }> {
  const { success, data } = version.safeParse(await head.json("GET", "/api/version"));
  if (!success) throw new InputError(`${head.url.origin} answers, but not as the head of a Ray cluster does: is this the port of its dashboard?`);
  const [major = 0, minor = 0] = data.ray_version.split(".").map(Number);
  if (major < OLDEST[0]! || (major === OLDEST[0] && minor < OLDEST[1]!))
    throw new InputError(
      `${head.url.origin} runs Ray ${data.ray_version}: expected ${OLDEST.join(".")} or newer, ${TRIED} was tried. Update Ray on the cluster`,
    );
  const isTried = data.ray_version.startsWith(`${TRIED}.`);
  return { version: data.ray_version, note: isTried ? null : `The cluster runs Ray ${data.ray_version}; ${TRIED} was tried` };
}

const jobInfo = z.object({
  status: z.enum(["PENDING", "RUNNING", "STOPPED", "SUCCEEDED", "FAILED"]),
  message: z.string().nullish(),
  driver_node_id: z.string().nullish(),
  driver_exit_code: z.number().nullish(),
  error_type: z.string().nullish(),
});
export type JobInfo = z.infer<typeof jobInfo>;

export const hasEnded = ({ status }: JobInfo): boolean => status === "STOPPED" || status === "SUCCEEDED" || status === "FAILED";

/** It waited for a place until Ray gave it up, a quarter of an hour by default. Older versions have no type for it. */
export const neverBegan = ({ status, error_type: type, message }: JobInfo): boolean =>
  status === "FAILED" && (type === "JOB_SUPERVISOR_ACTOR_START_TIMEOUT" || /^Job supervisor actor failed to start within/.test(message ?? ""));

const place = (id: string) => `/api/jobs/${encodeURIComponent(id)}`;

export interface Submission {
  submission_id: string;
  entrypoint: string;
  entrypoint_num_cpus?: number;
  entrypoint_num_gpus?: number;
  entrypoint_resources?: Record<string, number>;
  metadata?: Record<string, string>;
  runtime_env?: { py_modules?: string[]; env_vars?: Record<string, string>; pip?: string[] };
}

export async function submitJob(head: RayHead, submission: Submission): Promise<void> {
  if ((await head.json("POST", "/api/jobs/", submission)) === null)
    throw new InputError(`${head.url.origin} has no Jobs interface: its dashboard is not installed (pip install "ray[default]")`);
}

/** null: the head knows no such job. */
export async function readJob(head: RayHead, id: string): Promise<JobInfo | null> {
  const found = await head.json("GET", place(id));
  return found === null ? null : jobInfo.parse(found);
}

/** Asks it to stop: it gets SIGTERM, and time for a checkpoint. */
export const stopJob = (head: RayHead, id: string): Promise<unknown> => head.json("POST", `${place(id)}/stop`);

/** Takes the record of an ended job from the head. */
export const forgetJob = (head: RayHead, id: string): Promise<unknown> => head.json("DELETE", place(id));

/** All that a job has printed. */
export async function readLog(head: RayHead, id: string): Promise<string> {
  const found = z
    .object({ logs: z.string().nullish() })
    .nullable()
    .parse(await head.json("GET", `${place(id)}/logs`));
  return found?.logs ?? "";
}

/** Where the log comes from as it is printed. */
export function tailAddress(head: RayHead, id: string): URL {
  const url = new URL(`${place(id)}/logs/tail`, head.url);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
}
