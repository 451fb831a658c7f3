import { createHash } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { get as httpGet, type IncomingMessage } from "node:http";
import { get as httpsGet } from "node:https";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { InputError, Interrupted } from "../contract/failure";
import { OpenFile } from "../disk/open-file";
import { putInPlace, syncFolder } from "../disk/write-whole";
import { CIFAR10_FOLDER, checkCifar10 } from "./formats/cifar10-binary";
import { untar } from "./untar";

export interface Archive {
  url: string;
  /** Bytes. */
  size: number;
  /** In hexadecimal. */
  md5: string;
}

/** CIFAR-10, binary version, on its authors' site. */
export const CIFAR10: Archive = {
  url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
  size: 170_052_171,
  md5: "c32a1d4ab5d03f1284b67883e8d87530",
};

export interface DownloadOptions {
  archive?: Archive;
  /** Bytes downloaded so far, and in total. */
  onProgress?: (received: number, total: number) => void;
  signal?: AbortSignal;
  /** Milliseconds to wait before the second attempt; each further wait is twice as long. */
  delay?: number;
}

/**
 * Downloads CIFAR-10 into a folder, checks and unpacks it, and returns the new folder with its files. Never overwrites anything; a complete
 * folder from before is returned as it is. A download that was stopped or broke off resumes where it ended on the next call. Throws an
 * InputError if the server does not send the expected file, Interrupted if the signal stops it.
 */
export async function downloadCifar10(directory: string, { archive = CIFAR10, onProgress, signal, delay = 1000 }: DownloadOptions = {}): Promise<string> {
  const finished = join(directory, CIFAR10_FOLDER);
  if (existsSync(finished)) {
    checkCifar10(finished);
    return finished;
  }
  mkdirSync(directory, { recursive: true });
  const part = join(directory, "cifar-10-binary.tar.gz.part");
  await fetchArchive(archive, part, { onProgress, signal, delay });
  await unpack(part, finished);
  rmSync(part);
  return finished;
}

/** Unpacks and checks the archive in a folder beside, then renames that: the target exists complete or not at all. */
async function unpack(archive: string, finished: string): Promise<void> {
  const partial = `${finished}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial);
  await untar(archive, CIFAR10_FOLDER, partial);
  checkCifar10(partial);
  syncFolder(partial);
  putInPlace(partial, finished);
}

// ---- The archive ------------------------------------------------------------------------------------------------------------------

type FetchOptions = Pick<DownloadOptions, "onProgress" | "signal"> & { delay: number };

const TRIES = 6;

/** Completes `part` and checks it. A file that fails the check is removed. */
async function fetchArchive(archive: Archive, part: string, options: FetchOptions): Promise<void> {
  const resumed = sizeOf(part) > 0;
  await complete(archive, part, options);
  if ((await md5Of(part)) === archive.md5) return;
  rmSync(part);
  // The beginning may come from another server, long ago: only what was sent now says something about this one.
  if (resumed) return fetchArchive(archive, part, options);
  throw new InputError(
    `${archive.url} sent ${archive.size} bytes, but not the expected file: its MD5 is not ${archive.md5}. It was removed; try another address`,
  );
}

/** Fetches what `part` lacks, in several attempts if necessary. */
async function complete(archive: Archive, part: string, { onProgress, signal, delay }: FetchOptions): Promise<void> {
  for (let tries = 1; sizeOf(part) !== archive.size; tries++) {
    try {
      await fetchRest(archive, part, onProgress, signal);
    } catch (error) {
      if (signal?.aborted) throw new Interrupted(`download stopped; ${sizeOf(part)} bytes are kept in ${part}, and the next download resumes from there`);
      if (error instanceof InputError) throw error;
      if (tries === TRIES)
        throw new InputError(`${(error as Error).message}; gave up after ${TRIES} attempts. Try again later: it resumes at byte ${sizeOf(part)}`);
      await sleep(delay * 2 ** (tries - 1), undefined, { signal }).catch(() => {});
    }
  }
}

/** One request: appends to `part` what it lacks, or rewrites it if the server does not support ranges. */
async function fetchRest(archive: Archive, part: string, onProgress: DownloadOptions["onProgress"], signal: AbortSignal | undefined): Promise<void> {
  const have = sizeOf(part) < archive.size ? sizeOf(part) : 0;
  const response = await request(archive.url, have, signal);
  try {
    const start = startOf(response, have);
    checkLength(response, start, archive);
    await save(response, part, start, archive, onProgress);
  } finally {
    response.destroy();
  }
}

/** Writes chunk by chunk, so that after any failure the file holds exactly what was received. */
async function save(response: AsyncIterable<Buffer>, part: string, start: number, archive: Archive, onProgress: DownloadOptions["onProgress"]): Promise<void> {
  const { url, size } = archive;
  let received = start;
  const file = new OpenFile(part, start > 0 ? "a" : "w");
  try {
    for await (const chunk of response) {
      if (received + chunk.length > size) throw new InputError(`${url} sends more than the expected ${size} bytes: it is a different file`);
      file.write(chunk);
      received += chunk.length;
      onProgress?.(received, size);
    }
  } catch (error) {
    // A response that breaks off throws; what counts is how much of it arrived.
    if (error instanceof InputError) throw error;
  } finally {
    file.close();
  }
  if (received < size) throw new Error(`${url} broke off at ${received} of ${size} bytes`);
}

/** Position in the file of the first byte that the server sends. */
function startOf(response: IncomingMessage, have: number): number {
  if (response.statusCode === 200) return 0;
  const start = /^bytes (\d+)-/.exec(response.headers["content-range"] ?? "")?.[1];
  if (Number(start) === have) return have;
  throw new InputError(`the server was asked to resume at byte ${have} and sends "${response.headers["content-range"]}": remove the .part file and try again`);
}

function checkLength(response: IncomingMessage, from: number, { url, size }: Archive): void {
  const length = response.headers["content-length"];
  if (length !== undefined && from + Number(length) !== size)
    throw new InputError(`${url} is a file of ${from + Number(length)} bytes; expected ${size}: it is a different file`);
}

// ---- HTTP -------------------------------------------------------------------------------------------------------------------------

const SILENCE = 30_000;
const REDIRECTIONS = 5;

/** Requests the bytes from `from` on and follows redirects. Resolves with status 200 or 206; rejects with an InputError if a retry is pointless. */
async function request(url: string, from: number, signal: AbortSignal | undefined, redirections = 0): Promise<IncomingMessage> {
  const response = await respond(url, { signal, headers: from > 0 ? { range: `bytes=${from}-` } : {} });
  const { statusCode: status = 0, headers } = response;
  if (status === 200 || status === 206) return response;
  response.destroy();
  if (status >= 300 && status < 400 && headers.location) {
    const target = new URL(headers.location, url).href;
    if (redirections === REDIRECTIONS || (url.startsWith("https:") && !target.startsWith("https:")))
      throw new InputError(`${url} redirects to ${target}, which is not followed`);
    return request(target, from, signal, redirections + 1);
  }
  const message = `${url} answers with status ${status}`;
  const mayPass = status >= 500 || status === 408 || status === 429;
  throw mayPass ? new Error(message) : new InputError(`${message}: the file is not available there`);
}

function respond(url: string, options: { signal?: AbortSignal; headers: Record<string, string> }): Promise<IncomingMessage> {
  const get = url.startsWith("https:") ? httpsGet : httpGet;
  return new Promise((resolve, reject) => {
    const request = get(url, options, resolve);
    request.on("error", (error) => reject(new Error(`${url} cannot be reached: ${error.message}`)));
    request.setTimeout(SILENCE, () => request.destroy(new Error(`${url} sent nothing for ${SILENCE / 1000} seconds`)));
  });
}

// ---- Files ------------------------------------------------------------------------------------------------------------------------

function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}

async function md5Of(path: string): Promise<string> {
  const hash = createHash("md5");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
