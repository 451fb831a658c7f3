/** What submitter and job say to each other: the job is told what to do in an environment variable, and prints lines that begin with a mark. */
import { z } from "zod";
import { progressEvent } from "../contract/progress-event";
import type { Recipe } from "../contract/recipe";
import type { NodeData } from "./fetch-data";

/** The environment variable with a `JobOrder` as JSON. */
export const ORDER = "DISTILL_JOB";

export interface JobOrder {
  /** Of the submission. */
  id: string;
  /** Verb and flags, without recipe and folder. */
  args: string[];
  /** Its paths start from the unpacked program, or are the cluster's own. */
  recipe: Recipe;
  /** Downloaded by the node, in place of the recipe's data; null: the recipe says where they are. */
  data: NodeData | null;
  /** The folder of the run on storage that all nodes see; null: a folder of the node. */
  storage: string | null;
}

export const MARK = "@distill ";

/** The program that asks for GPUs, in the unpacked one. */
export const CUDA_PROBE = "native/build/Release/distill_cuda_probe";

/** The exit status of a job whose last words found no room in its log: Linux's number of that error. */
export const FULL_DISK = 28;

/** Beside the logs of a node's session: what it downloaded. */
export const DATA_FOLDER = "distill-data";

const file = z.object({ path: z.string(), size: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) });
export type SentFile = z.infer<typeof file>;

/** Files of the run, which lie in the node's log folder under `folder`. */
const files = z.object({ type: z.literal("files"), folder: z.string(), files: z.array(file) });
export type FilesMessage = z.infer<typeof files>;

export const jobMessage = z.union([files, progressEvent]);
export type JobMessage = z.infer<typeof jobMessage>;

/** What a line of a job's log says; null for a line of somebody else, and for messages of a later version. */
export function messageIn(line: string): JobMessage | null {
  if (!line.startsWith(MARK)) return null;
  try {
    return jobMessage.parse(JSON.parse(line.slice(MARK.length)));
  } catch {
    return null;
  }
}
