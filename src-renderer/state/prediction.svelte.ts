import { armLabel, type ComparedArm } from "../../src-main/contract/arms";
import type { Notice, PredictRequest } from "../../src-main/contract/engine";
import type { RunCourse } from "../../src-main/contract/run";
import { softmax } from "../../src-main/contract/softmax";
import type { Bridge } from "../bridge";
import { imageUrl } from "./data.svelte";
import { type Engine, inWords } from "./engine.svelte";
import { baseName } from "./words";

export type Role = "teacher" | ComparedArm;

/** A network that can predict an image. */
export interface Subject {
  role: Role;
  title: string;
  network: Pick<PredictRequest, "model" | "weights" | "imageSize" | "patchSize" | "mean" | "std">;
}

/** Given as bytes (dropped or pasted) or as the path of a file. */
interface Picture {
  name: string;
  path: string;
  bytes?: Uint8Array;
}

/** One network's answer. Logits are kept, so that the temperature acts at once. */
export interface Opinion {
  subject: Subject;
  classes: string[];
  logits: number[];
  /** Object URL of what the network saw. */
  inputUrl: string | null;
}

const bundledTeacher: Subject = { role: "teacher", title: "Bundled teacher", network: { model: "resnet18_cifar10", weights: "bundled" } };

export class Prediction {
  picture: Picture | null = $state.raw(null);
  subjects: Subject[] = $state.raw([bundledTeacher]);
  /** Folder of the run whose networks predict; null: the bundled teacher alone. */
  run: string | null = $state(null);
  opinions: Opinion[] = $state.raw([]);
  temperature = $state(1);
  busy = $state(false);
  problem: string | null = $state(null);
  /** What the engine assumed of the networks. */
  warnings: string[] = $state.raw([]);
  #latest = 0;

  constructor(
    private readonly bridge: Bridge,
    private readonly engine: Engine,
  ) {}

  async show(picture: Picture): Promise<void> {
    this.picture = picture;
    await this.#ask();
  }

  async chooseFile(): Promise<void> {
    const path = await this.bridge.chooseFile("image");
    if (path) await this.show({ name: baseName(path), path });
  }

  async showFile(file: File): Promise<void> {
    const name = file.name || "Pasted image";
    await this.show({ name, path: name, bytes: new Uint8Array(await file.arrayBuffer()) });
  }

  /** Predicts with the networks of a run from now on. */
  async useRun(directory: string, arms: readonly RunCourse[]): Promise<void> {
    this.run = directory;
    this.subjects = subjectsOf(arms);
    await this.#ask();
  }

  async useBundledTeacher(): Promise<void> {
    this.run = null;
    this.subjects = [bundledTeacher];
    await this.#ask();
  }

  /** An answer that arrives after a later question is dropped. */
  async #ask(): Promise<void> {
    const { picture } = this;
    if (!picture) return;
    const question = ++this.#latest;
    this.busy = true;
    this.problem = null;
    try {
      const opinions: Opinion[] = [];
      const warnings: string[] = [];
      for (const subject of this.subjects) opinions.push(await this.#opinionOf(subject, picture, (text) => warnings.push(text)));
      if (question !== this.#latest) return;
      this.#take(opinions);
      this.warnings = [...new Set(warnings)];
    } catch (error) {
      if (question !== this.#latest) return;
      this.#take([]);
      this.warnings = [];
      this.problem = inWords(error);
    } finally {
      if (question === this.#latest) this.busy = false;
    }
  }

  async #opinionOf(subject: Subject, { path, bytes }: Picture, warn: (text: string) => void): Promise<Opinion> {
    const onNotice = (notice: Notice) => {
      if (notice.type === "warning") warn(notice.text);
    };
    const { classes, images } = await this.engine.call("predict", { ...subject.network, images: [{ path, bytes }], withInput: true }, onNotice);
    const { logits, input } = images[0]!;
    return { subject, classes, logits, inputUrl: input ? imageUrl(input) : null };
  }

  #take(opinions: Opinion[]): void {
    for (const { inputUrl } of this.opinions) if (inputUrl) URL.revokeObjectURL(inputUrl);
    this.opinions = opinions;
  }
}

/** The teacher that a run learned from, and what it trained. */
function subjectsOf(arms: readonly RunCourse[]): Subject[] {
  const teacher = arms.find(({ recipe }) => recipe.teacher)?.recipe.teacher;
  const trained = arms.map(({ arm, directory, recipe: { student } }): Subject => {
    const role = arm === "single" ? "student" : arm;
    const { model, imageSize, patchSize } = student;
    return {
      role,
      title: armLabel(role),
      network: { model, weights: `${directory}/student.safetensors`, imageSize, patchSize: patchSize ?? undefined },
    };
  });
  if (!teacher) return trained;
  const { others: _, ...network } = teacher;
  return [{ role: "teacher", title: "Teacher", network }, ...trained];
}

/** Probabilities at a temperature, and their entropy in bits. */
export function softened(logits: readonly number[], temperature: number): { probabilities: number[]; entropy: number } {
  const probabilities = softmax(logits, temperature);
  const entropy = probabilities.reduce((sum, p) => sum - (p > 0 ? p * Math.log2(p) : 0), 0);
  return { probabilities, entropy };
}

const LOWEST = 0.05;
const HIGHEST = 20;
const SPAN = Math.log(HIGHEST / LOWEST);

/** The temperature at a position of the slider, 0 ... 1, which is logarithmic: 0.1 to 1 has as much room as 1 to 10. */
export const temperatureAt = (position: number): number => Number((LOWEST * Math.exp(position * SPAN)).toPrecision(3));

export const positionOf = (temperature: number): number => Math.log(temperature / LOWEST) / SPAN;
