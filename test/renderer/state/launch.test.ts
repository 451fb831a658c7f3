import { beforeEach, describe, expect, it } from "vitest";
import type { RunGroup } from "../../../src-renderer/state/runs.svelte";
import { details, failure, liveRun, owner, settle, studentRecipe, summary } from "../fakes";
import { startedStudio } from "../started-studio";

let { engine, studio, end } = {} as Awaited<ReturnType<typeof startedStudio>>;
beforeEach(async () => {
  ({ engine, studio, end } = await startedStudio());
});

describe("training", () => {
  it("starts with what the form says, once", async () => {
    await Promise.all([studio.launch.start(), studio.launch.start()]);
    expect(engine.paramsOf("start")).toHaveLength(1);
    expect(studio.screen).toBe("live");
  });

  it("does not start with a form that has a problem", async () => {
    studio.setup.set("train.epochs", "many");
    await studio.launch.start();
    expect(studio.screen).toBe("data");
  });

  it("does not start with a teacher that cannot teach the data: the form is shown, which says why", async () => {
    engine.answers.checkTeacher = () => ({ model: "", imageSize: 32, problem: "other classes", warnings: [] });
    studio.setup.usePreset("quick-look");
    await studio.launch.start();
    expect([studio.screen, studio.setup.teacherCheck.problem]).toEqual(["setup", "Other classes"]);
    expect(engine.paramsOf("start")).toEqual([]);
    engine.answers.checkTeacher = ({ weights }: { weights: string }) => ({
      model: "resnet18",
      imageSize: 64,
      problem: weights === "bundled" ? "x" : null,
      warnings: [],
    });
    await studio.teachers.choose();
    expect(studio.setup.result.recipe!.teacher).toMatchObject({ model: "resnet18", weights: "/picked", imageSize: 64 });
    await studio.teachers.takeFrom(studio.runs.groups[0]!);
    expect(studio.setup.value("teacher.weights")).toBe("/runs/one/student/student.safetensors");
    await studio.launch.start();
    expect(studio.screen).toBe("live");
  });

  it("a run that ended before it began has nothing to resume, and the data are looked at again", async () => {
    await studio.launch.start();
    engine.answers.dataInfo = () => Promise.reject(failure("/leaves does not exist"));
    end.reject(failure("/leaves does not exist"));
    await studio.training.settled();
    await settle();
    expect(studio).toMatchObject({ training: { state: "failed", neverBegan: true }, data: { reading: { kind: "failed", message: "/leaves does not exist" } } });
  });

  it("a start that the engine refuses is said where the user is", async () => {
    engine.answers.start = () => Promise.reject(failure("the runs folder cannot be written to"));
    await studio.launch.start();
    expect(studio).toMatchObject({ screen: "data", message: { kind: "problem", text: "The runs folder cannot be written to" } });
  });

  it("a kept run is resumed on the screen Live, and once more from there", async () => {
    await studio.launch.resume(studio.runs.groups[0]!);
    expect(engine.paramsOf("start")).toMatchObject([{ out: "/runs/one", resume: true }]);
    expect(studio.screen).toBe("live");
    end.reject(failure("stopped", "INTERRUPTED"));
    await studio.training.settled();
    await studio.launch.resumeLast();
    expect(engine.paramsOf("start")).toMatchObject([{}, { out: "/runs/one", resume: true }]);
  });

  it("a comparison whose student never began is resumed with the recipe that it was asked for", async () => {
    await studio.launch.resume({ ...studio.runs.groups[0]!, arms: [summary("control")] });
    expect(engine.paramsOf("recipeOf")).toEqual([{ directory: "/runs/one", kind: "compare" }]);
    expect(engine.paramsOf("start")).toMatchObject([{ kind: "compare", recipe: studentRecipe, out: "/runs/one", resume: true }]);
    expect(studio).toMatchObject({ screen: "live", message: null });
  });

  it("one arm that distills is resumed as one arm, also from the screen Live", async () => {
    await studio.launch.resume({ ...studio.runs.groups[0]!, arms: [summary("single")] });
    end.reject(failure("stopped", "INTERRUPTED"));
    await studio.training.settled();
    await studio.launch.resumeLast();
    expect(engine.paramsOf("start")).toMatchObject([
      { kind: "train", recipe: studentRecipe },
      { kind: "train", recipe: studentRecipe },
    ]);
  });

  it("a run of which a part cannot be read is resumed all the same, which restores it", async () => {
    engine.answers.readCourse = ({ directory }) => ((directory as string).endsWith("control") ? details("control") : Promise.reject(failure("unreadable")));
    await studio.launch.resume(studio.runs.groups[0]!);
    expect(studio).toMatchObject({ screen: "live", message: null });
    expect(studio.training.curves.arms.map(({ arm }) => arm)).toEqual(["control"]);
  });

  it("its networks predict, found by their folder", async () => {
    await studio.launch.resume(studio.runs.groups[0]!);
    end.resolve({ student: {} });
    await studio.training.settled();
    await studio.predictWithLast();
    expect(studio).toMatchObject({ screen: "predict", prediction: { run: "/runs/one" } });
  });
});

describe("seeds", () => {
  const member = { ...summary("control", { directory: "/runs/one/seed-1/control", state: "stopped" }), sweep: { directory: "/runs/one", first: 0, seeds: 3 } };

  it("a comparison is started with as many as the form says", async () => {
    studio.setup.sweep.useSeeds(3);
    await studio.launch.start();
    expect(engine.paramsOf("start")).toMatchObject([{ kind: "compare", seeds: 3 }]);
  });

  it("one of a sweep is resumed with the whole sweep", async () => {
    engine.answers.listRuns = () => [member];
    await studio.runs.refresh();
    await studio.launch.resume(studio.runs.groups[0]!);
    expect(engine.paramsOf("recipeOf")).toEqual([{ directory: "/runs/one", kind: "compare" }]);
    expect(engine.paramsOf("start")).toEqual([{ kind: "compare", recipe: studentRecipe, out: "/runs/one", resume: true, takeOver: false }]);
    expect(studio.screen).toBe("live");
  });

  it("are added to a finished sweep, and what speaks against it is said", async () => {
    engine.answers.start = () => Promise.reject(failure("/runs/one is not finished: seed 2 of its 3 is open. Resume it first, then add seeds"));
    await studio.launch.addSeeds("/runs/one", 2);
    expect(engine.paramsOf("start")).toMatchObject([{ out: "/runs/one", resume: true, addSeeds: 2 }]);
    expect(studio).toMatchObject({ screen: "data", message: { kind: "problem", text: expect.stringContaining("Resume it first") } });
    engine.answers.start = ({ out }) => ({ run: "id", directory: out });
    await studio.launch.addSeeds("/runs/one", 2);
    expect(studio).toMatchObject({ screen: "live", message: null, training: { directory: "/runs/one" } });
  });

  it("a comparison of one seed is compared anew with several, in another folder", async () => {
    await studio.launch.compareSeveral("/runs/one");
    expect(engine.paramsOf("start")).toMatchObject([
      { recipe: studentRecipe, seeds: 3, resume: false, unique: true, out: expect.not.stringMatching(/^\/runs\/one$/) },
    ]);
    expect(studio.screen).toBe("live");
  });
});

describe("a run that another process trains", () => {
  let theirs: RunGroup;

  beforeEach(async () => {
    engine.answers.listRuns = () => [summary("control", { state: "running", owner: owner() }), summary("student", { state: "running", owner: owner() })];
    engine.answers.attach = ({ directory }) => liveRun({ run: "theirs", directory, owner: owner() });
    await studio.runs.refresh();
    theirs = studio.runs.groups[0]!;
  });

  it("is watched", async () => {
    await studio.watch(theirs);
    expect(engine.paramsOf("attach")).toEqual([{ directory: "/runs/one" }]);
    expect(studio).toMatchObject({ screen: "live", training: { owner: { pid: 123 }, trainsHere: false } });
  });

  it("is stopped", async () => {
    await studio.stop(theirs);
    expect(engine.paramsOf("control")).toEqual([{ run: "theirs", action: "stop" }]);
  });

  it("may have ended in that moment", async () => {
    engine.answers.attach = () => null;
    engine.answers.listRuns = () => [summary("control"), summary("student")];
    await studio.watch(theirs);
    expect(studio).toMatchObject({
      message: { kind: "problem", text: "This run has just ended: nobody trains it any more." },
      runs: { groups: [{ owner: null }] },
    });
    await studio.stop(theirs);
    expect(engine.paramsOf("control")).toEqual([]);
  });

  it("that this app trains is on screen already", async () => {
    studio.training.follow(liveRun());
    await studio.watch(theirs);
    expect(studio.screen).toBe("live");
    expect(engine.paramsOf("attach")).toEqual([]);
  });

  describe("or of which nobody knows whether one does", () => {
    const refusal = "/runs/one may still be trained by process 123 on ada. If you know that it is gone, take the run over";

    beforeEach(async () => {
      const lost = owner({ host: "ada", lastSign: "2026-11-24T10:00:00Z" });
      engine.answers.listRuns = () => [summary("control", { owner: lost }), summary("student", { owner: lost })];
      engine.answers.start = ({ out, takeOver }) => (takeOver ? { run: "id", directory: out } : Promise.reject(failure(refusal, "PERHAPS_HELD")));
      await studio.launch.resume(theirs);
    });

    it("is taken over when the user says so, who is told what that means", async () => {
      expect(studio).toMatchObject({
        screen: "data",
        message: null,
        question: {
          title: "Take over one?",
          text: expect.stringMatching(/^This run may still be trained in the command line on ada, process 123 \(last sign of life 24 Nov 2026, .*is lost\.$/s),
        },
      });
      await studio.answer(true);
      expect(engine.paramsOf("start").at(-1)).toMatchObject({ out: "/runs/one", resume: true, takeOver: true });
      expect(studio).toMatchObject({ screen: "live", question: null });
    });

    it("is left alone otherwise", async () => {
      await studio.answer(false);
      expect(studio).toMatchObject({ question: null, training: { state: "idle" } });
      expect(engine.paramsOf("start")).toHaveLength(1);
      await studio.answer(true);
      expect(engine.paramsOf("start")).toHaveLength(1);
    });

    it("is taken over from the screen Live as well, even if it is not in the list", async () => {
      await studio.answer(true);
      end.reject(failure("the process that trains this run has ended", "ENGINE_DIED"));
      await studio.training.settled();
      engine.answers.listRuns = () => [];
      await studio.launch.resumeLast();
      expect(studio.question).toMatchObject({ title: "Take over one?", text: expect.stringContaining("may still be trained in another process.") });
      await studio.answer(true);
      expect(engine.paramsOf("start").at(-1)).toMatchObject({ takeOver: true });
    });
  });
});
