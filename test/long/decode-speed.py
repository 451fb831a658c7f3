"""Reads images as torchvision's Resize(side) and CenterCrop(side) do, by Pillow: python3 decode-speed.py SIDE FOLDER

Prints the milliseconds of processor time and of the clock that an image took.
"""

import os
import resource
import sys
import time

from PIL import Image


def read(path, side):
    image = Image.open(path).convert("RGB")
    short = min(image.size)
    width, height = (side * length // short for length in image.size)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = round((width - side) / 2), round((height - side) / 2)
    return image.crop((left, top, left + side, top + side)).tobytes()


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


side, folder = int(sys.argv[1]), sys.argv[2]
paths = sorted(entry.path for entry in os.scandir(folder))
read(paths[0], side)
busy, began = processor_seconds(), time.perf_counter()
for path in paths:
    read(path, side)
print(1000 * (processor_seconds() - busy) / len(paths), 1000 * (time.perf_counter() - began) / len(paths))
