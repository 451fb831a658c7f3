/** Serves the page from app://distill, a scheme for the bundled renderer and nothing else, with a strict content security policy. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { protocol } from "electron";

export const SCHEME = "app";
const HOST = "distill";
export const PAGE = `${SCHEME}://${HOST}/index.html`;

const CONTENT_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const CONTENT_TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
};

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
  const file = fileOf(root, url);
  try {
    if (!file) throw new Error("not ours");
    const headers = {
      "content-type": CONTENT_TYPES[path.extname(file)] ?? "application/octet-stream",
      "content-security-policy": CONTENT_POLICY,
      "x-content-type-options": "nosniff",
    };
    return { status: 200, headers, body: await readFile(file) };
  } catch {
    return { status: 404, headers: { "content-type": "text/plain" }, body: Buffer.from("not found") };
  }
}

/** Null for another host and for a path that would leave `root`. */
function fileOf(root: string, url: string): string | null {
  if (!isOurPage(url)) return null;
  const file = path.normalize(path.join(root, decodeURIComponent(new URL(url).pathname)));
  return file.startsWith(root + path.sep) ? file : null;
}
