import { beforeEach, expect, it } from "vitest";
import { isSameClass, Prediction, positionOf, softened, temperatureAt } from "../../../src-renderer/state/prediction.svelte";
import { deferred, details, FakeEngine, failure, fakeBridge, settle, startedEngine } from "../fakes";

let engine: FakeEngine;
let prediction: Prediction;
const answer = (logits: number[]) => ({
  classes: ["cat", "dog"],
  images: [{ path: "x", logits, probabilities: [], input: new Uint8Array([1]) }],
  unreadable: [],
});

beforeEach(async () => {
  engine = new FakeEngine({ predict: () => answer([1, 2]) });
  const { bridge } = fakeBridge(engine, () => "/pictures/cat.png");
  prediction = new Prediction(bridge, await startedEngine(bridge));
});

it("begins with the bundled teacher, which sees each picture that is shown", async () => {
  await prediction.chooseFile();
  expect(engine.paramsOf("predict")).toEqual([
    { model: "resnet18_cifar10", weights: "bundled", images: [{ path: "/pictures/cat.png", bytes: undefined }], withInput: true },
  ]);
  expect(prediction).toMatchObject({ picture: { name: "cat.png" }, busy: false, problem: null });
  expect(prediction.opinions).toMatchObject([{ classes: ["cat", "dog"], logits: [1, 2], inputUrl: expect.stringMatching(/^blob:/) }]);
});

it("a pasted image has a name and travels as bytes", async () => {
  await prediction.showFiles([new File([new Uint8Array([7])], "")]);
  expect(engine.paramsOf("predict")).toMatchObject([{ images: [{ path: "Pasted image", bytes: new Uint8Array([7]) }] }]);
});

it("the true class is known of a picture that is one of the data, wherever it comes from", async () => {
  const { bridge } = fakeBridge(engine, () => "/pictures/cat/1.png");
  prediction = new Prediction(bridge, await startedEngine(bridge), (path) => (path.includes("/cat/") || path === "/dropped/a.png" ? "cat" : null));
  await prediction.chooseFile();
  expect(prediction.answered).toMatchObject([{ truth: "cat" }]);
  engine.answers.predict = () => ({ ...answer([1, 2]), images: [...answer([1, 2]).images, ...answer([1, 2]).images] });
  await prediction.showFiles([new File([], "a.png"), new File([], "b.png")]);
  expect(prediction.answered).toMatchObject([{ truth: "cat" }, { truth: null }]);
  await prediction.show({ name: "dog 1", path: "dog 1", truth: "dog" });
  expect(prediction.answered[0]).toMatchObject({ truth: "dog" });
  expect([isSameClass("Traffic-Light", "traffic light"), isSameClass("cat", "dog")]).toEqual([true, false]);
});

it("the networks of a run: its teacher, and what it trained", async () => {
  await prediction.useRun("/runs/one", [details("control"), details("student")]);
  expect(engine.paramsOf("predict")).toEqual([]);
  await prediction.show({ name: "x", path: "x" });
  expect(prediction.opinions.map(({ subject: { role, title, network } }) => [role, title, network.weights])).toEqual([
    ["teacher", "Teacher", "bundled"],
    ["control", "Control", "/runs/one/control/student.safetensors"],
    ["student", "Student", "/runs/one/student/student.safetensors"],
  ]);
  await prediction.useBundledTeacher();
  expect(prediction).toMatchObject({ run: null, opinions: [{ subject: { title: "Bundled teacher" } }] });
});

it("networks are loaded before there is a picture; what fails then is said with the first", async () => {
  engine.answers.predict = () => Promise.reject(failure("no such weights"));
  await prediction.prepare();
  expect(engine.paramsOf("predict")).toEqual([{ model: "resnet18_cifar10", weights: "bundled", images: [] }]);
  expect(prediction.problem).toBeNull();
  await prediction.show({ name: "x", path: "x" });
  expect(prediction.problem).toBe("No such weights");
});

it("a run without a teacher has its one model", async () => {
  const { recipe } = details("control");
  await prediction.useRun("/runs/one", [details("single", { recipe })]);
  expect(prediction.subjects.map(({ title }) => title)).toEqual(["Model"]);
});

it("an answer that arrives after a later question is dropped", async () => {
  const first = deferred<unknown>();
  engine.answers.predict = () => first.promise;
  const asked = prediction.show({ name: "first", path: "first" });
  await settle();
  engine.answers.predict = () => answer([5, 6]);
  await prediction.show({ name: "second", path: "second" });
  first.resolve(answer([0, 0]));
  await asked;
  expect(prediction).toMatchObject({ busy: false, opinions: [{ logits: [5, 6] }] });
});

it("until the answers to a new picture are there, those before stand under their own name", async () => {
  await prediction.show({ name: "first", path: "first" });
  const later = deferred<unknown>();
  engine.answers.predict = () => later.promise;
  const asked = prediction.show({ name: "second", path: "second" });
  expect([prediction.picture!.name, prediction.answered.map(({ name }) => name)]).toEqual(["second", ["first"]]);
  later.resolve(answer([5, 6]));
  await asked;
  expect(prediction.answered.map(({ name }) => name)).toEqual(["second"]);
});

it("of several pictures each has its answers, and those that cannot be read are named", async () => {
  engine.answers.predict = () => ({
    classes: ["cat", "dog"],
    images: [1, 2].map((logit) => ({ path: "", logits: [logit, 0], probabilities: [] })),
    unreadable: [{ path: "b.png", reason: "it is empty" }],
  });
  await prediction.showFiles(["a.png", "b.png", "a.png"].map((name) => new File([], name)));
  expect(prediction.answered.map(({ name }) => name)).toEqual(["a.png", "a.png (2)"]);
  expect(prediction.warnings).toEqual(["b.png cannot be read: it is empty"]);
  prediction.chosen = 1;
  expect(prediction.opinions).toMatchObject([{ logits: [2, 0] }]);
});

it("a failure that is over is asked about again, and nothing else is", async () => {
  await prediction.askAgain();
  engine.answers.predict = () => Promise.reject(failure("the engine ended"));
  await prediction.show({ name: "x", path: "x" });
  engine.answers.predict = () => answer([1, 2]);
  await prediction.askAgain();
  expect(prediction).toMatchObject({ problem: null, opinions: [{ logits: [1, 2] }] });
  await prediction.askAgain();
  expect(engine.paramsOf("predict")).toHaveLength(2);
});

it("a late failure is dropped as well; one that is not late is said in words", async () => {
  const first = deferred<unknown>();
  engine.answers.predict = () => first.promise;
  const asked = prediction.show({ name: "first", path: "first" });
  await settle();
  engine.answers.predict = () => answer([5, 6]);
  await prediction.show({ name: "second", path: "second" });
  first.reject(failure("too late"));
  await asked;
  expect(prediction.problem).toBeNull();
  engine.answers.predict = () => Promise.reject(failure("no pixels in here"));
  await prediction.show({ name: "third", path: "third" });
  expect(prediction).toMatchObject({ problem: "No pixels in here", opinions: [], busy: false });
});

it("what the engine assumed is said once, and not beside a later failure", async () => {
  engine.answers.predict = (_, notify) => {
    notify({ type: "warning", text: "the weights do not say their mean" });
    notify({ type: "phase", text: "Reading" });
    return answer([1, 2]);
  };
  await prediction.useRun("/runs/one", [details("control"), details("student")]);
  await prediction.show({ name: "x", path: "x" });
  expect(prediction.warnings).toEqual(["the weights do not say their mean"]);
  engine.answers.predict = () => Promise.reject(failure("no pixels in here"));
  await prediction.show({ name: "y", path: "y" });
  expect(prediction.warnings).toEqual([]);
});

it("temperature softens: at 1 a softmax, with its entropy in bits", () => {
  expect(softened([0, 0], 1)).toEqual({ probabilities: [0.5, 0.5], entropy: 1 });
  const [sharp, soft] = [0.5, 4].map((temperature) => softened([1, 2], temperature).entropy);
  expect(sharp).toBeLessThan(soft!);
  expect(softened([0, 1000], 1).entropy).toBe(0);
});

it("the slider reaches from 0.05 to 20, with 1 in its middle", () => {
  expect([0, 0.5, 1].map(temperatureAt)).toEqual([0.05, 1, 20]);
  expect(positionOf(1)).toBeCloseTo(0.5);
  expect(positionOf(temperatureAt(0.3))).toBeCloseTo(0.3, 2);
});
