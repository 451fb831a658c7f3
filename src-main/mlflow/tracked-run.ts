/** A run on the server: found by its tag, or made. */
import { z } from "zod";
import { type Metric, MOST_PAIRS, type Pair, tag } from "./entities";
import { type MlflowServer, Refusal } from "./server";

/** The tag that says which run of this program it is, wherever its folder goes. */
const IDENTITY = "distill.run";
const PARENT = "mlflow.parentRunId";
const CHANGED = "distill.changed_later";

export type Status = "RUNNING" | "FINISHED" | "FAILED" | "KILLED";

const metric = z.object({ key: z.string(), value: z.union([z.number(), z.string()]).optional(), step: z.coerce.number().default(0) });
const pair = z.object({ key: z.string(), value: z.string().default("") });
const found = z.object({
  info: z.object({ run_id: z.string(), artifact_uri: z.string().default("") }),
  data: z.object({ metrics: z.array(metric).default([]), params: z.array(pair).default([]) }).default({ metrics: [], params: [] }),
});
const experimentAnswer = z.object({ experiment: z.object({ experiment_id: z.string(), lifecycle_stage: z.string().default("active") }) });

/** What is needed to find a run, or to make it. */
export interface Wanted {
  experiment: string;
  /** Its identity. */
  key: string;
  name: string;
  /** The run that it is nested in. */
  parent: string | null;
  /** Milliseconds since 1970. */
  start: number;
}

/** The id of the experiment of this name, which is made if there is none. Throws a `Refusal` if it was deleted. */
export async function experimentNamed(server: MlflowServer, name: string): Promise<string> {
  const byName = async () => experimentAnswer.parse(await server.get("experiments/get-by-name", { experiment_name: name })).experiment;
  const made = () => server.post("experiments/create", { name }).then((answer) => z.object({ experiment_id: z.string() }).parse(answer).experiment_id);
  const known = await unlessRefused("RESOURCE_DOES_NOT_EXIST", byName);
  // Another process may make it meanwhile.
  if (!known) return (await unlessRefused("RESOURCE_ALREADY_EXISTS", made)) ?? (await byName()).experiment_id;
  if (known.lifecycle_stage === "active") return known.experiment_id;
  throw new Refusal(`${server.address} has deleted the experiment "${name}": restore it, or delete it for good, or give the recipe another name`, "");
}

async function unlessRefused<T>(reason: string, ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Refusal && error.reason === reason) return null;
    throw error;
  }
}

export class TrackedRun {
  readonly #params: Map<string, string>;
  readonly #lastSteps: Map<string, number>;
  readonly #lastValues: Map<string, unknown>;

  private constructor(
    private readonly server: MlflowServer,
    readonly id: string,
    private readonly artifacts: string,
    { metrics, params }: z.infer<typeof found>["data"],
  ) {
    this.#params = new Map(params.map(({ key, value }) => [key, value]));
    this.#lastSteps = new Map(metrics.map(({ key, step }) => [key, step]));
    this.#lastValues = new Map(metrics.map(({ key, value }) => [key, value]));
  }

  /** The same key is the same run: one that is resumed goes on. */
  static async open(server: MlflowServer, wanted: Wanted): Promise<TrackedRun> {
    const { experiment, key, name, parent, start } = wanted;
    const filter = `tags.\`${IDENTITY}\` = "${key.replace(/["\\]/g, "_")}"`;
    const answer = await server.post("runs/search", { experiment_ids: [experiment], filter, max_results: 1 });
    const there = z.object({ runs: z.array(found).default([]) }).parse(answer).runs[0];
    const tags = [tag(IDENTITY, key.replace(/["\\]/g, "_")), tag("mlflow.source.name", "Distill Studio"), ...(parent ? [tag(PARENT, parent)] : [])];
    const made = async () =>
      z.object({ run: found }).parse(await server.post("runs/create", { experiment_id: experiment, start_time: start, run_name: name, tags })).run;
    const { info, data } = there ?? (await made());
    return new TrackedRun(server, info.run_id, info.artifact_uri, data);
  }

  /** The last step of which the server has this metric; 0 before the first. */
  lastStep(metric: string): number {
    return this.#lastSteps.get(metric) ?? 0;
  }

  /** A parameter never changes on a server: what a run was given later is told as a tag. */
  async describe(params: readonly Pair[], tags: readonly Pair[]): Promise<void> {
    const added = params.filter(({ key }) => !this.#params.has(key));
    const changed = params.filter(({ key, value }) => this.#params.has(key) && this.#params.get(key) !== value);
    const told = changed.length === 0 ? [] : [tag(CHANGED, changed.map(({ key, value }) => `${key}=${value}`).join(", "))];
    for (const each of inParts(added)) await this.#log({ params: each });
    for (const each of inParts([...tags, ...told])) await this.#log({ tags: each });
    for (const { key, value } of added) this.#params.set(key, value);
  }

  /** Sends those whose last value is another there. */
  async update(metrics: readonly Metric[]): Promise<void> {
    const changed = metrics.filter(({ key, value }) => this.#lastValues.get(key) !== value);
    if (changed.length > 0) await this.send(changed);
  }

  async send(metrics: readonly Metric[]): Promise<void> {
    await this.#log({ metrics });
    for (const { key, step } of metrics) this.#lastSteps.set(key, Math.max(step, this.lastStep(key)));
  }

  /** `end`: milliseconds since 1970; null while it is trained. */
  async setStatus(status: Status, end: number | null): Promise<void> {
    await this.server.post("runs/update", { run_id: this.id, status, ...(end !== null && { end_time: end }) });
  }

  /** Whether the server takes the run's files itself. Elsewhere they lie in a store that only its own programs can write to. */
  get takesFiles(): boolean {
    return this.artifacts.startsWith("mlflow-artifacts:");
  }

  async put(name: string, content: Uint8Array): Promise<void> {
    // mlflow-artifacts:/1/<run>/artifacts, or mlflow-artifacts://host:port/1/<run>/artifacts
    const folder = this.artifacts.replace(/^mlflow-artifacts:(\/\/[^/]*)?\/*/, "");
    await this.server.put(`${folder}/${name}`, content);
  }

  async #log(entities: { params?: readonly Pair[]; tags?: readonly Pair[]; metrics?: readonly Metric[] }): Promise<void> {
    await this.server.post("runs/log-batch", { run_id: this.id, ...entities });
  }
}

function inParts(pairs: readonly Pair[]): Pair[][] {
  return Array.from({ length: Math.ceil(pairs.length / MOST_PAIRS) }, (_, i) => pairs.slice(MOST_PAIRS * i, MOST_PAIRS * (i + 1)));
}
