import type { DownloadName } from "../../src-main/contract/data-formats";
import type { DataInfo } from "../../src-main/contract/engine";
import type { Bridge } from "../bridge";
import { type Engine, inWords, isInterruption } from "./engine.svelte";

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
  /** A folder that is being read, to take the place of the chosen data if it can be used. */
  offered: string | null = $state(null);
  reading: Reading = $state.raw({ kind: "reading" });
  /** Folders that were opened, the last one first. */
  recent: string[] = $state.raw([]);
  download: Download = $state.raw(null);
  downloadProblem: { name: DownloadName; directory: string; stopped: boolean; message: string } | null = $state(null);

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
    if (this.reading !== reading) return;
    this.#show(result);
    if (result.kind === "ready") await this.#remember(path);
  }

  /** Opens a folder if it can be used; otherwise all stays as it is. Resolves to why it cannot; null if it can. */
  async openIfUsable(path: string): Promise<string | null> {
    this.offered = path;
    const result = await this.#read(path);
    // Another one may have been offered meanwhile.
    if (this.offered !== path) return null;
    this.offered = null;
    if (result.kind === "failed") return result.message;
    this.path = path;
    this.#show(result);
    await this.#remember(path);
    return null;
  }

  async #remember(path: string): Promise<void> {
    if (path !== "bundled") this.recent = await this.bridge.rememberData(path);
  }

  /** Reads the chosen data once more, as they may have changed. */
  async recheck(): Promise<void> {
    const { path } = this;
    const result = await this.#read(path);
    if (this.path === path && result.kind === "failed") this.#show(result);
  }

  async chooseFolder(): Promise<void> {
    const folder = await this.bridge.chooseFolder("data");
    if (folder) await this.open(folder);
  }

  /** Downloads a whole data set into a folder, which the user picks unless it is given, and opens it. */
  async fetch(name: DownloadName, into: string | null = null): Promise<void> {
    const directory = into ?? (await this.bridge.chooseFolder("download"));
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
      this.downloadProblem = { name, directory, stopped: isInterruption(error), message: inWords(error) };
    } finally {
      this.download = null;
    }
  }

  /** What has arrived is kept for the next time. */
  async stopDownload(): Promise<void> {
    if (this.download) await this.engine.call("stopDownloads", {});
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
