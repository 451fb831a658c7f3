/**
 * Who may come in. A browser on this computer sends requests for any page that it shows, so each is checked: whom it was sent to (a page elsewhere
 * may have its own name point here), from which page, and whether it has both secrets that the token was exchanged for. The cookie is one; as
 * browsers send it to every port of a host, the key is the other: only a page from this very address can read it.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { KEY_HEADER, SOCKET_PROTOCOL } from "../contract/served";
import { digestOf, hasKey, type Session, Sessions } from "./sessions";

/** Characters of a token that a person gives. */
export const FEWEST_CHARACTERS = 32;

/** 192 random bits, in letters that no shell and no address bar changes. */
export const newToken = (): string => randomBytes(24).toString("base64url");

export class Gate {
  readonly sessions = new Sessions();
  readonly #token: string;
  /** "127.0.0.1:7860": what requests may be sent to. */
  readonly #hosts: ReadonlySet<string>;
  /** "http://127.0.0.1:7860" */
  readonly #origins: ReadonlySet<string>;
  readonly #cookieName: string;

  /** `names`: by which the server is reached through something in front of it, "studio.example" or "localhost:9000". */
  constructor(token: string, port: number, names: readonly string[]) {
    this.#token = token;
    const local = [`127.0.0.1:${port}`, `localhost:${port}`];
    this.#hosts = new Set([...local, ...names].map((name) => name.toLowerCase()));
    this.#origins = new Set([...this.#hosts].map((host) => `${isLocal(host) ? "http" : "https"}://${host}`));
    this.#cookieName = `distill-studio-${port}`;
  }

  /** Whether a request was meant for this server. */
  isAddressed({ headers }: IncomingMessage): boolean {
    return headers.host !== undefined && this.#hosts.has(headers.host.toLowerCase());
  }

  /** Whether a page of this server sent the request. Browsers say so for all that changes something, and for connections. */
  isFromOurPage({ headers }: IncomingMessage): boolean {
    return headers.origin !== undefined && this.#origins.has(headers.origin);
  }

  /** The browser that sends the request, by its cookie; null if it is not signed in. */
  sessionOf({ headers }: IncomingMessage): Session | null {
    const given = (headers.cookie ?? "").split(/; */).find((cookie) => cookie.startsWith(`${this.#cookieName}=`));
    return given === undefined ? null : this.sessions.find(given.slice(this.#cookieName.length + 1));
  }

  /** The same, for a request of its page, which has the key as well. */
  pageSessionOf(request: IncomingMessage): Session | null {
    const session = this.sessionOf(request);
    return session && hasKey(session, keyOf(request)) ? session : null;
  }

  isToken(given: string): boolean {
    return timingSafeEqual(digestOf(given), digestOf(this.#token));
  }

  /** Sent back by this browser alone, and only for pages of this host; no script can read it. Ends with the browser. An empty one is deleted. */
  cookie(value: string, { headers }: IncomingMessage): string {
    const secure = headers.origin?.startsWith("https:") ? "; Secure" : "";
    return `${this.#cookieName}=${value}; Path=/; HttpOnly; SameSite=Strict${secure}${value === "" ? "; Max-Age=0" : ""}`;
  }
}

function keyOf({ headers }: IncomingMessage): string {
  const [protocol, offered] = (headers["sec-websocket-protocol"] ?? "").split(/, */);
  const key = protocol === SOCKET_PROTOCOL ? offered : headers[KEY_HEADER];
  return typeof key === "string" ? key : "";
}

const isLocal = (host: string): boolean => /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host);
