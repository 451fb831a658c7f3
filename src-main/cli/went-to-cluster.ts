/** What went to clusters and is not back: lists name it beside the runs that are here. */
import { readdirSync } from "node:fs";
import path from "node:path";
import { Experiment } from "../ray/experiment";
import { followerInWords, followerOf } from "../ray/following";
import { shownPath } from "./out-folder";
import type { Session } from "./session";
import { shellWords } from "./shell-words";
import { count, table } from "./words";
import type { World } from "./world";

/** A sweep or search with jobs whose runs did not come back yet. */
export interface Away {
  kind: "cluster";
  directory: string;
  head: string;
  jobs: number;
  back: number;
  /** The process that follows the jobs, in words; null if none does. */
  followedBy: string | null;
  /** Follows them. */
  attach: string;
}

/** Null where all are back, or none was sent. Throws an InputError if the folder's file of jobs cannot be used. */
export function awayIn(directory: string, world: World): Away | null {
  if (!Experiment.isIn(directory)) return null;
  const { members, settings } = Experiment.open(directory);
  const back = members.filter(({ fetched }) => fetched).length;
  if (members.every(({ fetched, jobs }) => fetched || jobs.length === 0)) return null;
  const verb = members.some(({ folder }) => folder.startsWith("trial")) ? "search" : "compare";
  const follower = followerOf(directory);
  return {
    kind: "cluster",
    directory,
    head: settings.head,
    jobs: members.length,
    back,
    followedBy: follower && followerInWords(follower),
    attach: shellWords([...world.program, verb, "--on", settings.head, "--attach", "--out", shownPath(world, directory)]),
  };
}

/** Those in a folder, itself among them. One whose file cannot be used is told by the verbs that use it. */
export function awayBelow(directory: string, world: World): Away[] {
  return [directory, ...foldersIn(directory)].flatMap((folder) => {
    try {
      return awayIn(folder, world) ?? [];
    } catch {
      return [];
    }
  });
}

function foldersIn(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [path.join(directory, entry.name)] : []));
  } catch {
    return [];
  }
}

export function awayTable(away: readonly Away[], world: World): string {
  const rows = away.map(({ directory, head, jobs, back, followedBy }) => [shownPath(world, directory), head, `${back} of ${jobs}`, followedBy ?? "nobody"]);
  const commands = away.filter(({ followedBy }) => followedBy === null).map(({ attach }) => `Follow the jobs with: ${attach}`);
  return [table([["on a cluster", "head", "back", "followed by"], ...rows]), ...commands].join("\n");
}

export function awayInWords({ head, jobs, back, followedBy, attach }: Away): string {
  const what = `${count(jobs - back, "job")} of ${jobs} went to ${head}, and ${jobs - back === 1 ? "its run is" : "their runs are"} not back.`;
  if (followedBy !== null) return `${what} Followed by ${followedBy}, where Ctrl-C stops them with checkpoints.`;
  return `${what} Follow with: ${attach}\nCtrl-C there stops what is not finished, with checkpoints.`;
}

/** That jobs of a run may still be trained elsewhere, where it is resumed here. */
export function warnOfJobs(session: Session, out: string, world: World): void {
  const away = awayIn(out, world);
  if (!away) return;
  const left = count(away.jobs - away.back, "training");
  session.say(
    `warning: ${left} of this run went to ${away.head} and did not come back finished; this computer now goes on with them itself. To follow the cluster instead: ${away.attach}`,
  );
}
