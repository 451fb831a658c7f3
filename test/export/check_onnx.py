"""Answers each line, {"path": a file}, with what onnx.checker finds wrong with it ("" for nothing), and the shapes of its outputs as they are inferred."""

import json
import sys

import onnx
from onnx import checker, shape_inference


def checked(path):
    try:
        checker.check_model(path, full_check=True)
        model = shape_inference.infer_shapes(onnx.load(path), check_type=True, strict_mode=True, data_prop=True)
    except Exception as error:
        return {"problem": f"{type(error).__name__}: {error}", "outputs": {}, "unknown": []}
    shape = lambda value: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
    graph = model.graph
    known = {value.name for value in [*graph.value_info, *graph.output]}
    unknown = [name for node in graph.node for name in node.output if name not in known]
    return {"problem": "", "outputs": {value.name: shape(value) for value in graph.output}, "unknown": unknown}


for line in sys.stdin:
    print(json.dumps(checked(json.loads(line)["path"])), flush=True)
