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

/** A sweep or search that a cluster was asked for, and that is not finished. */
export interface Away {
  kind: "cluster";
  directory: string;
  head: string;
  jobs: number;
  /** Whose runs are back, finished. */
  back: number;
  /** That may still be trained there. */
  going: number;
  /** The process that follows the jobs, in words; null if none does. */
  followedBy: string | null;
  /** The command that goes on: it follows the jobs, or, where none is left to follow, submits others. */
  next: string;
}

/** Null where all are back, or none was sent. Throws an InputError if the folder's file of jobs cannot be used. */
export function awayIn(directory: string, world: World): Away | null {
  if (!Experiment.isIn(directory)) return null;
  const experiment = Experiment.open(directory);
  const { members, settings } = experiment;
  const sent = members.filter(({ jobs }) => jobs.length > 0);
  const back = sent.filter((member) => experiment.isHere(member)).length;
  if (back === sent.length) return null;
  const going = sent.filter((member) => !experiment.isHere(member) && !member.isOver).length;
  const verb = members.some(({ folder }) => folder.startsWith("trial")) ? "search" : "compare";
  const follower = followerOf(directory);
  const how = going > 0 ? "--attach" : "--resume";
  return {
    kind: "cluster",
    directory,
    head: settings.head,
    jobs: members.length,
    back,
    going,
    followedBy: follower && followerInWords(follower),
    next: shellWords([...world.program, verb, "--on", settings.head, how, "--out", shownPath(world, directory)]),
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
  const rows = away.map(({ directory, head, jobs, back, going, followedBy }) => [
    shownPath(world, directory),
    head,
    `${back} of ${jobs}`,
    String(going),
    followedBy ?? "nobody",
  ]);
  const commands = away.filter(({ followedBy }) => followedBy === null).map((each) => `${goOnInWords(each)}: ${each.next}`);
  return [table([["on a cluster", "head", "back", "still there", "followed by"], ...rows]), ...commands].join("\n");
}

const goOnInWords = ({ going }: Away): string => (going > 0 ? "Follow the jobs with" : "Submit what is not finished again with");

export function awayInWords(away: Away): string {
  const { head, jobs, back, going, followedBy, next } = away;
  if (going === 0)
    return `${back} of ${count(jobs, "job")} on ${head} got to the end; the others have ended before, and what there is of them is here. ${goOnInWords(away)}: ${next}`;
  const what = `${count(going, "job")} of ${jobs} went to ${head}, and ${going === 1 ? "its run is" : "their runs are"} not back.`;
  if (followedBy !== null) return `${what} Followed by ${followedBy}, where Ctrl-C stops them with checkpoints.`;
  return `${what} Follow them, and stop them there by Ctrl-C, each with a checkpoint, with: ${next}`;
}

/** That jobs of a run may still be trained elsewhere, where it is resumed here. */
export function warnOfJobs(session: Session, out: string, world: World): void {
  const away = awayIn(out, world);
  if (!away || away.going === 0) return;
  const left = count(away.going, "training");
  session.say(
    `warning: ${left} of this run went to ${away.head} and did not come back; this computer now goes on with them itself. To follow the cluster instead: ${away.next}`,
  );
}
