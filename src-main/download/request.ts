import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest, type RequestOptions as TlsOptions } from "node:https";
import { isIP, type Socket } from "node:net";
import { connect as tlsConnect } from "node:tls";
import { InputError } from "../contract/failure";
import { authorizationFor, proxyFor, type WebProxy } from "./proxy";
import { webAddress } from "./web-address";

export interface Asked {
  method?: "GET" | "HEAD";
  /** `authorization` stays with the server that it was meant for: a redirection to another one leaves it out. */
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** A redirection to another server is not followed: it is the answer. */
  sameServer?: boolean;
}

export interface Answer {
  /** Where the answer comes from, after redirections. */
  url: string;
  status: number;
  headers: IncomingHttpHeaders;
  /** To be read to its end, or destroyed. */
  body: IncomingMessage;
  /** Headers of the redirections that led here, the first one first. */
  redirections: IncomingHttpHeaders[];
}

/** The server refuses, and would refuse again. */
export class Refused extends InputError {
  constructor(
    readonly url: string,
    readonly status: number,
    readonly headers: IncomingHttpHeaders,
  ) {
    super(`${url} answers with status ${status}: the file is not available there`);
  }
}

const REDIRECTIONS = 5;

/**
 * Asks a server, through the proxy that the environment names, and follows redirections. Resolves with an answer of status 200 ... 299 or 416. Rejects
 * with an InputError where asking again is pointless, `Refused` for a status among them, and with another Error where it may help.
 */
export async function request(address: string, asked: Asked = {}): Promise<Answer> {
  let url = parsed(address);
  let headers: Record<string, string> = { "user-agent": "distill-studio", "accept-encoding": "identity", ...asked.headers };
  const redirections: IncomingHttpHeaders[] = [];
  while (true) {
    const body = await exchange(url, { ...asked, headers });
    const { statusCode: status = 0 } = body;
    if ((status >= 200 && status < 300) || status === 416) return { url: url.href, status, headers: body.headers, body, redirections };
    body.destroy();
    const target = status >= 300 && status < 400 && body.headers.location ? new URL(body.headers.location, url) : null;
    if (!target) throw mayPass(status) ? new Error(`${url.href} answers with status ${status}`) : new Refused(url.href, status, body.headers);
    if (asked.sameServer && target.origin !== url.origin) return { url: url.href, status, headers: body.headers, body, redirections };
    if (redirections.push(body.headers) > REDIRECTIONS || !isAsSafe(url, target))
      throw new InputError(`${url.href} redirects to ${target.href}, which is not followed`);
    if (target.origin !== url.origin) headers = withoutSecrets(headers);
    url = target;
  }
}

function parsed(address: string): URL {
  const url = webAddress(address);
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new InputError(`${address} is no address of a file: expected one that begins with https:// or http://`);
}

const isAsSafe = (from: URL, to: URL) => to.protocol === "https:" || (to.protocol === "http:" && from.protocol === "http:");

const mayPass = (status: number) => status >= 500 || status === 408 || status === 429;

function withoutSecrets(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !["authorization", "cookie"].includes(name.toLowerCase())));
}

// ---- One request ------------------------------------------------------------------------------------------------------------------

/** Milliseconds without a byte after which a server is given up, unless the request says otherwise. */
const SILENCE = 30_000;

export interface Sent {
  method?: string;
  headers?: Record<string, string>;
  body?: Uint8Array;
  signal?: AbortSignal;
  /** Milliseconds without a byte after which the server is given up. */
  silence?: number;
  /** How the server's certificate is checked, where it is not as usual. */
  tls?: Trust;
}

export type Trust = Pick<TlsOptions, "ca" | "rejectUnauthorized">;

/**
 * One request to a server, through the proxy that the environment names; its answer as it comes, whatever its status. Rejects with an InputError where asking
 * again is pointless, and with another Error where it may help.
 */
export async function exchange(url: URL, { method = "GET", headers = {}, body, signal, silence = SILENCE, tls }: Sent): Promise<IncomingMessage> {
  const proxy = proxyFor(url);
  try {
    const { to, options } = proxy ? await wayThrough(proxy, url, headers, { signal, tls, silence }) : { to: url, options: { headers, ...tls } };
    return await sent(to, { method, signal, ...options }, { silence, body });
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    const way = proxy ? ` through the proxy ${named(proxy)}` : "";
    const problem = `${url.href} cannot be reached${way}: ${(cause as Error).message}`;
    const code = (cause as NodeJS.ErrnoException).code ?? "";
    if (code === "ENOTFOUND") throw new InputError(`${problem}. Check the address, the connection and, behind a proxy, HTTPS_PROXY`, { cause });
    if (/CERT|_TLS_|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code))
      throw new InputError(`${problem}. If your network puts a certificate of its own in between, name its file in NODE_EXTRA_CA_CERTS`, { cause });
    throw new Error(problem, { cause });
  }
}

/** Sends a request. Resolves with the answer to it, or, for CONNECT, with what the proxy says before the tunnel begins. */
function sent(to: URL, options: RequestOptions, { silence, body }: Required<Pick<Sent, "silence">> & Pick<Sent, "body">): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = (to.protocol === "https:" ? httpsRequest : httpRequest)(to, options);
    request.on(options.method === "CONNECT" ? "connect" : "response", resolve);
    request.on("error", reject);
    request.setTimeout(silence, () => request.destroy(new Error(`it sent nothing for ${silence / 1000} seconds`)));
    request.end(body);
  });
}

/** A proxy is asked for the whole address, or to pass on what is encrypted for the server. */
async function wayThrough(
  proxy: WebProxy,
  url: URL,
  headers: Record<string, string>,
  way: Pick<Sent, "signal" | "tls"> & Required<Pick<Sent, "silence">>,
): Promise<{ to: URL; options: RequestOptions }> {
  if (url.protocol === "http:") return { to: proxy.url, options: { headers: { ...headers, host: url.host, ...authorizationFor(proxy) }, path: url.href } };
  const socket = await tunnel(proxy, url, way);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const createConnection = () => tlsConnect({ socket, host, ...way.tls, ...(isIP(host) === 0 && { servername: host }), ALPNProtocols: ["http/1.1"] });
  return { to: url, options: { headers, createConnection } };
}

/** A connection to a server through a proxy, which sees only the server's name. */
async function tunnel(proxy: WebProxy, { hostname, port }: URL, { signal, silence }: Pick<Sent, "signal"> & Required<Pick<Sent, "silence">>): Promise<Socket> {
  const target = `${hostname}:${port || 443}`;
  const headers = { host: target, ...authorizationFor(proxy) };
  const options = { method: "CONNECT", path: target, headers, agent: false, signal };
  const { statusCode: status = 0, socket } = await sent(proxy.url, options, { silence });
  if (status === 200) return socket;
  socket.destroy();
  const problem = `the proxy ${named(proxy)} answers with status ${status}`;
  if (mayPass(status)) throw new Error(problem);
  const remedy = status === 407 ? ": it expects a name and a password, as in http://name:password@host:port" : "";
  throw new InputError(`${target} cannot be reached: ${problem}${remedy}`);
}

/** Without its password. */
const named = ({ url, variable }: WebProxy) => `${url.host} (${variable})`;
