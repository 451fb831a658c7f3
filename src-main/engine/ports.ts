/** The app's connections: a port for each page that it opens, and one of its own ("owner"). */
import type { OwnerAnswer, OwnerMessage } from "../contract/owner";
import type { ClientChannel, Connections } from "./channel";

/** The part of Electron's MessagePortMain, and of a utility process's parentPort, used here. */
export interface Port {
  on(event: "message", listener: (event: { data: unknown; ports: Port[] }) => void): void;
  on(event: "close", listener: () => void): void;
  postMessage(message: unknown): void;
  start(): void;
}

export function portConnections(parentPort: Port): Connections {
  let serve: (page: ClientChannel) => void = () => {};
  let hear: (message: OwnerMessage) => OwnerAnswer | null = () => null;
  let leave = () => {};
  parentPort.on("message", ({ data, ports: [port] }) => {
    if (!port) return;
    if (data === "page") serve(portChannel(port));
    if (data !== "owner") return;
    port.on(
      "message",
      inOwnTurn(({ data }) => {
        const answer = hear(data as OwnerMessage);
        if (answer) port.postMessage(answer);
      }),
    );
    port.on(
      "close",
      inOwnTurn(() => leave()),
    );
    port.start();
  });
  return {
    onPage: (each) => {
      serve = each;
    },
    onOwner: (each) => {
      hear = each;
    },
    onGone: (each) => {
      leave = each;
    },
  };
}

function portChannel(port: Port): ClientChannel {
  return {
    post: (message) => port.postMessage(message),
    onMessage: (listener) => {
      port.on(
        "message",
        inOwnTurn(({ data }) => listener(data)),
      );
      port.start();
    },
    onClose: (listener) => port.on("close", listener),
  };
}

/**
 * Runs a listener in a turn of the event loop of its own. Within a port's event Electron looks for rejected promises that nobody handles before
 * the microtasks run that would handle them: a request that is refused in its first synchronous steps would end the process.
 */
function inOwnTurn<Args extends unknown[]>(listener: (...args: Args) => void): (...args: Args) => void {
  return (...args) => void setImmediate(listener, ...args);
}
