/**
 * The app's page in browsers, over HTTP on this computer, and its connection to the engine, over WebSockets. Nothing of a request is written down:
 * not where it came from, nor its secrets.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type WebSocket, WebSocketServer } from "ws";
import { type FromServer, MOST_BYTES, SESSION_PATH, SIGN_IN_PATH, SIGN_OF_LIFE_MS, SOCKET_PATH, SOCKET_PROTOCOL } from "../contract/served";
import type { EngineChannel } from "../engine-client/channel";
import type { OwnedEngine } from "../engine-client/owned";
import { contentPolicy, pageFile } from "../host/page";
import { Calls, type Parts } from "./calls";
import { Connection } from "./connection";
import { DELIVERIES_PATH } from "./deliveries";
import { Gate } from "./gate";
import type { Session } from "./sessions";
import { SIGN_IN, SIGN_IN_POLICY } from "./sign-in";

/** Windows at once. */
const MOST_PAGES = 32;
const MOST_CONNECTIONS = 256;
/** How long a request may take to arrive. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 20_000;
/** Of a request, in bytes. */
const MOST_HEADERS = 8 << 10;
const MOST_TOKEN = 1 << 10;

export interface Options extends Omit<Parts, "engine"> {
  engine: OwnedEngine<EngineChannel>;
  /** The bundled page. */
  page: string;
  token: string;
  /** Where it listens. */
  address: string;
  /** The first of the ports that are tried. */
  port: number;
  /** How many of them. */
  ports: number;
  /** By which it is reached through something in front of it. */
  names: readonly string[];
}

/** Of every answer. */
const COMMON = {
  "cache-control": "no-store",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), microphone=(), geolocation=(), usb=(), serial=(), hid=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

export class Server {
  readonly #http = createServer({ maxHeaderSize: MOST_HEADERS, headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS, connectionsCheckingInterval: 5000 });
  readonly #open = new Set<Socket>();
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MOST_BYTES, perMessageDeflate: false, handleProtocols: () => SOCKET_PROTOCOL });
  /** By the browser that each window is of. */
  readonly #connections = new Map<Connection, Session>();
  readonly #calls: Calls;
  #gate!: Gate;

  private constructor(private readonly options: Options) {
    this.#calls = new Calls(options);
    this.#http.maxConnections = MOST_CONNECTIONS;
    this.#http.on("connection", (socket) => {
      this.#open.add(socket);
      socket.on("close", () => this.#open.delete(socket));
    });
    this.#http.on("request", (request, response) => void this.#answer(request, response).catch(() => response.destroy()));
    this.#http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    options.engine.onExit((end) => this.#tellAll({ type: "engineEnded", end }));
    options.engine.onAgain(() => this.#tellAll({ type: "engineStarted" }));
  }

  /** Listens. Rejects if no port is free. */
  static async start(options: Options): Promise<Server> {
    const server = new Server(options);
    await server.#listen();
    return server;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  /** Tells pages that the server ends as soon as the engine has written its checkpoint. */
  announceEnd(): void {
    this.#tellAll({ type: "ending" });
  }

  #tellAll(message: FromServer): void {
    for (const connection of this.#connections.keys()) connection.send(message);
  }

  close(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#calls.close();
    this.#http.close();
    // Node has a method for that since version 18.2.
    for (const socket of this.#open) socket.destroy();
  }

  async #listen(): Promise<void> {
    const { address, port, ports, token, names } = this.options;
    for (let tried = port; ; tried++) {
      try {
        await new Promise<void>((resolve, reject) => {
          this.#http.once("error", reject);
          this.#http.listen(tried, address, () => {
            this.#http.off("error", reject);
            resolve();
          });
        });
        this.#gate = new Gate(token, this.port, names);
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE" || tried + 1 >= port + ports) throw error;
      }
    }
  }

  // ---- Requests ---------------------------------------------------------------------------------------------------------------------

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.#gate.isAddressed(request)) return say(response, 403, this.#notAddressed(request));
    const pathname = pathOf(request);
    if (pathname === SESSION_PATH) return this.#session(request, response);
    if (request.method !== "GET") return say(response, 405, "expected GET");
    if (pathname === SIGN_IN_PATH) return signIn(response, 200);
    if (!this.#gate.sessionOf(request)) {
      if (pathname === "/") return signIn(response, 401);
      return say(response, 401, "not signed in: open the line that distill serve printed");
    }
    if (pathname.startsWith(DELIVERIES_PATH)) return this.#deliver(pathname, response);
    const file = await pageFile(this.options.page, pathname === "/" ? "/index.html" : pathname);
    if (!file) return say(response, 404, "not found");
    // The names of what the page loads have checksums in them.
    const cache: Record<string, string> = pathname.startsWith("/assets/") ? { "cache-control": "private, max-age=31536000, immutable" } : {};
    send(response, 200, { "content-type": file.type, "content-security-policy": contentPolicy(["connect-src 'self'"]), ...cache }, file.body);
  }

  /** GET: whether this browser is signed in. POST: signs it in, with the token as the body; the answer is the page's key. DELETE: signs it out. */
  async #session(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === "GET") return say(response, this.#gate.pageSessionOf(request) ? 204 : 401, "");
    if (request.method !== "POST" && request.method !== "DELETE") return say(response, 405, "expected GET, POST or DELETE");
    if (!this.#gate.isFromOurPage(request)) return say(response, 403, "only a page of this server may sign in or out");
    if (request.method === "DELETE") return this.#signOut(request, response);
    const token = await bodyOf(request, MOST_TOKEN);
    if (token === null || !this.#gate.isToken(token)) return say(response, 401, "wrong token");
    const secrets = this.#gate.sessions.begin(this.#gate.sessionOf(request));
    send(response, 200, { "content-type": "text/plain; charset=utf-8", "set-cookie": this.#gate.cookie(secrets.cookie, request) }, secrets.key);
  }

  /** Forgets this browser, and closes all of its windows. */
  #signOut(request: IncomingMessage, response: ServerResponse): void {
    const session = this.#gate.pageSessionOf(request);
    if (!session) {
      say(response, 401, "not signed in");
      return;
    }
    this.#gate.sessions.end(session);
    for (const [connection, of] of this.#connections) if (of === session) connection.signOut();
    send(response, 204, { "set-cookie": this.#gate.cookie("", request) }, "");
  }

  async #deliver(pathname: string, response: ServerResponse): Promise<void> {
    const delivery = this.options.deliveries.at(pathname);
    if (!delivery) return say(response, 404, "There is no such file any more. Open it from Distill Studio again.");
    response.writeHead(200, { ...COMMON, ...delivery.headers });
    await pipeline(delivery.content, response);
  }

  #notAddressed({ headers }: IncomingMessage): string {
    const port = this.port;
    return [
      `This server does not answer to ${JSON.stringify(headers.host ?? "no name")}: pages elsewhere could have a name of theirs point here.`,
      `Open http://127.0.0.1:${port}/. From another computer, first: ssh -L ${port}:127.0.0.1:${port} USER@HOST, with this same port on both sides.`,
      "To use another port or name, start it with distill serve --name NAME, as in --name localhost:9000.",
    ].join("\n");
  }

  // ---- Connections ------------------------------------------------------------------------------------------------------------------

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // It is closed, too.
    socket.on("error", () => {});
    const session = this.#admitted(request);
    if (typeof session === "string") {
      // Not left half open: whoever does not close its end would keep others out.
      socket.end(`HTTP/1.1 ${session}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = new Connection(webSocket, {
        connectEngine: () => this.options.engine.connect(),
        runStarted: (by) => {
          for (const other of this.#connections.keys()) if (other !== by) other.send({ type: "runStarted" });
        },
        answer: (name, args, connectEngine) => this.#calls.answer(name, args, connectEngine),
      });
      this.#connections.set(connection, session);
      const leave = this.#gate.sessions.enter(session);
      const stop = watchLife(webSocket, connection);
      webSocket.on("close", () => {
        stop();
        leave();
        this.#connections.delete(connection);
      });
    });
  }

  /** The browser whose window this becomes, or the status with which it is refused. */
  #admitted(request: IncomingMessage): Session | string {
    if (!this.#gate.isAddressed(request) || !this.#gate.isFromOurPage(request)) return "403 Forbidden";
    if (pathOf(request) !== SOCKET_PATH) return "404 Not Found";
    const session = this.#gate.pageSessionOf(request);
    if (!session) return "401 Unauthorized";
    return this.#connections.size >= MOST_PAGES ? "503 Service Unavailable" : session;
  }
}

/** Of the address that is asked for; what is none asks for nothing that is there. */
function pathOf({ url = "" }: IncomingMessage): string {
  return /^\/[^?#]*/.exec(url)?.[0] ?? "";
}

/** Tells a page that the server is there, and ends the connection of one that has not answered since the last time. Returns what ends the watch. */
function watchLife(socket: WebSocket, connection: Connection): () => void {
  let isAlive = true;
  socket.on("pong", () => {
    isAlive = true;
  });
  const timer = setInterval(() => {
    if (!isAlive) return socket.terminate();
    isAlive = false;
    socket.ping();
    connection.send({ type: "alive" });
  }, SIGN_OF_LIFE_MS);
  return () => clearInterval(timer);
}

function send(response: ServerResponse, status: number, headers: Record<string, string>, body: string | Buffer): void {
  response.writeHead(status, { ...COMMON, ...headers }).end(body);
}

const signIn = (response: ServerResponse, status: number) =>
  send(response, status, { "content-type": "text/html; charset=utf-8", "content-security-policy": SIGN_IN_POLICY }, SIGN_IN);

const say = (response: ServerResponse, status: number, text: string) =>
  send(response, status, { "content-type": "text/plain; charset=utf-8", "content-security-policy": "default-src 'none'; frame-ancestors 'none'" }, text);

/** The body of a request as text; null if it is longer. */
async function bodyOf(request: IncomingMessage, most: number): Promise<string | null> {
  let text = "";
  for await (const chunk of request) {
    text += chunk;
    if (text.length > most) return null;
  }
  return text;
}
