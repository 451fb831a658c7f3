/** What becomes of files that are dropped, pasted or chosen: data, images to predict, a teacher's weights, a recipe. */
import { parseJson } from "../../src-main/contract/json";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import type { Recipe } from "../../src-main/contract/recipe";
import { type UnsizedTeacher, unsizedTeachers, withSizesOfWeights } from "../../src-main/contract/teacher-size";
import type { Bridge } from "../bridge";
import type { Data } from "./data.svelte";
import { chosenOf, type Dropped, type Kind, namesOf, type Target } from "./drop";
import type { Engine } from "./engine.svelte";
import type { Message } from "./message";
import type { Prediction } from "./prediction.svelte";
import type { Screen } from "./screens";
import type { Setup } from "./setup.svelte";
import { baseName, sentence } from "./words";

/** What is around them. */
interface Page {
  readonly engine: Engine;
  readonly data: Data;
  readonly setup: Setup;
  readonly prediction: Prediction;
  message: Message | null;
  show(screen: Screen): void;
  /** Does the work, and says why it failed. */
  reporting(work: () => Promise<unknown>): Promise<void>;
}

export class Files {
  constructor(
    private readonly bridge: Bridge,
    private readonly page: Page,
  ) {}

  /** Takes what was dropped or pasted. `target`: where it fell; null if on neither place. What is chosen already stays unless something better is there. */
  take(all: readonly Dropped[], target: Target | null): Promise<void> {
    const place = target ?? (all.some(({ isFolder }) => isFolder) ? "data" : "predict");
    const { kind, chosen, left } = chosenOf(all, place);
    return this.page.reporting(async () => {
      await this.#takeKind(kind, chosen, place);
      if (left.length > 0) this.say(`Left out of what was dropped: ${namesOf(left)}.`);
    });
  }

  #takeKind(kind: Kind, chosen: readonly Dropped[], place: Target): Promise<void> {
    switch (kind) {
      case "folder":
        return this.#takeFolder(chosen, place);
      case "image":
        return this.#takeImages(chosen, place);
      case "weights":
        return this.#takeWeights(chosen);
      case "recipe":
        return this.#takeRecipe(chosen);
      case "other":
        throw new Error(
          `Nothing here takes ${namesOf(chosen)}. Drop images (JPEG, PNG, WebP, GIF, TIFF or AVIF) to predict, a folder to use as data, weights (.safetensors) to use as teacher, or a recipe (.distill, .json).`,
        );
    }
  }

  async #takeFolder([first, ...others]: readonly Dropped[], place: Target): Promise<void> {
    const name = first!.file.name;
    if (others.length > 0) throw new Error(`One folder at a time can be the data; dropped were ${namesOf([first!, ...others])}.`);
    const path = await this.bridge.pathForFile(first!.file);
    if (!path) throw new Error(this.#withoutPath(`The folder ${name}`));
    if (place === "predict") {
      this.page.message = {
        kind: "caution",
        text: `A folder was dropped, ${name}. To predict, drop the images in it.`,
        action: { label: "Use it as data", run: () => this.openData(path) },
      };
      return;
    }
    await this.#openData(path);
  }

  /** Takes a folder as data if it can be used; otherwise says why not, and what was chosen stays. */
  openData(path: string): Promise<void> {
    return this.page.reporting(() => this.#openData(path));
  }

  async #openData(path: string): Promise<void> {
    this.page.show("data");
    const problem = await this.page.data.openIfUsable(path);
    if (problem) this.page.message = { kind: "problem", text: `${problem}\nThe data chosen before stay.`, holds: this.page.data.stays() };
  }

  async #takeImages(chosen: readonly Dropped[], place: Target): Promise<void> {
    const predict = async () => {
      this.page.show("predict");
      await this.page.prediction.showFiles(chosen.map(({ file }) => file));
    };
    if (place === "predict") return predict();
    this.page.message = {
      kind: "caution",
      text: "Images alone are no data: a folder is, in which each class has a folder of its images. The data chosen before stay.",
      action: { label: chosen.length === 1 ? "Predict it" : "Predict them", run: predict },
      holds: this.page.data.stays(),
    };
  }

  async #takeWeights([first, ...others]: readonly Dropped[]): Promise<void> {
    const path = await this.bridge.pathForFile(first!.file);
    if (!path) throw new Error(this.#withoutPath(`The file ${first!.file.name}`));
    this.page.show("setup");
    await this.useTeacherFile(path);
    const more = others.length > 0 ? ` One file at a time is taken: left out are ${namesOf(others)}.` : "";
    this.page.message = {
      kind: "done",
      text: `${first!.file.name} is the teacher now.${more}`,
      action: { label: "Let the student start from it instead", run: () => this.#startFrom(path) },
      holds: () => this.page.setup.teacher?.weights === path,
    };
  }

  #withoutPath(what: string): string {
    if (this.bridge.can.paths) return `${what} has no place on this computer: drop it from a file manager.`;
    return `${what} is on your computer, and the server needs it on its own: copy it there, and choose it with the button on the page.`;
  }

  /** Another teacher, known by its file alone. */
  async useTeacherFile(weights: string): Promise<void> {
    const { model, imageSize } = await this.page.engine.call("checkTeacher", { weights, model: null, classes: [] });
    this.page.setup.useTeacher({ model, weights, imageSize });
  }

  /** The student's initial weights. The teacher is again what it was before. */
  #startFrom(weights: string): void {
    this.page.setup.undoTeacher();
    this.page.setup.set("student.weights", weights);
    this.page.setup.showsMore = true;
    this.page.message = {
      kind: "done",
      text: `The student starts from ${baseName(weights)}, if its model is the one that the file is of.`,
      holds: () => this.page.setup.value("student.weights") === weights,
    };
  }

  /** Fills the form with a recipe file, or with what a run's folder says of itself. */
  importRecipe(file: File): Promise<void> {
    return this.page.reporting(() => this.#takeRecipe([{ file, isFolder: false }]));
  }

  async exportRecipe(): Promise<void> {
    const { recipe } = this.page.setup.result;
    if (!recipe) return;
    await this.page.reporting(async () => {
      const path = await this.bridge.saveRecipe(recipe);
      if (path) this.page.message = { kind: "done", text: `Recipe written to ${path}` };
    });
  }

  async #takeRecipe([first, ...others]: readonly Dropped[]): Promise<void> {
    const { file } = first!;
    await this.fillForm(await file.text(), file.name, others.length > 0 ? ` One recipe at a time is taken: left out are ${namesOf(others)}.` : "");
  }

  /** With the text of a recipe, which `name` is the file of. `more` is said after it. */
  async fillForm(text: string, name: string, more: string): Promise<void> {
    const read = recipeIn(text, name);
    const { recipe, notes } = await withSizesOfWeights(read.recipe, read.unsized, async ({ model, weights }) => {
      const { imageSize } = await this.page.engine.call("checkTeacher", { model, weights, classes: [] });
      return imageSize;
    });
    const { path } = recipe.data;
    if (path === "bundled" && this.page.data.path !== path) await this.page.data.open(path);
    this.page.setup.useRecipe(recipe);
    this.page.show("setup");
    const data = path === this.page.data.path ? "" : ` The recipe was made for other data (${path}): it is used on those that are chosen.`;
    this.page.message = { kind: "done", text: [`${name} fills the form.${data}${more}`, ...notes.map((note) => `${sentence(note)}.`)].join("\n") };
  }

  /** Adds a sentence to what is said already. `holds`: whether it is still true. */
  say(text: string, holds?: Message["holds"]): void {
    const { message } = this.page;
    this.page.message = message ? { ...message, text: `${message.text}\n${text}`, holds: holds ?? message.holds } : { kind: "caution", text, holds };
  }
}

/**
 * The recipe in a text: of a recipe file, or what a run folder says of itself; and its teachers whose image size it leaves out. Throws an Error that names
 * the file.
 */
function recipeIn(text: string, name: string): { recipe: Recipe; unsized: UnsizedTeacher[] } {
  try {
    const value = parseJson(text) as { recipe?: unknown } | null;
    const written = value?.recipe ?? value;
    const recipe = parseRecipe(written);
    return { recipe, unsized: unsizedTeachers(written, recipe) };
  } catch (error) {
    throw new Error(`The form stays as it is: ${name} is no recipe: ${error instanceof Error ? error.message : error}`);
  }
}
