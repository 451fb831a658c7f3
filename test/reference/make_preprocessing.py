"""What torchvision makes of images of many sizes: python3 test/reference/make_preprocessing.py

Writes preprocessing.json: SHA-256 of the pixels after Resize(side) and CenterCrop(side), bilinear, of an image of Pillow. Needs Pillow, torch and
torchvision; of the last, only the files in Python (`pip install --no-deps torchvision`).
"""

import hashlib
import json
from pathlib import Path

import numpy
import torch
from formula import whole
from PIL import Image

# Operators that torchvision has compiled, and names when it is imported; its transforms do not call them.
library = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
from torchvision.transforms import CenterCrop, Compose, Resize  # noqa: E402

# height, width, side: shrunk and enlarged, wide and tall, with odd and even margins, whole multiples and none.
CASES = [
    *[(48, 64, 32), (64, 48, 32), (48, 64, 224), (375, 500, 224), (500, 375, 224), (333, 500, 224), (500, 333, 224)],
    *[(1, 1, 8), (1, 200, 32), (200, 1, 32), (1, 5000, 8), (5000, 1, 8), (2, 3, 4), (3, 2, 5), (20, 15, 32), (31, 33, 32), (32, 32, 32)],
    *[(75, 113, 32), (97, 64, 57), (99, 100, 33), (100, 101, 32), (100, 103, 32), (100, 105, 32), (100, 107, 32), (101, 107, 96), (127, 255, 64)],
    *[(64, 64, 32), (128, 192, 64), (600, 800, 7), (427, 640, 96), (640, 427, 3), (23, 1000, 16), (255, 256, 255)],
]


def pixels_of(height, width, side):
    pixels = whole(f"{height}x{width}", [height, width, 3], 256).numpy().astype(numpy.uint8)
    seen = Compose([Resize(side), CenterCrop(side)])(Image.fromarray(pixels))
    assert seen.size == (side, side)
    return numpy.asarray(seen)


def case(height, width, side):
    seen = pixels_of(height, width, side)
    return {"height": height, "width": width, "side": side, "sha256": hashlib.sha256(seen.tobytes()).hexdigest()}


if __name__ == "__main__":
    lines = ",\n".join(f" {json.dumps(case(*each))}" for each in CASES)
    Path(__file__).with_name("preprocessing.json").write_text(f"[\n{lines}\n]\n")
