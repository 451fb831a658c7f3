/** Asks a tracking server of MLflow, over its REST interface (mlflow/protos/service.proto). */
import { z } from "zod";
import { InputError } from "../contract/failure";
import { exchange } from "../download/request";
import type { Tracking } from "./address";

/** The connection failed, or the server is not ready: asking again may help. */
export class Unreachable extends Error {}

/** The server refuses, and would refuse again. `reason`: its own code, such as RESOURCE_ALREADY_EXISTS; "" where it says none. */
export class Refusal extends InputError {
  constructor(
    message: string,
    readonly reason: string,
  ) {
    super(message);
  }
}

/** Milliseconds without a byte after which a request is given up. */
const SILENCE = 15_000;

const failure = z.object({ error_code: z.string(), message: z.string() });

export class MlflowServer {
  constructor(private readonly tracking: Tracking) {}

  get address(): string {
    return this.tracking.address;
  }

  /** Calls a method such as runs/log-batch. Throws a `Refusal`, or `Unreachable`. */
  post(method: string, body: object): Promise<unknown> {
    return this.#json("POST", `/api/2.0/mlflow/${method}`, Buffer.from(JSON.stringify(body)));
  }

  get(method: string, query: Record<string, string>): Promise<unknown> {
    return this.#json("GET", `/api/2.0/mlflow/${method}?${new URLSearchParams(query)}`);
  }

  /** Puts a file into the store that the server keeps itself. */
  async put(path: string, content: Uint8Array): Promise<void> {
    await this.#json("PUT", `/api/2.0/mlflow-artifacts/artifacts/${path.split("/").map(encodeURIComponent).join("/")}`, content, "application/octet-stream");
  }

  async #json(method: string, path: string, body?: Uint8Array, type = "application/json"): Promise<unknown> {
    const { status, location, text } = await this.#send(method, path, body, type);
    const said = parsed(text);
    if (status >= 200 && status < 300 && (said !== undefined || method === "PUT")) return said;
    throw this.#refusal(status, location, text, failure.safeParse(said).data);
  }

  async #send(method: string, path: string, body: Uint8Array | undefined, type: string) {
    const { address, headers, trust } = this.tracking;
    const sent = { "user-agent": "distill-studio", ...headers, ...(body && { "content-type": type, "content-length": String(body.length) }) };
    try {
      const response = await exchange(new URL(address + path), { method, headers: sent, body, silence: SILENCE, tls: trust });
      const parts: Buffer[] = [];
      for await (const part of response) parts.push(part as Buffer);
      return { status: response.statusCode ?? 0, location: response.headers.location, text: Buffer.concat(parts).toString() };
    } catch (cause) {
      // A server that is not there yet, or a certificate that is not trusted yet: both can be mended while a run goes on.
      throw new Unreachable((cause as Error).message.replace(/^\S+ cannot be reached/, `${address} cannot be reached`), { cause });
    }
  }

  #refusal(status: number, location: string | undefined, text: string, said: z.infer<typeof failure> | undefined): Error {
    const { address, headers } = this.tracking;
    if (status >= 500 || status === 408 || status === 429)
      return new Unreachable(`${address} answers with status ${status}: ${shortened(said?.message ?? text)}`);
    if (said && status !== 401) return new Refusal(`${address} refuses with status ${status}: ${shortened(said.message)}`, said.error_code);
    if (status >= 300 && status < 400) return new Refusal(`${address} redirects to ${location}: give the address that answers itself`, "");
    if (/invalid host header/i.test(text))
      return new Refusal(`${address} does not answer under this name: start it with mlflow server --allowed-hosts ${new URL(address).host}`, "");
    if (status === 401 || status === 403) {
      const how = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN";
      const whom = headers.authorization ? "refuses who asks" : "expects to know who asks";
      return new Refusal(`${address} ${whom} (status ${status}): ${how}`, "");
    }
    return new Refusal(`${address} answers with status ${status}, but not as a tracking server of MLflow does: is this its address?`, "");
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const shortened = (text: string) => (text.trim().split("\n")[0] ?? "").slice(0, 300) || "it does not say why";
