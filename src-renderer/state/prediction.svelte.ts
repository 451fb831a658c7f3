import type { PredictResult } from "../../src-main/contract/answers";
import { armLabel, type ComparedArm } from "../../src-main/contract/arms";
import type { PredictRequest } from "../../src-main/contract/engine";
import type { NamedTeacher } from "../../src-main/contract/fitted-teacher";
import type { Notice } from "../../src-main/contract/notices";
import type { RunCourse } from "../../src-main/contract/run";
import { softmax } from "../../src-main/contract/softmax";
import type { Bridge } from "../bridge";
import { imageUrl } from "./data.svelte";
import { type Engine, inWords } from "./engine.svelte";
import { baseName, count } from "./words";

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
  /** Its class, where it is one of the chosen data; null if nobody knows. */
  truth?: string | null;
}

/** One network's answer. Logits are kept, so that the temperature acts at once. */
export interface Opinion {
  subject: Subject;
  classes: string[];
  logits: number[];
  /** Object URL of what the network saw. */
  inputUrl: string | null;
}

/** A picture, and what each network says of it. */
export interface Answered {
  name: string;
  /** Its class, if that is known. */
  truth: string | null;
  opinions: Opinion[];
}

/** Each picture is held here and by the engine while it is predicted. */
export const MOST_PICTURES = 60;

const bundledTeacher: Subject = { role: "teacher", title: "Bundled teacher", network: { model: "resnet18_cifar10", weights: "bundled" } };

export class Prediction {
  subjects: Subject[] = $state.raw([bundledTeacher]);
  /** Folder of the run whose networks predict; null: the bundled teacher alone. */
  run: string | null = $state(null);
  /** The pictures that can be read, each under its own name and with its own answers: those of the pictures before stay until new ones are there. */
  answered: Answered[] = $state.raw([]);
  /** Which of them is looked at. */
  chosen = $state(0);
  temperature = $state(1);
  busy = $state(false);
  problem: string | null = $state(null);
  /** What the engine assumed of the networks, and what is left out. */
  warnings: string[] = $state.raw([]);
  #pictures: Picture[] = $state.raw([]);
  /** How many images were given, of which these are the first. */
  #given = 0;
  #latest = 0;

  constructor(
    private readonly bridge: Bridge,
    private readonly engine: Engine,
    /** The class of a file of the chosen data; null of others. */
    private readonly truthOf: (path: string) => string | null = () => null,
  ) {}

  /** The picture that is asked about, the first of several; null before there is one. */
  get picture(): Picture | null {
    return this.#pictures[0] ?? null;
  }

  get opinions(): Opinion[] {
    return this.answered[this.chosen]?.opinions ?? [];
  }

  show(picture: Picture): Promise<void> {
    return this.#showAll([picture], 1);
  }

  async chooseFile(): Promise<void> {
    const chosen = await this.bridge.chooseImages();
    if (chosen === null) return;
    if ("files" in chosen) return this.showFiles(chosen.files);
    const { path } = chosen;
    await this.show({ name: baseName(path), path, truth: this.truthOf(path) });
  }

  /** Up to `MOST_PICTURES`, the first of them. */
  async showFiles(files: readonly File[]): Promise<void> {
    const names = distinct(files.map(({ name }) => name || "Pasted image"));
    await this.#showAll(
      await Promise.all(
        files.slice(0, MOST_PICTURES).map(async (file, index) => {
          // What was pasted has no path.
          const truth = this.truthOf(await this.bridge.pathForFile(file));
          return { name: names[index]!, path: names[index]!, bytes: await bytesOf(file), truth };
        }),
      ),
      files.length,
    );
  }

  /** Predicts with the networks of a run from now on. */
  async useRun(directory: string, arms: readonly RunCourse[]): Promise<void> {
    this.run = directory;
    this.subjects = subjectsOf(arms);
    await this.#ask();
  }

  /** Predicts with a teacher that was made here. `name`: of its folder. */
  async useTeacher(teacher: NamedTeacher, name: string): Promise<void> {
    this.run = teacher.weights;
    this.subjects = [{ role: "teacher", title: name, network: teacher }];
    await this.#ask();
  }

  async useBundledTeacher(): Promise<void> {
    this.run = null;
    this.subjects = [bundledTeacher];
    await this.#ask();
  }

  /** After a failure that has nothing to do with the picture. */
  async askAgain(): Promise<void> {
    if (this.problem !== null) await this.#ask();
  }

  async #showAll(pictures: Picture[], given: number): Promise<void> {
    this.#pictures = pictures;
    this.#given = given;
    await this.#ask();
  }

  /** Has the engine load the networks while there is no picture yet. What keeps it from that is said when there is one. */
  async prepare(): Promise<void> {
    for (const { network } of this.subjects) await this.engine.call("predict", { ...network, images: [] }).catch(() => {});
  }

  /** An answer that arrives after a later question is dropped. */
  async #ask(): Promise<void> {
    const pictures = this.#pictures;
    if (pictures.length === 0) return;
    const question = ++this.#latest;
    this.busy = true;
    this.problem = null;
    try {
      const warnings = pictures.length < this.#given ? [`the first ${pictures.length} of ${count(this.#given)} images are taken`] : [];
      const networks: NetworkAnswer[] = [];
      for (const subject of this.subjects) networks.push(await this.#answerOf(subject, pictures, (text) => warnings.push(text)));
      if (question !== this.#latest) return;
      const truths = new Map(pictures.map(({ name, truth = null }) => [name, truth]));
      this.#take(answeredBy(networks, truths));
      this.warnings = [...new Set([...warnings, ...networks.flatMap(({ unreadable }) => unreadable)])];
    } catch (error) {
      if (question !== this.#latest) return;
      this.#take([]);
      this.warnings = [];
      this.problem = inWords(error);
    } finally {
      if (question === this.#latest) this.busy = false;
    }
  }

  async #answerOf(subject: Subject, pictures: readonly Picture[], warn: (text: string) => void): Promise<NetworkAnswer> {
    const onNotice = (notice: Notice) => {
      if (notice.type === "warning") warn(notice.text);
    };
    const images = pictures.map(({ path, bytes }) => ({ path, bytes }));
    const answer = await this.engine.call("predict", { ...subject.network, images, withInput: true }, onNotice);
    const refused = new Set(answer.unreadable.map(({ path }) => path));
    return {
      subject,
      classes: answer.classes,
      names: pictures.filter(({ path }) => !refused.has(path)).map(({ name }) => name),
      images: answer.images,
      unreadable: answer.unreadable.map(({ path, reason }) => `${baseName(path)} cannot be read: ${reason}`),
    };
  }

  #take(answered: Answered[]): void {
    for (const { opinions } of this.answered) for (const { inputUrl } of opinions) if (inputUrl) URL.revokeObjectURL(inputUrl);
    this.answered = answered;
    if (!answered[this.chosen]) this.chosen = 0;
  }
}

/** What one network says of several pictures. */
interface NetworkAnswer extends Pick<PredictResult, "classes" | "images"> {
  subject: Subject;
  /** Of the images that it could read, in their order. */
  names: string[];
  unreadable: string[];
}

/** By picture instead of by network. Whether a picture can be read does not depend on the network. */
function answeredBy(networks: readonly NetworkAnswer[], truths: ReadonlyMap<string, string | null>): Answered[] {
  return (networks[0]?.names ?? []).map((name, index) => ({
    name,
    truth: truths.get(name) ?? null,
    opinions: networks.map(({ subject, classes, images }) => {
      const { logits, input } = images[index]!;
      return { subject, classes, logits, inputUrl: input ? imageUrl(input) : null };
    }),
  }));
}

/** Whether two names are of one class: they may differ in upper and lower case, spaces, hyphens and underscores, as in the engine. */
export const isSameClass = (one: string, other: string): boolean => plain(one) === plain(other);

const plain = (name: string): string =>
  name
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[\s_-]+/g, " ")
    .trim();

/** Pictures are told apart by their names: "a.jpg", "a.jpg (2)". */
function distinct(names: readonly string[]): string[] {
  return names.map((name, index) => {
    const before = names.slice(0, index).filter((other) => other === name).length;
    return before > 0 ? `${name} (${before + 1})` : name;
  });
}

const bytesOf = async (file: File): Promise<Uint8Array> => new Uint8Array(await file.arrayBuffer());

/** The teacher that a run learned from, and what it trained. */
function subjectsOf(arms: readonly RunCourse[]): Subject[] {
  const teacher = arms.find(({ recipe }) => recipe.teacher)?.recipe.teacher;
  const trained = arms.map(({ arm, directory, recipe: { student } }): Subject => {
    const role = arm === "single" ? "student" : arm;
    const { model, imageSize, patchSize } = student;
    return {
      role,
      title: arm === "single" ? "Model" : armLabel(arm),
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
