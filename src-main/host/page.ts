/** The bundled page as it is served, and what it may do, whoever shows it. */
import { readFile } from "node:fs/promises";
import path from "node:path";

/** The page's content security policy; `more` has what the surroundings allow besides. */
export function contentPolicy(more: readonly string[] = []): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    ...more,
  ].join("; ");
}

const CONTENT_TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
};

/** The bundle's file for the path of an address; null for one that is not there, or would leave `root`. */
export async function pageFile(root: string, pathname: string): Promise<{ type: string; body: Buffer } | null> {
  try {
    const file = path.normalize(path.join(root, decodeURIComponent(pathname)));
    if (!file.startsWith(root + path.sep)) return null;
    return { type: CONTENT_TYPES[path.extname(file)] ?? "application/octet-stream", body: await readFile(file) };
  } catch {
    return null;
  }
}
