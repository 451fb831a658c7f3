/**
 * Asks the head of a Ray cluster, over its REST interface. Not with `fetch`: it sends Sec-Fetch-Mode, as pages do, and Ray refuses POST, PUT and DELETE of pages
 * with the status 405.
 */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { InputError } from "../contract/failure";

/** The connection failed, or the head is not ready: asking again may help. */
export class Unreachable extends Error {}

/** Milliseconds without a byte after which a request is given up. */
const SILENCE = 60_000;

export interface Reply {
  status: number;
  bytes: Buffer;
}

export class RayHead {
  constructor(
    readonly url: URL,
    private readonly token: string | null,
  ) {}

  /** What identifies the user. */
  get headers(): Record<string, string> {
    return this.token === null ? {} : { authorization: `Bearer ${this.token}` };
  }

  /** The parsed answer; null for 404. Throws an InputError that says what the head said, or `Unreachable`. */
  async json(method: string, path: string, body?: unknown): Promise<unknown> {
    const sent = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const { status, bytes } = await this.send(method, path, sent, "application/json");
    if (status === 404) return null;
    try {
      return JSON.parse(bytes.toString());
    } catch (cause) {
      throw new InputError(`${this.url.origin} answers, but not as the head of a Ray cluster does: is this the port of its dashboard?`, { cause });
    }
  }

  /** Any answer of 200 to 299, or 404. */
  async send(method: string, path: string, body?: Uint8Array, type = "application/octet-stream"): Promise<Reply> {
    const response = await this.open(method, path, body, type);
    const parts: Buffer[] = [];
    try {
      for await (const part of response) parts.push(part as Buffer);
    } catch (cause) {
      throw new Unreachable(`${this.url.origin}: the connection broke off: ${(cause as Error).message}`, { cause });
    }
    const reply = { status: response.statusCode ?? 0, bytes: Buffer.concat(parts) };
    if (reply.status === 404 || (reply.status >= 200 && reply.status < 300)) return reply;
    throw this.#refusal(method, path, reply);
  }

  /** The answer as it comes; its status is not looked at. */
  open(method: string, path: string, body?: Uint8Array, type = "application/octet-stream"): Promise<IncomingMessage> {
    const headers = { ...this.headers, ...(body && { "content-type": type, "content-length": String(body.length) }) };
    return new Promise((resolve, reject) => {
      const request = (this.url.protocol === "https:" ? httpsRequest : httpRequest)(new URL(path, this.url), { method, headers });
      request.on("response", resolve);
      request.on("error", (cause) =>
        reject(new Unreachable(`${this.url.origin} cannot be reached: ${cause.message || (cause as NodeJS.ErrnoException).code}`, { cause })),
      );
      request.setTimeout(SILENCE, () => request.destroy(new Error(`it sent nothing for ${SILENCE / 1000} seconds`)));
      request.end(body);
    });
  }

  #refusal(method: string, path: string, { status, bytes }: Reply): Error {
    const said = bytes.toString().trim().slice(0, 500);
    if (status === 401 || status === 403) {
      const how = "set RAY_AUTH_TOKEN to it, or RAY_AUTH_TOKEN_PATH to a file that holds it";
      return new InputError(
        this.token === null
          ? `${this.url.origin} expects a token, and none is given: ${how}`
          : `${this.url.origin} refuses the token (status ${status}): ${how}`,
      );
    }
    if (status === 502 || status === 503 || status === 504) return new Unreachable(`${this.url.origin} is not ready (status ${status})`);
    return new InputError(`${this.url.origin} refuses ${method} ${path.split("?")[0]} with status ${status}: ${said || "it does not say why"}`);
  }
}
