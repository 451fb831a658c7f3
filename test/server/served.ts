/** `distill serve` as its own process, and pages as a browser would connect them. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { request } from "node:http";
import os from "node:os";
import path from "node:path";
import { WebSocket } from "ws";
import type { Answer, Method } from "../../src-main/contract/engine";
import type { HostAnswer } from "../../src-main/contract/host";
import type { Notice } from "../../src-main/contract/notices";
import type { FromPage, FromServer, ServerCall } from "../../src-main/contract/served";
import { pack, unpack } from "../../src-main/engine-client/packed";
import { PROGRAM } from "../cli/distill";

export interface Reply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** What a browser that is signed in has. */
export interface Session {
  cookie: string;
  key: string;
}

export class ServedProcess {
  out = "";
  err = "";

  private constructor(
    readonly child: ChildProcess,
    readonly home: string,
    /** By the environment. */
    private readonly given: string | undefined,
  ) {}

  /** `home`: of an earlier one, to start it anew. */
  static async start(
    args: readonly string[] = [],
    { home = temporaryFolder(), env = {} }: { home?: string; env?: NodeJS.ProcessEnv } = {},
  ): Promise<ServedProcess> {
    mkdirSync(path.join(home, "data"), { recursive: true });
    const given = args.includes("--port") ? args : ["--port", "0", ...args];
    const child = spawn(process.execPath, [PROGRAM, "serve", ...given], {
      cwd: path.join(home, "data"),
      env: { ...process.env, DISTILL_HOME: home, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const served = new ServedProcess(child, home, env.DISTILL_TOKEN);
    child.stderr!.on("data", (text) => {
      served.err += text;
    });
    const ended = once(child, "close").then(() => Promise.reject(new Error(served.err)));
    // Handled here, or by nobody.
    ended.catch(() => {});
    child.stdout!.on("data", (text) => {
      served.out += text;
    });
    while (!served.out.includes("\n") || !served.err.includes("Ctrl-C ends"))
      await Promise.race([once(child.stdout!, "data"), once(child.stderr!, "data"), ended]);
    return served;
  }

  /** What is opened: with the token, which is not printed if it was given. */
  get url(): URL {
    const url = new URL(this.out.trim());
    if (this.given !== undefined) url.hash = `token=${this.given}`;
    return url;
  }
  get token(): string {
    return this.url.hash.slice("#token=".length);
  }
  get host(): string {
    return this.url.host;
  }
  get origin(): string {
    return this.url.origin;
  }

  /** A request with headers as given: a browser would not let anyone choose Host and Origin. */
  ask(
    pathname: string,
    { method = "GET", headers = {}, body = "" }: { method?: string; headers?: Record<string, string>; body?: string } = {},
  ): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const sent = request({ host: "127.0.0.1", port: this.url.port, path: pathname, method, headers: { host: this.host, ...headers } }, (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk) => {
          text += chunk;
        });
        answer.on("end", () => resolve({ status: answer.statusCode!, headers: answer.headers, body: text }));
      });
      sent.on("error", reject);
      sent.end(body);
    });
  }

  signIn(token = this.token, headers: Record<string, string> = { origin: this.origin }): Promise<Reply> {
    return this.ask("/session", { method: "POST", headers, body: token });
  }

  /** As the page does. `origin`: of the page that asks. */
  signOut({ cookie, key }: Session, origin = this.origin): Promise<Reply> {
    return this.ask("/session", { method: "DELETE", headers: { origin, cookie, "distill-key": key } });
  }

  async session(): Promise<Session> {
    const { headers, body } = await this.signIn();
    return { cookie: (headers["set-cookie"] as string[])[0]!.split(";")[0]!, key: body };
  }

  /** A window. Rejects with the status with which it is refused. */
  async page(session?: Session, headers: Record<string, string> = {}): Promise<TestPage> {
    const { cookie, key } = session ?? (await this.session());
    return TestPage.open(`ws://127.0.0.1:${this.url.port}/socket`, ["distill-studio", key], { host: this.host, origin: this.origin, cookie, ...headers });
  }

  /** The process of its engine. */
  get engine(): number {
    return Number(readFileSync(`/proc/${this.child.pid}/task/${this.child.pid}/children`, "utf8").trim());
  }

  /** Exit code, or the signal that ended it. */
  async end(signal: NodeJS.Signals = "SIGINT"): Promise<number | string> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode ?? this.child.signalCode!;
    const closed = once(this.child, "close");
    this.child.kill(signal);
    const [code, name] = await closed;
    return code ?? name;
  }

  /** Ends it, and deletes what it wrote. */
  async remove(): Promise<void> {
    await this.end("SIGTERM");
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** Of an answer of the server; fails if it refuses. */
export async function value<T>(answer: Promise<HostAnswer>): Promise<T> {
  const settled = await answer;
  if (!settled.ok) throw new Error(settled.message);
  return settled.value as T;
}

export const temporaryFolder = () => realpathSync(mkdtempSync(path.join(os.tmpdir(), "distill-serve-")));

export class TestPage {
  readonly notices: Notice[] = [];
  readonly events: FromServer[] = [];
  readonly closed: Promise<number>;
  readonly #pending = new Map<string, (answer: never) => void>();
  #lastId = 0;

  private constructor(readonly socket: WebSocket) {
    this.closed = new Promise((resolve) => socket.on("close", resolve));
    socket.on("message", (data: Buffer) => this.#receive(unpack(data) as FromServer));
  }

  static open(url: string, protocols: string[], headers: Record<string, string>): Promise<TestPage> {
    const socket = new WebSocket(url, protocols, { headers });
    return new Promise((resolve, reject) => {
      const page = new TestPage(socket);
      socket.on("open", () => resolve(page));
      socket.on("unexpected-response", (_, { statusCode }) => {
        socket.on("error", () => {});
        socket.terminate();
        reject(new Error(String(statusCode)));
      });
      socket.on("error", reject);
    });
  }

  /** A call to the server. */
  host(name: ServerCall | (string & {}), ...args: unknown[]): Promise<HostAnswer> {
    return this.#ask("call", (id) => ({ type: "call", id, name: name as ServerCall, args }));
  }

  /** A call to the engine. */
  call(method: Method | (string & {}), params: object): Promise<Answer> {
    return this.#ask("engine", (id) => ({ type: "engine", call: { id, method, params } }));
  }

  /** Its result; fails if the engine refuses. */
  async result<T>(method: Method, params: object): Promise<T> {
    const answer = await this.call(method, params);
    if (!answer.ok) throw new Error(answer.error.message);
    return answer.result as T;
  }

  /** Resolves with the first event of a type, from now on. */
  event<Type extends FromServer["type"]>(type: Type): Promise<FromServer & { type: Type }> {
    return new Promise((resolve) => {
      this.socket.on("message", (data: Buffer) => {
        const message = unpack(data) as FromServer;
        if (message.type === type) resolve(message as FromServer & { type: Type });
      });
    });
  }

  #ask<T>(kind: string, message: (id: number) => FromPage): Promise<T> {
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      this.#pending.set(`${kind} ${id}`, resolve as (answer: never) => void);
      this.socket.send(pack(message(id)));
    });
  }

  #receive(message: FromServer): void {
    this.events.push(message);
    if (message.type === "answer") this.#pending.get(`call ${message.id}`)?.(message.answer as never);
    if (message.type !== "engine") return;
    if ("type" in message.message) this.notices.push(message.message);
    else this.#pending.get(`engine ${message.message.id}`)?.(message.message as never);
  }
}
