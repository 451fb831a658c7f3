/** Weights on the Hugging Face hub, or on another server that answers like it. */
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { posix } from "node:path";
import { InputError } from "../contract/failure";
import { type HubAddress, hubPathOf, parseHubPath } from "../contract/hub-path";
import { digestOf } from "../disk/digest";
import { type FetchOptions, fetchFile } from "../download/fetch-file";
import { Refused, request } from "../download/request";
import { RepositoryCache } from "./cache";
import { type HubSettings, hubSettings } from "./settings";

export interface FetchedWeights {
  path: string;
  /** hf:owner/name@commit/file: what is there has this name for ever. */
  exact: string;
  /** Where it comes from, in a sentence without an end. */
  note: string;
}

export interface WeightsOptions extends FetchOptions {
  /** Told the content of the repository's config.json, or null where there is none, before the weights are downloaded; ends it all by throwing. */
  onConfig?: (config: string | null) => void;
}

/**
 * The file that hf:owner/name[@revision][/file] names, from the cache, or downloaded and checked; and beside it config.json, which says of
 * timm's models how images are prepared. Throws an InputError that says what to do if there is no such file, or no access to it, or no one file of weights.
 */
export async function fetchWeights(hubPath: string, options: WeightsOptions = {}, settings = hubSettings()): Promise<FetchedWeights> {
  const address = parseHubPath(hubPath);
  const cache = new RepositoryCache(settings.cache, address.repository);
  const cached = cachedFile(cache, address);
  // A commit never changes.
  if (cached && address.revision === cached.commit) return asFetched(hubPath, address, cached, "in the cache");
  if (settings.isOffline) return expectCached(hubPath, address, cached, "HF_HUB_OFFLINE is set");
  try {
    return await download(hubPath, address, cache, options, settings);
  } catch (error) {
    if (error instanceof Refused) throw refusal(hubPath, error, settings);
    // The hub cannot be reached: what was there the last time serves.
    if (options.signal?.aborted || (error instanceof InputError && !isUnreachable(error))) throw error;
    return expectCached(hubPath, address, cached, (error as Error).message);
  }
}

/** The file if it is in the cache, without asking anybody; of a revision, as it was when it was last asked for. Throws an InputError if it is not there. */
export function cachedWeights(hubPath: string, settings = hubSettings()): FetchedWeights {
  const address = parseHubPath(hubPath);
  const cached = cachedFile(new RepositoryCache(settings.cache, address.repository), address);
  if (cached) return asFetched(hubPath, address, cached, "in the cache");
  throw new InputError(`${hubPath} is not on this computer any more: download it again`);
}

async function download(hubPath: string, address: HubAddress, cache: RepositoryCache, options: WeightsOptions, settings: HubSettings): Promise<FetchedWeights> {
  const { token } = settings;
  const { onConfig, ...fetching } = options;
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  const server = { ...settings, headers, signal: options.signal };
  const file = address.file ?? theOne(hubPath, await filesOf(address, server));
  const weights = await ask(address, file, server);
  const config = file === CONFIG ? null : await fetchConfig(address, posix.join(posix.dirname(file), CONFIG), cache, server);
  onConfig?.(config);
  const { isNew, ...kept } = await fetchAsked(address, file, weights, cache, fetching, server);
  return asFetched(hubPath, address, kept, isNew ? "downloaded and checked" : "in the cache");
}

interface Server extends HubSettings {
  headers: Record<string, string>;
  signal: AbortSignal | undefined;
}

/** Its content; null if the repository has none. */
async function fetchConfig(address: HubAddress, file: string, cache: RepositoryCache, server: Server): Promise<string | null> {
  try {
    const { path } = await fetchAsked(address, file, await ask(address, file, server), cache, { signal: server.signal }, server);
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return null;
    throw error;
  }
}

interface Asked extends Described {
  url: string;
}

async function ask(address: HubAddress, file: string, { endpoint, headers, signal }: Server): Promise<Asked> {
  const path = [address.repository, "resolve", encodeURIComponent(address.revision), ...file.split("/").map(encodeURIComponent)].join("/");
  const url = `${endpoint}/${path}`;
  const asked = await request(url, { method: "HEAD", headers, sameServer: true, signal });
  asked.body.destroy();
  return { url, ...described(url, [...asked.redirections, asked.headers]) };
}

/** From the cache if it has the content. */
async function fetchAsked(
  address: HubAddress,
  file: string,
  { url, hash, commit, size }: Asked,
  cache: RepositoryCache,
  options: FetchOptions,
  { headers }: Server,
): Promise<CachedFile & { isNew: boolean }> {
  const blob = cache.blob(hash);
  const isHere = existsSync(blob) && (size === undefined || statSync(blob).size === size);
  if (!isHere) await fetchBlob({ url, headers, size }, blob, hash, options);
  return { path: cache.keep(address, commit, file, hash), commit, file, isNew: !isHere };
}

/** Large files have their SHA-256 as name, others git's hash: SHA-1 over "blob", size and content. */
async function fetchBlob(
  remote: { url: string; headers: Record<string, string>; size?: number },
  blob: string,
  hash: string,
  options: FetchOptions,
): Promise<void> {
  const isLarge = hash.length === 64;
  await fetchFile({ ...remote, ...(isLarge && { checksum: { algorithm: "sha256" as const, value: hash } }) }, blob, options);
  if (isLarge || (await gitHashOf(blob)) === hash) return;
  rmSync(blob);
  throw new InputError(`${remote.url} did not send the expected file: git's hash of it is not ${hash}. It was removed; try again`);
}

const gitHashOf = (path: string): Promise<string> => digestOf(path, "sha1", `blob ${statSync(path).size}\0`);

interface Described {
  hash: string;
  commit: string;
  size?: number;
}

/** What the hub says of a file, before it sends to the server that has it. Hash and commit become file names. */
function described(url: string, answers: readonly IncomingHttpHeaders[]): Described {
  const first = (...names: string[]) => answers.flatMap((headers) => names.flatMap((name) => headers[name] ?? []))[0]?.toString();
  const hash = (first("x-linked-etag") ?? first("etag") ?? "").replace(/^W\//, "").replaceAll('"', "");
  const commit = first("x-repo-commit") ?? "";
  if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(hash) || !/^[0-9a-f]{40}$/.test(commit))
    throw new InputError(`${url} does not answer like the Hugging Face hub: it names no commit and no hash of the file; check HF_ENDPOINT`);
  const size = first("x-linked-size") ?? (first("x-linked-etag") === undefined ? first("content-length") : undefined);
  return { hash, commit, ...(size !== undefined && /^\d+$/.test(size) && { size: Number(size) }) };
}

// ---- Which file ---------------------------------------------------------------------------------------------------------------------

const CONFIG = "config.json";
/** The likeliest first. */
const KINDS = [/(^|\/)model\.safetensors$/, /\.safetensors$/, /(^|\/)pytorch_model\.bin$/, /\.(pth|pt|bin|ckpt)(\.tar)?$/];
const LONGEST_LIST = 20_000_000;

function theOne(hubPath: string, files: readonly string[]): string {
  for (const kind of KINDS) {
    const found = files.filter((file) => kind.test(file));
    if (found.length === 1) return found[0]!;
    if (found.length > 1)
      throw new InputError(
        `${hubPath} has several files of weights: name one, as ${hubPath}/${found[0]}; there are ${found.slice(0, 10).join(", ")}${found.length > 10 ? " ..." : ""}`,
      );
  }
  throw new InputError(`${hubPath} has no file of weights: expected .safetensors, .bin, .pth or .pt, got ${files.slice(0, 10).join(", ") || "no files"}`);
}

async function filesOf({ repository, revision }: HubAddress, { endpoint, headers, signal }: Server): Promise<string[]> {
  const url = `${endpoint}/api/models/${repository}/revision/${encodeURIComponent(revision)}`;
  const { body } = await request(url, { headers, signal });
  let text = "";
  for await (const chunk of body.setEncoding("utf8")) {
    text += chunk;
    if (text.length > LONGEST_LIST) throw new InputError(`${url} sends a list of files of more than ${LONGEST_LIST / 1e6} MB`);
  }
  const { siblings } = parsed(url, text) as { siblings?: unknown };
  const names = Array.isArray(siblings) ? siblings.map((each) => (each as { rfilename?: unknown } | null)?.rfilename) : [];
  return names.filter((name): name is string => typeof name === "string" && name.split("/").every((part) => !["", ".", ".."].includes(part)));
}

function parsed(url: string, text: string): object {
  try {
    return Object(JSON.parse(text));
  } catch (cause) {
    throw new InputError(`${url} does not answer like the Hugging Face hub: expected JSON; check HF_ENDPOINT`, { cause });
  }
}

// ---- The cache, and words -----------------------------------------------------------------------------------------------------------

interface CachedFile {
  path: string;
  commit: string;
  file: string;
}

function cachedFile(cache: RepositoryCache, { revision, file }: HubAddress): CachedFile | null {
  const commit = cache.commitOf(revision);
  if (!commit) return null;
  const here = cache.filesOf(commit);
  const name = file ?? KINDS.flatMap((kind) => here.filter((each) => kind.test(each)))[0];
  const path = name === undefined ? null : cache.find(commit, name);
  return path ? { path, commit, file: name! } : null;
}

function asFetched(hubPath: string, { repository }: HubAddress, { path, commit, file }: CachedFile, how: string): FetchedWeights {
  const note = `${hubPath} is ${file} of commit ${commit.slice(0, 12)}, ${how}: ${path}`;
  return { path, exact: hubPathOf({ repository, revision: commit, file }), note };
}

function expectCached(hubPath: string, address: HubAddress, cached: CachedFile | null, why: string): FetchedWeights {
  if (!cached)
    throw new InputError(
      `${hubPath} is not in the cache, and cannot be downloaded: ${why}. Try again with a network, or download its file elsewhere and name that in place of ${hubPath}`,
    );
  return asFetched(hubPath, address, cached, `from the cache, as the hub was not asked (${why})`);
}

const isUnreachable = (error: InputError) => /cannot be reached|gave up after/.test(error.message);

function refusal(hubPath: string, { status, headers, message }: Refused, { endpoint, token }: HubSettings): InputError {
  const code = headers["x-error-code"];
  const access = token ? "the token that was sent gives no access to it" : "if it is private, set HF_TOKEN to a token that may read it";
  if (code === "EntryNotFound") return new InputError(`${hubPath}: there is no such file in that revision; look at ${endpoint} which files it has`);
  if (code === "RevisionNotFound") return new InputError(`${hubPath}: there is no such revision; expected a branch, a tag or a commit of the repository`);
  if (code === "GatedRepo")
    return new InputError(`${hubPath} asks for consent before it is downloaded: give it on its page at ${endpoint}, and set HF_TOKEN to a token of yours`);
  if (status === 401 || status === 403 || status === 404)
    return new InputError(`${hubPath}: ${endpoint} knows no such model, or shows it to nobody: ${access}`);
  return new InputError(`${hubPath}: ${message}`);
}
