/** A head of a Ray cluster as the Jobs interface shows it, with Ray's traps: it refuses pages, and tails no log to a client that offers to compress. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import type { Submission } from "../../src-main/ray/jobs";

export interface FakeJob {
  submission: Submission;
  status: "PENDING" | "RUNNING" | "STOPPED" | "SUCCEEDED" | "FAILED";
  /** null: the node that had it is gone. */
  log: string | null;
  stops: number;
  /** Why it failed, where Ray says so: a type, and words. */
  error?: string;
  message?: string;
  exitCode?: number;
}

export interface FakeHead {
  url: URL;
  jobs: Map<string, FakeJob>;
  packages: Map<string, Buffer>;
  /** Files of the node's log folder. */
  files: Map<string, Buffer>;
  requests: string[];
  /** Appends to a job's log, for those who follow it too. */
  print(id: string, text: string): void;
  /** Ends a job, and the connections to its log. */
  end(id: string, status: FakeJob["status"]): void;
  /** Breaks all connections to logs. */
  cut(): void;
  /** Connections to logs that are made from now on stay, and nothing comes or is answered, as where a network has vanished; or no more. */
  silence(isOn: boolean): void;
  /** Answers so many requests with 503. */
  refuse(requests: number): void;
  close(): void;
}

export interface FakeOptions {
  token?: string;
  version?: string;
  processors?: number;
  /** Called with each job that is submitted. */
  onSubmit?: (id: string, head: FakeHead) => void;
}

export const NODE = "aa".repeat(28);

export async function fakeHead({ token, version = "2.60.0", processors = 4, onSubmit = () => {} }: FakeOptions = {}): Promise<FakeHead> {
  const [jobs, packages, files] = [new Map<string, FakeJob>(), new Map<string, Buffer>(), new Map<string, Buffer>()];
  const requests: string[] = [];
  const sockets = new Map<string, Set<import("ws").WebSocket>>();
  let refused = 0;
  let isSilent = false;
  const server = createServer((request, response) => void handle(request, response));
  const web = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, rest) => {
    const id = decodeURIComponent(request.url!.split("/")[3]!);
    web.handleUpgrade(request, socket, rest, (client) => {
      if (request.headers["sec-websocket-extensions"]) client.close();
      else {
        client.send(jobs.get(id)!.log ?? "");
        if (!["PENDING", "RUNNING"].includes(jobs.get(id)!.status)) return client.close();
        if (isSilent) client.pause();
        const all = sockets.get(id) ?? new Set();
        sockets.set(id, all.add(client));
        client.on("close", () => all.delete(client));
      }
    });
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, "http://head");
    requests.push(`${request.method} ${url.pathname}`);
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const { status, body } = answerTo(request, url, Buffer.concat(parts));
    response.statusCode = status;
    response.end(body instanceof Uint8Array || typeof body === "string" ? body : JSON.stringify(body));
  }

  const answer = (status: number, body: unknown) => ({ status, body });

  function answerTo({ method, headers }: IncomingMessage, { pathname, searchParams }: URL, body: Buffer): { status: number; body: unknown } {
    if (refused-- > 0) return answer(503, "");
    if (method !== "GET" && headers["sec-fetch-mode"]) return answer(405, "method not allowed for browser traffic");
    if (token && headers.authorization !== `Bearer ${token}`) return answer(401, "Unauthorized");
    const [, , kind, name = "", more] = pathname.split("/").map(decodeURIComponent);
    if (pathname === "/api/version") return answer(200, { version: "4", ray_version: version });
    if (pathname === "/api/v0/nodes") {
      const node = { node_id: NODE, node_ip: "127.0.0.1", state: "ALIVE", is_head_node: true, resources_total: { CPU: processors, memory: 8e9 } };
      return answer(200, { data: { result: { result: [node] } } });
    }
    if (pathname === "/api/v0/logs/file") {
      const file = files.get(searchParams.get("filename")!);
      return file && searchParams.get("node_id") === NODE ? answer(200, file) : answer(500, "no such file");
    }
    if (kind === "packages") {
      const at = pathname.split("/").at(-1)!;
      if (method === "PUT") packages.set(at, body);
      return packages.has(at) ? answer(200, "") : answer(404, "");
    }
    if (kind === "jobs" && method === "POST" && name === "") {
      const submission = JSON.parse(body.toString()) as Submission;
      jobs.set(submission.submission_id, { submission, status: "RUNNING", log: "", stops: 0 });
      onSubmit(submission.submission_id, head);
      return answer(200, { submission_id: submission.submission_id });
    }
    const job = jobs.get(name);
    if (!job) return answer(404, "no such job");
    if (more === "stop") job.stops++;
    if (more === "logs") return job.log === null ? answer(500, "Traceback") : answer(200, { logs: job.log });
    if (method === "DELETE") jobs.delete(name);
    return answer(200, {
      status: job.status,
      message: job.message ?? null,
      driver_node_id: NODE,
      driver_exit_code: job.exitCode ?? null,
      error_type: job.error ?? null,
    });
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const clients = (id: string) => [...(sockets.get(id) ?? [])];
  const head: FakeHead = {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    jobs,
    packages,
    files,
    requests,
    print(id, text) {
      jobs.get(id)!.log = (jobs.get(id)!.log ?? "") + text;
      for (const client of clients(id)) client.send(text);
    },
    end(id, status) {
      jobs.get(id)!.status = status;
      for (const client of clients(id)) client.close();
    },
    cut: () => {
      for (const id of sockets.keys()) for (const client of clients(id)) client.terminate();
    },
    silence: (isOn) => {
      isSilent = isOn;
    },
    refuse: (requests) => {
      refused = requests;
    },
    close: () => {
      head.cut();
      server.closeAllConnections();
      server.close();
    },
  };
  return head;
}
