import { beforeEach, describe, expect, it } from "vitest";
import type { Dropped } from "../../../src-renderer/state/drop";
import { failure, settle, studentRecipe } from "../fakes";
import { info, startedStudio } from "../started-studio";

let { engine, fake, studio } = {} as Awaited<ReturnType<typeof startedStudio>>;
beforeEach(async () => {
  ({ engine, fake, studio } = await startedStudio());
});

describe("what is dropped", () => {
  const file = (name: string, type: string) => new File([], name, { type });

  const folder = (name: string): Dropped => ({ file: file(name, ""), isFolder: true });
  const loose = (name: string, type = ""): Dropped => ({ file: file(name, type), isFolder: false });
  const image = (name: string) => loose(name, "image/png");
  const said = () => studio.message?.text;

  it("an image is predicted, and so are several, each under its own name", async () => {
    await studio.files.take([image("cat.png")], null);
    expect(studio).toMatchObject({ screen: "predict", prediction: { picture: { name: "cat.png" } } });
    await studio.files.take([image("cat.png"), image("cat.png"), image("dog.png")], "predict");
    expect(engine.paramsOf("predict").at(-1)).toMatchObject({ images: [{ path: "cat.png" }, { path: "cat.png (2)" }, { path: "dog.png" }] });
    expect(studio.message).toBeNull();
  });

  it("of more images than are predicted at once it is said how many are taken, and of a mixture what is left out", async () => {
    await studio.files.take([...Array.from({ length: 70 }, (_, n) => image(`${n}.png`)), loose("notes.txt", "text/plain")], "predict");
    expect(engine.paramsOf("predict").at(-1)).toMatchObject({ images: { length: 60 } });
    expect(said()).toBe("Left out of what was dropped: notes.txt.");
    expect(studio.prediction.warnings).toEqual(["the first 60 of 70 images are taken"]);
    await studio.files.take([image("cat.png")], "predict");
    expect(studio.prediction.warnings).toEqual([]);
  });

  it("a folder becomes the data, wherever it falls but on the place for predictions, which asks", async () => {
    await studio.files.take([folder("images")], "data");
    expect(studio).toMatchObject({ screen: "data", data: { path: "/dropped/images" } });
    await studio.files.take([folder("others")], "predict");
    expect(studio.data.path).toBe("/dropped/images");
    expect(said()).toContain("A folder was dropped, others");
    studio.message!.action!.run();
    await settle();
    expect(studio.data.path).toBe("/dropped/others");
  });

  it("what cannot be data leaves the chosen data as they are", async () => {
    engine.answers.dataInfo = () => Promise.reject(failure("/dropped/run holds no images in a known layout"));
    await studio.files.take([folder("run")], "data");
    expect(said()).toBe("/dropped/run holds no images in a known layout\nThe data chosen before stay.");
    await studio.files.take([image("cat.png")], "data");
    expect(said()).toContain("Images alone are no data");
    await studio.files.take([folder("one"), folder("two")], "data");
    expect(said()).toContain("One folder at a time can be the data");
    expect(studio.data).toMatchObject({ path: "bundled", offered: null, info });
    expect(engine.paramsOf("predict")).toEqual([]);
  });

  it("weights become the teacher, or the student's start instead", async () => {
    const before = studio.setup.value("teacher.weights");
    await studio.files.take([loose("mine.safetensors")], "data");
    expect(studio).toMatchObject({ screen: "setup", data: { path: "bundled" } });
    expect(studio.setup.value("teacher.weights")).toBe("/dropped/mine.safetensors");
    studio.message!.action!.run();
    expect([studio.setup.value("teacher.weights"), studio.setup.value("student.weights")]).toEqual([before, "/dropped/mine.safetensors"]);
  });

  it("a recipe that is exported is the form's, and fills it again", async () => {
    studio.setup.set("train.epochs", "7");
    await studio.files.exportRecipe();
    expect(fake.argsOf("saveRecipe")).toEqual([[studio.setup.result.recipe]]);
    const text = studio.setup.recipeText!;
    studio.setup.usePreset("article");
    await studio.files.importRecipe(new File([text], "mine.json"));
    expect(studio.setup.result.recipe).toEqual(JSON.parse(text));
    expect(studio.setup.result.recipe!.train.epochs).toBe(7);
    expect(studio.message).toMatchObject({ kind: "done", text: "mine.json fills the form." });
    await studio.files.importRecipe(new File(['{"student": {"model": "none"}}'], "bad.json"));
    expect(studio.message).toMatchObject({ kind: "problem", text: expect.stringMatching(/bad.json is no recipe.*student.model: /s) });
    expect(studio.setup.recipeText).toBe(text);
    studio.setup.set("train.epochs", "none");
    await studio.files.exportRecipe();
    expect([studio.setup.recipeText, fake.argsOf("saveRecipe").length]).toEqual([null, 1]);
  });

  it("a recipe that leaves the size of its teacher's images to the weights gets it from them, and says so", async () => {
    const { imageSize: _, ...teacher } = { ...studentRecipe.teacher!, model: "resnet18", weights: "/my/teacher.safetensors" };
    engine.answers.checkTeacher = () => ({ model: "resnet18", imageSize: 160, problem: null, warnings: [] });
    await studio.files.importRecipe(new File([JSON.stringify({ ...studentRecipe, teacher })], "mine.json"));
    expect(studio.setup.value("teacher.imageSize")).toBe(160);
    expect(studio.message!.text).toBe(
      "mine.json fills the form.\nThe teacher is shown images of 160 px (teacher.imageSize), as the weights /my/teacher.safetensors say; the usual size of a resnet18 is 224 px.",
    );
  });

  it("a recipe fills the form, and a text that is none does not", async () => {
    const recipe = { ...studentRecipe, name: "by hand", data: { ...studentRecipe.data, path: "/elsewhere" } };
    const dropped = (text: string): Dropped => ({ file: new File([text], "recipe.json"), isFolder: false });
    await studio.files.take([dropped(JSON.stringify({ recipe }))], "predict");
    expect(studio.setup.text("name")).toBe("by hand");
    expect(studio.setup.result.recipe!.data.path).toBe("bundled");
    expect(said()).toBe("recipe.json fills the form. The recipe was made for other data (/elsewhere): it is used on those that are chosen.");
    for (const text of ["[]", "{", JSON.stringify({ student: { model: "none" } })]) {
      await studio.files.take([dropped(text)], null);
      expect(said()).toContain("The form stays as it is: recipe.json is no recipe");
      expect(studio.setup.text("name")).toBe("by hand");
    }
  });

  it("what is said of data or of a teacher goes once others are chosen", async () => {
    const read = engine.answers.dataInfo!;
    engine.answers.dataInfo = () => Promise.reject(failure("/dropped/run holds no images in a known layout"));
    await studio.files.take([folder("run")], "data");
    studio.dropOutdated();
    expect(said()).toContain("The data chosen before stay.");
    engine.answers.dataInfo = read;
    await studio.data.open("/mine");
    studio.dropOutdated();
    expect(studio.message).toBeNull();

    await studio.files.take([loose("mine.safetensors")], "data");
    studio.dropOutdated();
    expect(said()).toContain("mine.safetensors is the teacher now");
    await studio.files.useTeacherFile("/another.safetensors");
    studio.dropOutdated();
    expect(studio.message).toBeNull();
  });

  it("anything else is refused", async () => {
    await studio.files.take([loose("notes.txt", "text/plain")], "data");
    expect(said()).toContain("Nothing here takes notes.txt");
    await studio.files.take([folder("pathless")], "data");
    expect(said()).toContain("The folder pathless has no place on this computer");
  });
});
