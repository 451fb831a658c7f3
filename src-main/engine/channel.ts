import type { Answer, Channel, Notice } from "../contract/engine";

/** The engine's end of the connection. Checks what arrives. */
export type ClientChannel = Channel<Answer | Notice, unknown, void>;

/** The part of Electron's MessagePortMain, and of a utility process's parentPort, used here. */
interface Port {
  on(event: "message", listener: (event: { data: unknown; ports: Port[] }) => void): void;
  on(event: "close", listener: () => void): void;
  postMessage(message: unknown): void;
  start(): void;
}

/** The channel to whoever started this process: Node's `fork`, or Electron's `utilityProcess.fork` with a port as its first message. */
export function parentChannel(): ClientChannel {
  const { parentPort } = process as unknown as { parentPort?: Port };
  if (parentPort) return portChannel(parentPort);
  if (process.send) return processChannel();
  throw new Error("the engine is started by the app or the command line, not by hand");
}

function processChannel(): ClientChannel {
  return {
    // "disconnect" reports a parent that is gone; failing to reach it is not an error.
    post: (message) => void (process.connected && process.send?.(message, undefined, undefined, () => {})),
    onMessage: (listener) => process.on("message", listener),
    onClose: (listener) => process.on("disconnect", listener),
  };
}

function portChannel(parentPort: Port): ClientChannel {
  const port = new Promise<Port>((resolve) => parentPort.on("message", ({ ports }) => ports[0] && resolve(ports[0])));
  return {
    post: (message) => port.then((open) => open.postMessage(message)),
    onMessage: (listener) =>
      port.then((open) => {
        open.on("message", ({ data }) => listener(data));
        open.start();
      }),
    onClose: (listener) => port.then((open) => open.on("close", listener)),
  };
}
