/** Who follows the jobs of a folder: one process at a time, as each would write the runs that come back. */
import { existsSync, readFileSync, rmSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { InputError } from "../contract/failure";
import { FOLLOWING_FILE } from "../contract/run-folder";
import { naming } from "../disk/open-file";
import { hasEnded, here, processIdentity, thisProcess } from "../disk/process-identity";

const schema = processIdentity.extend({ since: z.string() });
type Follower = z.infer<typeof schema>;

const fileIn = (directory: string) => path.join(directory, FOLLOWING_FILE);

/** Runs work that follows the jobs of an existing folder. Throws an InputError that says who does so already. */
export async function following<R>(directory: string, work: () => Promise<R>): Promise<R> {
  const other = followerOf(directory);
  if (other) throw followed(directory, other);
  const file = fileIn(directory);
  if (existsSync(file)) naming(file, "deleted", () => unlinkSync(file));
  try {
    naming(file, "written", () => writeFileSync(file, `${JSON.stringify({ ...thisProcess(), since: new Date().toISOString() }, null, 2)}\n`, { flag: "wx" }));
  } catch (error) {
    const faster = followerOf(directory);
    throw faster ? followed(directory, faster) : error;
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

/** Who follows the jobs of a folder; null if nobody does. */
export function followerOf(directory: string): Follower | null {
  const file = fileIn(directory);
  if (!existsSync(file)) return null;
  try {
    const follower = schema.parse(JSON.parse(readFileSync(file, "utf8")));
    return hasEnded(follower, statSync(file).mtime) ? null : follower;
  } catch {
    // Its maker died right then.
    return null;
  }
}

export function followerInWords({ pid, host, since }: Follower): string {
  return `process ${pid}${host === here().host ? "" : ` on ${host}`} (since ${since})`;
}

function followed(directory: string, follower: Follower): InputError {
  const elsewhere = follower.host === here().host ? "" : `. If you know that it is gone, delete ${fileIn(directory)}`;
  return new InputError(`the jobs of ${directory} are followed by ${followerInWords(follower)} already: see there how they get on${elsewhere}`);
}
