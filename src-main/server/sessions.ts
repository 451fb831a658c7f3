/**
 * The browsers that are signed in. Each has two secrets of its own, drawn at sign-in; what it was told is forgotten when it signs out, when it was not
 * used for long, and when the server ends.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** Without an open window and without a request, a browser stays signed in for so long. */
export const IDLE_MS = 24 * 60 * 60 * 1000;

export interface Secrets {
  /** Comes with every request of the browser; no script can read it. */
  cookie: string;
  /** What its pages keep. */
  key: string;
}

/** A browser that is signed in; all of its windows share it. */
export interface Session {
  /** Digests of its secrets. */
  cookie: string;
  key: Buffer;
  /** Windows that are open. */
  windows: number;
  /** When it was last used while no window was open, in milliseconds. */
  used: number;
}

export class Sessions {
  /** By the digest of the cookie: how long it takes to find one says nothing of what is looked for. */
  readonly #all = new Map<string, Session>();

  constructor(private readonly now: () => number = Date.now) {}

  /** Signs a browser in. `before`: as which it is signed in already; that one gets other secrets, so that all windows of a browser stay together. */
  begin(before: Session | null): Secrets {
    this.#forgetIdle();
    const secrets = { cookie: newSecret(), key: newSecret() };
    const digests = { cookie: digestOf(secrets.cookie).toString("base64url"), key: digestOf(secrets.key) };
    if (before) this.#all.delete(before.cookie);
    const session = Object.assign(before ?? { windows: 0 }, digests, { used: this.now() });
    this.#all.set(session.cookie, session);
    return secrets;
  }

  /** The browser with this cookie, which uses it now; null if none is signed in. */
  find(cookie: string): Session | null {
    const session = this.#all.get(digestOf(cookie).toString("base64url"));
    if (!session || this.#isIdle(session)) return null;
    session.used = this.now();
    return session;
  }

  /** A window of it was opened. Returns what tells that it is closed. */
  enter(session: Session): () => void {
    session.windows++;
    return () => {
      session.windows--;
      session.used = this.now();
    };
  }

  end(session: Session): void {
    this.#all.delete(session.cookie);
  }

  #isIdle({ windows, used }: Session): boolean {
    return windows === 0 && this.now() - used > IDLE_MS;
  }

  #forgetIdle(): void {
    for (const session of this.#all.values()) if (this.#isIdle(session)) this.end(session);
  }
}

export const hasKey = ({ key }: Session, given: string): boolean => timingSafeEqual(key, digestOf(given));

const newSecret = (): string => randomBytes(24).toString("base64url");

export const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();
