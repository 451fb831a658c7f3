"""How PyTorch, torchvision and timm train: label smoothing, sums, clipping and averages in a few steps, and the rectangles of augmentation -> training.json.

Crops, erased parts and boxes are torchvision's RandomResizedCrop and RandomErasing and timm's rand_bbox, written down here so that they take given numbers.
"""

import copy
import json
import math
import random
from pathlib import Path

import torch
import torch.nn.functional as F
from formula import sample, uniform, whole
from models import CLASSES, build, images, with_formula_weights

torch.set_default_dtype(torch.float64)
SMOOTHING = 0.1


def label_smoothing():
    logits = uniform("logits", [8, CLASSES], 4).double().requires_grad_()
    labels = whole("labels", [8], CLASSES)
    shares = uniform("shares", [8], 0.5, 0.5).double()[:, None]
    mixture = shares * F.one_hot(labels, CLASSES) + (1 - shares) * F.one_hot(whole("partners", [8], CLASSES), CLASSES)
    losses = {}
    for name, targets in [("labels", labels), ("mixture", mixture)]:
        logits.grad = None
        loss = F.cross_entropy(logits, targets, label_smoothing=SMOOTHING)
        loss.backward()
        losses[name] = {"loss": loss.item(), "gradient": logits.grad.reshape(-1).tolist()}
    return {"smoothing": SMOOTHING, **losses}


def steps():
    """One epoch of 5 batches, the last of them smaller, in groups of 3. Of the two steps, one is clipped."""
    sizes, accumulate, most, decay, rate = [4, 4, 4, 4, 2], 3, 2.2, 0.75, 0.05
    student = with_formula_weights(build("resnet8_cifar10", 32, None)).double().train()
    average = copy.deepcopy(student)
    optimizer = torch.optim.SGD(student.parameters(), lr=rate, momentum=0.9)
    losses, norms = [], []
    for batch, size in enumerate(sizes):
        group = sizes[batch - batch % accumulate :][:accumulate]
        loss = F.cross_entropy(student(images(f"images of batch {batch}", size, 32).double()), whole(f"labels of batch {batch}", [size], CLASSES))
        (loss * size / sum(group)).backward()
        losses.append(loss.item())
        if batch % accumulate < len(group) - 1:
            continue
        norms.append(torch.nn.utils.clip_grad_norm_(student.parameters(), most).item())
        optimizer.step()
        optimizer.zero_grad()
        for own, value in zip(average.state_dict().values(), student.state_dict().values()):
            own.copy_(decay * own + (1 - decay) * value)
    shown = ["layer2.0.conv1.weight", "bn1.running_mean", "fc.bias"]
    values = lambda model: {name: sample(name, model.state_dict()[name]).tolist() for name in shown}
    settings = {"sizes": sizes, "accumulate": accumulate, "clipNorm": most, "ema": decay, "learningRate": rate, "momentum": 0.9}
    return {**settings, "losses": losses, "norms": norms, "weights": values(student), "averages": values(average)}


def crop_of(height, width, scale, ratio, u, v):
    """One attempt of torchvision's RandomResizedCrop.get_params"""
    target = height * width * (scale[0] + u * (scale[1] - scale[0]))
    log = [math.log(r) for r in ratio]
    aspect = math.exp(log[0] + v * (log[1] - log[0]))
    w, h = round(math.sqrt(target * aspect)), round(math.sqrt(target / aspect))
    return (h, w) if 0 < w <= width and 0 < h <= height else None


def central_crop(height, width, ratio=(3 / 4, 4 / 3)):
    w, h = width, height
    if width / height < min(ratio):
        h = round(w / min(ratio))
    elif width / height > max(ratio):
        w = round(h * max(ratio))
    return [(height - h) // 2, (width - w) // 2, h, w]


def erased_of(height, width, u, v, scale=(0.02, 0.33), ratio=(0.3, 3.3)):
    """One attempt of torchvision's RandomErasing.get_params"""
    area = height * width * (scale[0] + u * (scale[1] - scale[0]))
    log = [math.log(r) for r in ratio]
    aspect = math.exp(log[0] + v * (log[1] - log[0]))
    h, w = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
    return (h, w) if h < height and w < width else None


def box_of(height, width, lam, u, v):
    """timm.data.mixup.rand_bbox"""
    ratio = math.sqrt(1 - lam)
    cut_h, cut_w = int(height * ratio), int(width * ratio)
    cy, cx = int(u * height), int(v * width)
    yl, yh = max(0, cy - cut_h // 2), min(height, cy + cut_h // 2)
    xl, xh = max(0, cx - cut_w // 2), min(width, cx + cut_w // 2)
    return [yl, xl, yh - yl, xh - xl]


def first(attempts):
    return next((found for found in attempts if found), None)


def rectangles():
    random.seed(0)
    draws, sides = 200_000, [(32, 32), (24, 60)]
    numbers = [[random.random() for _ in range(3)] for _ in range(30)]
    statistics = []
    for height, width in sides:
        area = height * width
        attempts = lambda of: first(of(random.random(), random.random()) for _ in range(10))
        crops = [attempts(lambda u, v: crop_of(height, width, (0.25, 1), (3 / 4, 4 / 3), u, v)) or tuple(central_crop(height, width)[2:]) for _ in range(draws)]
        holes = [attempts(lambda u, v: erased_of(height, width, u, v)) or (0, 0) for _ in range(draws)]
        boxes = [box_of(height, width, *(random.random() for _ in range(3)))[2:] for _ in range(draws)]
        moments = {}
        for name, found in [("crop", crops), ("erased", holes), ("box", boxes)]:
            shares = torch.tensor([h * w / area for h, w in found])
            heights = torch.tensor([float(h) for h, _ in found])
            moments[name] = {"share": shares.mean().item(), "deviation": shares.std().item(), "height": heights.mean().item()}
        statistics.append({"H": height, "W": width, **moments})
    boxes = [{"H": h, "W": w, "numbers": n, "box": box_of(h, w, *n)} for h, w in sides for n in numbers]
    central = [{"H": h, "W": w, "crop": central_crop(h, w)} for h, w in [(32, 32), (24, 60), (60, 24), (3, 4), (100, 7)]]
    return {"statistics": statistics, "boxes": boxes, "central": central}


goldens = {"labelSmoothing": label_smoothing(), "steps": steps(), "rectangles": rectangles()}
(Path(__file__).parent / "training.json").write_text("{\n" + ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in goldens.items()) + "\n}\n")
