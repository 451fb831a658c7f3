/** Trains the members of a sweep as jobs of a cluster, all at once, and brings their folders back. */
import { setMaxListeners } from "node:events";
import type { PlannedMember } from "../contract/engine";
import { cleanUp } from "./clean-up";
import { jobsAtOnce, nodes } from "./cluster";
import type { ClusterMember } from "./experiment";
import { Fleet } from "./fleet";
import { type Failed, MemberTraining, type Training } from "./member-training";
import { Turns } from "./turns";

/** Resolves with the members that did not get to their end, once all have ended. */
export async function trainThere(training: Training): Promise<Failed[]> {
  const { experiment, planned, head } = training;
  const isOf = (member: ClusterMember, plan: PlannedMember) => experiment.directoryOf(member) === plan.directory;
  setMaxListeners(0, training.stop, training.leave);
  // One that is finished here, as this computer went on with it, is not replaced by what a job has left.
  const left = planned.flatMap((plan) => experiment.members.flatMap((member) => (isOf(member, plan) && !experiment.isHere(member) ? [{ member, plan }] : [])));
  const fleet = new Fleet(left.length, training.show);
  const fits = async () => jobsAtOnce(await nodes(head), experiment.settings);
  const fit = await fits();
  const turns = new Turns(inHand(fit));
  if (training.detach) warnOfWaiting(training, left.length, fit);
  const ended = await Promise.allSettled(
    left.map(({ member, plan }) =>
      turns.take(async () => {
        const end = await new MemberTraining(training, fleet, member, plan).run();
        // A cluster may have grown meanwhile.
        if (!training.detach) turns.allow(inHand(await fits().catch(() => 0)));
        return end;
      }),
    ),
  );
  const fetched = left.map(({ member }) => member).filter((member) => member.fetched);
  const there = {
    jobs: fetched.flatMap(({ jobs }) => jobs),
    nodes: fleet.nodes.values(),
    sweep: experiment.members.every((member) => member.fetched) ? experiment.id : null,
  };
  if (!training.leave.aborted) await cleanUp(head, there, training.show);
  return ended.flatMap((end, i): Failed[] => {
    const { words } = left[i]!.member;
    if (end.status === "rejected") return [{ words, message: (end.reason as Error).message, stopped: false, isBack: false }];
    return end.value === null ? [] : [{ words, ...end.value, isBack: true }];
  });
}

/**
 * Jobs that are submitted and followed at once: those that fit, and some that wait, so that no processor idles and a cluster that grows with its work does. All of
 * 1,000 would keep the head busy, and Ray fails a job that has waited for a quarter of an hour.
 */
const inHand = (fit: number): number => Math.max(1, fit) + Math.max(2, Math.ceil(fit / 4));

function warnOfWaiting({ show }: Training, jobs: number, fit: number): void {
  // Where none fits, that is told of each job.
  if (jobs <= fit || fit === 0) return;
  const text = `${fit} of the ${jobs} jobs fit on the cluster at once. Ray gives up a job that has waited for 15 minutes (RAY_JOB_START_TIMEOUT_SECONDS of its head): --attach submits those again, and keeps the cluster busy while it runs.`;
  show({ type: "warning", text });
}
