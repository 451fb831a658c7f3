"""Position embeddings for images of other sizes, by timm's resample_abs_pos_embed: python3 test/reference/make_positions.py -> positions.json

Needs timm, and torchvision's files in Python (`pip install --no-deps timm torchvision`).
"""

import json
from pathlib import Path

import torch
from formula import uniform

# Operators that torchvision has compiled, and names when it is imported; nothing here calls them.
library = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
from timm.layers import resample_abs_pos_embed  # noqa: E402

# patches along a side before and after, tokens with positions before the patches, channels: enlarged and shrunk, to one, and DINOv2's own to 224 px
CASES = [(4, 7, 1, 3), (7, 4, 0, 3), (5, 1, 2, 2), (1, 3, 1, 2), (6, 3, 0, 2), (37, 16, 1, 1)]


def case(before, after, placed, width):
    embedding = uniform(f"{before} to {after}", [1, placed + before**2, width])
    resampled = resample_abs_pos_embed(embedding, [after, after], num_prefix_tokens=placed)
    return {"from": before, "to": after, "placed": placed, "width": width, "values": resampled.flatten().tolist()}


lines = [json.dumps(case(*each)) for each in CASES]
(Path(__file__).parent / "positions.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
