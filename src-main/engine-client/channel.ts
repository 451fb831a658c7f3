import type { Answer, Call, Channel, EngineEnd } from "../contract/engine";
import type { Notice } from "../contract/notices";

/** What the engine sends. */
export type Incoming = Answer | Notice;

/** The client's end of the connection. */
export interface EngineChannel extends Channel<Call, Incoming, EngineEnd> {
  /**
   * Ends the connection, and the engine if it was started for it: what trains there stops with a checkpoint. `atOnce`: without one.
   */
  close(atOnce?: boolean): void;
}

/** The part of a browser's MessagePort used here. */
export interface Port {
  postMessage(message: unknown): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  start(): void;
  close(): void;
}

/**
 * A channel over a message port. A port does not report that its other end died: whoever watches the engine's process calls `ended`.
 */
export function portChannel(port: Port): EngineChannel & { ended(end: EngineEnd): void } {
  let listener: (end: EngineEnd) => void = () => {};
  let known: EngineEnd | null = null;
  return {
    post: (call) => port.postMessage(call),
    onMessage: (receive) => {
      port.addEventListener("message", ({ data }) => receive(data as Incoming));
      port.start();
    },
    onClose: (close) => {
      listener = close;
      if (known) close(known);
    },
    close: () => port.close(),
    ended: (end) => {
      if (known) return;
      known = end;
      listener(end);
    },
  };
}
