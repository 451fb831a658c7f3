/** Makes, finds and takes teachers. */
import type { KnownTeacher } from "../../src-main/contract/fitted-teacher";
import type { Environment } from "../../src-main/contract/host";
import type { Bridge } from "../bridge";
import type { Candidates } from "./candidates.svelte";
import type { Data } from "./data.svelte";
import type { Engine } from "./engine.svelte";
import type { Files } from "./files";
import type { Fit } from "./fit.svelte";
import type { HubWeights } from "./hub-weights.svelte";
import type { RunGroup, Runs } from "./runs.svelte";
import type { Setup } from "./setup.svelte";
import { weightsName } from "./words";

/** What is around it. */
interface Page {
  readonly engine: Engine;
  readonly environment: Environment | null;
  readonly data: Data;
  readonly setup: Setup;
  readonly fit: Fit;
  readonly candidates: Candidates;
  readonly hub: HubWeights;
  readonly files: Files;
  readonly runs: Runs;
  reporting(work: () => Promise<unknown>): Promise<void>;
}

export class Teachers {
  constructor(
    private readonly bridge: Bridge,
    private readonly page: Page,
  ) {}

  /** Makes a teacher for the data of the form, and takes it for the form. */
  async make(): Promise<void> {
    const { setup, fit, data } = this.page;
    const source = setup.dataSource;
    const made = await fit.start(source, setup.teacherFolder);
    if (made && source.path === data.path) setup.useMade(made);
  }

  /** Chooses the file of another teacher. */
  choose(): Promise<void> {
    return this.page.reporting(async () => {
      const file = await this.bridge.chooseFile("weights");
      if (file) await this.page.files.useTeacherFile(file);
    });
  }

  /** The same, tested on the chosen data first. */
  chooseCandidate(): Promise<void> {
    return this.page.reporting(() => this.page.candidates.chooseFile());
  }

  /** Adds the model on the hub that was typed to the teachers at hand, if the user allows it. */
  async fetchFromHub(): Promise<void> {
    const { hub, candidates, environment } = this.page;
    const fetched = await hub.fetch();
    if (fetched) await this.page.reporting(() => candidates.add(fetched, weightsName(fetched.weights), `from ${environment!.hub}`));
  }

  /** Takes what a finished run trained. */
  takeFrom(group: RunGroup): Promise<void> {
    return this.page.reporting(async () => {
      const arms = await this.page.runs.details(group);
      const { recipe, directory } = arms.at(-1)!;
      this.page.setup.useTeacher({ ...recipe.student, weights: `${directory}/student.safetensors` });
    });
  }

  /** Those that were made here, in the folder of runs; none where that cannot be read, which others tell. */
  async made(): Promise<KnownTeacher[]> {
    const { engine, environment } = this.page;
    const teachers = await engine.call("listTeachers", { directory: environment!.runsDirectory }).catch(() => []);
    return teachers.filter(({ kind }) => kind === "made");
  }
}
