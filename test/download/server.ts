import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, vi } from "vitest";

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Of HTTP or of HTTPS. */
type AnyServer = Pick<Server, "close" | "closeAllConnections" | "listen" | "address">;

const running: AnyServer[] = [];
afterEach(() => {
  for (const server of running.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  vi.unstubAllEnvs();
});

/** Listens on this computer until the test ends. Returns the port. */
export async function listening(server: AnyServer): Promise<number> {
  running.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** Serves with one handler per request; the last one handles all that follow. Returns the address. */
export async function serve(...handlers: Handler[]): Promise<string> {
  const server = createServer((request, response) => (handlers.length > 1 ? handlers.shift()! : handlers[0]!)(request, response));
  return `http://127.0.0.1:${await listening(server)}`;
}

export interface ProxyServer {
  url: string;
  /** "GET http://..." or "CONNECT host:port", in order. */
  asked: string[];
  /** The headers Proxy-Authorization that came. */
  authorizations: (string | undefined)[];
}

/** A proxy that answers plain requests itself, by `answer`, and passes tunnels on to this computer. */
export async function proxy(answer: RequestListener, connectStatus = 200): Promise<ProxyServer> {
  const seen: ProxyServer = { url: "", asked: [], authorizations: [] };
  const note = ({ method, url, headers }: IncomingMessage) => {
    seen.asked.push(`${method} ${url}`);
    seen.authorizations.push(headers["proxy-authorization"]);
  };
  const server = createServer((request, response) => {
    note(request);
    answer(request, response);
  });
  server.on("connect", (request: IncomingMessage, socket: Socket) => {
    note(request);
    if (connectStatus !== 200) return void socket.end(`HTTP/1.1 ${connectStatus} No\r\n\r\n`);
    const target = connect(Number(request.url!.split(":").at(-1)), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      target.pipe(socket).pipe(target);
    });
    for (const end of [socket, target]) end.on("error", () => [socket, target].map((each) => each.destroy()));
  });
  seen.url = `http://127.0.0.1:${await listening(server)}`;
  return seen;
}

/** Without the variables of the machine that runs the tests. */
export function withoutProxies(): void {
  for (const name of ["http_proxy", "https_proxy", "all_proxy", "no_proxy"]) {
    vi.stubEnv(name, "");
    vi.stubEnv(name.toUpperCase(), "");
  }
}
