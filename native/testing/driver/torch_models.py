"""Times training steps and inference of the benchmark's models in PyTorch on the GPU: eager and torch.compile, bf16 autocast. Prints a table.

    python3 torch_models.py [STEPS]     STEPS: the output of `distill_gpu_driver` for our steps, shown beside PyTorch's

timm's models are written out here, so that no network access is needed.
"""

import re
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        N, T, D = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(N, T, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        x = x + self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(N, T, D))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class VitTiny(nn.Module):
    def __init__(self, image, patch, classes=10, width=192):
        super().__init__()
        self.patch = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(0.02 * torch.randn(1, (image // patch) ** 2 + 1, width))
        self.blocks = nn.Sequential(*[Block(width, 3) for _ in range(12)])
        self.norm, self.head = nn.LayerNorm(width, eps=1e-6), nn.Linear(width, classes)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], dim=1) + self.position
        return self.head(self.norm(self.blocks(x))[:, 0])


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        same = stride == 1 and inputs == outputs
        self.downsample = None if same else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18Cifar(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64)
        widths = [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1)]
        self.blocks = nn.Sequential(*[Residual(*each) for each in widths])
        self.fc = nn.Linear(512, classes)

    def forward(self, x):
        return self.fc(self.blocks(F.relu(self.bn1(self.conv1(x)))).mean((2, 3)))


MODELS = {
    "ViT-tiny 224/16, batch 128": (lambda: VitTiny(224, 16), 224, 128),
    "ViT-tiny 32/4, batch 512": (lambda: VitTiny(32, 4), 32, 512),
    "ResNet-18 32 px, batch 512": (ResNet18Cifar, 32, 512),
}


def seconds_of(step, rounds=5, steps=10):
    """Median of the time of a step, in seconds; the first round warms up and compiles."""
    times = []
    for _ in range(rounds + 1):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(steps):
            step()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - start) / steps)
    return statistics.median(times[1:])


def steps_of(model, image, batch, compiled):
    model = model.cuda().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=1e-2, fused=True)
    images = torch.randn(batch, 3, image, image, device="cuda").to(memory_format=torch.channels_last)
    labels = torch.randint(10, (batch,), device="cuda")
    forward = torch.compile(model) if compiled else model

    def train():
        model.train()
        with torch.autocast("cuda", torch.bfloat16):
            loss = F.cross_entropy(forward(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    @torch.no_grad()
    def infer():
        model.eval()
        with torch.autocast("cuda", torch.bfloat16):
            forward(images)

    return {"training step": train, "inference": infer}


def speeds_of(model, image, batch, compiled):
    """Images per second by kind; None where PyTorch fails, for instance to compile without Triton."""
    try:
        return {kind: batch / seconds_of(step) for kind, step in steps_of(model, image, batch, compiled).items()}
    except Exception as error:
        print(f"{'torch.compile' if compiled else 'eager'} failed: {error}", file=sys.stderr)
        return {}


def ours_of(path):
    """Images per second by step title."""
    with open(path) as file:
        return {found[1]: float(found[2]) for found in re.finditer(r"^(.+), bf16 +(\d+) images/s", file.read(), re.MULTILINE)}


def main(path=None):
    ours = ours_of(path) if path else {}
    print(f"PyTorch {torch.__version__}, {torch.cuda.get_device_name()}, bf16 autocast, AdamW fused, channels last; images per second\n")
    print("| step | ours | eager | ratio | torch.compile | ratio |\n| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, (make, image, batch) in MODELS.items():
        eager, compiled = (speeds_of(make(), image, batch, each) for each in (False, True))
        for kind in ("training step", "inference"):
            mine = ours.get(f"{name}, {kind}")
            cells = [mine]
            for theirs in (eager.get(kind), compiled.get(kind)):
                cells += [theirs, mine / theirs if mine and theirs else None]
            print(f"| {name}, {kind} | {' | '.join('' if cell is None else f'{cell:.4g}' for cell in cells)} |", flush=True)


main(*sys.argv[1:])
