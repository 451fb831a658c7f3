import type { Answer, Audience, Channel } from "../contract/engine";
import type { Notice } from "../contract/notices";
import type { OwnerAnswer, OwnerMessage } from "../contract/owner";
import type { RunOwner } from "../contract/run";
import { Permits } from "./permits";

/** The engine's end of a connection. Checks what arrives. */
export type ClientChannel = Channel<Answer | Notice, unknown, void>;

/** The part of Electron's MessagePortMain, and of a utility process's parentPort, used here. */
interface Port {
  on(event: "message", listener: (event: { data: unknown; ports: Port[] }) => void): void;
  on(event: "close", listener: () => void): void;
  postMessage(message: unknown): void;
  start(): void;
}

/** The process that started this one, and owns it. */
export interface Parent {
  program: RunOwner["program"];
  /** Which paths the parent's pages may name; null if it brings none. */
  permits: Permits | null;
  /** Calls `serve` with each client that the parent brings. */
  onClient(serve: (channel: ClientChannel, audience: Audience) => void): void;
  /** Called once when the parent is gone or asks this process to end. */
  onLeave(leave: () => void): void;
  /** Answers whether a run is under way. */
  onTrainingAsked(isTraining: () => boolean): void;
}

/** Whoever started this process: Node's `fork`, or Electron's `utilityProcess.fork`. */
export function parent(): Parent {
  const { parentPort } = process as unknown as { parentPort?: Port };
  if (parentPort) return appParent(parentPort);
  if (process.send) return terminalParent();
  throw new Error("the engine is started by the app or the command line, not by hand");
}

/** The command line is its engine's only client. */
function terminalParent(): Parent {
  return {
    program: "command line",
    permits: null,
    onClient: (serve) => serve(processChannel(), "terminal"),
    onLeave: (leave) => process.on("disconnect", leave),
    onTrainingAsked: () => {},
  };
}

function processChannel(): ClientChannel {
  return {
    // "disconnect" reports a parent that is gone; failing to reach it is not an error.
    post: (message) => void (process.connected && process.send?.(message, undefined, undefined, () => {})),
    onMessage: (listener) => process.on("message", listener),
    onClose: (listener) => process.on("disconnect", listener),
  };
}

/**
 * The app brings a port for each page that it opens, and one of its own ("owner"). Pages come and go; when the owner's port closes, the app is
 * gone, however it ended. The runs folder is this script's argument.
 */
function appParent(parentPort: Port): Parent {
  let serve: (channel: ClientChannel, audience: Audience) => void = () => {};
  let leave = () => {};
  let isTraining = () => false;
  const permits = new Permits(process.argv[2]!);
  const hear = (message: OwnerMessage): OwnerAnswer | null => {
    if (message.type === "leave") leave();
    if (message.type === "grant") permits.grant(message.path, message.access);
    return message.type === "leave" ? null : { id: message.id, training: isTraining() };
  };
  parentPort.on("message", ({ data, ports: [port] }) => {
    if (!port) return;
    if (data === "page") serve(portChannel(port), "page");
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
    program: "app",
    permits,
    onClient: (each) => {
      serve = each;
    },
    onLeave: (each) => {
      leave = each;
    },
    onTrainingAsked: (each) => {
      isTraining = each;
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
