/** A tracking server as MLflow 3.17's behaves: its paths, its limits, and what it refuses. */
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { listening } from "../download/server";

interface Entity {
  key: string;
  value: unknown;
}

export interface KeptRun {
  id: string;
  experiment: string;
  name: string;
  status: string;
  start: number;
  end: number | null;
  tags: Record<string, string>;
  params: Record<string, string>;
  metrics: { key: string; value: number | string; timestamp: number; step: number }[];
}

class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}
const invalid = (message: string) => new Refused(400, "INVALID_PARAMETER_VALUE", message);

export class FakeServer {
  readonly experiments: { id: string; name: string; stage: string }[] = [];
  readonly runs: KeptRun[] = [];
  readonly files = new Map<string, string>();
  /** "POST runs/log-batch", in order. */
  readonly asked: string[] = [];
  /** Where runs keep their files. */
  artifacts = "mlflow-artifacts:";
  /** What a request has to say of who asks; null: nothing. */
  authorization: string | null = null;
  /** Asked before anything else: a status to fail with. */
  failing: () => number | null = () => null;

  readonly handle: RequestListener = (request, response) =>
    void this.#answer(request).then(
      (json) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(json)),
      (error) => {
        const { status = 500, code = "INTERNAL_ERROR", message } = error as Refused;
        response.writeHead(status).end(code === "" ? message : JSON.stringify({ error_code: code, message }));
      },
    );

  /** Its address. */
  async start(): Promise<string> {
    return `http://127.0.0.1:${await listening(createServer(this.handle))}`;
  }

  async #answer(request: IncomingMessage): Promise<unknown> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts).toString();
    const failing = this.failing();
    if (failing) throw new Refused(failing, "", "not now");
    if (request.headers.origin || request.headers["sec-fetch-site"]) throw new Refused(403, "", "Cross-origin request blocked");
    if (this.authorization !== null && request.headers.authorization !== this.authorization)
      throw new Refused(401, "", "You are not authenticated. Please see documentation");
    const url = new URL(request.url!, "http://x");
    const artifact = /^\/api\/2\.0\/mlflow-artifacts\/artifacts\/(.+)$/.exec(url.pathname)?.[1];
    if (artifact && request.method === "PUT") {
      this.files.set(decodeURIComponent(artifact), body);
      return {};
    }
    const method = /^\/api\/2\.0\/mlflow\/(.+)$/.exec(url.pathname)?.[1];
    this.asked.push(`${request.method} ${method}`);
    if (request.method === "GET" && method === "experiments/get-by-name") return this.#byName(url.searchParams.get("experiment_name")!);
    const call = {
      "experiments/create": this.#create,
      "runs/create": this.#createRun,
      "runs/search": this.#search,
      "runs/update": this.#update,
      "runs/log-batch": this.#log,
    }[method ?? ""];
    if (!call) throw new Refused(404, "", "<!doctype html><title>404 Not Found</title>");
    if (body.length > 1e6) throw invalid("Batched logging API requests must be at most 1000000 bytes");
    return call.call(this, JSON.parse(body));
  }

  #byName(name: string) {
    const found = this.experiments.find((each) => each.name === name);
    if (!found) throw new Refused(404, "RESOURCE_DOES_NOT_EXIST", `Could not find experiment with name '${name}'`);
    return { experiment: { experiment_id: found.id, name, lifecycle_stage: found.stage } };
  }

  #create({ name }: { name: string }) {
    if (this.experiments.some((each) => each.name === name)) throw new Refused(400, "RESOURCE_ALREADY_EXISTS", `Experiment(name=${name}) already exists`);
    this.experiments.push({ id: String(this.experiments.length + 1), name, stage: "active" });
    return { experiment_id: String(this.experiments.length) };
  }

  #createRun({ experiment_id, start_time, run_name, tags }: { experiment_id: string; start_time: number; run_name: string; tags: Entity[] }) {
    if (!Number.isInteger(start_time)) throw invalid("start_time");
    const run: KeptRun = {
      id: `run${this.runs.length + 1}`,
      experiment: experiment_id,
      name: run_name,
      status: "RUNNING",
      start: start_time,
      end: null,
      tags: {},
      params: {},
      metrics: [],
    };
    for (const { key, value } of tags) run.tags[key] = String(value);
    this.runs.push(run);
    return { run: this.#shown(run) };
  }

  #search({ experiment_ids, filter }: { experiment_ids: string[]; filter: string }) {
    const [, key = "", value = ""] = /^tags\.`([^`]+)` = "([^"]+)"$/.exec(filter) ?? [];
    if (value === "") throw invalid(`Invalid clause(s) in filter string: ${filter}`);
    const found = this.runs.filter((run) => experiment_ids.includes(run.experiment) && run.tags[key] === value);
    // An empty list is left out, as protobuf does.
    return found.length > 0 ? { runs: found.map((run) => this.#shown(run)) } : {};
  }

  #update({ run_id, status, end_time }: { run_id: string; status: string; end_time?: number }) {
    Object.assign(this.#run(run_id), { status, ...(end_time !== undefined && { end: end_time }) });
    return { run_info: {} };
  }

  #log({ run_id, metrics = [], params = [], tags = [] }: { run_id: string; metrics?: KeptRun["metrics"]; params?: Entity[]; tags?: Entity[] }) {
    const run = this.#run(run_id);
    for (const [name, list, most] of [
      ["metrics", metrics, 1000],
      ["params", params, 100],
      ["tags", tags, 100],
    ] as const)
      if (list.length > most) throw invalid(`A batch logging request can contain at most ${most} ${name}. Got ${list.length} ${name}.`);
    for (const { key } of [...metrics, ...params, ...tags]) if (!/^[\w\-./ ]{1,250}$/.test(key) || key.includes("//")) throw invalid(`Invalid name: ${key}`);
    for (const { value, timestamp, step } of metrics) {
      const isNumber = typeof value === "number" || /^(NaN|-?Infinity)$/.test(String(value));
      if (!isNumber || ![timestamp, step].every(Number.isInteger)) throw invalid(`Got invalid metric ${JSON.stringify({ value, timestamp, step })}`);
    }
    for (const { key, value } of params) {
      if (String(value).length > 500) throw invalid(`Param value for ${key} exceeds the maximum length of 500`);
      if (run.params[key] !== undefined && run.params[key] !== value) throw invalid("Changing param values is not allowed.");
      run.params[key] = String(value);
    }
    for (const { key, value } of tags) run.tags[key] = String(value);
    run.metrics.push(...metrics);
    return {};
  }

  #run(id: string): KeptRun {
    const run = this.runs.find((each) => each.id === id);
    if (!run) throw new Refused(404, "RESOURCE_DOES_NOT_EXIST", `Run '${id}' not found`);
    return run;
  }

  /** As protobuf's JSON: whole numbers of 64 bits as they are or as texts, what is empty left out. */
  #shown({ id, experiment, name, metrics, params, tags }: KeptRun) {
    const latest = new Map(metrics.map((each) => [each.key, each]));
    const list = (entries: Record<string, string>) => Object.entries(entries).map(([key, value]) => ({ key, value }));
    const data = {
      ...(latest.size > 0 && { metrics: [...latest.values()].map((each) => ({ ...each, step: String(each.step) })) }),
      ...(Object.keys(params).length > 0 && { params: list(params) }),
      tags: list(tags),
    };
    return { info: { run_id: id, run_name: name, artifact_uri: `${this.artifacts}/${experiment}/${id}/artifacts` }, data };
  }
}
