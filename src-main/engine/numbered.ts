/** The server's connections: over the one channel that Node's `fork` makes, each page has a number. */
import type { FromOwner, ToOwner } from "../contract/owner";
import type { ClientChannel, Connections } from "./channel";

interface Page {
  hear(message: unknown): void;
  close(): void;
}

export function numberedConnections(): Connections {
  const pages = new Map<number, Page>();
  // "disconnect" reports a parent that is gone; failing to reach it is not an error.
  const post = (message: ToOwner) => void (process.connected && process.send?.(message, undefined, undefined, () => {}));
  let serve: (page: ClientChannel) => void = () => {};
  const open = (number: number): Page => {
    const page: Page = { hear: () => {}, close: () => {} };
    pages.set(number, page);
    serve({
      // What is still under way for a page that is gone has nobody to tell.
      post: (message) => void (pages.get(number) === page && post({ page: number, message })),
      onMessage: (listener) => {
        page.hear = listener;
      },
      onClose: (listener) => {
        page.close = listener;
      },
    });
    return page;
  };
  return {
    onPage: (each) => {
      serve = each;
    },
    onOwner: (hear) => {
      process.on("message", (message: FromOwner) => {
        if ("owner" in message) {
          const owner = hear(message.owner);
          if (owner) post({ owner });
        } else if ("closed" in message) {
          pages.get(message.page)?.close();
          pages.delete(message.page);
        } else (pages.get(message.page) ?? open(message.page)).hear(message.message);
      });
    },
    onGone: (leave) => process.on("disconnect", leave),
  };
}
