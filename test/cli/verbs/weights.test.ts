// What users see of weights from elsewhere: the built program, from the terminal.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { loadAddon } from "../../../src-main/backend/load";
import { createModel } from "../../../src-main/models/registry";
import { saveWeights } from "../../../src-main/models/weights";
import { useBackend } from "../../../src-main/tensor/tensor";
import { png, writeFiles } from "../../data/image-files";
import { withoutProxies } from "../../download/server";
import { fakeHub } from "../../hub/fake-hub";
import { stateDict } from "../../models/torch-archive";
import { distill } from "../distill";

let folder: string;
const BIRDS = ["owl", "robin", "swan"];
beforeAll(async () => {
  useBackend(loadAddon());
  folder = mkdtempSync(join(tmpdir(), "cli-weights-"));
  const model = createModel("resnet8_cifar10", { classes: 3, seed: 3 });
  saveWeights(model, join(folder, "birds.safetensors"), { classes: BIRDS, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] });
  const state = [...model.weights()].map(([name, weight]) => [`module.${name}`, { shape: weight.shape, values: weight.toFloat32() }] as const);
  writeFileSync(join(folder, "birds.pth"), stateDict(new Map(state), "state_dict"));
  model.release();
  const image = await png(32, 32, [200, 30, 10], [255, 255, 255]);
  for (const [data, classes] of Object.entries({ some: ["Swan", "owl"], others: ["car", "bus", "van"] })) {
    const files = classes.flatMap((name) => ["train", "test"].flatMap((split) => [0, 1].map((i) => [`${data}/${split}/${name}/${i}.png`, image] as const)));
    writeFiles(folder, Object.fromEntries(files));
  }
  writeFiles(folder, { "one.png": image });
});
afterAll(() => rmSync(folder, { recursive: true }));

const predict = (...args: string[]) => distill(["predict", "--model", "resnet8_cifar10", "--images", "one.png", ...args], folder);
const logits = (out: string) => JSON.parse(out).images[0].logits;
const recipe = (data: string, weights: string) => {
  const content = {
    data: { path: data },
    teacher: { model: "resnet8_cifar10", weights, imageSize: 32 },
    student: { model: "resnet8_cifar10" },
    train: { epochs: 1, batchSize: 4, precision: "fp32" },
    distillation: { temperature: 2, alpha: 0.5 },
  };
  writeFileSync(join(folder, `${data}.json`), JSON.stringify(content));
  return `${data}.json`;
};

test("a .pth answers like the safetensors file, and says what was chosen; so does the hub's, from the cache the second time", async () => {
  withoutProxies();
  const hub = await fakeHub(new Map([["pytorch_model.bin", readFileSync(join(folder, "birds.pth"))]]));
  vi.stubEnv("HF_ENDPOINT", hub.endpoint);
  vi.stubEnv("HF_HOME", join(folder, "hf"));
  const mean = ["--mean", "0.5,0.5,0.5", "--std", "0.5,0.5,0.5", "--json"];
  const [own, torch] = [await predict("--weights", "birds.safetensors", "--json"), await predict("--weights", "birds.pth", ...mean)];
  expect([own.status, torch.status], torch.err).toEqual([0, 0]);
  expect(logits(torch.out)).toEqual(logits(own.out));
  expect(torch.err).toMatch(/the weights in .*birds\.pth are those under state_dict/);
  expect(torch.err).toMatch(/"module\." before the names is dropped/);
  const first = await predict("--weights", "hf:o/m", ...mean);
  expect(first.status, first.err).toBe(0);
  expect(first.err).toMatch(/hf:o\/m is pytorch_model\.bin of commit 0123456789ab, downloaded and checked/);
  expect(logits(first.out)).toEqual(logits(own.out));
  expect((await predict("--weights", "hf:o/m@main/pytorch_model.bin", ...mean)).err).toMatch(/in the cache/);
  expect(hub.asked.filter((each) => each.startsWith("GET /o/m/"))).toHaveLength(1);
});

test("an export of weights with NaN warns of the first tensor, and its JSON is whole", async () => {
  const broken = { shape: [2], values: Float32Array.of(1, Number.NaN) };
  const fine = { shape: [1], values: Float32Array.of(1) };
  writeFileSync(join(folder, "broken.pth"), stateDict(new Map(Object.entries({ fine, first: broken, second: broken }))));
  const { status, out, err } = await distill(["export", "--weights", "broken.pth", "--out", "broken.safetensors", "--json"], folder);
  expect(status, err).toBe(0);
  expect(JSON.parse(out)).toEqual({ path: join(folder, "broken.safetensors"), bytes: expect.any(Number), converted: 3, kept: {} });
  expect(err).toMatch(/broken\.pth: tensor "first" \(and 1 more\) holds NaN or infinity/);
});

test("a mean of 0 ... 255 is refused, with the right one", async () => {
  const { status, err } = await predict("--weights", "birds.safetensors", "--mean", "123.675,116.28,103.53", "--std", "58.395,57.12,57.375");
  expect(status).toBe(2);
  expect(err).toContain("expected three numbers from 0 to 1");
  expect(err).toContain("got 123.675,116.28,103.53; did you mean 0.485,0.456,0.406, which is that of values in 0 ... 1 (divided by 255)?");
  const given = { ...JSON.parse(readFileSync(join(folder, recipe("some", "birds.safetensors")), "utf8")) };
  given.teacher = { ...given.teacher, mean: [0.5, 0.5, 0.5], std: [58.395, 57.12, 57.375] };
  writeFileSync(join(folder, "std.json"), JSON.stringify(given));
  const train = await distill(["compare", "--recipe", "std.json", "--out", "std"], folder);
  expect(train.err).toContain("teacher.std: expected three numbers from 0.000001 to 10");
  expect(train.err).toContain("did you mean 0.229,0.224,0.225");
});

test("a teacher of other classes is refused before anything is written; one that has the data's among its own answers for them", async () => {
  const refused = await distill(["compare", "--recipe", recipe("others", "birds.safetensors"), "--out", "refused"], folder);
  expect(refused.status).toBe(1);
  expect(refused.err).toMatch(
    /the teacher \(.*birds\.safetensors\) was trained for other classes than the data has: its 3 classes are owl, robin, swan, and of the data's 3 it lacks bus, car, van/,
  );
  const mapped = await distill(["compare", "--recipe", recipe("some", "birds.safetensors"), "--seeds", "1", "--out", "mapped"], folder);
  expect(mapped.status, mapped.err).toBe(0);
  const said = /the teacher \(.*birds\.safetensors\) has 3 classes, of which the data has 2: its answers are taken by name, those for Swan, owl/;
  expect(mapped.err).toMatch(said);
  expect(readFileSync(join(folder, "mapped", "student", "events.jsonl"), "utf8")).toMatch(said);
});
