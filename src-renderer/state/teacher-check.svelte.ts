import { isExact, isHubPath } from "../../src-main/contract/hub-path";
import type { DataSource } from "../../src-main/contract/recipe";
import { type Engine, inWords } from "./engine.svelte";
import { sentence } from "./words";

/** What is to be known of the teachers and the data to say whether they go together. */
export interface Teaching {
  teachers: { model: string; weights: string }[];
  classes: string[];
  data: DataSource;
}

/** About no teacher. */
const NOT_ASKED: { key: string; problem: string | null; warnings: readonly string[] } = { key: "null", problem: null, warnings: [] };

/** Whether the teachers of a form can teach the classes of its data, as the engine says. */
export class TeacherCheck {
  /** What was last asked, and what came. */
  #asked = $state.raw(NOT_ASKED);

  /** teaching: what the form has now; null without teachers, or while the classes are not known. */
  constructor(
    private readonly engine: Engine,
    private readonly teaching: () => Teaching | null,
  ) {}

  /** Why a teacher cannot teach these classes, in words; null if all can, or while that is not known. */
  get problem(): string | null {
    return this.#isCurrent ? this.#asked.problem : null;
  }

  /** That teachers know test images of the data, in words; none while that is not known. */
  get warnings(): readonly string[] {
    return this.#isCurrent ? this.#asked.warnings : [];
  }

  get #isCurrent(): boolean {
    return this.#asked.key === JSON.stringify(this.teaching());
  }

  /** Asks the engine, unless it was asked about the same. Weights on a server are looked at when a run begins. */
  async ask(): Promise<void> {
    if (this.#isCurrent) return;
    const teaching = this.teaching();
    const problems: (string | null)[] = [];
    const warnings: string[] = [];
    for (const { model, weights } of teaching?.teachers ?? []) {
      if (isHubPath(weights) && !isExact(weights)) continue;
      try {
        const found = await this.engine.call("checkTeacher", { model, weights, classes: teaching!.classes, data: teaching!.data });
        problems.push(found.problem && sentence(found.problem));
        warnings.push(...found.warnings.map(sentence));
      } catch (error) {
        problems.push(inWords(error));
      }
    }
    const key = JSON.stringify(teaching);
    if (key === JSON.stringify(this.teaching())) this.#asked = { key, problem: problems.find((problem) => problem !== null) ?? null, warnings };
  }

  /** Asks again next time: a file may be new under a name that was asked about before. */
  forget(): void {
    this.#asked = NOT_ASKED;
  }
}
