// State dicts as other programs name them, in safetensors and in PyTorch's format, become the same model.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { codeOf, createModel } from "../../src-main/models/registry";
import { writeSafetensors } from "../../src-main/models/safetensors";
import { describeWeights, exportWeights, hashWeights, loadWeights } from "../../src-main/models/weights";
import { useBackend } from "../../src-main/tensor/tensor";
import { loadBackbone } from "../../src-main/training/backbone";
import { loadNetwork } from "../../src-main/training/network";
import { stateDict, stateDicts } from "./torch-archive";

useBackend(loadAddon());
const folder = mkdtempSync(join(tmpdir(), "names-"));
afterAll(() => rmSync(folder, { recursive: true }));

type Values = { shape: readonly number[]; values: Float32Array };
let files = 0;

/** A model's weights under other names, and more tensors beside them. */
function weightsOf(name: string, rename: (name: string) => string, more: readonly string[] = []): { state: Map<string, Values>; hash: string } {
  const model = createModel(name, { classes: 3, seed: 4 });
  const hash = hashWeights(model);
  const state = new Map([...model.weights()].map(([name, weight]): [string, Values] => [rename(name), { shape: weight.shape, values: weight.toFloat32() }]));
  for (const each of more) state.set(each, { shape: [1], values: Float32Array.of(1) });
  model.release();
  return { state, hash };
}

function safetensors(state: Map<string, Values>): string {
  const path = join(folder, `${files++}.safetensors`);
  writeSafetensors(path, new Map([...state].map(([name, { shape, values }]) => [name, { shape, size: values.length, toFloat32: () => values }])));
  return path;
}

function torch(state: Map<string, Values>, inside: string | null = null): string {
  const path = join(folder, `${files++}.pth`);
  writeFileSync(path, stateDict(state, inside));
  return path;
}

function expectRead(name: string, path: string, hash: string, notes: (string | RegExp)[]): void {
  const model = createModel(name, { classes: 3, seed: 99 });
  loadWeights(model, path);
  expect(hashWeights(model)).toBe(hash);
  model.release();
  const said = describeWeights(path, name);
  expect(said.classCount).toBe(3);
  expect(said.notes).toEqual(notes.map((note) => expect.stringMatching(note)));
}

const RESNET = "resnet8_cifar10";
const VIT = "vit_micro_patch4_32";

describe("names around a model are dropped, and that is said", () => {
  test.each([
    ...[
      "module.",
      "_orig_mod.",
      "model.",
      "backbone.",
      "student.",
      "state_dict.",
      "net.encoder.",
      "module.model.",
      "_orig_mod.module.",
      "anything.of_mine.",
    ].map((prefix): [string, (name: string) => string, string] => [prefix, (name) => prefix + name, prefix.replace("_orig_mod.", "")]),
    ["layer1._orig_mod.", (name: string) => name.replace(/^layer1\./, "layer1._orig_mod."), "torch.compile or FSDP"] as const,
    ["_fsdp_wrapped_module.", (name: string) => `_fsdp_wrapped_module.${name}`, "torch.compile or FSDP"] as const,
  ])("%s", (prefix, rename, said) => {
    const { state, hash } = weightsOf(RESNET, rename);
    const note =
      said === "" || said.startsWith("torch") ? /names of torch\.compile or FSDP are dropped/ : new RegExp(`"${said.replaceAll(".", "\\.")}" before the names`);
    expect(prefix).not.toBe("");
    expectRead(RESNET, safetensors(state), hash, [note]);
    expectRead(RESNET, torch(state), hash, [note]);
  });

  test("and what lies beside the model is left out and named, as an average's counter or another model", () => {
    const { state, hash } = weightsOf(RESNET, (name) => `module.${name}`, ["n_averaged", "criterion.weight"]);
    expectRead(RESNET, safetensors(state), hash, [
      /"module\." before the names is dropped/,
      /2 tensors outside "module\." are left out: n_averaged, criterion\.weight$/,
    ]);
  });

  test("and a key of the checkpoint comes before a prefix", () => {
    const { state, hash } = weightsOf(RESNET, (name) => `module.${name}`);
    expectRead(RESNET, torch(state, "state_dict"), hash, [/are those under state_dict$/, /"module\." before the names is dropped$/]);
  });
});

describe("other programs' names are read as timm's", () => {
  test.each([
    [
      "mobilenetv2_100",
      "torchvision's",
      {
        "conv_stem.weight": "features.0.0.weight",
        "bn1.running_var": "features.0.1.running_var",
        "blocks.0.0.conv_dw.weight": "features.1.conv.0.0.weight",
        "blocks.0.0.bn2.bias": "features.1.conv.2.bias",
        "blocks.1.1.conv_pw.weight": "features.3.conv.0.0.weight",
        "blocks.3.0.bn2.weight": "features.7.conv.1.1.weight",
        "blocks.6.0.conv_pwl.weight": "features.17.conv.2.weight",
        "conv_head.weight": "features.18.0.weight",
        "bn2.weight": "features.18.1.weight",
        "classifier.weight": "classifier.1.weight",
      },
    ],
    [
      "convnext_tiny",
      "the authors'",
      {
        "stem.1.weight": "downsample_layers.0.1.weight",
        "stages.1.downsample.1.bias": "downsample_layers.1.1.bias",
        "stages.2.blocks.8.conv_dw.weight": "stages.2.8.dwconv.weight",
        "stages.2.blocks.8.norm.weight": "stages.2.8.norm.weight",
        "stages.2.blocks.8.mlp.fc2.bias": "stages.2.8.pwconv2.bias",
        "stages.3.blocks.0.gamma": "stages.3.0.gamma",
        "head.norm.weight": "norm.weight",
        "head.fc.weight": "head.weight",
      },
    ],
    [
      "convnext_tiny",
      "torchvision's",
      {
        "stem.0.weight": "features.0.0.weight",
        "stem.1.bias": "features.0.1.bias",
        "stages.0.blocks.2.gamma": "features.1.2.layer_scale",
        "stages.1.downsample.0.weight": "features.2.0.weight",
        "stages.1.downsample.1.bias": "features.2.1.bias",
        "stages.2.blocks.8.conv_dw.weight": "features.5.8.block.0.weight",
        "stages.2.blocks.8.norm.bias": "features.5.8.block.2.bias",
        "stages.3.downsample.1.weight": "features.6.1.weight",
        "stages.3.blocks.2.mlp.fc1.weight": "features.7.2.block.3.weight",
        "stages.3.blocks.2.mlp.fc2.bias": "features.7.2.block.5.bias",
        "head.norm.weight": "classifier.0.weight",
        "head.fc.weight": "classifier.2.weight",
      },
    ],
    [
      "vit_small_patch14_reg4_dinov2",
      "Meta's",
      {
        reg_token: "register_tokens",
        cls_token: "cls_token",
        "blocks.0.ls1.gamma": "blocks.0.ls1.gamma",
        "blocks.7.attn.qkv.weight": "blocks.2.7.attn.qkv.weight",
        "patch_embed.proj.weight": "patch_embed.proj.weight",
      },
    ],
  ])("%s: %s", (model, whose, names) => {
    const naming = codeOf(model).namings.find((each) => each.whose === whose)!;
    for (const [ours, theirs] of Object.entries(names)) expect(naming.toTimm(theirs)).toBe(ours);
    const created = createModel(model, { classes: 3, imageSize: model.includes("patch14") ? 28 : 32, seed: null });
    expect(Object.keys(names).filter((name) => !created.weights().has(name))).toEqual([]);
    created.release();
  });
});

describe("a whole file is read", () => {
  test("of torchvision's ConvNeXt, whose factors have two axes more", () => {
    const naming = codeOf("convnext_tiny").namings.find(({ whose }) => whose === "torchvision's")!;
    const theirs = (name: string) => torchvisionNames().find((each) => naming.toTimm(each) === name)!;
    const { state, hash } = weightsOf("convnext_tiny", theirs);
    for (const [name, each] of state) if (name.endsWith("layer_scale")) each.shape = [...each.shape, 1, 1];
    expectRead("convnext_tiny", safetensors(state), hash, [/^weights .* names that are torchvision's are read as timm's/]);
  });

  test("of Meta's DINOv2 without a head, whose class token has a position beside registers", () => {
    const name = "vit_small_patch14_reg4_dinov2";
    const ours = createModel(name, { classes: 3, imageSize: 28, seed: 4 });
    const values = (of: string) => ours.weights().get(of)!.toFloat32();
    const state = new Map([...ours.weights()].map(([each, weight]): [string, Values] => [each, { shape: weight.shape, values: weight.toFloat32() }]));
    for (const each of ["head.weight", "head.bias", "reg_token"]) state.delete(each);
    state.set("register_tokens", { shape: [1, 4, 384], values: values("reg_token") });
    state.set("mask_token", { shape: [1, 384], values: new Float32Array(384) });
    state.set("pos_embed", { shape: [1, 5, 384], values: Float32Array.of(...new Float32Array(384).fill(0.25), ...values("pos_embed")) });
    const path = torch(state);
    const { model, notes } = loadBackbone({ model: name, weights: path });
    expect([model.imageSize, notes]).toEqual([
      28,
      [expect.stringMatching(/names that are Meta's are read as timm's \(register_tokens is reg_token; mask_token, .* is left out\)$/)],
    ]);
    const read = (of: string) => model.weights().get(of)!.toFloat32();
    expect(read("cls_token")).toEqual(values("cls_token").map((value) => value + 0.25));
    for (const each of ["pos_embed", "reg_token", "blocks.11.ls2.gamma"]) expect(read(each)).toEqual(values(each));
    for (const each of [model, ours]) each.release();
  });
});

/** As torchvision.models.convnext_tiny().state_dict() has them. */
function torchvisionNames(): string[] {
  const both = (layer: string) => [`${layer}.weight`, `${layer}.bias`];
  const blocks = [3, 3, 9, 3].flatMap((depth, stage) =>
    Array.from({ length: depth }, (_, i) => `features.${2 * stage + 1}.${i}`).flatMap((block) => [
      `${block}.layer_scale`,
      ...[0, 2, 3, 5].flatMap((part) => both(`${block}.block.${part}`)),
    ]),
  );
  const halving = [2, 4, 6].flatMap((place) => [0, 1].flatMap((part) => both(`features.${place}.${part}`)));
  return [...both("features.0.0"), ...both("features.0.1"), ...blocks, ...halving, ...both("classifier.0"), ...both("classifier.2")];
}

describe("of several models none is guessed:", () => {
  const mine = weightsOf(RESNET, (name) => name);
  const other = weightsOf(VIT, (name) => name);
  const several = (states: Record<string, Map<string, Values>>) => {
    const path = join(folder, `${files++}.pth`);
    writeFileSync(path, stateDicts(states));
    return path;
  };

  test("under keys of one's own, all are named, with what to do", () => {
    const path = several({ disc: mine.state, gen: mine.state });
    const said =
      /\.pth cannot be read: the file holds several models \(disc, gen\), .* save that one alone, as by torch\.save\(checkpoint\["disc"\], "disc\.pth"\)$/;
    expect(() => describeWeights(path, RESNET)).toThrow(said);
    expect(() => exportWeights({ weights: path, precision: "fp32", out: join(folder, "none.safetensors") })).toThrow(said);
  });

  test("the only one of the wanted model's names is taken, and the others are named", () => {
    expectRead(RESNET, several({ disc: other.state, gen: mine.state }), mine.hash, [/are those under gen; it also has disc, which is not read$/]);
  });

  const prefixed = (...prefixes: string[]) =>
    safetensors(new Map(prefixes.flatMap((prefix) => [...mine.state].map(([name, value]) => [`${prefix}${name}`, value] as const))));

  test("before the names, too", () => {
    expect(() => describeWeights(prefixed("disc.", "gen."), RESNET)).toThrow(
      /holds several models \(disc\., gen\.\), .* as by torch\.save\(\{k\.removeprefix\("disc\."\): v for k, v in state\.items\(\) if k\.startswith\("disc\."\)\}, "disc\.pth"\)$/,
    );
  });

  test("but the usual prefixes have their order, whatever stands first in the file", () => {
    expectRead(RESNET, prefixed("gen.", "teacher.", "student."), mine.hash, [/"student\." before the names/, /outside "student\." are left out/]);
  });
});

describe("names of other programs are read as timm's, and that is said once", () => {
  const pytorchCifar = (name: string) => name.replace(/^fc\./, "linear.").replace(".downsample.", ".shortcut.");
  /** torchvision.models.vision_transformer, by its own source. */
  const torchvision = (old: boolean) => (name: string) =>
    name
      .replace(/^cls_token$/, "class_token")
      .replace(/^pos_embed$/, "encoder.pos_embedding")
      .replace(/^patch_embed\.proj/, "conv_proj")
      .replace(/^norm\./, "encoder.ln.")
      .replace(/^head\./, "heads.head.")
      .replace(/^blocks\.(\d+)\./, "encoder.layers.encoder_layer_$1.")
      .replace(/\.norm([12])\./, ".ln_$1.")
      .replace(".attn.qkv.", ".self_attention.in_proj_")
      .replace(".attn.proj.", ".self_attention.out_proj.")
      .replace(".mlp.fc1.", old ? ".mlp.linear_1." : ".mlp.0.")
      .replace(".mlp.fc2.", old ? ".mlp.linear_2." : ".mlp.3.");

  test("timm's and torchvision's ResNets need no change", () => {
    const { state, hash } = weightsOf(RESNET, (name) => name, ["bn1.num_batches_tracked"]);
    expectRead(RESNET, safetensors(state), hash, []);
  });

  test("pytorch-cifar's ResNets, with DataParallel's prefix too", () => {
    const { state, hash } = weightsOf(RESNET, pytorchCifar);
    expectRead(RESNET, torch(state, "net"), hash, [
      /are those under net$/,
      /names that are pytorch-cifar's are read as timm's \(linear is fc, shortcut is downsample\)$/,
    ]);
    const wrapped = weightsOf(RESNET, (name) => `module.${pytorchCifar(name)}`);
    expectRead(RESNET, safetensors(wrapped.state), hash, [/"module\." before/, /pytorch-cifar's/]);
  });

  test.each([true, false])("torchvision's vision transformers (of its first version: %s)", (old) => {
    const { state, hash } = weightsOf(VIT, torchvision(old));
    expect([...state.keys()]).toContain("encoder.layers.encoder_layer_0.self_attention.in_proj_weight");
    expectRead(VIT, torch(state), hash, [/names that are torchvision's are read as timm's/]);
    expect(describeWeights(torch(state), VIT)).toMatchObject({ imageSize: 32, patchSize: 4 });
  });

  test("mmpretrain's ResNets", () => {
    const { state, hash } = weightsOf(RESNET, (name) => (name.startsWith("fc.") ? `head.${name}` : `backbone.${name}`));
    expectRead(RESNET, safetensors(state), hash, [/mmpretrain's/]);
  });
});

describe("what is no model of that name is refused, and its names are shown:", () => {
  const refused = (path: string, model = RESNET) => expect(() => loadNetwork({ model, weights: path }));

  test("a file without a last layer", () => {
    const { state } = weightsOf(RESNET, (name) => `backbone.${name}`);
    for (const name of [...state.keys()]) if (name.startsWith("backbone.fc.")) state.delete(name);
    refused(safetensors(state)).toThrow(/have no last layer \(fc\.weight\), .*; their tensors are called conv1\.weight, bn1\.weight, bn1\.bias and so on/);
  });

  test("another model", () => {
    refused(safetensors(weightsOf(VIT, (name) => name).state)).toThrow(/have no last layer \(fc\.weight\)/);
  });

  test("two tensors that would have one name, and thousands of names that may end like a head", () => {
    const { state } = weightsOf(RESNET, (name) => name);
    state.set("_orig_mod.fc.weight", state.get("fc.weight")!);
    refused(safetensors(state)).toThrow(/tensor "_orig_mod\.fc\.weight": expected none, found/);
    const many = new Map(Array.from({ length: 20_000 }, (_, i): [string, Values] => [`m${i}.fc.weight`, { shape: [1], values: Float32Array.of(1) }]));
    const began = performance.now();
    refused(safetensors(many)).toThrow(/have no last layer/);
    expect(performance.now() - began).toBeLessThan(20_000);
  });
});
