import type { Answer, Call, Notice } from "../contract/engine";

/** What the engine sends. */
export type Incoming = Answer | Notice;

/** A two-way line to an engine, whatever carries it. */
export interface Channel {
  post(call: Call): void;
  onMessage(listener: (message: Incoming) => void): void;
  /** Called once, when the engine is gone; at once if it already is. */
  onClose(listener: (end: EngineEnd) => void): void;
  /** Ends the line, and the engine if it was started for it. */
  close(): void;
}

/** Why the engine is gone, in words, with the last lines of what it wrote to standard error. */
export interface EngineEnd {
  message: string;
  details: string;
}

/** The part of a browser's MessagePort that is used here. */
export interface Port {
  postMessage(message: unknown): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  start(): void;
  close(): void;
}

/**
 * A channel over a message port. A port does not tell when its other end dies: whoever watches the engine's process calls `ended`.
 */
export function portChannel(port: Port): Channel & { ended(end: EngineEnd): void } {
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
