import type { DownloadName } from "../../src-main/contract/data-formats";
import type { DataInfo } from "../../src-main/contract/data-info";
import type { DataSettings } from "../../src-main/contract/engine";
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

/** What a recipe says of which images are taken. */
export interface Choosing {
  readonly dataSettings: DataSettings;
  /** All images are taken again: what was chosen was chosen for other data. */
  forgetDataSettings(): void;
}

const ALL: Choosing = { dataSettings: {}, forgetDataSettings: () => {} };

/** The chosen data and its contents. */
export class Data {
  path = $state("bundled");
  /** What the screen shows of it. */
  part: "pictures" | "teacher" = $state("pictures");
  /** A folder that is being read, to take the place of the chosen data if it can be used. */
  offered: string | null = $state(null);
  reading: Reading = $state.raw({ kind: "reading" });
  /** Folders that were opened, the last one first. */
  recent: string[] = $state.raw([]);
  download: Download = $state.raw(null);
  downloadProblem: { name: DownloadName; directory: string; stopped: boolean; message: string } | null = $state(null);

  /** Why the data cannot be taken as the form now says, in words; what is shown is as it said before. */
  problem: string | null = $state(null);
  /** With which settings what is shown was read, with which it cannot be, and with which it is being read anew. */
  #readWith = "";
  #refused: string | null = null;
  #rereading: { key: string; done: Promise<string | null> } | null = null;

  constructor(
    private readonly bridge: Bridge,
    private readonly engine: Engine,
    private readonly choosing: () => Choosing = () => ALL,
  ) {}

  get info(): DataInfo | null {
    return this.reading.kind === "ready" ? this.reading.info : null;
  }

  /** What tells whether the data that are shown now still are. */
  stays(): () => boolean {
    const { reading } = this;
    return () => this.reading === reading;
  }

  get thumbnails(): Thumbnail[] {
    return this.reading.kind === "ready" ? this.reading.thumbnails : [];
  }

  /** "bundled" or a folder. An answer that arrives after a later choice is dropped. */
  async open(path: string): Promise<void> {
    this.#choose(path);
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
    const result = await this.#read(path, path === this.path ? undefined : {});
    // Another one may have been offered meanwhile.
    if (this.offered !== path) return null;
    this.offered = null;
    if (result.kind === "failed") return result.message;
    this.#choose(path);
    this.#show(result);
    await this.#remember(path);
    return null;
  }

  async #remember(path: string): Promise<void> {
    if (path !== "bundled") this.recent = await this.bridge.rememberData(path);
  }

  #choose(path: string): void {
    if (path !== this.path) {
      this.choosing().forgetDataSettings();
      // There stands what is to be known of other data.
      this.part = "pictures";
    }
    this.path = path;
    this.problem = null;
    this.#refused = null;
  }

  /** What the form says, to tell whether it has changed. */
  get #key(): string {
    return JSON.stringify(this.choosing().dataSettings);
  }

  /** Reads the data anew if the form says that other images are taken than those that are shown. Resolves to why they cannot be; null if they can. */
  follow(): Promise<string | null> {
    const key = this.#key;
    if (this.#rereading?.key === key) return this.#rereading.done;
    this.#rereading = null;
    if (this.reading.kind !== "ready" || key === this.#readWith) {
      this.problem = null;
      return Promise.resolve(null);
    }
    if (key === this.#refused) return Promise.resolve(this.problem);
    const done = this.#readAnew(key);
    this.#rereading = { key, done };
    return done;
  }

  /** An answer that arrives after a later change is dropped. */
  async #readAnew(key: string): Promise<string | null> {
    const { path, reading } = this;
    const result = await this.#read(path);
    if (this.#rereading?.key !== key || this.reading !== reading) return null;
    this.#rereading = null;
    this.problem = result.kind === "failed" ? result.message : null;
    this.#refused = result.kind === "failed" ? key : null;
    if (result.kind === "ready") this.#show(result);
    return this.problem;
  }

  /** Reads the chosen data once more, as they may have changed. */
  async recheck(): Promise<void> {
    const { path } = this;
    const result = await this.#read(path);
    if (this.path === path && result.kind === "failed") this.#show(result);
  }

  /** The class of an image by its place in the chosen folder; null if it lies elsewhere. */
  truthOf(path: string): string | null {
    const classes = this.info?.classes ?? [];
    const folder = `${this.info?.path}/`.replaceAll("\\", "/");
    const file = path.replaceAll("\\", "/");
    if (!file.startsWith(folder)) return null;
    // <class>/ or <part>/<class>/
    const [first, second] = file.slice(folder.length).normalize("NFC").split("/");
    return classes.find((name) => name === second) ?? classes.find((name) => name === first) ?? null;
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

  async #read(path: string, settings: DataSettings = this.choosing().dataSettings): Promise<Reading> {
    try {
      const info = await this.engine.call("dataInfo", { path, format: "auto", thumbnailsPerClass: THUMBNAILS_PER_CLASS, settings });
      const thumbnails = info.thumbnails.map((thumbnail) => ({ ...thumbnail, url: imageUrl(thumbnail.png) }));
      return { kind: "ready", info, thumbnails };
    } catch (error) {
      return { kind: "failed", message: inWords(error) };
    }
  }

  #show(reading: Reading): void {
    this.#readWith = this.#key;
    for (const { url } of this.thumbnails) URL.revokeObjectURL(url);
    this.reading = reading;
  }
}

export const imageUrl = (png: Uint8Array): string => URL.createObjectURL(new Blob([png as Uint8Array<ArrayBuffer>], { type: "image/png" }));
