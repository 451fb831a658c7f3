import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { serve } from "../download/server";

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

export const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const gitHash = (bytes: Uint8Array) => createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

export interface FakeHub {
  endpoint: string;
  /** "HEAD /path", with " range" and " token" where they came, in order. */
  asked: string[];
}

/**
 * A hub with the repository o/m of these files, the .json ones by git and the others on a server of their own. `cutOff`: so many downloads end early;
 * `corrupt`: what it sends is something else; `token`: it serves only who sends it.
 */
export async function fakeHub(files: ReadonlyMap<string, Buffer>, { cutOff = 0, corrupt = false, token = "" } = {}): Promise<FakeHub> {
  const hub: FakeHub = { endpoint: "", asked: [] };
  const note = ({ method, url, headers }: IncomingMessage) =>
    hub.asked.push(`${method} ${url}${headers.range ? " range" : ""}${headers.authorization ? " token" : ""}`);
  let toCut = cutOff;
  const store = await serve((request, response) => {
    note(request);
    const content = [...files.values()].find((bytes) => sha256(bytes) === request.url!.slice(1))!;
    send(corrupt ? Buffer.alloc(content.length) : content, request, response, toCut-- > 0);
  });
  hub.endpoint = await serve((request, response) => {
    note(request);
    const refuse = (status: number, code: string) => response.writeHead(status, { "x-error-code": code }).end();
    if (token && request.headers.authorization !== `Bearer ${token}`) return refuse(401, "RepoNotFound");
    const path = decodeURIComponent(request.url!);
    if (path === "/api/models/o/m/revision/main") return response.end(JSON.stringify({ siblings: [...files.keys()].map((rfilename) => ({ rfilename })) }));
    const [, revision, name] = /^\/o\/m\/resolve\/([^/]+)\/(.+)$/.exec(path) ?? [];
    if (name === undefined) return refuse(404, path.startsWith("/o/gated/") ? "GatedRepo" : "RepoNotFound");
    if (revision !== "main" && revision !== COMMIT) return refuse(404, "RevisionNotFound");
    const content = files.get(name);
    if (!content) return refuse(404, "EntryNotFound");
    const common = { "x-repo-commit": COMMIT };
    if (!name.endsWith(".json")) {
      const linked = { "x-linked-etag": `"${sha256(content)}"`, "x-linked-size": content.length, location: `${store}/${sha256(content)}` };
      return response.writeHead(302, { ...common, ...linked }).end();
    }
    for (const [header, value] of Object.entries({ ...common, etag: `"${gitHash(content)}"` })) response.setHeader(header, value);
    return send(content, request, response, false);
  });
  return hub;
}

function send(content: Buffer, { method, headers }: IncomingMessage, response: ServerResponse, cut: boolean): void {
  const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
  const range = start > 0 ? { "content-range": `bytes ${start}-${content.length - 1}/${content.length}` } : {};
  response.writeHead(start > 0 ? 206 : 200, { "content-length": content.length - start, ...range });
  if (method === "HEAD") response.end();
  else if (cut) response.write(content.subarray(start, start + Math.floor((content.length - start) / 2)), () => response.destroy());
  else response.end(content.subarray(start));
}
