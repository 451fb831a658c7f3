import { type ExportFormatName, type ExportOptions, exportFormatNamed, type WeightsOf } from "../../src-main/contract/exports";
import { patchSizeOf } from "../../src-main/contract/families";
import type { Notice } from "../../src-main/contract/notices";
import type { Bridge } from "../bridge";
import { type Engine, isInterruption } from "./engine.svelte";
import type { Message } from "./message";
import type { RunRow } from "./run-rows";
import { memberInWords, type RunGroup } from "./runs.svelte";
import { folderName } from "./training.svelte";
import { percentFigure, sentence } from "./words";

/** A trained model on its way to other programs: which one, as what, and where it went. */
export class ModelExport {
  /** The run whose model is being exported; null while none is. */
  row: RunRow | null = $state.raw(null);
  /** Folder of its comparison or model that is meant. */
  directory = $state("");
  weightsOf: WeightsOf = $state("last");
  format: ExportFormatName = $state("timm");
  options: ExportOptions = $state({});
  busy = $state(false);
  /** What a long export is at. */
  doing = $state("");
  /** Stops the export under way. */
  #stop: AbortController | null = null;

  constructor(
    private readonly bridge: Bridge,
    private readonly engine: Engine,
    /** Shows it in the file manager, or has the browser save it. */
    private readonly fetch: (path: string) => void,
  ) {}

  /** Those of the run that are finished, with what tells them apart. */
  readonly choices = $derived(exportable(this.row?.groups ?? []).map((group) => ({ value: group.directory, label: memberInWords(group) ?? group.name })));

  /** What the run has weights of. */
  get weights(): WeightsOf[] {
    const recipe = this.row?.recipe;
    return ["last", ...(recipe?.data.validation ? (["best"] as const) : []), ...(recipe?.train.ema ? (["ema"] as const) : [])];
  }

  /** Only vision transformers, which have patches, are exported with weights of 8 bits. */
  get takesInt8(): boolean {
    const model = this.row?.recipe?.student.model;
    return model !== undefined && patchSizeOf(model) !== null;
  }

  /** `group`: the comparison that is meant, if one is. */
  open(row: RunRow, group: RunGroup | null = null): void {
    this.row = row;
    this.directory = (group ?? exportable(row.groups)[0]!).directory;
    this.weightsOf = "last";
    this.options = {};
  }

  /** An export under way is stopped, and writes nothing. */
  close(): void {
    this.#stop?.abort();
    this.#stop = null;
    this.busy = false;
    this.row = null;
  }

  /** Asks for a place and writes the model there. Returns what to tell, and null if the user named no place, or stopped it. */
  async export(): Promise<Message | null> {
    const { row, format, directory, weightsOf } = this;
    const out = await this.bridge.chooseModelPlace(format, folderName(row!.name, new Date(row!.started)));
    if (out === null) return null;
    this.busy = true;
    this.doing = "Writing ...";
    const stop = new AbortController();
    this.#stop = stop;
    try {
      const said: string[] = [];
      const known: readonly string[] = exportFormatNamed(format).options;
      const options = Object.fromEntries(Object.entries(this.options).filter(([name, value]) => known.includes(name) && value !== undefined));
      const onNotice = (notice: Notice) => {
        if (stop.signal.aborted) return;
        if (notice.type === "work") this.doing = `Testing ${Math.floor((100 * notice.done) / notice.total)} % ...`;
        if (notice.type === "note" || notice.type === "warning") said.push(`${sentence(notice.text)}.`);
      };
      const request = { source: { run: directory, ...(!exportFormatNamed(format).isUntrained && { weightsOf }) }, format, options, out, replaces: true };
      const result = await this.engine.write("exportModel", request, { onNotice, signal: stop.signal });
      // Another one may be chosen by now.
      if (this.#stop === stop) this.close();
      const accuracy = result.testAccuracy === null ? "" : `, which classified ${percentFigure(result.testAccuracy)} of the test images correctly`;
      const what = exportFormatNamed(format).isUntrained ? `A script that trains ${result.model} as this run did` : `${result.model}${accuracy}`;
      return {
        kind: "done",
        text: [`${what}, written to ${out}`, ...said].join("\n"),
        action: { label: this.bridge.can.reveal ? "Show" : "Download", run: () => this.fetch(out) },
      };
    } catch (error) {
      if (stop.signal.aborted && isInterruption(error)) return null;
      throw error;
    } finally {
      if (this.#stop === stop) this.busy = false;
    }
  }
}

/** A comparison whose student is not finished has no weights to export. */
export const exportable = (groups: readonly RunGroup[]): RunGroup[] => groups.filter(({ state }) => state === "finished");
