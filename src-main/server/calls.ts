/** Answers the calls of pages in browsers that are not for the engine. */
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { z } from "zod";
import packageJson from "../../package.json";
import { exportFormatNamed, exportFormatNames } from "../contract/exports";
import { InputError, UsageError } from "../contract/failure";
import { hostOf, hubEndpoint, typedHubPath } from "../contract/hub-path";
import { SERVER_CALLS, type ServerCall, type ServerCalls, type Wanted } from "../contract/served";
import { isWithin } from "../disk/within";
import type { OwnedEngine } from "../engine-client/owned";
import { checked, filePath, argumentsOf as hostArguments, reportFormat } from "../host/arguments";
import { commitIn } from "../host/commit";
import type { Memory } from "../host/memory";
import type { Preferences } from "../host/preferences";
import type { Deliveries } from "./deliveries";
import type { Roots } from "./roots";

const wanted: z.ZodType<Wanted> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("folder"), purpose: z.enum(["data", "download"]) }),
  z.object({ kind: z.literal("file"), of: z.enum(["image", "weights"]) }),
  z.object({ kind: z.literal("model"), format: z.enum(exportFormatNames) }),
]);

/** The arguments of each call; anything else is refused. */
const argumentsOf = {
  environment: hostArguments.environment,
  connectEngine: hostArguments.connectEngine,
  allowHub: hostArguments.allowHub,
  setLesson: hostArguments.setLesson,
  setTheme: hostArguments.setTheme,
  rememberData: hostArguments.rememberData,
  rememberForm: hostArguments.rememberForm,
  places: z.tuple([wanted]),
  listFolder: z.tuple([filePath, wanted, z.string().max(255)]),
  picked: z.tuple([filePath, wanted, z.boolean()]),
  reportFile: z.tuple([z.enum(["html", "csv", "json"]), z.string().min(1).max(200)]),
  linkTo: z.tuple([filePath]),
} satisfies { [Name in ServerCall]: z.ZodType<ServerCalls[Name]["args"]> };

const ENDINGS = {
  image: ["png", "jpg", "jpeg", "webp", "gif", "tif", "tiff", "avif"],
  weights: ["safetensors", "onnx", "pth", "pt", "bin", "tar", "ckpt"],
};

/** What all pages of a server share. */
export interface Parts {
  /** The folder of this program. */
  root: string;
  runsDirectory: string;
  /** Whether pages may have the engine ask the Hugging Face hub: no dialog but theirs could ask the user first. */
  allowsHub: boolean;
  roots: Roots;
  engine: Pick<OwnedEngine<unknown>, "grant" | "isChosen">;
  preferences: Preferences;
  memory: Memory;
  deliveries: Deliveries;
}

type Handlers = { [Name in ServerCall]: (...args: ServerCalls[Name]["args"]) => ServerCalls[Name]["result"] | Promise<ServerCalls[Name]["result"]> };

export class Calls {
  /** Reports and models outside the runs folder that the user asked for. */
  readonly #exports = new Set<string>();
  #reports: string | null = null;

  constructor(private readonly parts: Parts) {}

  /** `connectEngine`: connects the page that calls. Throws an Error that says what is wrong with the call. */
  async answer(name: unknown, args: unknown, connectEngine: () => Promise<null>): Promise<unknown> {
    const call = SERVER_CALLS.find((known) => known === name);
    if (!call) throw new Error(`there is no call ${JSON.stringify(name)}`);
    const handlers: Handlers = { ...this.#handlers, connectEngine };
    return (handlers[call] as (...args: unknown[]) => unknown)(...checked(call, argumentsOf[call], args));
  }

  /** Deletes the reports that nobody fetches any more. */
  close(): void {
    if (this.#reports !== null) rmSync(this.#reports, { recursive: true, force: true });
  }

  readonly #handlers: Omit<Handlers, "connectEngine"> = {
    environment: () => ({
      versions: { app: packageJson.version, electron: "", chrome: "", node: process.versions.node },
      commit: commitIn(this.parts.root),
      platform: process.platform,
      theme: this.parts.preferences.get("theme"),
      lesson: this.parts.preferences.get("lesson"),
      runsDirectory: this.parts.runsDirectory,
      hub: hostOf(hubEndpoint(process.env)),
      recentData: this.parts.memory.recentData,
      form: this.parts.memory.form,
      notice: null,
    }),

    allowHub: async (typed) => {
      const model = typedHubPath(typed, hubEndpoint(process.env));
      if (!this.parts.allowsHub)
        throw new UsageError(`${model}: this server downloads nothing from the hub. Start it with distill serve --hub, or download the weights in a terminal.`);
      await this.parts.engine.grant(model, "read");
      return model;
    },

    setLesson: (isOpen) => {
      this.parts.preferences.set("lesson", isOpen);
      return null;
    },

    setTheme: (theme) => {
      this.parts.preferences.set("theme", theme);
      return null;
    },

    rememberData: (folder) => this.parts.memory.rememberData(folder),

    rememberForm: (form) => {
      this.parts.memory.rememberForm(form);
      return null;
    },

    places: (wanted) => {
      const { folders } = this.parts.roots;
      const last = this.parts.preferences.get("lastFolders")[purposeOf(wanted)];
      const first = wanted.kind === "model" ? realpathSync(this.parts.runsDirectory) : folders[0]!;
      const start = last !== undefined && existsSync(last) && this.parts.roots.allow(last) ? last : first;
      return { roots: [...folders], start };
    },

    listFolder: (folder, wanted, part) => this.parts.roots.list(folder, fitsFor(wanted), part),

    picked: async (file, wanted, replaces) => {
      const { roots, engine } = this.parts;
      if (wanted.kind === "model") return this.#modelPlace(file, wanted.format, replaces);
      if (wanted.kind === "folder" && wanted.purpose === "download" && !existsSync(file)) mkdirSync(roots.writable(file));
      const found = roots.existing(file, wanted.kind);
      if (wanted.kind === "file" && !fitsFor(wanted)(found))
        throw new InputError(`${file} does not end as ${wanted.of} do: .${ENDINGS[wanted.of].join(", .")}.`);
      this.#rememberFolder(wanted, wanted.kind === "folder" ? found : path.dirname(found));
      await engine.grant(found, wanted.kind === "folder" && wanted.purpose === "download" ? "write" : "read");
      return found;
    },

    reportFile: async (format, suggestedName) => {
      this.#reports ??= mkdtempSync(path.join(os.tmpdir(), "distill-reports-"));
      const file = path.join(mkdtempSync(path.join(this.#reports, "report-")), `${path.basename(suggestedName)}.${format}`);
      this.#exports.add(file);
      await this.parts.engine.grant(file, "write");
      return file;
    },

    linkTo: (file) => {
      const { runsDirectory, deliveries } = this.parts;
      const isReport = reportFormat.safeParse(path.extname(file).slice(1)).success;
      const isOfRuns =
        path.resolve(file) !== path.resolve(runsDirectory) &&
        isWithin(file, runsDirectory) &&
        (isReport || statSync(file, { throwIfNoEntry: false })?.isDirectory());
      if (!isOfRuns && !this.#exports.has(file)) throw new InputError(`${file} is neither a run or report in the runs folder nor what you had written.`);
      return deliveries.linkTo(realpathSync(file));
    },
  };

  /** The file or new folder that a model is written to; null if it is a file that is there, and may not be replaced. */
  async #modelPlace(named: string, format: (typeof exportFormatNames)[number], replaces: boolean): Promise<string | null> {
    const { ending } = exportFormatNamed(format);
    if (path.basename(named).startsWith(".")) throw new InputError(`${path.basename(named)}: names that begin with a dot are hidden; choose another name.`);
    const place = this.parts.roots.writable(named.toLowerCase().endsWith(ending ?? "") ? named : `${named}${ending}`);
    const there = statSync(place, { throwIfNoEntry: false });
    if (there && (ending === null || !there.isFile())) throw new InputError(`${path.basename(place)} is here already: choose another name.`);
    if (there && !replaces) return null;
    this.#rememberFolder({ kind: "model", format }, path.dirname(place));
    this.#exports.add(place);
    await this.parts.engine.grant(place, "write");
    return place;
  }

  #rememberFolder(wanted: Wanted, folder: string): void {
    const { preferences } = this.parts;
    preferences.set("lastFolders", { ...preferences.get("lastFolders"), [purposeOf(wanted)]: folder });
  }
}

const purposeOf = (wanted: Wanted): string => (wanted.kind === "folder" ? wanted.purpose : wanted.kind === "file" ? wanted.of : "model");

/** Which files a page is shown to pick from. */
function fitsFor(wanted: Wanted): (name: string) => boolean {
  const endings = wanted.kind === "file" ? ENDINGS[wanted.of] : wanted.kind === "model" ? [exportFormatNamed(wanted.format).ending?.slice(1) ?? ""] : [];
  return (name) => endings.includes(path.extname(name).slice(1).toLowerCase());
}
