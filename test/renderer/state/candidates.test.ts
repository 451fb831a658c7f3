import { beforeEach, expect, it } from "vitest";
import { Studio } from "../../../src-renderer/state/studio.svelte";
import { deferred, FakeEngine, failure, fakeBridge, settle } from "../fakes";

const info = { format: "image-folder", classes: ["bark", "cloud"], thumbnails: [], train: { count: 50 } };
const teacherAt = (weights: string) => ({ kind: "trained", name: `run ${weights}`, model: "resnet18", weights, imageSize: 64, made: "2026-11-24T09:05:00Z" });
const tested = (accuracy: number, said: object[] = []) => ({ accuracy, images: 20, secondsPerImage: 0.1, said });

let engine: FakeEngine;
let studio: Studio;
/** What the dialogs answer with. */
let allowed: string | null;

beforeEach(async () => {
  engine = new FakeEngine({
    dataInfo: () => info,
    models: () => [],
    doctor: () => ({}),
    listRuns: () => [],
    list: () => [],
    listTeachers: () => [teacherAt("/runs/good"), teacherAt("/runs/unfit"), teacherAt("/runs/broken"), teacherAt("/runs/good"), teacherAt("hf:owner/name")],
    checkTeacher: ({ weights, model }: { weights: string; model: string | null }) => ({
      ...{ model: model ?? "resnet34", imageSize: 96 },
      ...(weights === "/runs/unfit" ? { problem: "long words", known: { count: 10, lacks: ["cloud"] } } : { problem: null, known: null }),
    }),
    testTeacher: ({ weights }: { weights: string }) =>
      weights === "/runs/broken"
        ? Promise.reject(failure("the file is damaged"))
        : tested(0.9, [
            { type: "warning", text: "it has seen these" },
            { type: "note", text: "by name" },
          ]),
  });
  allowed = "/picked/own.pth";
  studio = new Studio(fakeBridge(engine, () => allowed).bridge);
  await studio.start();
  await studio.data.open("/leaves");
});

it("other data are shown by their pictures, where what is to be known of them stands; the same data stay as they are shown", async () => {
  studio.data.part = "teacher";
  await studio.data.open("/leaves");
  expect(studio.data.part).toBe("teacher");
  await studio.data.openIfUsable("/others");
  expect(studio.data.part).toBe("pictures");
});

it("each teacher at hand is tested once, on the chosen data as the form takes them; what does not fit says why", async () => {
  studio.setup.set("data.testShare", "0.4");
  await studio.candidates.find();
  expect(studio.candidates.list.map(({ title, test }) => [title, test])).toEqual([
    ["run /runs/good", { kind: "tested", accuracy: 0.9, images: 20, secondsPerImage: 0.1, warnings: ["it has seen these"] }],
    ["run /runs/unfit", { kind: "unfit", reason: "This teacher does not know your class cloud" }],
    ["run /runs/broken", { kind: "unfit", reason: "The file is damaged" }],
  ]);
  expect(engine.paramsOf("testTeacher")[0]).toMatchObject({ path: "/leaves", weights: "/runs/good", imageSize: 64, settings: { testShare: 0.4 } });
  await studio.candidates.find();
  expect(engine.paramsOf("listTeachers")).toHaveLength(1);
  studio.candidates.choose(studio.candidates.list[0]!.teacher);
  expect([studio.setup.teacher, studio.candidates.list.map((each) => studio.candidates.isChosen(each))]).toMatchObject([
    { model: "resnet18", weights: "/runs/good", imageSize: 64 },
    [true, false, false],
  ]);
});

it("what comes of a test on other data is dropped", async () => {
  const slow = deferred<unknown>();
  engine.answers.testTeacher = () => slow.promise;
  const first = studio.candidates.find();
  await settle();
  engine.answers.dataInfo = () => ({ ...info, classes: ["cat", "dog"] });
  engine.answers.testTeacher = () => tested(0.2);
  await studio.data.open("/pets");
  await studio.candidates.find();
  slow.resolve(tested(1));
  await first;
  expect(studio.candidates.list[0]!.test).toMatchObject({ accuracy: 0.2 });
});

it("a file of weights is tested, and taken if it fits", async () => {
  await studio.candidates.find();
  await studio.teachers.chooseCandidate();
  expect(studio.candidates.list[0]).toMatchObject({ title: "own.pth", test: { kind: "tested" } });
  expect(studio.setup.teacher).toMatchObject({ model: "resnet34", weights: "/picked/own.pth", imageSize: 96 });
  engine.answers.checkTeacher = () => Promise.reject(failure("own.pth tells no model"));
  await studio.teachers.chooseCandidate();
  expect(studio.message).toMatchObject({ kind: "problem", text: "own.pth tells no model" });
});

it("a folder of runs that cannot be read is said, and looked into again", async () => {
  engine.answers.listTeachers = () => Promise.reject(failure("the disk is gone"));
  await studio.candidates.find();
  expect(studio.candidates.problem).toBe("The disk is gone");
  engine.answers.listTeachers = () => [];
  await studio.candidates.find();
  expect(studio.candidates.problem).toBeNull();
});

it("a model from the hub is asked for only if the user allows it, and tested like a file; one of other classes can be the backbone", async () => {
  const weights = `hf:o/m@${"0".repeat(40)}/model.safetensors`;
  const slow = deferred<unknown>();
  engine.answers.weightsDownload = (_: unknown, notify) => {
    notify({ type: "download", received: 5, total: 10, secondsLeft: 2 } as never);
    return slow.promise;
  };
  engine.answers.timeBackbone = () => ({ model: "resnet34", imageSize: 96, secondsPerImage: 0.1, fineTuning: { last: 1, all: 2 } });
  engine.answers.stopDownloads = () => null;
  await studio.candidates.find();
  allowed = null;
  await studio.teachers.fetchFromHub();
  expect(engine.paramsOf("weightsDownload")).toEqual([]);

  allowed = "hf:o/m";
  const fetched = studio.teachers.fetchFromHub();
  await settle();
  expect(studio.hub.progress).toEqual({ name: "o/m", received: 5, total: 10, secondsLeft: 2 });
  await studio.hub.stop();
  expect(engine.paramsOf("stopDownloads")).toHaveLength(1);
  engine.answers.checkTeacher = () => ({ model: "resnet34", imageSize: 96, problem: "long words", known: { count: 1000, lacks: ["bark", "cloud"] } });
  slow.resolve({ weights, model: "resnet34", imageSize: 96 });
  await fetched;
  const [first] = studio.candidates.list;
  expect(first).toMatchObject({
    title: "o/m",
    source: "from huggingface.co",
    teacher: { weights },
    test: { kind: "unfit", reason: "This teacher does not know your classes bark and cloud" },
  });
  expect(studio.setup.teacher).not.toMatchObject({ weights });
  expect(studio.candidates.isOwn(first!)).toBe(true);
  await studio.fit.useBackbone(weights);
  expect(engine.paramsOf("timeBackbone")).toEqual([{ from: weights }]);

  engine.answers.weightsDownload = () => Promise.reject(failure("no network"));
  await studio.teachers.fetchFromHub();
  expect(studio.hub).toMatchObject({ progress: null, problem: { stopped: false, message: "No network" } });
});
