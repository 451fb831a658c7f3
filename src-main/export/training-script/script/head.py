"""Trains the arms of a recipe of Distill Studio with PyTorch and timm: in one process, by torchrun, or by Ray Train, data-parallel.

    python train.py --data FOLDER --out RUN
    torchrun --nproc-per-node 2 train.py --data FOLDER --out RUN
    python train.py --data FOLDER --out RUN --ray 2

# [if cifar]
FOLDER holds the binary version of CIFAR-10 or CIFAR-100, whichever the run learned from.
# [end]
# [if folder]
FOLDER is the folder of images that the run learned from; images.json says which of them it used, and for what.
# [end]
RUN gets a folder for each arm, as Distill Studio writes them, so that it can evaluate and report on them; with Ray
it has to be on storage that all workers see. Weights, order and augmentation are those with which Distill Studio would train, whatever the number of
processes. Batch norms see the images of their own process alone; with several on GPUs they are synchronised. What one process computes agrees with Distill
Studio up to rounding. Evidence is not recorded, so no comparison made here is called controlled.
"""

import argparse
import csv
import hashlib
import json
import math
import os
import sys
import time
# [if folder]
from concurrent.futures import ThreadPoolExecutor
# [end]
from types import SimpleNamespace

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
# [if folder]
from PIL import Image, ImageOps
# [end]

import timm
from safetensors.torch import load_file, save_file

HERE = os.path.dirname(os.path.abspath(__file__))
# What the recipe says, and which of timm's models its networks are.
SETTINGS = json.loads("SETTINGS OF THE RECIPE")
CLASSES, NETWORKS = SETTINGS["classes"], SETTINGS["networks"]
# The student's; a control has the same but for teacher and distillation, and perhaps a learning rate of its own.
RECIPE = list(SETTINGS["arms"].values())[-1]
