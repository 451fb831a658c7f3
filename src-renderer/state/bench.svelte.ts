import { LONGEST_NOTE } from "../../src-main/contract/run-folder";
import { againstBaseline, type Comparison } from "./baseline";
import type { Engine } from "./engine.svelte";
import { type OverlaidRun, Overlay } from "./overlay.svelte";
import { type Filtered, filtered } from "./run-filter";
import { type RunRow, rowsOf } from "./run-rows";
import { cellsOfRow, differingColumns, type SettingColumn, tellingColumns } from "./run-settings";
import { type Sort, sorted } from "./run-sort";
import { groupRuns, type RunGroup, type Runs } from "./runs.svelte";

/** More settings than these are shown on demand. */
const MOST_COLUMNS = 4;

/** The runs as a bench of recipes: which of them are shown, in what order, against which baseline, and which are chosen. */
export class Bench {
  filter = $state("");
  sort: Sort = $state.raw({ by: "started", descending: true });
  showsAllColumns = $state(false);
  /** Folders of the runs that are chosen. */
  chosen: ReadonlySet<string> = $state.raw(new Set<string>());
  /** The run whose name and note are being written. */
  editing: RunRow | null = $state.raw(null);
  /** What lies in the bin; null while that is not shown. */
  binned: RunRow[] | null = $state.raw(null);
  /** The curves of the chosen runs in one chart. */
  readonly overlay: Overlay;
  /** Folder of the sweep or search that is open. */
  #opened: string | null = $state(null);

  constructor(
    private readonly engine: Engine,
    private readonly runs: Runs,
    private readonly runsDirectory: () => string,
  ) {
    this.overlay = new Overlay(engine);
  }

  readonly all: readonly Filtered[] = $derived.by(() =>
    rowsOf(this.runs.groups, this.runs.folders, this.runsDirectory()).map((row) => ({ row, cells: cellsOfRow(row) })),
  );
  readonly columns: readonly SettingColumn[] = $derived(differingColumns(this.all.map(({ cells }) => cells)));
  readonly shownColumns: readonly SettingColumn[] = $derived(
    this.showsAllColumns
      ? this.columns
      : tellingColumns(
          this.columns,
          this.all.map(({ cells }) => cells),
          MOST_COLUMNS,
        ),
  );
  readonly #filtered = $derived(filtered(this.all, this.filter));
  readonly shown: readonly Filtered[] = $derived(sorted(this.#filtered.found, this.sort));
  readonly #baseline: Filtered | null = $derived(this.all.find(({ row }) => row.about.baseline) ?? null);

  /** Names in the filter that no run has a setting or figure of. */
  get unknownNames(): string[] {
    return this.#filtered.unknown;
  }

  get baseline(): RunRow | null {
    return this.#baseline?.row ?? null;
  }

  /** What a run changes against the baseline; null for the baseline itself, and without one. */
  against(one: Filtered): Comparison | null {
    return this.#baseline && this.#baseline.row.directory !== one.row.directory ? againstBaseline(this.#baseline, one) : null;
  }

  /** The curves of runs that are still in the list. */
  get overlaid(): OverlaidRun[] {
    return (this.overlay.runs ?? []).filter(({ directory }) => this.rowAt(directory) !== null);
  }

  /** After a run was deleted or came back: means over seeds are others then. */
  async #redraw(directory: string): Promise<void> {
    if (!this.overlay.concerns(directory) || this.overlay.runs?.some((run) => run.directory === directory)) return;
    await this.overlay.open(this.overlaid.map((run) => this.rowAt(run.directory)!));
  }

  get opened(): RunRow | null {
    return this.rowAt(this.#opened);
  }

  rowAt(directory: string | null): RunRow | null {
    return this.all.find(({ row }) => row.directory === directory)?.row ?? null;
  }

  /** That of which a comparison or trial is. */
  rowOf({ directory }: RunGroup): RunRow | null {
    return this.all.find(({ row }) => row.groups.some((group) => group.directory === directory))?.row ?? null;
  }

  get chosenRows(): RunRow[] {
    return this.all.flatMap(({ row }) => (this.chosen.has(row.directory) ? [row] : []));
  }

  /** Another column sorts by it, texts from A and figures from the highest; the same one turns the order round. */
  sortBy(by: string, isText: boolean): void {
    this.sort = { by, descending: this.sort.by === by ? !this.sort.descending : !isText };
  }

  choose(directory: string, wanted: boolean): void {
    const chosen = new Set(this.chosen);
    if (wanted) chosen.add(directory);
    else chosen.delete(directory);
    this.chosen = chosen;
    if (chosen.size === 0) this.overlay.close();
  }

  chooseNone(): void {
    this.chosen = new Set();
    this.overlay.close();
  }

  /** A sweep or a search is opened as a whole, another run with its curves. */
  async look(row: RunRow): Promise<void> {
    if (row.kind === "model" || row.kind === "comparison") await this.runs.look(row.groups[0]!);
    else this.openAt(row.directory);
  }

  /** A sweep or a search in a folder. */
  openAt(directory: string): void {
    this.#opened = directory;
  }

  close(): void {
    this.#opened = null;
  }

  async describe(row: RunRow, name: string, note: string): Promise<void> {
    await this.engine.call("describeRun", {
      directory: row.directory,
      name: name.trim() === row.recipe?.name ? null : name,
      note: note.slice(0, LONGEST_NOTE),
    });
    this.editing = null;
    await this.runs.refresh();
  }

  /** There is one baseline at most. */
  async setBaseline(row: RunRow, wanted: boolean): Promise<void> {
    for (const { row: other } of this.all)
      if (other.about.baseline && other.directory !== row.directory) await this.engine.call("describeRun", { directory: other.directory, baseline: false });
    await this.engine.call("describeRun", { directory: row.directory, baseline: wanted });
    await this.runs.refresh();
  }

  /** Moves a run to the bin; resolves to what undoes it. */
  async delete(directory: string): Promise<() => Promise<void>> {
    const there = await this.engine.call("binRun", { directory, runs: this.runsDirectory() });
    this.choose(directory, false);
    if (this.#opened === directory) this.close();
    await this.runs.left(directory);
    await this.#redraw(directory);
    return () => this.restore(there.directory);
  }

  // ---- The bin ----------------------------------------------------------------------------------------------------------------------

  get binDirectory(): string {
    return `${this.runsDirectory()}/.bin`;
  }

  async showBin(): Promise<void> {
    this.binned = await this.#readBin();
  }

  async #readBin(): Promise<RunRow[]> {
    const directory = this.binDirectory;
    const [listed, folders] = [await this.engine.call("listRuns", { directory }), await this.engine.call("listFolders", { directory })];
    return rowsOf(groupRuns(listed), folders, directory);
  }

  hideBin(): void {
    this.binned = null;
  }

  async restore(directory: string): Promise<void> {
    const back = await this.engine.call("restoreRun", { directory, runs: this.runsDirectory() });
    await this.runs.refresh();
    await this.#redraw(back.directory);
    if (!this.binned) return;
    const left = await this.#readBin();
    // It may have been closed meanwhile.
    if (this.binned) this.binned = left;
  }

  /** Deletes all that is in the bin; resolves to the files in it that are not the program's, and stay. */
  async emptyBin(): Promise<string[]> {
    const kept: string[] = [];
    for (const { directory } of this.binned ?? []) kept.push(...(await this.engine.call("deleteRun", { directory })).kept);
    this.hideBin();
    return kept;
  }
}
