/** The page's connection to `distill serve`. If it breaks, it is tried again until it is there. */
import type { EngineEnd } from "../../src-main/contract/engine";
import type { HostAnswer } from "../../src-main/contract/host";
import {
  type FromPage,
  type FromServer,
  KEY_HEADER,
  KEY_ITEM,
  MOST_BYTES,
  SESSION_PATH,
  SIGN_IN_PATH,
  SIGN_OF_LIFE_MS,
  SIGNED_OUT_HASH,
  SOCKET_PATH,
  SOCKET_PROTOCOL,
} from "../../src-main/contract/served";
import type { Incoming } from "../../src-main/engine-client/channel";
import { pack, unpack } from "../../src-main/engine-client/packed";
import type { ConnectionState } from "../bridge";

/** Between tries, in milliseconds: the first, and the longest. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;

interface Asked {
  message: FromPage & { type: "call" };
  resolve(answer: HostAnswer): void;
}

export class Connection {
  #socket: WebSocket | null = null;
  /** Calls without an answer. What is asked while there is no connection, or was under way as it broke, is asked again. */
  readonly #asked = new Map<number, Asked>();
  #lastId = 0;
  #wait = FIRST_WAIT;
  #again: ReturnType<typeof setTimeout> | undefined;
  #wasThere = false;
  #isSignedOut = false;
  /** When something came last, by the clock, which goes on while a computer sleeps. */
  #heard = 0;

  onState: (state: ConnectionState) => void = () => {};
  onEngine: (message: Incoming) => void = () => {};
  onEngineEnded: (end: EngineEnd) => void = () => {};
  onEngineStarted: () => void = () => {};
  /** After it was lost. */
  onAgain: () => void = () => {};
  onEnding: () => void = () => {};
  onRunStarted: () => void = () => {};

  constructor() {
    this.#open();
    // A computer that wakes, or finds its network again, need not wait.
    setInterval(() => this.#expectLife(), SIGN_OF_LIFE_MS);
    addEventListener("online", () => this.#openNow());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#openNow());
    // Another window has signed in or out.
    addEventListener("storage", ({ key, newValue }) => {
      if (key !== KEY_ITEM) return;
      if (newValue === null) leave();
      else if (this.#isSignedOut) this.#open();
    });
  }

  /** Signs this browser in, by the token or the line that the server printed. Resolves to whether that was right. Rejects if the server does not answer. */
  async signIn(typed: string): Promise<boolean> {
    const answer = await fetch(SESSION_PATH, { method: "POST", body: /[#?&]token=([^&\s]+)/.exec(typed)?.[1] ?? typed.trim() });
    if (!answer.ok) return false;
    localStorage.setItem(KEY_ITEM, await answer.text());
    await this.#open();
    return true;
  }

  /** Has the server forget this browser; all of its windows are left. Rejects if the server does not answer. */
  async signOut(): Promise<void> {
    const answer = await fetch(SESSION_PATH, { method: "DELETE", headers: { [KEY_HEADER]: keptKey() } });
    // One that does not know it has forgotten it already.
    if (!answer.ok && answer.status !== 401) throw new Error(await answer.text());
    leave();
  }

  ask(name: string, args: unknown[]): Promise<HostAnswer> {
    const message = { type: "call", id: ++this.#lastId, name, args } as FromPage & { type: "call" };
    return new Promise((resolve) => {
      this.#asked.set(message.id, { message, resolve });
      this.#send(message);
    });
  }

  /** What is said to the engine while there is no connection is lost. Throws an Error if it is larger than the server takes. */
  toEngine(call: unknown): void {
    this.#send({ type: "engine", call });
  }

  #send(message: FromPage): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const bytes = pack(message);
    if (bytes.byteLength > MOST_BYTES)
      throw new Error(
        `This is ${Math.round(bytes.byteLength / 2 ** 20)} MiB, and the server takes ${MOST_BYTES >> 20} MiB at once: choose fewer or smaller files.`,
      );
    this.#socket.send(bytes);
  }

  /** A connection whose other end is gone, as after a sleep, may look as if it were there. */
  #expectLife(): void {
    if (!this.#socket || Date.now() - this.#heard < 3 * SIGN_OF_LIFE_MS) return;
    this.#socket.onclose = null;
    this.#socket.close();
    this.#lost();
  }

  #openNow(): void {
    if (this.#again === undefined) return;
    clearTimeout(this.#again);
    this.#open();
  }

  async #open(): Promise<void> {
    this.#again = undefined;
    const key = keptKey();
    // A connection that is refused does not say why.
    const session = await fetch(SESSION_PATH, { headers: { [KEY_HEADER]: key } }).catch(() => null);
    this.#isSignedOut = session?.status === 401;
    if (this.#isSignedOut) return this.onState("signedOut");
    if (!session?.ok) return this.#lost();
    const socket = new WebSocket(new URL(SOCKET_PATH, location.href.replace(/^http/, "ws")), [SOCKET_PROTOCOL, key]);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#opened(socket);
    socket.onmessage = ({ data }) => this.#receive(unpack(new Uint8Array(data)) as FromServer);
    socket.onclose = () => this.#lost();
  }

  #lost(): void {
    this.#socket = null;
    this.onState("lost");
    this.#again = setTimeout(() => this.#open(), this.#wait);
    this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT);
  }

  async #opened(socket: WebSocket): Promise<void> {
    this.#socket = socket;
    this.#heard = Date.now();
    this.#wait = FIRST_WAIT;
    const again = this.#wasThere;
    this.#wasThere = true;
    // The form as it is now, above all.
    const answers = [...this.#asked.values()].map((asked) => this.#askAgain(asked));
    await Promise.all(answers);
    if (this.#socket !== socket) return;
    this.onState("there");
    if (again) this.onAgain();
  }

  #askAgain({ message, resolve }: Asked): Promise<void> {
    return new Promise((done) => {
      const settle = (answer: HostAnswer) => {
        resolve(answer);
        done();
      };
      this.#asked.set(message.id, { message, resolve: settle });
      this.#send(message);
    });
  }

  #receive(message: FromServer): void {
    this.#heard = Date.now();
    switch (message.type) {
      case "answer":
        this.#asked.get(message.id)?.resolve(message.answer);
        this.#asked.delete(message.id);
        break;
      case "engine":
        this.onEngine(message.message);
        break;
      case "engineEnded":
        this.onEngineEnded(message.end);
        break;
      case "engineStarted":
        this.onEngineStarted();
        break;
      case "runStarted":
        this.onRunStarted();
        break;
      case "ending":
        this.onEnding();
        break;
      case "signedOut":
        leave();
    }
  }
}

const keptKey = (): string => localStorage.getItem(KEY_ITEM) ?? "";

/** Shows that this browser is signed out, in place of what it was shown. */
function leave(): void {
  localStorage.removeItem(KEY_ITEM);
  location.replace(`${SIGN_IN_PATH}${SIGNED_OUT_HASH}`);
}
