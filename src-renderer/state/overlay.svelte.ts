import { valueAt } from "../../src-main/contract/recipe-values";
import type { EpochRecord } from "../../src-main/contract/run";
import { TESTED_ON } from "./baseline";
import { type Engine, inWords } from "./engine.svelte";
import { type RunRow, rowInWords } from "./run-rows";
import { baseName } from "./words";

export const FEWEST_OVERLAID = 2;
export const MOST_OVERLAID = 5;

/** Test accuracy of a run's student after its epochs: of one seed, or the mean of all. */
export interface OverlaidRun {
  directory: string;
  name: string;
  points: { x: number; y: number }[];
  /** Which images it was tested on: runs of other ones do not compare. */
  testedOn: { key: string; words: string };
}

/** The curves of several runs in one chart; what cannot be read of them is said, and the others stay. */
export class Overlay {
  runs: OverlaidRun[] | null = $state.raw(null);
  problems: string[] = $state.raw([]);
  reading = $state(false);

  constructor(private readonly engine: Engine) {}

  async open(rows: readonly RunRow[]): Promise<void> {
    this.reading = true;
    const problems: string[] = [];
    const runs: OverlaidRun[] = [];
    for (const row of rows.slice(0, MOST_OVERLAID)) {
      try {
        const courses = await this.#courses(row);
        runs.push({ directory: row.directory, name: rowInWords(row), points: meanByEpoch(courses), testedOn: testedOn(row) });
        if (courses.length === 0) problems.push(`${row.name}: no student of it has been trained yet.`);
      } catch (error) {
        problems.push(`${row.name}: ${inWords(error)}`);
      }
    }
    Object.assign(this, { runs, problems, reading: false });
  }

  /** Whether one of the runs is, holds or lies in a folder: what it shows is another then. */
  concerns(directory: string): boolean {
    return this.runs?.some((run) => run.directory === directory || directory.startsWith(`${run.directory}/`)) ?? false;
  }

  close(): void {
    this.runs = null;
    this.problems = [];
  }

  async #courses({ groups }: RunRow): Promise<EpochRecord[][]> {
    const taught = groups.flatMap(({ arms }) => arms.filter(({ arm }) => arm === "student" || arm === "single"));
    return Promise.all(taught.map(async ({ directory }) => (await this.engine.call("readCourse", { directory })).epochRecords));
  }
}

function testedOn({ recipe }: RunRow): OverlaidRun["testedOn"] {
  const values = recipe ? TESTED_ON.map((key) => valueAt(recipe, key) ?? null) : [];
  return { key: JSON.stringify(values), words: recipe ? baseName(recipe.data.path) : "images that are not known" };
}

/** That runs were tested on different images, and which on which; null if all were on the same. */
export function otherImagesInWords(runs: readonly Pick<OverlaidRun, "name" | "testedOn">[]): string | null {
  const [first] = runs;
  if (runs.every(({ testedOn }) => testedOn.key === first!.testedOn.key)) return null;
  const each = runs.map(({ name, testedOn }) => `${name} (${testedOn.words})`).join(", ");
  return `These curves do not compare: the runs were tested on different images. ${each}.`;
}

/** Over the runs that were tested after an epoch; epochs after which not all were are left out, so that each point is of the same runs. */
export function meanByEpoch(courses: readonly (readonly Pick<EpochRecord, "epoch" | "testAcc">[])[]): OverlaidRun["points"] {
  const tested = courses.map((records) => new Map(records.flatMap(({ epoch, testAcc }) => (testAcc === null ? [] : [[epoch, testAcc] as const]))));
  const common = [...(tested[0]?.keys() ?? [])].filter((epoch) => tested.every((one) => one.has(epoch)));
  return common.map((x) => ({ x, y: tested.reduce((sum, one) => sum + one.get(x)!, 0) / tested.length }));
}
