/** Work that one process of a computer does for all that need it. */
import { createHash } from "node:crypto";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { InputError } from "../contract/failure";

interface SharedWork<News> {
  /** Names it among the processes of this computer. */
  name: string;
  isDone(): boolean;
  /** What it says on the way is heard by all that wait for it. */
  work(tell: (news: News) => void): Promise<void>;
  hear(news: News): void;
}

/** What the process that works says to the others. */
type Line<News> = { news: News } | { failed: string };

/**
 * Resolves when the work is done, by this process or another. If that fails while this one waits, it fails here with the same message; if its process is killed,
 * one that waits goes on. Who works holds a socket of Linux's abstract names: the system frees it with the process, however that ends.
 */
export async function oneForAll<News>({ name, isDone, work, hear }: SharedWork<News>): Promise<void> {
  const address = `\0distill-${createHash("sha256").update(name).digest("hex")}`;
  while (!isDone()) {
    const waiting = new Set<Socket>();
    const server = await listening(address, waiting);
    if (!server) {
      await followed(address, hear);
      continue;
    }
    const tell = (line: Line<News>) => waiting.forEach((socket) => void socket.write(`${JSON.stringify(line)}\n`));
    try {
      // Another one may have ended between the question and the socket.
      if (!isDone())
        await work((news) => {
          hear(news);
          tell({ news });
        });
    } catch (error) {
      tell({ failed: (error as Error).message });
      throw error;
    } finally {
      server.close();
      for (const socket of waiting) socket.end();
    }
  }
}

/** null: another process has the address. */
function listening(address: string, waiting: Set<Socket>): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      waiting.add(socket);
      const leave = () => waiting.delete(socket);
      socket.on("error", leave).on("close", leave).resume();
    });
    server.on("error", (error: NodeJS.ErrnoException) => (error.code === "EADDRINUSE" ? resolve(null) : reject(error)));
    server.listen(address, () => resolve(server));
  });
}

/** Resolves when the process that works has ended its work, or itself. */
function followed<News>(address: string, hear: (news: News) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(address);
    createInterface({ input: socket })
      .on("line", (text) => {
        const line = lineIn<News>(text);
        if (line && "failed" in line) reject(new InputError(line.failed));
        else if (line) hear(line.news);
      })
      // It has ended meanwhile.
      .on("error", () => {});
    socket.on("error", () => {}).on("close", () => resolve());
  });
}

/** null: the last words of a process that was killed. */
function lineIn<News>(text: string): Line<News> | null {
  try {
    return JSON.parse(text) as Line<News>;
  } catch {
    return null;
  }
}
