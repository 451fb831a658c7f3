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

interface Faults {
  /** So many downloads end early. */
  cutOff?: number;
  /** So many stop in the middle, and go on only when they are asked for anew. */
  stalled?: number;
  /** What it sends is something else. */
  corrupt?: boolean;
  /** It serves only who sends it. */
  token?: string;
  /** Other repositories, by their names. */
  others?: ReadonlyMap<string, ReadonlyMap<string, Buffer>>;
}

/** A hub with the repository o/m of these files, the .json ones by git and the others on a server of their own. */
export async function fakeHub(
  files: ReadonlyMap<string, Buffer>,
  { cutOff = 0, stalled = 0, corrupt = false, token = "", others = new Map() }: Faults = {},
): Promise<FakeHub> {
  const repositories = new Map([["o/m", files], ...others]);
  const hub: FakeHub = { endpoint: "", asked: [] };
  const note = ({ method, url, headers }: IncomingMessage) =>
    hub.asked.push(`${method} ${url}${headers.range ? " range" : ""}${headers.authorization ? " token" : ""}`);
  let [toCut, toStall] = [cutOff, stalled];
  const store = await serve((request, response) => {
    note(request);
    const content = [...repositories.values()].flatMap((each) => [...each.values()]).find((bytes) => sha256(bytes) === request.url!.slice(1))!;
    send(corrupt ? Buffer.alloc(content.length) : content, request, response, toCut-- > 0 ? "cut" : toStall-- > 0 ? "stall" : "whole");
  });
  hub.endpoint = await serve((request, response) => {
    note(request);
    const refuse = (status: number, code: string) => response.writeHead(status, { "x-error-code": code }).end();
    if (token && request.headers.authorization !== `Bearer ${token}`) return refuse(401, "RepoNotFound");
    const path = decodeURIComponent(request.url!);
    const [, listed] = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/main$/.exec(path) ?? [];
    const list = listed === undefined ? undefined : repositories.get(listed);
    if (list) return response.end(JSON.stringify({ siblings: [...list.keys()].map((rfilename) => ({ rfilename })) }));
    const [, repository = "", revision, name = ""] = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path) ?? [];
    const there = repositories.get(repository);
    if (!there) return refuse(404, /^\/(api\/models\/)?o\/gated\//.test(path) ? "GatedRepo" : "RepoNotFound");
    if (revision !== "main" && revision !== COMMIT) return refuse(404, "RevisionNotFound");
    const content = there.get(name);
    if (!content) return refuse(404, "EntryNotFound");
    const common = { "x-repo-commit": COMMIT };
    if (!name.endsWith(".json")) {
      const linked = { "x-linked-etag": `"${sha256(content)}"`, "x-linked-size": content.length, location: `${store}/${sha256(content)}` };
      return response.writeHead(302, { ...common, ...linked }).end();
    }
    for (const [header, value] of Object.entries({ ...common, etag: `"${gitHash(content)}"` })) response.setHeader(header, value);
    return send(content, request, response, "whole");
  });
  return hub;
}

function send(content: Buffer, { method, headers }: IncomingMessage, response: ServerResponse, how: "whole" | "cut" | "stall"): void {
  const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
  const range = start > 0 ? { "content-range": `bytes ${start}-${content.length - 1}/${content.length}` } : {};
  response.writeHead(start > 0 ? 206 : 200, { "content-length": content.length - start, ...range });
  if (method === "HEAD") response.end();
  else if (how !== "whole")
    response.write(content.subarray(start, start + Math.floor((content.length - start) / 2)), () => how === "cut" && response.destroy());
  else response.end(content.subarray(start));
}
