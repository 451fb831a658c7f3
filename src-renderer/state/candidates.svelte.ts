import type { KnownTeacher, NamedTeacher } from "../../src-main/contract/fitted-teacher";
import { isExact, isHubPath } from "../../src-main/contract/hub-path";
import type { Bridge } from "../bridge";
import type { Data } from "./data.svelte";
import { type Engine, inWords } from "./engine.svelte";
import type { Setup } from "./setup.svelte";
import { baseName, count } from "./words";

/** A network that may be the teacher of the chosen data, and what is known of that. */
export interface Candidate {
  teacher: NamedTeacher;
  title: string;
  /** Where it comes from. */
  source: string;
  test: Test;
}

/** unfit: it cannot teach these data. */
export type Test =
  | { kind: "waiting" | "testing" }
  | { kind: "unfit"; reason: string }
  | { kind: "tested"; accuracy: number; images: number; secondsPerImage: number; warnings: string[] };

/** Test images that each is tested on. */
const TESTED_ON = 500;
/** So many missing classes are named. */
const NAMED = 3;

const SOURCES: Record<KnownTeacher["kind"], string> = {
  bundled: "comes with the app",
  made: "made here",
  trained: "trained by a run",
  used: "teacher of an earlier run",
};

/** The teachers that are at hand, each tested on the chosen data. */
export class Candidates {
  list: readonly Candidate[] = $state.raw([]);
  problem: string | null = $state(null);
  /** Those that were chosen by hand. */
  #own: Candidate[] = [];
  /** What was tested last; what comes of an earlier search is dropped. */
  #found: string | null = null;

  constructor(
    private readonly bridge: Bridge,
    private readonly engine: Engine,
    private readonly data: Data,
    private readonly setup: Setup,
    private readonly runsDirectory: () => string,
  ) {}

  /** Looks for teachers and tests each, once for the same data. `also`: what a search depends on besides. */
  async find(also = ""): Promise<void> {
    const key = this.#key + also;
    if (!this.data.info || this.#found === key) return;
    this.#found = key;
    this.problem = null;
    try {
      const known = await this.engine.call("listTeachers", { directory: this.runsDirectory() });
      if (this.#found !== key) return;
      this.list = distinct([...this.#own.map(untested), ...known.map(candidateOf)]);
      for (const { teacher } of this.list) {
        await this.#test(teacher, key);
        if (this.#found !== key) return;
      }
    } catch (error) {
      if (this.#found !== key) return;
      this.problem = inWords(error);
      this.#found = null;
    }
  }

  /** What is being tested is not told any more, and the next search begins anew. */
  forget(): void {
    this.#found = null;
  }

  /** Adds a file of weights that the user picks. */
  async chooseFile(): Promise<void> {
    const weights = await this.bridge.chooseFile("weights");
    if (!weights || !this.data.info) return;
    const { model, imageSize } = await this.engine.call("checkTeacher", { model: null, weights, classes: [] });
    await this.add({ model, weights, imageSize }, baseName(weights), "a file of yours");
  }

  /** Adds a network, tests it, and takes it for the form if it fits. */
  async add(teacher: NamedTeacher, title: string, source: string): Promise<void> {
    if (!this.data.info) return;
    const added: Candidate = { teacher, title, source, test: { kind: "waiting" } };
    this.#own = [added, ...this.#own.filter((each) => each.teacher.weights !== teacher.weights)];
    this.list = distinct([added, ...this.list]);
    await this.#test(teacher, this.#found);
    if (this.list.find((each) => each.teacher === teacher)?.test.kind === "tested") this.choose(teacher);
  }

  choose(teacher: NamedTeacher): void {
    this.setup.useTeacher(teacher);
  }

  /** Whether it was chosen by hand. */
  isOwn({ teacher }: Candidate): boolean {
    return this.#own.some((own) => own.teacher.weights === teacher.weights);
  }

  isChosen({ teacher: { model, weights } }: Candidate): boolean {
    return this.setup.teacher?.weights === weights && this.setup.teacher.model === model;
  }

  get #key(): string {
    const { testShare, splitSeed, smallestSide } = this.setup.dataSettings;
    return JSON.stringify([this.data.path, this.data.info?.classes, testShare, splitSeed, smallestSide]);
  }

  async #test(teacher: NamedTeacher, search: string | null): Promise<void> {
    const show = (test: Test) => {
      if (this.#found === search) this.list = this.list.map((each) => (each.teacher === teacher ? { ...each, test } : each));
    };
    show({ kind: "testing" });
    show(await this.#tested(teacher));
  }

  async #tested({ model, weights, imageSize }: NamedTeacher): Promise<Test> {
    const classes = this.data.info!.classes;
    try {
      const { problem, known } = await this.engine.call("checkTeacher", { model, weights, classes });
      if (problem) return { kind: "unfit", reason: known ? unfitInWords(known, classes) : problem };
      const request = { model, weights, imageSize, path: this.data.path, format: "auto" as const, settings: this.setup.dataSettings, most: TESTED_ON };
      const { said, ...result } = await this.engine.call("testTeacher", request);
      return { kind: "tested", ...result, warnings: said.filter(({ type }) => type === "warning").map(({ text }) => text) };
    } catch (error) {
      return { kind: "unfit", reason: inWords(error) };
    }
  }
}

function candidateOf({ kind, name, model, weights, imageSize }: KnownTeacher): Candidate {
  return { teacher: { model, weights, imageSize }, title: name, source: SOURCES[kind], test: { kind: "waiting" } };
}

const untested = (candidate: Candidate): Candidate => ({ ...candidate, test: { kind: "waiting" } });

/** The first of those that are the same network. To test one, no server is asked. */
function distinct(all: readonly Candidate[]): Candidate[] {
  const identity = ({ teacher: { model, weights } }: Candidate) => JSON.stringify([model, weights]);
  return all.filter((each, i) => isAtHand(each.teacher.weights) && all.findIndex((other) => identity(other) === identity(each)) === i);
}

const isAtHand = (weights: string): boolean => !isHubPath(weights) || isExact(weights);

/** "This teacher does not know your classes bark and cloud" */
function unfitInWords({ count: known, lacks }: { count: number; lacks: readonly string[] }, classes: readonly string[]): string {
  if (lacks.length === 0) return `This teacher knows ${count(known)} ${known === 1 ? "class" : "classes"}, your data have ${count(classes.length)}`;
  const named = lacks.length > NAMED ? [...lacks.slice(0, NAMED), `${count(lacks.length - NAMED)} more`] : lacks;
  const words = named.length > 1 ? `${named.slice(0, -1).join(", ")} and ${named.at(-1)}` : named[0];
  return `This teacher does not know your ${lacks.length === 1 ? "class" : "classes"} ${words}`;
}
