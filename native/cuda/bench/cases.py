"""test/ops/cases.json as lines that the driver reads: python3 cases.py cases.json [--sizes-of-models] [--small] > cases.txt

    case OP ; NAME        begins a case; the name is the rest of the line
    input NAME TYPE SHAPE SCALE OFFSET BELOW
    option NAME VALUES    true is 1
    dy VALUES             the gradient of the first output, if it is not by formula
    stored NAMES          what lies in bf16
    timed                 to be timed too: an op at the size that it has in a model
"""

import json
import math
import sys

# Which activations of an op are stored in bf16: as in test/ops/cases.ts.
STORED = {
    "linear": [["x", "residual", "y"], ["x"]],
    "mlp": [["x"], ["x", "residual"]],
    "gelu": [["x"]],
    "add": [["a", "b"]],
    "conv2d": [["x"]],
    "batchNorm": [["x", "residual"]],
    "conv2dNorm": [["x", "residual"]],
    "layerNorm": [["x", "y"], ["y"]],
    "attention": [["qkv"]],
    "embedTokens": [["patches"]],
    "selectToken": [["x"]],
    "averagePool": [["x"]],
    "maxPool": [["x"]],
    "assembleBatch": [["y"]],
}


# Ops that the driver does not know: test/ops/cuda.test.ts has them.
NOT_DRIVEN = ["multiply", "scale", "relu", "mean", "meanSquare", "sumRows", "logSumExp", "oneHot", "sliceTokens", "resizeGrid"]

SMALL = 6000


def elements(case):
    return sum(math.prod(given["shape"]) for given in case["inputs"].values())


def linear(name, rows, inputs, outputs):
    return {"op": "linear", "name": name, "inputs": of({"x": [rows, inputs], "weight": [outputs, inputs], "bias": [outputs]})}


def mlp(name, rows, width, hidden):
    shapes = {"x": [rows, width], "weight1": [hidden, width], "bias1": [hidden], "weight2": [width, hidden], "bias2": [width]}
    return {"op": "mlp", "name": name, "inputs": of({**shapes, "residual": [rows, width]})}


def conv2d(name, images, side, inputs, outputs, kernel, stride):
    shapes = {"x": [images, side, side, inputs], "weight": [outputs, inputs, kernel, kernel]}
    return {"op": "conv2d", "name": name, "inputs": of(shapes), "options": {"stride": stride, "padding": kernel // 2}}


def of(shapes):
    return {name: {"shape": shape, "scale": 0.05 if name.startswith("weight") else 1} for name, shape in shapes.items()}


def sizes_of_models():
    """The ops that take the time in the models of the benchmark: ViT-tiny 224/16 batch 128, 32/4 batch 512, ResNet-18 32 px batch 512."""
    for model, images, tokens in (("ViT-tiny 224/16", 128, 197), ("ViT-tiny 32/4", 512, 65)):
        rows = images * tokens
        yield linear(f"{model}: qkv", rows, 192, 576)
        yield linear(f"{model}: projection", rows, 192, 192)
        yield mlp(f"{model}: MLP", rows, 192, 768)
        yield {"op": "attention", "name": f"{model}: attention", "inputs": of({"qkv": [images, tokens, 576]}), "options": {"heads": 3}}
        norm = {"x": [images, tokens, 192], "weight": [192], "bias": [192]}
        yield {"op": "layerNorm", "name": f"{model}: layer norm", "inputs": of(norm), "options": {"eps": 1e-6}}
    for side, channels in ((32, 64), (16, 128), (8, 256), (4, 512)):
        yield conv2d(f"ResNet-18: 3x3, {channels} channels", 512, side, channels, channels, 3, 1)
    yield conv2d("ResNet-18: 3x3, stride 2", 512, 32, 64, 128, 3, 2)
    channels = {name: {"shape": [64]} for name in ("weight", "bias", "runningMean")}
    norm = {"x": {"shape": [512, 32, 32, 64]}, **channels, "runningVar": {"shape": [64], "scale": 0.5, "offset": 1}}
    yield {"op": "batchNorm", "name": "ResNet-18: batch norm", "inputs": norm, "options": {"training": True, "relu": True}}


def large():
    """Compared at sizes that give each of 150 multiprocessors a large tile, as else small ones are taken."""
    yield linear("large tiles: y, dx", 9600, 256, 256)
    yield conv2d("large tiles: y, dx", 76, 16, 128, 128, 3, 1)
    yield conv2d("large tiles: dweight", 4, 4, 512, 640, 3, 1)


def lines(case, stored, timed):
    yield f"case {case['op']} ; {case['name']}" + (f"; {' '.join(stored)} in bf16" if stored else "")
    yield f"formula {case['name']}"
    for name, given in case["inputs"].items():
        shape = ",".join(map(str, given["shape"]))
        yield f"input {name} {given.get('dtype', 'f32')} {shape} {given.get('scale', 1)} {given.get('offset', 0)} {given.get('below', 0)}"
    for name, value in case.get("options", {}).items():
        values = value if isinstance(value, list) else [value]
        yield f"option {name} " + " ".join(repr(float(each)) for each in values)
    if "dy" in case:
        yield "dy " + " ".join(map(repr, case["dy"]))
    if stored:
        yield "stored " + " ".join(stored)
    if timed:
        yield "timed"


def main(path, *flags):
    with open(path) as file:
        cases = [case for case in json.load(file) if case["op"] not in NOT_DRIVEN]
    if "--small" in flags:
        cases = [case for case in cases if elements(case) <= SMALL]
    for case in cases:
        for stored in [[], *STORED.get(case["op"], [])]:
            print("\n".join(lines(case, stored, timed=False)))
    if "--sizes-of-models" in flags:
        for case in large():
            for stored in ([], STORED[case["op"]][0]):
                print("\n".join(lines(case, stored, timed=False)))
        for case in sizes_of_models():
            for stored in ([], STORED[case["op"]][0]):
                print("\n".join(lines(case, stored, timed=True)))


main(*sys.argv[1:])
