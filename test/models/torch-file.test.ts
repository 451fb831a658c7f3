// Files of torch.save: those of PyTorch itself (test/reference/make_torch_files.py), and hostile ones.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { InputError } from "../../src-main/contract/failure";
import { withWeights } from "../../src-main/models/open-weights";
import { readSafetensorsHeader } from "../../src-main/models/safetensors";
import { exportWeights } from "../../src-main/models/weights";
import { unpickle } from "../../src-main/pickle/unpickle";
import { dict, global, int, pickle, type Stored, tensor, text, torchZip, zipOf } from "./torch-archive";

const files = join(import.meta.dirname, "torch-files");
const expected: Record<string, Record<string, { shape: number[]; values: number[] }>> = JSON.parse(readFileSync(join(files, "values.json"), "utf8"));

const folder = mkdtempSync(join(tmpdir(), "torch-"));
afterAll(() => rmSync(folder, { recursive: true }));
let written = 0;
function file(content: Uint8Array): string {
  const path = join(folder, `${written++}.pth`);
  writeFileSync(path, content);
  return path;
}

function read(path: string) {
  return withWeights(path, (file) => {
    const floats = [...file.header.tensors].filter(([, { dtype }]) => !/^(I|U|BOOL)/.test(dtype));
    return { names: [...file.header.tensors.keys()], notes: file.notes, values: new Map(floats.map(([name]) => [name, file.values(name)])) };
  });
}

function refusal(path: string): string {
  try {
    read(path);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    expect((error as Error).message).toContain(path);
    return (error as Error).message;
  }
  throw new Error("it was accepted");
}

test.each(Object.keys(expected))("%s has the values that PyTorch reads", (name) => {
  const { names, values } = read(join(files, name));
  const theirs = expected[name]!;
  expect(names).toEqual(Object.keys(theirs));
  expect(values.size).toBeGreaterThan(0);
  for (const [tensor, found] of values) expect([...found]).toEqual([...Float32Array.from(theirs[tensor]!.values)]);
});

test("a checkpoint's state dict is found under its key, which is said, whatever lies beside it", () => {
  const { names, notes } = read(join(files, "checkpoint.pth.tar"));
  expect(names[0]).toBe("module.conv1.weight");
  expect(notes).toEqual([`the weights in ${join(files, "checkpoint.pth.tar")} are those under state_dict`]);
});

test("of several state dicts the likeliest is taken, and the others are named", () => {
  expect(read(join(files, "model-and-average.pth")).notes).toEqual([
    expect.stringContaining("are those under model; it also has model_ema, which is not read"),
  ]);
  const one = tensor({ key: "0", count: 1, shape: [1], stride: [1] });
  const values = { 0: new Uint8Array(4) };
  expect(read(file(torchZip(pickle(dict([["mine", dict([["w", one]])]])), values))).notes).toEqual([expect.stringContaining("are those under mine")]);
  expect(read(file(torchZip(pickle(dict([["net", dict([["state_dict", dict([["w", one]])]])]])), values))).notes[0]).toContain("under net.state_dict");
  // A counter beside it makes no state dict of the whole.
  const counted = pickle(
    dict([
      ["step", one],
      [
        "model",
        dict([
          ["a", one],
          ["b", one],
        ]),
      ],
    ]),
  );
  expect(read(file(torchZip(counted, values))).names).toEqual(["a", "b"]);
});

test("zip archives of more than 4 GB, and compressed ones, are read too", () => {
  const data = pickle(dict([["w", tensor({ key: "0", count: 2, shape: [2], stride: [1] })]]));
  const values = new Uint8Array(Float32Array.of(1.5, -2).buffer);
  expect([...read(file(torchZip(data, { 0: values }, { zip64: true }))).values.get("w")!]).toEqual([1.5, -2]);
  const deflated = zipOf([
    { name: "x/data.pkl", content: data, deflate: true },
    { name: "x/data/0", content: values, deflate: true },
  ]);
  expect([...read(file(deflated)).values.get("w")!]).toEqual([1.5, -2]);
});

test("an export makes safetensors of it, and passes counters on", () => {
  const out = join(folder, "exported.safetensors");
  exportWeights({ weights: join(files, "double.pth"), precision: "fp32", out });
  const { tensors } = readSafetensorsHeader(out);
  expect([...tensors].map(([name, { dtype }]) => [name, dtype])).toEqual([
    ["conv1.weight", "F32"],
    ["fc.weight", "F32"],
    ["fc.bias", "F32"],
    ["bn1.num_batches_tracked", "I64"],
  ]);
  const theirs = expected["double.pth"]!;
  for (const [name, values] of read(out).values) expect([...values]).toEqual([...Float32Array.from(theirs[name]!.values)]);
  withWeights(out, (file) => expect(new BigInt64Array([...file.pieces("bn1.num_batches_tracked")][0]!.buffer)[0]).toBe(7n));
});

/** The position after the magic number, the version and the machine. */
function endOfThird(bytes: Buffer): number {
  return [1, 2, 3].reduce((start) => unpickle(bytes, { globals: new Set(), start }).end, 0);
}

test("tensors that look into compressed storages in turn cannot unpack them without end", () => {
  const data = pickle(dict(Array.from({ length: 200 }, (_, i) => [`w${i}`, tensor({ key: String(i % 2), count: 250_000, shape: [1], stride: [1] })])));
  const storages = [0, 1].map((key) => ({ name: `a/data/${key}`, content: Buffer.alloc(1_000_000), deflate: true }));
  expect(refusal(file(zipOf([{ name: "a/data.pkl", content: data }, ...storages])))).toContain("it unpacks to far more than a file of its size should");
});

describe("refused with a sentence", () => {
  const call = (module: string, name: string) => pickle(global(module, name), text("touch pwned"), Buffer.from([0x85]), "R");
  const one = { key: "0", count: 216, shape: [1], stride: [1] };
  const state = (parts: object) => torchZip(pickle(dict([["w", tensor({ ...one, ...parts })]])), { 0: new Uint8Array(864) });
  const LEGACY = readFileSync(join(files, "legacy.pth"));
  const zip = (content: Uint8Array, others: Stored[] = []) => zipOf([{ name: "a/data.pkl", content }, ...others]);

  test.each<[string, () => string | Uint8Array, string | RegExp]>([
    ["os.system", () => torchZip(call("posix", "system")), 'asks for the code "posix.system", and nothing that a file asks for is executed'],
    ["builtins.eval", () => torchZip(call("builtins", "eval")), '"builtins.eval"'],
    ["a dotted name", () => torchZip(pickle(text("torch"), text("load.system"), Buffer.from([0x93]))), '"torch.load.system"'],
    ["another function of PyTorch", () => torchZip(call("torch.serialization", "load")), '"torch.serialization.load"'],
    ["os.system in the earlier format", () => Buffer.concat([LEGACY.subarray(0, endOfThird(LEGACY)), call("posix", "system")]), '"posix.system"'],
    [
      "a whole module",
      () => join(files, "whole-module.pth"),
      'it holds a whole model or an object, not only a state dict: its pickle asks for the code "torch.nn.modules.linear.Linear"',
    ],
    ["TorchScript", () => join(files, "torchscript.pt"), "it is a TorchScript program"],
    ["a list", () => join(files, "list.pt"), "it holds no state dict, but a list"],
    [
      "settings alone",
      () =>
        torchZip(
          pickle(
            dict([
              ["lr", int(1)],
              ["arch", text("x")],
            ]),
          ),
        ),
      "it holds no state dict, but a dict of lr, arch",
    ],
    ["a tensor beyond its storage", () => state({ offset: 216 }), "reaches outside its storage"],
    ["a tensor larger than any memory", () => state({ shape: [2 ** 31 - 1, 2 ** 31 - 1], stride: [0, 0] }), /its tensors would have \d+ bytes/],
    [
      "10,000 views that each span all of a storage",
      () => {
        const far = tensor({ key: "0", count: 1_000_000, shape: [2], stride: [999_999] });
        return torchZip(pickle(dict(Array.from({ length: 10_000 }, (_, i) => [`w${i}`, far]))), { 0: new Uint8Array(4_000_000) });
      },
      /its tensors would have \d+ bytes/,
    ],
    ["a negative stride", () => state({ stride: [-1] }), "has a tensor without valid sizes"],
    ["a storage of another size", () => state({ count: 217 }), "its storage 0 has 864 bytes, and its tensors need 868"],
    ["a storage of another kind", () => state({ storage: "QInt8Storage" }), '"torch.QInt8Storage"'],
    ["a storage in another folder", () => state({ key: "../../etc/passwd" }), "whose storage is of no known kind"],
    ["an integer of 2 GB", () => torchZip(Buffer.from("\x80\x02\x8b\xff\xff\xff\x7f........", "latin1")), "has an integer of 2147483647 bytes"],
    ["a text longer than the file", () => torchZip(Buffer.from("\x80\x02X\xff\xff\xff\x7fabc", "latin1")), "its pickle ends early"],
    ["a value that was never stored", () => torchZip(Buffer.from("\x80\x02}j\xff\xff\xff\x7f.", "latin1")), "remembers a value that it never had"],
    ["an unknown opcode", () => torchZip(Buffer.from("\x80\x02\xfe.", "latin1")), "has the unknown opcode 254"],
    ["200,000 lists in lists", () => torchZip(pickle("]".repeat(200_000), "a".repeat(199_999))), "nests or lists more than 100000 values"],
    ["20,000 marks", () => torchZip(pickle("(".repeat(20_000))), "nests more than 10000 values"],
    ["tens of millions of steps", () => torchZip(pickle("]0".repeat(6_000_000), "N")), "has more than 5000000 steps"],
    [
      "a zip bomb",
      () => zipOf([{ name: "a/data.pkl", content: Buffer.alloc(70_000_000, "N"), deflate: true }]),
      "a/data.pkl would have 70000000 bytes, and at most 64000000 are expected",
    ],
    [
      "a zip bomb that lies",
      () => zipOf([{ name: "a/data.pkl", content: Buffer.alloc(10_000_000, "N"), deflate: true, claims: 1000 }]),
      "does not have the 1000 bytes that its list says",
    ],
    [
      "a storage that unpacks to more",
      () => zip(pickle(dict([["w", tensor({ ...one })]])), [{ name: "a/data/0", content: Buffer.alloc(90_000_000), deflate: true }]),
      "its storage 0 has 90000000 bytes, and its tensors need 864",
    ],
    ["two entries of a name", () => zip(pickle("}"), [{ name: "a/data.pkl", content: pickle("}") }]), "has two entries a/data.pkl"],
    [
      "a file cut off",
      () => readFileSync(join(files, "ordered.pth")).subarray(0, 900),
      /^weights .*\.pth cannot be read: it is cut off; copy or download it again$/,
    ],
    [
      "float8, as PyTorch saves it",
      () => torchZip(call("torch._utils", "_rebuild_tensor_v3")),
      "it has tensors of a type that is not read (float8 or an unsigned integer): save them as float32 or bfloat16",
    ],
    ["the earlier format cut off", () => LEGACY.subarray(0, LEGACY.length - 20), "and ends before byte"],
    [
      "a zip archive of other things",
      () => zipOf([{ name: "word/document.xml", content: Buffer.from("x") }]),
      "it is a zip archive (of word/document.xml), but none of torch.save",
    ],
    ["another pickle", () => Buffer.concat([pickle(dict([["a", int(1)]])), Buffer.alloc(16)]), "it is a pickle of Python, but none of torch.save"],
  ])("%s", (_, make, reason) => {
    const made = make();
    const path = typeof made === "string" ? made : file(made);
    const began = process.memoryUsage().rss;
    expect(refusal(path)).toMatch(reason);
    // Nothing of the size that a bomb claims.
    expect(process.memoryUsage().rss - began).toBeLessThan(800e6);
  });

  test("keys such as __proto__ are names like others", () => {
    const { names } = read(file(torchZip(pickle(dict([["__proto__", tensor(one)]])), { 0: new Uint8Array(864) })));
    expect(names).toEqual(["__proto__"]);
    expect(({} as { pwned?: unknown }).pwned).toBeUndefined();
  });
});

describe("the names of classes that a checkpoint holds beside the state dict", () => {
  const list = (...names: string[]) => Buffer.concat([Buffer.from("]("), ...names.map(text), Buffer.from("e")]);
  const places = (...names: string[]) => dict(names.map((name, i) => [name, int(i)] as const).reverse());
  const [names, state] = [["dog", "bird", "cat"], ["state_dict", dict([["w", tensor({ key: "0", count: 1, shape: [1], stride: [1] })]])] as const];
  const checkpoint = (...beside: (readonly [string, Buffer])[]) => file(torchZip(pickle(dict([state, ...beside])), { 0: new Uint8Array(4) }));
  const metadata = (path: string) => withWeights(path, ({ header, notes }) => ({ classes: header.metadata.classes ?? null, notes: notes.slice(1) }));

  test.each<[string, Buffer]>([
    ["classes", list(...names)],
    ["class_names", list(...names)],
    ["class_to_idx", places(...names)],
  ])("are read, said once and exported: %s", (key, value) => {
    const path = checkpoint([key, value], ["epoch", int(3)]);
    expect(metadata(path)).toEqual({ classes: JSON.stringify(names), notes: [`the names of the classes in ${path} are those under ${key}: dog, bird, cat`] });
    const out = join(folder, `${key}.safetensors`);
    exportWeights({ weights: path, precision: "bf16", out });
    expect(readSafetensorsHeader(out).metadata.classes).toBe('["dog","bird","cat"]');
  });

  test("are those of a model's own checkpoint inside another, too", () => {
    const inner = dict([state, ["classes", list(...names)]]);
    const path = file(torchZip(pickle(dict([["model", inner]])), { 0: new Uint8Array(4) }));
    expect(metadata(path).classes).toBe('["dog","bird","cat"]');
  });

  test("are passed over, which is said, if they are none or contradict each other; a number of classes says nothing", () => {
    expect(metadata(checkpoint(["classes", int(3)]))).toEqual({ classes: null, notes: [] });
    const gap = dict([
      ["a", int(0)],
      ["b", int(2)],
    ]);
    expect(metadata(checkpoint(["class_to_idx", gap]))).toEqual({ classes: null, notes: [expect.stringContaining('its "class_to_idx" is passed over')] });
    const both = metadata(checkpoint(["classes", list("cat", "dog", "bird")], ["class_to_idx", places(...names)]));
    expect(both).toEqual({ classes: null, notes: [expect.stringContaining('its "classes" and its "class_to_idx" contradict each other')] });
  });
});
