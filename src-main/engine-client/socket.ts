/** Messages as lines of JSON over a socket: how processes of one user talk about runs. */
import type { Socket } from "node:net";

/** Longest line that is read: what peers send is short. */
const LONGEST = 1 << 20;
/** Bytes that may wait for a reader who does not read. */
const MOST_WAITING = 64 << 20;

export interface Lines {
  send(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  onClose(listener: () => void): void;
  close(): void;
}

/** A line that is too long, is not JSON, or a reader who lags far behind ends the connection. */
export function linesOver(socket: Socket, longest: number = LONGEST): Lines {
  let text = "";
  let listener: (message: unknown) => void = () => {};
  socket.setEncoding("utf8");
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: string) => {
    text += chunk;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      const line = text.slice(0, end);
      text = text.slice(end + 1);
      try {
        listener(JSON.parse(line));
      } catch {
        socket.destroy();
        return;
      }
    }
    if (text.length > longest) socket.destroy();
  });
  return {
    send: (message) => {
      if (socket.writableLength > MOST_WAITING) socket.destroy();
      else if (!socket.destroyed) socket.write(`${JSON.stringify(message)}\n`);
    },
    onMessage: (each) => {
      listener = each;
    },
    onClose: (each) => void socket.on("close", each),
    close: () => socket.destroy(),
  };
}
