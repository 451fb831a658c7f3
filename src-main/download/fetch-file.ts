import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { InputError, Interrupted } from "../contract/failure";
import { digestOf } from "../disk/digest";
import { OpenFile } from "../disk/open-file";
import { putInPlace, writeWhole } from "../disk/write-whole";
import { type Answer, request } from "./request";

/** A file on a server. What is known of it beforehand is checked. */
export interface Remote {
  url: string;
  headers?: Record<string, string>;
  /** Bytes. */
  size?: number;
  /** In hexadecimal. */
  checksum?: { algorithm: "md5" | "sha256"; value: string };
}

export interface Received {
  /** Bytes so far. */
  received: number;
  /** Bytes in all; null if the server does not tell. */
  total: number | null;
  /** null until that can be told. */
  secondsLeft: number | null;
}

export interface FetchOptions {
  onProgress?: (progress: Received) => void;
  /** Told why an attempt failed, before the next one. */
  onRetry?: (problem: string) => void;
  signal?: AbortSignal;
  /** Milliseconds to wait before the second attempt; each further wait is twice as long. */
  delay?: number;
}

/** Where a file lies until it is whole. */
export const partOf = (path: string) => `${path}.part`;
/** Tells which version of the file the part is of: the server's ETag, or the date of its last change. */
const versionOf = (path: string) => `${partOf(path)}.version`;

const TRIES = 6;

/**
 * Downloads a file to `path`, which exists whole and checked or not at all. What was stopped or broke off resumes on the next call, if the server still
 * has the same version. Throws an InputError if the server does not send the expected file, Interrupted if the signal stops it.
 */
export async function fetchFile(remote: Remote, path: string, options: FetchOptions = {}): Promise<void> {
  const resumed = sizeOf(partOf(path)) > 0;
  await complete(remote, path, options);
  const sum = remote.checksum && (await digestOf(partOf(path), remote.checksum.algorithm));
  if (sum === remote.checksum?.value) {
    putInPlace(partOf(path), path);
    rmSync(versionOf(path), { force: true });
    return;
  }
  forget(path);
  // The beginning may come from another server, long ago: only what was sent now says something about this one.
  if (resumed) return fetchFile(remote, path, options);
  const { algorithm, value } = remote.checksum!;
  throw new InputError(
    `${remote.url} did not send the expected file: its ${algorithm.toUpperCase()} is ${sum}, and not ${value}. It was removed; try another address`,
  );
}

/** Fetches what the part lacks, in several attempts if necessary. */
async function complete(remote: Remote, path: string, { onProgress, onRetry, signal, delay = 1000 }: FetchOptions): Promise<void> {
  const part = partOf(path);
  if (remote.size !== undefined && sizeOf(part) === remote.size) return;
  for (let tries = 1; ; tries++) {
    try {
      return await fetchRest(remote, path, onProgress, signal);
    } catch (error) {
      if (signal?.aborted) throw new Interrupted(`download stopped; ${sizeOf(part)} bytes are kept in ${part}, and the next download resumes from there`);
      if (error instanceof InputError) throw error;
      if (tries === TRIES)
        throw new InputError(`${(error as Error).message}; gave up after ${TRIES} attempts. Try again later: it resumes at byte ${sizeOf(part)}`);
      const wait = delay * 2 ** (tries - 1);
      onRetry?.(`${(error as Error).message}; trying again in ${Math.round(wait / 1000)} s`);
      await sleep(wait, undefined, { signal }).catch(() => {});
    }
  }
}

/** One request: appends to the part what it lacks, or rewrites it if the server has another version or does not support ranges. */
async function fetchRest(remote: Remote, path: string, onProgress: FetchOptions["onProgress"], signal: AbortSignal | undefined): Promise<void> {
  const have = resumable(remote, path);
  const answer = await request(remote.url, { headers: { ...remote.headers, ...rangeFrom(have, path) }, signal });
  // Node 16 ends a request by its signal, but not an answer that is being sent.
  const end = () => answer.body.destroy(new Error("stopped"));
  signal?.addEventListener("abort", end, { once: true });
  try {
    if (answer.status === 416) {
      forget(path);
      throw new Error(`${remote.url} has no bytes from ${have} on`);
    }
    const start = startOf(answer, have);
    const total = totalOf(answer, start, remote);
    if (start === 0) remember(answer.headers, path);
    await save(answer, partOf(path), { start, total }, remote, onProgress);
  } finally {
    signal?.removeEventListener("abort", end);
    answer.body.destroy();
  }
}

interface Extent {
  start: number;
  total: number | null;
}

/** Writes chunk by chunk, so that after any failure the part holds exactly what was received. */
async function save({ body }: Answer, part: string, { start, total }: Extent, { url }: Remote, onProgress: FetchOptions["onProgress"]): Promise<void> {
  let received = start;
  const began = performance.now();
  const file = new OpenFile(part, start > 0 ? "a" : "w");
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (total !== null && received + chunk.length > total) throw new InputError(`${url} sends more than the expected ${total} bytes: it is a different file`);
      if (file.size !== received) throw new InputError(`${part} is being written by another program, perhaps a second download: wait until that ends`);
      file.write(chunk);
      received += chunk.length;
      onProgress?.({ received, total, secondsLeft: secondsLeft(received - start, total === null ? null : total - received, performance.now() - began) });
    }
    file.sync();
  } catch (error) {
    // A response that breaks off throws; what counts is how much of it arrived.
    if (error instanceof InputError || total === null) throw error;
  } finally {
    file.close();
  }
  if (total !== null && received < total) throw new Error(`${url} broke off at ${received} of ${total} bytes`);
}

/** At the pace of this attempt, after its first second. */
function secondsLeft(done: number, left: number | null, milliseconds: number): number | null {
  return left === null || milliseconds < 1000 ? null : (left / done) * (milliseconds / 1000);
}

// ---- What the server is asked for, and what it says --------------------------------------------------------------------------------

/** Bytes of the part that can be kept. Without a version and a checksum nothing would tell that the rest belongs to another file. */
function resumable({ size = Number.POSITIVE_INFINITY, checksum }: Remote, path: string): number {
  const have = sizeOf(partOf(path));
  return have < size && (checksum || existsSync(versionOf(path))) ? have : 0;
}

function rangeFrom(have: number, path: string): Record<string, string> {
  if (have === 0) return {};
  const version = existsSync(versionOf(path)) ? readFileSync(versionOf(path), "latin1") : null;
  return { range: `bytes=${have}-`, ...(version !== null && { "if-range": version }) };
}

/** Keeps the version that a new part is of. A weak ETag says nothing about bytes. */
function remember({ etag, "last-modified": date }: IncomingHttpHeaders, path: string): void {
  const version = etag && !etag.startsWith("W/") ? etag : date;
  if (version) writeWhole(versionOf(path), version);
  else rmSync(versionOf(path), { force: true });
}

function forget(path: string): void {
  for (const file of [partOf(path), versionOf(path)]) rmSync(file, { force: true });
}

/** Position in the file of the first byte that the server sends. */
function startOf({ status, headers }: Answer, have: number): number {
  if (status !== 206) return 0;
  const start = /^bytes (\d+)-/.exec(headers["content-range"] ?? "")?.[1];
  if (Number(start) === have) return have;
  throw new InputError(`the server was asked to resume at byte ${have} and sends "${headers["content-range"]}": remove the .part file and try again`);
}

function totalOf({ headers }: Answer, start: number, { url, size }: Remote): number | null {
  const length = headers["content-length"];
  const total = length === undefined ? null : start + Number(length);
  if (size !== undefined && total !== null && total !== size)
    throw new InputError(`${url} is a file of ${total} bytes; expected ${size}: it is a different file`);
  return size ?? total;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
