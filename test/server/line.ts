import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** The line between a browser and a server, which can break. */
export class Line {
  readonly #open = new Set<Socket>();
  #port = 0;
  #isBroken = false;
  readonly #server = createServer((socket) => {
    if (this.#isBroken) return socket.destroy();
    const onward = connect(this.#port, "127.0.0.1");
    for (const [end, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      this.#open.add(end);
      end.pipe(other);
      end.on("error", () => other.destroy()).on("close", () => other.destroy());
    }
  });

  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  leadTo(port: number): void {
    this.#port = port;
  }

  break(): void {
    this.#isBroken = true;
    for (const socket of this.#open) socket.destroy();
    this.#open.clear();
  }

  mend(): void {
    this.#isBroken = false;
  }

  close(): void {
    this.break();
    this.#server.close();
  }
}
