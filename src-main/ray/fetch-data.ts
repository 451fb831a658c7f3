/** Runs on the cluster: downloads a job's data to its node, once for all jobs there. */
import { existsSync, readdirSync, renameSync, rmSync, statfsSync, statSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { InputError } from "../contract/failure";
import { digestOf } from "../disk/digest";
import { makeFolder } from "../disk/make-folder";
import { isFullDisk } from "../disk/open-file";
import { unpack } from "../disk/unpack";
import { fetchFile, type Received } from "../download/fetch-file";
import type { RemoteData } from "./data-there";
import { oneForAll } from "./one-for-all";

export interface NodeData extends RemoteData {
  /** Of the folder: jobs with the same one share it. */
  name: string;
}

/** A phase passes, a note stays. */
export interface News {
  type: "phase" | "note";
  text: string;
}

/** Between two looks at the progress. */
const EVERY_MS = 1000;

/** The folder below `cache` with the unpacked data, downloaded now or by another job. A download that was killed is gone on with. */
export async function fetchData(data: NodeData, cache: string, hear: (news: News) => void): Promise<string> {
  const folder = path.join(cache, data.name);
  await oneForAll<News>({ name: folder, isDone: () => existsSync(folder), work: (tell) => bring(data, folder, tell), hear });
  return dataIn(folder);
}

async function bring({ url, sha256 }: NodeData, folder: string, tell: (news: News) => void): Promise<void> {
  const [archive, unpacking] = [`${folder}.archive`, `${folder}.unpacking`];
  const phase = fromTimeToTime((text) => tell({ type: "phase", text }));
  try {
    makeFolder(path.dirname(folder));
    rmSync(unpacking, { recursive: true, force: true });
    let isAsked = false;
    const onProgress = (received: Received) => {
      if (!isAsked) expectRoom(received, path.dirname(folder));
      isAsked = true;
      phase(`Downloading the data: ${inWords(received)}`);
    };
    const onRetry = (problem: string) => tell({ type: "note", text: `${hostname()}: ${problem}` });
    if (!existsSync(archive)) await fetchFile({ url, ...(sha256 && { checksum: { algorithm: "sha256", value: sha256 } }) }, archive, { onProgress, onRetry });
    await unpack(archive, unpacking, { name: url, onProgress: (share) => phase(`Unpacking the data: ${Math.floor(100 * share)} %`) });
    if (!sha256) tell({ type: "note", text: unchecked(url, await digestOf(archive, "sha256")) });
    renameSync(unpacking, folder);
    rmSync(archive);
  } catch (error) {
    rmSync(unpacking, { recursive: true, force: true });
    if (isFullDisk(error)) throw new InputError(`${(error as Error).message}. ${roomIn(path.dirname(folder), sizeOf(archive))}`, { cause: error });
    // What came is of no use.
    rmSync(archive, { force: true });
    throw error;
  }
}

const unchecked = (url: string, sha256: string) =>
  `The data come from ${url}, an archive whose SHA-256 is ${sha256}: with #sha256=${sha256} after the address, every node checks that it has the same, and keeps it for the next run.`;

/** An archive often has one folder, with all data in it. */
function dataIn(folder: string): string {
  const shown = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith(".") && name !== "__MACOSX");
  const [only] = shown;
  const isWrapping = shown.length === 1 && only!.isDirectory() && !/^(train(ing)?|val(id(ation)?)?|test(ing)?)$/i.test(only!.name);
  return isWrapping ? dataIn(path.join(folder, only!.name)) : folder;
}

// ---- Words ------------------------------------------------------------------------------------------------------------------------

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

function inWords({ received, total, secondsLeft }: Received): string {
  const left = secondsLeft === null ? "" : `, ${Math.ceil(secondsLeft)} s left`;
  return `${megabytes(received)}${total === null ? "" : ` of ${megabytes(total)}`}${left}`;
}

function fromTimeToTime(tell: (text: string) => void): (text: string) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (text) => {
    if (performance.now() - last < EVERY_MS) return;
    last = performance.now();
    tell(text);
  };
}

// ---- Room on the disk -------------------------------------------------------------------------------------------------------------

function freeIn(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** Throws an InputError where what is still to come does not fit, which is better known at the beginning. */
function expectRoom({ received, total }: Received, folder: string): void {
  const left = (total ?? 0) - received;
  if (total === null || left <= freeIn(folder)) return;
  throw new InputError(`the data's archive has ${megabytes(total)}, of which ${megabytes(left)} are still to come. ${roomIn(folder, total)}`, {
    cause: Object.assign(new Error("no space left"), { code: "ENOSPC" }),
  });
}

const roomIn = (folder: string, archive: number) =>
  `The disk of ${folder} on ${hostname()} has ${megabytes(freeIn(folder))} free, and takes the archive (${megabytes(archive)}) and what is unpacked from it: make room there, or start Ray with --temp-dir on a larger disk`;

const sizeOf = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
