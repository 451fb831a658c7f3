import type { DownloadName } from "../../src-main/contract/data-formats";
import type { DataInfo } from "../../src-main/contract/engine";
import type { Bridge } from "../bridge";
import { type Engine, inWords } from "./engine.svelte";

const THUMBNAILS_PER_CLASS = 8;

interface Thumbnail {
  label: number;
  /** Object URL of the PNG. */
  url: string;
  png: Uint8Array;
  /** Of the image itself; null if it has no file of its own. */
  path: string | null;
}

type Reading = { kind: "reading" } | { kind: "ready"; info: DataInfo; thumbnails: Thumbnail[] } | { kind: "failed"; message: string };
type Download = { name: DownloadName; received: number; total: number; secondsLeft: number | null } | null;

/** The chosen data and its contents. */
export class Data {
  path = $state("bundled");
  reading: Reading = $state.raw({ kind: "reading" });
  download: Download = $state.raw(null);
  downloadProblem: { name: DownloadName; message: string } | null = $state(null);

  constructor(
    private readonly bridge: Bridge,
    private readonly engine: Engine,
  ) {}

  get info(): DataInfo | null {
    return this.reading.kind === "ready" ? this.reading.info : null;
  }

  get thumbnails(): Thumbnail[] {
    return this.reading.kind === "ready" ? this.reading.thumbnails : [];
  }

  /** "bundled" or a folder. An answer that arrives after a later choice is dropped. */
  async open(path: string): Promise<void> {
    this.path = path;
    const reading: Reading = { kind: "reading" };
    this.#show(reading);
    const result = await this.#read(path);
    if (this.reading === reading) this.#show(result);
  }

  async chooseFolder(): Promise<void> {
    const folder = await this.bridge.chooseFolder("data");
    if (folder) await this.open(folder);
  }

  /** Downloads a whole data set into a folder that the user picks, and opens it. */
  async fetch(name: DownloadName): Promise<void> {
    const directory = await this.bridge.chooseFolder("download");
    if (!directory) return;
    this.downloadProblem = null;
    this.download = { name, received: 0, total: 0, secondsLeft: null };
    try {
      const { path } = await this.engine.call("dataDownload", { name, directory }, (notice) => {
        if (notice.type !== "download") return;
        const { received, total, secondsLeft } = notice;
        this.download = { name, received, total, secondsLeft };
      });
      await this.open(path);
    } catch (error) {
      this.downloadProblem = { name, message: inWords(error) };
    } finally {
      this.download = null;
    }
  }

  async #read(path: string): Promise<Reading> {
    try {
      const info = await this.engine.call("dataInfo", { path, format: "auto", thumbnailsPerClass: THUMBNAILS_PER_CLASS });
      const thumbnails = info.thumbnails.map((thumbnail) => ({ ...thumbnail, url: imageUrl(thumbnail.png) }));
      return { kind: "ready", info, thumbnails };
    } catch (error) {
      return { kind: "failed", message: inWords(error) };
    }
  }

  #show(reading: Reading): void {
    for (const { url } of this.thumbnails) URL.revokeObjectURL(url);
    this.reading = reading;
  }
}

export const imageUrl = (png: Uint8Array): string => URL.createObjectURL(new Blob([png as Uint8Array<ArrayBuffer>], { type: "image/png" }));
