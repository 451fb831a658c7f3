"""Trains the arms of a recipe of Distill Studio with PyTorch and timm: in one process, by torchrun, or by Ray Train, data-parallel.

    python train.py --data FOLDER --out RUN
    torchrun --nproc-per-node 2 train.py --data FOLDER --out RUN
    python train.py --data FOLDER --out RUN --ray 2

# [if cifar]
FOLDER holds CIFAR-10's binary version.
# [end]
# [if folder]
FOLDER is the folder of images that the run learned from; images.json says which of them it used, and for what.
# [end]
RUN gets a folder for each arm, as Distill Studio writes them, so that it can evaluate and report on them; with Ray
it has to be on storage that all workers see. Weights, order, crops and flips are those with which Distill Studio would train, whatever the number of
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

# ---- Random numbers: Philox 4x32-10 (Salmon et al. 2011), keyed by seed, stream and position -------------------------------------------


def philox(seed, position, use, stream):
    """uint32 [4,N] for positions [N]."""
    low = np.uint64(0xFFFFFFFF)
    shift = np.uint64(32)
    position, use = np.broadcast_arrays(np.asarray(position, np.uint64), np.asarray(use, np.uint64))
    counter = [position, use, np.full_like(position, stream & 0xFFFFFFFF), np.full_like(position, stream >> 32)]
    keys = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        products = [np.uint64(0xD2511F53) * counter[0], np.uint64(0xCD9E8D57) * counter[2]]
        counter = [(products[1] >> shift) ^ counter[1] ^ np.uint64(keys[0]), products[1] & low, (products[0] >> shift) ^ counter[3] ^ np.uint64(keys[1]), products[0] & low]
        keys = [(keys[0] + 0x9E3779B9) & 0xFFFFFFFF, (keys[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(counter)


def order_of(count, turn):
    """The samples of a round (from 1): a shuffle of Fisher and Yates, with unbiased whole numbers (Lemire 2019)."""
    order = np.arange(count)
    if not RECIPE["train"]["shuffle"]:
        return order
    seed, stream = RECIPE["train"]["seed"], 2**40 + turn
    at = np.arange(1, count)
    drawn = philox(seed, at, 0, stream)[0] * (at + 1).astype(np.uint64)
    for i in range(count - 1, 0, -1):
        product, attempt = int(drawn[i - 1]), 0
        while (product & 0xFFFFFFFF) < (2**32 - (i + 1)) % (i + 1):
            attempt += 1
            product = int(philox(seed, [i], attempt, stream)[0][0]) * (i + 1)
        j = product >> 32
        order[i], order[j] = order[j], order[i]
    return order


def views_of(samples, turn):
    """[N,3]: top and left of each sample's crop, in -crop ... crop, and whether it is flipped; drawn anew in each round, or the same again after `views` of them."""
    crop, flip, views = (RECIPE["augment"][name] for name in ("crop", "flip", "views"))
    bits = philox(RECIPE["train"]["seed"], samples, 0x76696577, turn if views is None else (turn - 1) % views + 1)
    offsets = [((bits[i] * np.uint64(2 * crop + 1)) >> np.uint64(32)).astype(np.int64) - crop for i in (0, 1)]
    return np.stack([*offsets, (bits[2] & np.uint64(1)).astype(np.int64) * flip], 1)


class Plan:
    """Which samples a batch has, in which views. It goes through `count` samples in rounds; an epoch has `total` images, one round unless some are left out."""

    def __init__(self, count, total):
        self.count, self.total, self.turn = count, total, 0

    def batch(self, epoch, batch, size):
        """Samples [N] and views [N,3]; the epoch counts from 1, the batch from 0."""
        before = (epoch - 1) * self.total
        at, end, parts = before + batch * size, before + min((batch + 1) * size, self.total), []
        while at < end:
            if self.turn != at // self.count + 1:
                self.turn = at // self.count + 1
                self.order = order_of(self.count, self.turn)
            samples = self.order[at % self.count : at % self.count + end - at]
            parts.append((samples, views_of(samples, self.turn)))
            at += len(samples)
        return tuple(np.concatenate(each) for each in zip(*parts))


# ---- Images --------------------------------------------------------------------------------------------------------------------------


# [if cifar]
def cifar10(folder, names):
    """u8 [N,3,32,32] and labels [N]."""
    inside = os.path.join(folder, "cifar-10-batches-bin")
    folder = inside if os.path.isdir(inside) else folder
    paths = [path for path in (os.path.join(folder, name) for name in names) if os.path.exists(path)]
    if not paths:
        sys.exit(f"{folder} holds no {names[0]}: --data names a folder with CIFAR-10's binary version")
    rows = np.concatenate([np.fromfile(path, np.uint8).reshape(-1, 3073) for path in paths])
    return torch.from_numpy(rows[:, 1:].reshape(-1, 3, 32, 32).copy()), torch.from_numpy(rows[:, 0].astype(np.int64))


class Split:
    """Images and their labels."""

    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.labels)

    def take(self, samples):
        """u8 [N,3,H,W]"""
        return self.images[samples]

    def digest(self):
        return sha256(self.images.numpy().tobytes(), self.labels.numpy().tobytes())


TRAIN, TEST = [f"data_batch_{i}.bin" for i in range(1, 6)], ["test_batch.bin"]


def splits_in(folder):
    """By name: train and test."""
    found = {}
    for name, files in (("train", TRAIN), ("test", TEST)):
        images, labels = cifar10(folder, files)
        limit = RECIPE["data"][f"{name}Limit"]
        found[name] = Split(images[:limit], labels[:limit])
    # [if listed]
    # images.json has the places of the images in the files, with a label, or -1 for those that are learned from without one.
    with open(os.path.join(HERE, "images.json")) as file:
        listed = json.load(file)
    images, _ = cifar10(folder, TRAIN)
    for name in ("train", "validation"):
        if listed[name]:
            places, labels = (torch.tensor(each) for each in zip(*listed[name]))
            found[name] = Split(images[places], labels)
    # [end]
    return found


# [end]
# [if folder]
def square(path, side):
    """u8 [3,side,side]: turned by its EXIF orientation, transparency on white, the shorter side resized to `side`, then the middle."""
    image = Image.open(path)
    if image.format == "JPEG" and min(image.size) >= 7.5 * side:
        image.draft("RGB", (3 * side, 3 * side))  # decodes fewer pixels
    image = ImageOps.exif_transpose(image)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    image = image.convert("RGB")
    if image.size != (side, side):
        width, height = image.size
        shorter = min(width, height)
        image = image.resize((side * width // shorter, side * height // shorter), Image.BILINEAR)
        left, top = round((image.width - side) / 2), round((image.height - side) / 2)
        image = image.crop((left, top, left + side, top + side))
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


class Split:
    """Files of images and their labels; -1 stands for none. Images are decoded when they are first needed, and kept while there are few enough."""

    KEPT_BYTES = 2e9

    def __init__(self, folder, listed):
        self.paths = [os.path.join(folder, *name.split("/")) for name, _ in listed]
        missing = [path for path in self.paths if not os.path.exists(path)]
        if missing:
            sys.exit(f"{missing[0]} is missing, one of {len(missing)}: --data names the folder of images that the run learned from, or a copy of it")
        self.names = [name for name, _ in listed]
        self.labels = torch.tensor([label for _, label in listed])
        self.kept = {}

    def __len__(self):
        return len(self.labels)

    def take(self, samples):
        """u8 [N,3,S,S]"""
        side = SETTINGS["side"]
        wanted = [int(n) for n in samples if int(n) not in self.kept]
        with ThreadPoolExecutor() as pool:
            new = dict(zip(wanted, pool.map(lambda n: square(self.paths[n], side), wanted)))
        images = torch.stack([self.kept[int(n)] if int(n) in self.kept else new[int(n)] for n in samples])
        if len(self) * 3 * side**2 <= self.KEPT_BYTES:
            self.kept.update(new)
        return images

    def digest(self):
        return sha256("\n".join(self.names).encode(), self.labels.numpy().tobytes())


def splits_in(folder):
    """By name: train, test and, if there is one, validation."""
    with open(os.path.join(HERE, "images.json"), encoding="utf-8") as file:
        return {name: Split(folder, listed) for name, listed in json.load(file).items() if listed}


# [end]
def shown(images, views):
    """u8: each image in its view, black beyond the border."""
    crop = RECIPE["augment"]["crop"]
    H, W = images.shape[2:]
    padded = F.pad(images, (crop,) * 4)

    def view(image, top, left, flip):
        cut = image[:, crop + top : crop + top + H, crop + left : crop + left + W]
        return cut.flip(2) if flip else cut

    return torch.stack([view(image, *of) for image, of in zip(padded, views.tolist())])


def normalised(images, network, device):
    """At the network's size: bilinear, antialiased when shrinking."""
    images = images.to(device).float()
    if images.shape[2] != network["side"]:
        images = F.interpolate(images, size=(network["side"],) * 2, mode="bilinear", align_corners=False, antialias=True)
    mean, std = (torch.tensor(network[name], device=device)[:, None, None] for name in ("mean", "std"))
    return (images / 255 - mean) / std


# ---- Networks and what they minimise -------------------------------------------------------------------------------------------------


def built(network, weights):
    if network["own"]:
        sys.path.insert(0, HERE)
        import distill_models  # registers what timm does not have
    model = timm.create_model(network["architecture"], num_classes=len(CLASSES), **network["args"])
    model.load_state_dict(load_file(os.path.join(HERE, weights)))
    return model


# [if grids]
def grid_of(stage, activations):
    """[N,S,S,C]: a map, or the patch tokens without those before them."""
    if stage["kind"] == "map":
        return activations.permute(0, 2, 3, 1)
    first, side = stage["prefix"], stage["side"]
    return activations[:, first : first + side**2].reshape(len(activations), side, side, -1)


def resized(grid, side):
    """The same on a grid of side x side: by means over windows, or between the places where there are fewer."""
    if grid.shape[1] == side:
        return grid
    x = grid.permute(0, 3, 1, 2)
    x = F.adaptive_avg_pool2d(x, side) if side <= x.shape[2] else F.interpolate(x, size=(side, side), mode="bilinear", align_corners=False)
    return x.permute(0, 2, 3, 1)


# [end]
# [if guided]
class Guide(torch.nn.Module):
    """A linear layer from the student's channels at a place to the teacher's, each normalised by its mean and deviation. It is trained too, and dropped at the end."""

    def __init__(self, name, mean, std):
        super().__init__()
        start = load_file(os.path.join(HERE, "guides.safetensors"))
        weight, bias = (start[f"{name}.project.{part}"] for part in ("weight", "bias"))
        self.project = torch.nn.Linear(weight.shape[1], weight.shape[0])
        self.project.load_state_dict({"weight": weight, "bias": bias})
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def normalised(self, features):
        return (features - self.mean) / (self.std + 1e-6)


def channels_of(teacher, stage, split, count, device):
    """Mean and deviation of each channel of a teacher's stage, over all places in the first `count` images."""
    rows = []
    with torch.no_grad():
        for part in torch.arange(count).split(100):
            _, seen = teacher.observed(normalised(split.take(part), NETWORKS["teachers"][0], device), [stage])
            rows.append(grid_of(stage, seen[stage["name"]]).reshape(-1, stage["channels"]).double())
    rows = torch.cat(rows)
    return rows.mean(0).float(), rows.std(0).float()


# [end]
class Network(torch.nn.Module):
    """A model whose activations at some stages can be looked at, with what is trained beside it."""

    def __init__(self, model, guides=()):
        super().__init__()
        self.model, self.guides = model, torch.nn.ModuleList(guides)

    def observed(self, images, stages):
        """Logits, and activations by the stage's name."""
        seen = {}
        keep = lambda name: lambda module, inputs, output: seen.update({name: output})
        hooks = [self.model.get_submodule(stage["module"]).register_forward_hook(keep(stage["name"])) for stage in stages]
        logits = self.model(images)
        for hook in hooks:
            hook.remove()
        return logits, seen

    def forward(self, images, stages=()):
        logits, seen = self.observed(images, stages)
        # [if guided]
        # Here, so that gradients of several processes are joined.
        for guide, route in zip(self.guides, (route for route in SETTINGS["routes"] if route["guide"])):
            own = resized(grid_of(route["student"], seen[route["student"]["name"]]), route["side"])
            seen[route["guide"]] = guide.project(own)
        # [end]
        return logits, seen


# What a student learns from besides the labels. `b` has its logits, the labels, the teacher's logits, and the activations of both by stage. Each returns the loss
# and its parts by name; all are means over the images.


# [if divergence]
def divergence(student, teacher, T):
    """T^2 KL(softmax(teacher / T) || softmax(student / T))"""
    return T**2 * F.kl_div(F.log_softmax(student / T, 1), F.softmax(teacher / T, 1), reduction="batchmean")


# [end]
# [if kind soft]
def soft(term, route, b):
    kd = divergence(b.logits, b.teacher, term["temperature"])
    return kd, {"kd": kd}


# [end]
# [if kind standardized-soft]
def standardized_soft(term, route, b):
    standard = lambda z: (z - z.mean(1, keepdim=True)) / (z.std(1, keepdim=True) + 1e-7)
    kd = divergence(standard(b.logits), standard(b.teacher), term["temperature"])
    return kd, {"standardized_kd": kd}


# [end]
# [if kind dkd]
def dkd(term, route, b):
    T, K = term["temperature"], b.logits.shape[1]
    own = F.one_hot(b.labels, K).bool()
    # Of the true class and all others together, and of the others alone.
    both = lambda z: torch.stack([z[own], T * torch.logsumexp(z.masked_fill(own, -math.inf) / T, 1)], 1)
    others = lambda z: z[~own].reshape(len(z), K - 1)
    tckd, nckd = (divergence(part(b.logits), part(b.teacher), T) for part in (both, others))
    return term["alpha"] * tckd + term["beta"] * nckd, {"tckd": tckd, "nckd": nckd}


# [end]
# [if kind hard]
def hard(term, route, b):
    loss = F.cross_entropy(b.logits, b.teacher.argmax(1))
    return loss, {"hard": loss}


# [end]
# [if kind logit-matching]
def logit_matching(term, route, b):
    loss = F.mse_loss(b.logits, b.teacher)
    return loss, {"logit_mse": loss}


# [end]
# [if kind token]
def token(term, route, b):
    loss = F.cross_entropy(b.token, b.teacher.argmax(1)) if term["targets"] == "hard" else divergence(b.token, b.teacher, term["temperature"])
    return loss, {"token": loss}


# [end]
# [if guided]
def guided(term, route, b):
    loss = F.mse_loss(b.student[route["guide"]], b.teacher_grid(route))
    return loss, {term["kind"]: loss}


# [end]
# [if kind attention-transfer]
def attention_transfer(term, route, b):
    energy = lambda grid: F.normalize(grid.square().sum(-1).flatten(1))
    own = resized(grid_of(route["student"], b.student[route["student"]["name"]]), route["side"])
    loss = F.mse_loss(energy(own), energy(b.teacher_grid(route)))
    return loss, {"attention_transfer": loss}


# [end]
OBJECTIVES = {
    # [if kind soft]
    "soft": soft,
    # [end]
    # [if kind standardized-soft]
    "standardized-soft": standardized_soft,
    # [end]
    # [if kind dkd]
    "dkd": dkd,
    # [end]
    # [if kind hard]
    "hard": hard,
    # [end]
    # [if kind logit-matching]
    "logit-matching": logit_matching,
    # [end]
    # [if kind token]
    "token": token,
    # [end]
    # [if kind locality]
    "locality": guided,
    # [end]
    # [if kind features]
    "features": guided,
    # [end]
    # [if kind attention-transfer]
    "attention-transfer": attention_transfer,
    # [end]
}


def loss_of(b, labelled, distillation):
    """The weighted sum that is minimised, and its parts by name. `labelled`: so many of this process's images have labels, on average."""
    smoothing = RECIPE["train"]["labelSmoothing"]
    parts = {"ce": F.cross_entropy(b.logits, b.labels, label_smoothing=smoothing, ignore_index=-1, reduction="sum") / max(labelled, 1e-9)}
    if distillation is None:
        return parts["ce"], parts
    loss = distillation["labels"] * parts["ce"]
    for term, route in zip(distillation["terms"], SETTINGS["routes"]):
        value, own = OBJECTIVES[term["kind"]](term, route, b)
        loss = loss + term["weight"] * value
        parts.update({name + route["number"]: part for name, part in own.items()})
    return loss, parts


def optimizer_of(network, train):
    """Biases and norms do not decay, nor what the model says of positions and tokens, if only matrices do."""
    spared = {f"model.{name}" for name in network.model.no_weight_decay()} if hasattr(network.model, "no_weight_decay") else set()
    decays = [train["decay"] == "all" or (p.ndim > 1 and name not in spared) for name, p in network.named_parameters()]
    groups = [{"params": [p for p, d in zip(network.parameters(), decays) if d == wanted], "weight_decay": train["weightDecay"] if wanted else 0} for wanted in (True, False)]
    groups = [group for group in groups if group["params"]]
    if train["optimizer"] == "adamw":
        return torch.optim.AdamW(groups, lr=train["learningRate"])
    return torch.optim.SGD(groups, lr=train["learningRate"], momentum=train["momentum"], nesterov=train["nesterov"])


def rate_at(train, batches, epoch, batch):
    """The learning rate of a step; epoch and batch count from 0."""
    by_epoch = train["schedule"] == "cosine-epoch"
    units = 1 if by_epoch else batches
    now = epoch if by_epoch else epoch * batches + batch
    warmup = train["warmupEpochs"] * units
    if now < warmup:
        return train["learningRate"] * min(1, (now + 1) / warmup)
    if train["schedule"] == "constant":
        return train["learningRate"]
    return train["learningRate"] * (1 + math.cos(math.pi * (now - warmup) / (train["epochs"] * units - warmup))) / 2


# ---- The run folder ------------------------------------------------------------------------------------------------------------------


def sha256(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def hash_of(model):
    state = {name: value for name, value in sorted(model.state_dict().items()) if not name.endswith("num_batches_tracked")}
    return sha256(*(b for name, value in state.items() for b in (f"{name} [{','.join(map(str, value.shape))}]\n".encode(), value.detach().cpu().float().contiguous().numpy().tobytes())))


# Of a loss, besides those that every run has a column for.
MORE_PARTS = SETTINGS["parts"]


class RunFolder:
    """What Distill Studio writes of a run, but for its evidence and checkpoints."""

    def __init__(self, directory, arm, recipe, hashes, parameters, teacher_accuracy):
        os.makedirs(directory)
        self.directory = directory
        head = {"schema": 1, "seed": recipe["train"]["seed"], "arm": arm, "recipe": recipe, "hashes": hashes, "classes": CLASSES, "parameters": parameters, "teacherTestAcc": teacher_accuracy}
        with open(os.path.join(directory, "recipe.json"), "w") as file:
            json.dump(head, file, indent=2)
        self.batches = self.table("batches.csv", ["epoch", "iter", "loss", "ce_loss", "kd_loss", "train_acc", "lr", "images_per_second", *(f"{name}_loss" for name in MORE_PARTS)])
        self.epochs = self.table("epochs.csv", ["epoch", "train_loss", "train_acc", "test_acc", "test_loss", "seconds", "val_acc", "val_loss", "ema_acc", "ema_loss"])
        self.event("started", segment=1)

    def table(self, name, columns):
        file = open(os.path.join(self.directory, name), "w", newline="", buffering=1)
        file.write(",".join(columns) + "\n")
        return csv.writer(file, lineterminator="\n")

    def event(self, kind, **more):
        with open(os.path.join(self.directory, "events.jsonl"), "a") as file:
            file.write(json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()), "type": kind, **more}) + "\n")

    def save(self, model, name="student.safetensors"):
        student = RECIPE["student"]
        sizes = {"imageSize": str(student["imageSize"]), **({"patchSize": str(student["patchSize"])} if student["patchSize"] else {})}
        texts = {name: json.dumps(value) for name, value in (("classes", CLASSES), ("mean", NETWORKS["student"]["mean"]), ("std", NETWORKS["student"]["std"]))}
        state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items() if not name.endswith("num_batches_tracked")}
        save_file(state, os.path.join(self.directory, name), metadata={"format": "pt", "model": student["model"], **sizes, **texts})


# ---- Training ------------------------------------------------------------------------------------------------------------------------


def evaluated(model, split, network, device):
    """Accuracy and cross-entropy."""
    model.eval()
    with torch.no_grad():
        logits = torch.cat([model(normalised(split.take(part), network, device)) for part in torch.arange(len(split)).split(256)]).cpu()
    return (logits.argmax(1) == split.labels).double().mean().item(), F.cross_entropy(logits, split.labels).item()


def answers_of(teachers, images, stages, device):
    """Logits, the mean of all teachers by their weights, and the first one's activations by stage."""
    with torch.no_grad():
        answers = [teacher.observed(normalised(images, network, device), [] if i else stages) for i, (teacher, network) in enumerate(zip(teachers, NETWORKS["teachers"]))]
    weights = [network["weight"] for network in NETWORKS["teachers"]]
    return sum(weight / sum(weights) * logits for weight, (logits, _) in zip(weights, answers)), answers[0][1]


# [if ema]
def follow(average, model, decay):
    """average = decay * average + (1 - decay) * model, of weights and running averages."""
    with torch.no_grad():
        for own, other in zip(average.state_dict().values(), model.state_dict().values()):
            own.copy_(decay * own + (1 - decay) * other if own.is_floating_point() else other)


# [end]
def train_arm(arm, config, data, teachers, device, rank, world):
    recipe = SETTINGS["arms"][arm]
    train, distillation = recipe["train"], recipe["distillation"]
    images, total = data["train"], len(data["train"])
    # Whoever has no use for images without labels goes through the others in rounds, for as many steps.
    plan = Plan(total if distillation and distillation["images"] != "labelled" else int((images.labels >= 0).sum()), total)
    student = built(NETWORKS["student"], "start.safetensors")
    start, guides = hash_of(student), []
    routes = SETTINGS["routes"] if distillation else []
    # [if guided]
    for route in routes:
        if route["guide"]:
            guides.append(Guide(route["guide"], *channels_of(teachers[0], route["teacher"], images, min(1000, plan.count), device)))
    # [end]
    # [if kind token]
    student.set_distilled_training(bool(distillation))  # the labels teach one head, the teacher the other
    # [end]
    own = Network(student, guides).to(device)
    net = own
    if world > 1:
        wrapped = torch.nn.SyncBatchNorm.convert_sync_batchnorm(own) if device.type == "cuda" else own
        net = torch.nn.parallel.DistributedDataParallel(wrapped)
    stages = [[route[whose] for route in routes if whose in route] for whose in ("student", "teacher")]
    optimizer = optimizer_of(own, train)
    # [if ema]
    average = built(NETWORKS["student"], "start.safetensors").to(device)
    # [end]
    size = train["batchSize"]
    batches, grouped = math.ceil(total / size), train["accumulate"]
    folder = None
    if rank == 0:
        hashes = {"data": images.digest(), "initialWeights": start, "batches": "", "teacher": hash_of(teachers[0].model) if distillation else None}
        accuracy = evaluated(teachers[0].model, data["test"], NETWORKS["teachers"][0], device)[0] if teachers else None
        folder = RunFolder(os.path.join(config["out"], arm), arm, recipe, hashes, sum(p.numel() for p in student.parameters()), accuracy)
    for epoch in range(1, train["epochs"] + 1):
        began, right, seen, labelled_seen, summed = time.time(), 0, 0, 0, 0.0
        net.train()
        for batch in range(batches):
            at = time.time()
            whole, views = plan.batch(epoch, batch, size)
            mine = np.array_split(np.arange(len(whole)), world)[rank]
            # A process without images takes part with one that counts nothing.
            share = len(mine) * world / len(whole)
            mine = mine if len(mine) else np.arange(1)
            pixels, labels = shown(images.take(whole[mine]), views[mine]), images.labels[whole[mine]].to(device)
            labelled = int((images.labels[whole] >= 0).sum())
            rate = rate_at(train, math.ceil(batches / grouped), epoch - 1, batch // grouped)
            for group in optimizer.param_groups:
                group["lr"] = rate
            logits, grids = net(normalised(pixels, NETWORKS["student"], device), stages[0])
            b = SimpleNamespace(logits=logits, labels=labels, student=grids)
            # [if kind token]
            if distillation:
                b.logits, b.token = logits
            # [end]
            if distillation:
                b.teacher, theirs = answers_of(teachers, pixels, stages[1], device)
                # [if grids]
                whose = {route["guide"]: guide for route, guide in zip((r for r in routes if r["guide"]), own.guides)}

                def teacher_grid(route):
                    grid = resized(grid_of(route["teacher"], theirs[route["teacher"]["name"]]), route["side"])
                    return whose[route["guide"]].normalised(grid) if route["guide"] else grid

                b.teacher_grid = teacher_grid
                # [end]
            loss, parts = loss_of(b, labelled * len(mine) / len(whole), distillation)
            # The gradients of a group of batches become one step.
            first = batch - batch % grouped
            last = min(first + grouped, batches)
            of_group = len(whole) / (min(last * size, total) - first * size)
            if batch == first:
                optimizer.zero_grad()
            (loss * share * of_group).backward()
            if batch + 1 == last:
                if train["clipNorm"] is not None:
                    torch.nn.utils.clip_grad_norm_(own.parameters(), train["clipNorm"])
                optimizer.step()
                # [if ema]
                follow(average, student, train["ema"])
                # [end]
            values = [parts[name].detach() if name in parts else loss.new_zeros(()) for name in ["ce", "kd", *MORE_PARTS]]
            correct = (b.logits.argmax(1) == labels).sum() * (world if share else 0)
            figures = torch.stack([*(value * share for value in [loss.detach(), *values]), correct.float()])
            if world > 1:
                dist.all_reduce(figures)
                figures /= world
            loss, *values, correct = figures.tolist()
            right, seen, labelled_seen, summed = right + correct, seen + len(whole), labelled_seen + labelled, summed + loss * len(whole)
            if folder:
                folder.batches.writerow([epoch, batch + 1, loss, values[0], values[1], right / max(labelled_seen, 1), rate, len(whole) / (time.time() - at), *values[2:]])
        due = epoch == train["epochs"] or epoch % train["evaluateEvery"] == 0
        measure = lambda model, split: evaluated(model, split, NETWORKS["student"], device) if due else ("", "")
        test, validation, averaged = measure(student, data["test"]), ("", ""), ("", "")
        # [if validation]
        validation = measure(student, data["validation"])
        # [end]
        # [if ema]
        averaged = measure(average, data["test"])
        # [end]
        if folder:
            folder.epochs.writerow([epoch, summed / seen, right / max(labelled_seen, 1), *test, time.time() - began, *validation, *averaged])
            result = f", test accuracy {100 * test[0]:.1f} %" if due else ""
            print(f"{arm}, epoch {epoch} of {train['epochs']}: loss {summed / seen:.3f}{result}", flush=True)
        if config.get("report"):
            config["report"]({"arm": arm, "epoch": epoch, "loss": summed / seen, **({"test_acc": test[0]} if due else {})})
    if folder:
        folder.save(student)
        # [if ema]
        folder.save(average, "student-ema.safetensors")
        # [end]
        folder.event("finished")


def run(config):
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    device = torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() and not config["cpu"] else torch.device("cpu")
    data = splits_in(config["data"])
    teachers = [Network(built(network, network["file"])).to(device).eval() for network in NETWORKS["teachers"]]
    for arm in SETTINGS["arms"]:
        train_arm(arm, config, data, teachers, device, rank, world)


def by_ray(config, workers):
    import ray.train
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    def loop(config):
        run({**config, "report": ray.train.report})

    gpu = torch.cuda.is_available() and not config["cpu"]
    scaling = ScalingConfig(num_workers=workers, use_gpu=gpu)
    TorchTrainer(loop, train_loop_config=config, scaling_config=scaling, run_config=RunConfig(name="ray", storage_path=config["out"])).fit()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, metavar="FOLDER", help="the images")
    parser.add_argument("--out", required=True, metavar="RUN", help="folder to write to")
    parser.add_argument("--ray", type=int, metavar="WORKERS", help="so many workers of Ray Train")
    parser.add_argument("--cpu", action="store_true", help="leave GPUs alone")
    given = parser.parse_args()
    config = {"data": os.path.abspath(given.data), "out": os.path.abspath(given.out), "cpu": given.cpu}
    taken = [arm for arm in SETTINGS["arms"] if os.path.exists(os.path.join(config["out"], arm))]
    if taken:
        parser.error(f"--out {given.out}: holds a folder {taken[0]} already, and nothing is overwritten; choose another name")
    if given.ray:
        return by_ray(config, given.ray)
    if "RANK" in os.environ:
        gpu = torch.cuda.is_available() and not given.cpu
        dist.init_process_group("nccl" if gpu else "gloo")
        if gpu:
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    run(config)
    if dist.is_initialized():
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
