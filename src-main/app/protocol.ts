/** Serves the page from app://distill, a scheme for the bundled renderer and nothing else, with a strict content security policy. */
import { protocol } from "electron";
import { contentPolicy, pageFile } from "../host/page";

export const SCHEME = "app";
const HOST = "distill";
export const PAGE = `${SCHEME}://${HOST}/index.html`;

export const isOurPage = (url: string): boolean => {
  try {
    const { protocol: scheme, host } = new URL(url);
    return scheme === `${SCHEME}:` && host === HOST;
  } catch {
    return false;
  }
};

/** Must run before the app is ready. */
export function registerAppScheme(): void {
  protocol.registerSchemesAsPrivileged([{ scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true } }]);
}

interface Reply {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/** Serves the files below `root`. Electron before version 25 has no `protocol.handle`; `registerBufferProtocol` does the same there. */
export function serveApp(root: string): void {
  if (typeof protocol.handle === "function") {
    protocol.handle(SCHEME, async ({ url }) => {
      const { status, headers, body } = await reply(root, url);
      return new Response(new Uint8Array(body), { status, headers });
    });
  } else {
    protocol.registerBufferProtocol(SCHEME, async ({ url }, answer) => {
      const { status, headers, body } = await reply(root, url);
      answer({ statusCode: status, headers, mimeType: headers["content-type"]?.split(";")[0], data: body });
    });
  }
}

async function reply(root: string, url: string): Promise<Reply> {
  const file = isOurPage(url) ? await pageFile(root, new URL(url).pathname) : null;
  if (!file) return { status: 404, headers: { "content-type": "text/plain" }, body: Buffer.from("not found") };
  const headers = { "content-type": file.type, "content-security-policy": contentPolicy(), "x-content-type-options": "nosniff" };
  return { status: 200, headers, body: file.body };
}
