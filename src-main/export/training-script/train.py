"""Trains the arms of a recipe of Distill Studio with PyTorch and timm: in one process, by torchrun, or by Ray Train, data-parallel.

    python train.py --data FOLDER --out RUN
    torchrun --nproc-per-node 2 train.py --data FOLDER --out RUN
    python train.py --data FOLDER --out RUN --ray 2

FOLDER holds CIFAR-10's binary version. RUN gets a folder for each arm, as Distill Studio writes them, so that it can evaluate and report on them; with Ray
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

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F

import timm
from safetensors.torch import load_file, save_file

HERE = os.path.dirname(os.path.abspath(__file__))
# What the recipe says, and which of timm's models its networks are.
SETTINGS = json.loads("SETTINGS OF THE RECIPE")
RECIPE, CLASSES, NETWORKS = SETTINGS["recipe"], SETTINGS["classes"], SETTINGS["networks"]

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


def order_of(count, epoch):
    """The samples of an epoch (from 1): a shuffle of Fisher and Yates, with unbiased whole numbers (Lemire 2019)."""
    order = np.arange(count)
    if not RECIPE["train"]["shuffle"]:
        return order
    seed, stream = RECIPE["train"]["seed"], 2**40 + epoch
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


def views_of(samples, epoch):
    """Top and left of each sample's crop, in -crop ... crop, and whether it is flipped."""
    crop, flip = RECIPE["augment"]["crop"], RECIPE["augment"]["flip"]
    bits = philox(RECIPE["train"]["seed"], samples, 0x76696577, epoch)
    offsets = [((bits[i] * np.uint64(2 * crop + 1)) >> np.uint64(32)).astype(np.int64) - crop for i in (0, 1)]
    return offsets[0], offsets[1], (bits[2] & np.uint64(1)).astype(bool) & flip


# ---- Images --------------------------------------------------------------------------------------------------------------------------


def cifar10(folder, names, limit):
    """u8 [N,3,32,32] and labels [N]."""
    inside = os.path.join(folder, "cifar-10-batches-bin")
    folder = inside if os.path.isdir(inside) else folder
    rows = np.concatenate([np.fromfile(os.path.join(folder, name), np.uint8).reshape(-1, 3073) for name in names if os.path.exists(os.path.join(folder, name))])[:limit]
    return torch.from_numpy(rows[:, 1:].reshape(-1, 3, 32, 32).copy()), torch.from_numpy(rows[:, 0].astype(np.int64))


def shown(images, samples, epoch):
    """u8: each sample in its view of the epoch, black beyond the border."""
    crop = RECIPE["augment"]["crop"]
    H, W = images.shape[2:]
    padded = F.pad(images[samples], (crop,) * 4)

    def view(image, top, left, flip):
        cut = image[:, crop + top : crop + top + H, crop + left : crop + left + W]
        return cut.flip(2) if flip else cut

    return torch.stack([view(image, *of) for image, of in zip(padded, zip(*views_of(samples, epoch)))])


def normalised(images, network, device):
    mean, std = (torch.tensor(network[name], device=device)[:, None, None] for name in ("mean", "std"))
    return (images.to(device).float() / 255 - mean) / std


# ---- Networks and what they minimise -------------------------------------------------------------------------------------------------


def built(network, weights):
    if network["own"]:
        sys.path.insert(0, HERE)
        import distill_models  # registers what timm does not have
    model = timm.create_model(network["architecture"], num_classes=len(CLASSES), **network["args"])
    model.load_state_dict(load_file(os.path.join(HERE, weights)))
    return model


def loss_of(logits, labels, teacher, distillation):
    """The weighted sum that is minimised, and its parts by name; all are means over the images."""
    smoothing = RECIPE["train"]["labelSmoothing"]
    parts = {"ce": F.cross_entropy(logits, labels, label_smoothing=smoothing)}
    if distillation is None:
        return parts["ce"], parts
    loss = distillation["labels"] * parts["ce"]
    for term in distillation["terms"]:
        if term["kind"] == "soft":
            T = term["temperature"]
            parts["kd"] = T**2 * F.kl_div(F.log_softmax(logits / T, 1), F.softmax(teacher / T, 1), reduction="batchmean")
            loss = loss + term["weight"] * parts["kd"]
        elif term["kind"] == "hard":
            parts["hard"] = F.cross_entropy(logits, teacher.argmax(1))
            loss = loss + term["weight"] * parts["hard"]
        elif term["kind"] == "logit-matching":
            parts["logit_mse"] = F.mse_loss(logits, teacher)
            loss = loss + term["weight"] * parts["logit_mse"]
    return loss, parts


def optimizer_of(model, train):
    """Biases and norms do not decay, nor what the model says of positions and tokens, if only matrices do."""
    spared = set(model.no_weight_decay()) if hasattr(model, "no_weight_decay") else set()
    decays = [train["decay"] == "all" or (p.ndim > 1 and name not in spared) for name, p in model.named_parameters()]
    groups = [{"params": [p for p, d in zip(model.parameters(), decays) if d == wanted], "weight_decay": train["weightDecay"] if wanted else 0} for wanted in (True, False)]
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
MORE_PARTS = ["hard", "logit_mse"]


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

    def save(self, model):
        student = RECIPE["student"]
        sizes = {"imageSize": str(student["imageSize"]), **({"patchSize": str(student["patchSize"])} if student["patchSize"] else {})}
        texts = {name: json.dumps(value) for name, value in (("classes", CLASSES), ("mean", NETWORKS["student"]["mean"]), ("std", NETWORKS["student"]["std"]))}
        state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items() if not name.endswith("num_batches_tracked")}
        save_file(state, os.path.join(self.directory, "student.safetensors"), metadata={"format": "pt", "model": student["model"], **sizes, **texts})
        self.event("finished")


# ---- Training ------------------------------------------------------------------------------------------------------------------------


def evaluated(model, images, labels, network, device):
    """Accuracy and cross-entropy."""
    model.eval()
    with torch.no_grad():
        logits = torch.cat([model(normalised(part, network, device)) for part in images.split(256)]).cpu()
    return (logits.argmax(1) == labels).double().mean().item(), F.cross_entropy(logits, labels).item()


def train_arm(arm, config, data, teacher, device, rank, world):
    recipe = SETTINGS["arms"][arm]
    train, distillation = recipe["train"], recipe["distillation"]
    (images, labels), (test_images, test_labels) = data
    model = built(NETWORKS["student"], "start.safetensors").to(device)
    start = hash_of(model)
    if world > 1:
        wrapped = torch.nn.SyncBatchNorm.convert_sync_batchnorm(model) if device.type == "cuda" else model
        net = torch.nn.parallel.DistributedDataParallel(wrapped)
    else:
        net = model
    optimizer = optimizer_of(model, train)
    size, count = train["batchSize"], len(images)
    batches = math.ceil(count / size)
    folder = None
    if rank == 0:
        hashes = {"data": sha256(images.numpy().tobytes(), labels.numpy().tobytes()), "initialWeights": start, "batches": "", "teacher": hash_of(teacher) if teacher and distillation else None}
        accuracy = evaluated(teacher, test_images, test_labels, NETWORKS["teacher"], device)[0] if teacher else None
        folder = RunFolder(os.path.join(config["out"], arm), arm, recipe, hashes, sum(p.numel() for p in model.parameters()), accuracy)
    for epoch in range(1, train["epochs"] + 1):
        order, began, right, seen, total = order_of(count, epoch), time.time(), 0, 0, 0.0
        net.train()
        for batch in range(batches):
            at = time.time()
            whole = order[batch * size : (batch + 1) * size]
            samples = np.array_split(whole, world)[rank]
            # A process without images takes part with one that counts nothing.
            share = len(samples) * world / len(whole)
            samples = samples if len(samples) else whole[:1]
            pixels, wanted = shown(images, samples, epoch), labels[samples].to(device)
            rate = rate_at(train, batches, epoch - 1, batch)
            for group in optimizer.param_groups:
                group["lr"] = rate
            answers = None
            if distillation:
                with torch.no_grad():
                    answers = teacher(normalised(pixels, NETWORKS["teacher"], device))
            logits = net(normalised(pixels, NETWORKS["student"], device))
            loss, parts = loss_of(logits, wanted, answers, distillation)
            optimizer.zero_grad()
            (loss * share).backward()
            if train["clipNorm"] is not None:
                torch.nn.utils.clip_grad_norm_(model.parameters(), train["clipNorm"])
            optimizer.step()
            values = [parts[name].detach() if name in parts else loss.new_zeros(()) for name in ["ce", "kd", *MORE_PARTS]]
            figures = torch.stack([loss.detach(), *values, (logits.argmax(1) == wanted).float().mean()]) * share
            if world > 1:
                dist.all_reduce(figures)
                figures /= world
            loss, *values, accuracy = figures.tolist()
            right, seen, total = right + accuracy * len(whole), seen + len(whole), total + loss * len(whole)
            if folder:
                folder.batches.writerow([epoch, batch + 1, loss, values[0], values[1], right / seen, rate, len(whole) / (time.time() - at), *values[2:]])
        test = evaluated(model, test_images, test_labels, NETWORKS["student"], device)
        if folder:
            folder.epochs.writerow([epoch, total / seen, right / seen, *test, time.time() - began, "", "", "", ""])
            print(f"{arm}, epoch {epoch} of {train['epochs']}: loss {total / seen:.3f}, test accuracy {100 * test[0]:.1f} %", flush=True)
        if config.get("report"):
            config["report"]({"arm": arm, "epoch": epoch, "loss": total / seen, "test_acc": test[0]})
    if folder:
        folder.save(model)


def run(config):
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    device = torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() and not config["cpu"] else torch.device("cpu")
    limits = RECIPE["data"]
    train = cifar10(config["data"], [f"data_batch_{i}.bin" for i in range(1, 6)], limits["trainLimit"])
    data = train, cifar10(config["data"], ["test_batch.bin"], limits["testLimit"])
    teacher = built(NETWORKS["teacher"], "teacher.safetensors").to(device).eval() if NETWORKS["teacher"] else None
    for arm in SETTINGS["arms"]:
        train_arm(arm, config, data, teacher, device, rank, world)


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
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--ray", type=int, metavar="WORKERS")
    parser.add_argument("--cpu", action="store_true", help="leave GPUs alone")
    given = parser.parse_args()
    config = {"data": os.path.abspath(given.data), "out": os.path.abspath(given.out), "cpu": given.cpu}
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
