"""PyTorch's side of `distill bench`. Answers requests, one JSON document per line:

    {"open": BENCHMARK}   builds it and runs it warm            -> {"seconds": of the last repetition}
    {"time": REPEATS}     runs that many repetitions            -> {"seconds": in total}
    {"threads": COUNT}    sets the number of threads            -> {}
    {"memory": true}      runs one more repetition              -> {"bytes": growth of this process's peak memory since before it was built}

A request that fails is answered with {"error": TEXT}. The first line is written without a request, once PyTorch is ready.
"""

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter

import torch
import torch.nn.functional as F
from torch import nn

aten = torch.ops.aten
MEMORY_FORMATS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}


# ---- Models as timm and torchvision define them; images [N,3,Z,Z]


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        return self.proj(attention(self.qkv(x), self.heads))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):
    def __init__(self, image_size, patch_size, classes, width=192, depth=12, heads=3):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, width, patch_size, stride=patch_size)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, 1 + (image_size // patch_size) ** 2, width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1) + self.pos_embed
        return self.head(self.norm(self.blocks(x)[:, 0]))


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        same = stride == 1 and inputs == outputs
        self.downsample = nn.Identity() if same else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(h)) + self.downsample(x), inplace=True)


class ResNet18(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        shapes = [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1)]
        self.blocks = nn.Sequential(*(BasicBlock(*shape) for shape in shapes))
        self.fc = nn.Linear(512, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return self.fc(self.blocks(x).mean((2, 3)))


def same_conv2d(inputs, outputs, kernel, stride=1, groups=1):
    """With TensorFlow's padding of an even side: an odd number of zeros has its larger half on the right and below."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2 if stride == 1 else 0, groups=groups, bias=False)
    before = (kernel - 2) // 2
    return conv if stride == 1 else nn.Sequential(nn.ZeroPad2d((before, kernel - 2 - before) * 2), conv)


def conv_norm(inputs, outputs, kernel, stride=1, groups=1, relu6=True):
    layers = [same_conv2d(inputs, outputs, kernel, stride, groups), nn.BatchNorm2d(outputs, eps=1e-3)]
    return nn.Sequential(*layers, *([nn.ReLU6(inplace=True)] if relu6 else []))


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride, expansion):
        super().__init__()
        inside = inputs * expansion
        expand = [conv_norm(inputs, inside, 1)] if expansion > 1 else []
        self.layers = nn.Sequential(*expand, conv_norm(inside, inside, kernel, stride, inside), conv_norm(inside, outputs, 1, relu6=False))
        self.skips = stride == 1 and inputs == outputs

    def forward(self, x):
        return self.layers(x) + x if self.skips else self.layers(x)


class EfficientNetLite0(nn.Module):
    # depth, channels, kernel, stride, expansion
    STAGES = [(1, 16, 3, 1, 1), (2, 24, 3, 2, 6), (2, 40, 5, 2, 6), (3, 80, 3, 2, 6), (3, 112, 5, 1, 6), (4, 192, 5, 2, 6), (1, 320, 3, 1, 6)]

    def __init__(self, classes):
        super().__init__()
        layers, inputs = [conv_norm(3, 32, 3, 2)], 32
        for depth, channels, kernel, stride, expansion in self.STAGES:
            for i in range(depth):
                layers.append(InvertedResidual(inputs, channels, kernel, 1 if i else stride, expansion))
                inputs = channels
        self.layers = nn.Sequential(*layers, conv_norm(320, 1280, 1))
        self.classifier = nn.Linear(1280, classes)

    def forward(self, x):
        return self.classifier(self.layers(x).mean((2, 3)))


CLASSES = 10


def build(model, imageSize, patchSize, parameters):
    if model == "vit_tiny_patch16_224":
        network = VisionTransformer(imageSize, patchSize, CLASSES)
    elif model == "tf_efficientnet_lite0":
        network = EfficientNetLite0(CLASSES)
    else:
        network = ResNet18(CLASSES)
    count = sum(parameter.numel() for parameter in network.parameters())
    if count != parameters:
        raise ValueError(f"{model}: expected {parameters} parameters, PyTorch's has {count}")
    return network


def formats_of(model):
    return ["contiguous"] if model.startswith("vit") else ["contiguous", "channels last"]


# ---- Benchmarks: each returns a function that runs one repetition, or one maker of such a function per memory format, of which the faster counts


def linear(part, M, K, N, dtype, gelu=False):
    x, w, b, dy = tensors(dtype, [M, K], [N, K], [N], [M, N])
    return {
        "forward": (lambda: F.gelu(F.linear(x, w, b))) if gelu else (lambda: F.linear(x, w, b)),
        "dX": lambda: dy @ w,
        "dW": lambda: (dy.T @ x, dy.sum(0)),
    }[part]


def attention(qkv, heads):
    N, T, packed = qkv.shape
    q, k, v = qkv.reshape(N, T, 3, heads, packed // 3 // heads).permute(2, 0, 3, 1, 4).unbind(0)
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(N, T, packed // 3)


def attention_op(part, N, T, heads, width, dtype):
    qkv, dy = tensors(dtype, [N, T, 3 * width], [N, T, width])
    if part == "forward":
        return lambda: attention(qkv, heads)
    y = attention(qkv.requires_grad_(), heads)
    return lambda: gradients(y, qkv, dy)


def conv2d(part, N, C, size, dtype):
    def in_format(memory_format):
        x, w, dy = (t.contiguous(memory_format=memory_format) for t in tensors(dtype, [N, C, size, size], [C, C, 3, 3], [N, C, size, size]))
        if part == "forward":
            return lambda: F.conv2d(x, w, padding=1)
        mask = [part == "dX", part == "dW", False]
        return lambda: aten.convolution_backward(dy, x, w, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, mask)

    return {name: lambda f=f: in_format(f) for name, f in MEMORY_FORMATS.items()}


def depthwise_conv2d(part, N, C, size, kernel, stride, dtype):
    shapes = [N, C, size, size], [C, 1, kernel, kernel], [N, C, size // stride, size // stride]
    padding = (kernel - 1) // 2
    norm = nn.BatchNorm2d(C, eps=1e-3).eval()

    def in_format(memory_format):
        x, w, dy = (t.contiguous(memory_format=memory_format) for t in tensors(dtype, *shapes))
        forward = lambda: F.conv2d(x, w, stride=stride, padding=padding, groups=C)  # noqa: E731
        if part == "forward":
            return forward
        if part == "with batch norm and ReLU6":
            return torch.inference_mode()(lambda: F.relu6(norm(forward()), inplace=True))
        mask = [part == "dX", part == "dW", False]
        return lambda: aten.convolution_backward(dy, x, w, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], C, mask)

    return {name: lambda f=f: in_format(f) for name, f in MEMORY_FORMATS.items()}


def layer_norm(part, rows, width, dtype):
    x, dy, w, b = tensors(dtype, [rows, width], [rows, width], [width], [width])
    if part == "forward":
        return lambda: F.layer_norm(x, [width], w, b, 1e-6)
    y = F.layer_norm(x.requires_grad_(), [width], w.requires_grad_(), b.requires_grad_(), 1e-6)
    return lambda: gradients(y, [x, w, b], dy)


def gelu(part, rows, width, dtype):
    x, dy = tensors(dtype, [rows, width], [rows, width])
    return (lambda: F.gelu(x)) if part == "forward" else (lambda: aten.gelu_backward(dy, x))


def batch_norm(part, N, C, size, dtype):
    def in_format(memory_format):
        x, dy = (t.contiguous(memory_format=memory_format) for t in tensors(dtype, [N, C, size, size], [N, C, size, size]))
        norm = nn.BatchNorm2d(C)
        forward = lambda: F.relu(norm(x), inplace=True)  # noqa: E731
        if part == "forward":
            return lambda: forward().detach()
        y = F.relu(norm(x.requires_grad_()), inplace=True)
        return lambda: gradients(y, [x, norm.weight, norm.bias], dy)

    return {name: lambda f=f: in_format(f) for name, f in MEMORY_FORMATS.items()}


def adamw(dtype, **shape):
    network = build(**shape)
    for parameter in network.parameters():
        parameter.grad = torch.randn_like(parameter)
    return adamw_of(network).step


def distillation_loss(N, K, temperature, alpha, dtype):
    student, teacher = tensors(torch.float32, [N, K], [N, K])
    labels = torch.randint(K, [N])
    student.requires_grad_()
    return lambda: torch.autograd.grad(soft_label_loss(student, teacher, labels, temperature, alpha), student)


def assemble_batch(N, count, size, crop, dtype):
    images = torch.randint(256, [count, 32, 32, 3], dtype=torch.uint8)
    mean = torch.tensor([0.49139968, 0.48215827, 0.44653124]).view(1, 3, 1, 1)
    std = torch.tensor([0.24703233, 0.24348505, 0.26158768]).view(1, 3, 1, 1)

    def assemble():
        chosen = images[torch.randint(count, [N])].permute(0, 3, 1, 2)
        padded = F.pad(chosen, [crop] * 4)
        corners = torch.randint(2 * crop + 1, [N, 2]).tolist()
        cropped = torch.stack([image[:, i : i + 32, j : j + 32] for image, (i, j) in zip(padded, corners)])
        flipped = torch.where(torch.rand(N, 1, 1, 1) < 0.5, cropped.flip(3), cropped)
        resized = F.interpolate(flipped.float(), size=(size, size), mode="bilinear", align_corners=False)
        return resized.div_(255).sub_(mean).div_(std).to(dtype)

    return assemble


def training(batch, precision, teacher=None, temperature=1.0, alpha=0.0, **shape):
    """Forward, backward, AdamW; with a teacher also its forward pass, on images of `teacher["imageSize"]`."""

    def in_format(memory_format):
        student = build(**shape).to(memory_format=memory_format).train()
        network = teacher and build(**teacher).to(memory_format=MEMORY_FORMATS["channels last"]).eval()
        optimizer = adamw_of(student)
        x = images(batch, shape["imageSize"], memory_format)
        teacher_x = teacher and images(batch, teacher["imageSize"], MEMORY_FORMATS["channels last"])
        labels = torch.randint(CLASSES, [batch])

        def step():
            with autocast(precision):
                if teacher:
                    with torch.no_grad():
                        soft = network(teacher_x)
                    loss = soft_label_loss(student(x).float(), soft.float(), labels, temperature, alpha)
                else:
                    loss = F.cross_entropy(student(x), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.item()

        return step

    return per_format(shape["model"], in_format)


def inference(batch, precision, **shape):
    def in_format(memory_format):
        network = build(**shape).to(memory_format=memory_format).eval()
        x = images(batch, shape["imageSize"], memory_format)

        def infer():
            with torch.inference_mode(), autocast(precision):
                return network(x)

        return infer

    return per_format(shape["model"], in_format)


BENCHMARKS = {
    "linear": linear,
    "attention": attention_op,
    "conv2d": conv2d,
    "depthwise conv2d": depthwise_conv2d,
    "layer norm": layer_norm,
    "gelu": gelu,
    "batch norm": batch_norm,
    "adamw": adamw,
    "distillation loss": distillation_loss,
    "assemble batch": assemble_batch,
    "training": training,
    "inference": inference,
}


def tensors(dtype, *shapes):
    return [torch.randn(shape).to(dtype) for shape in shapes]


def images(batch, size, memory_format):
    return torch.randn(batch, 3, size, size).contiguous(memory_format=memory_format)


def gradients(y, inputs, dy):
    return torch.autograd.grad(y, inputs, dy, retain_graph=True)


def adamw_of(network):
    return torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=0.01, fused=True)


def soft_label_loss(student, teacher, labels, temperature, alpha):
    soft, hard = F.softmax(teacher / temperature, dim=1), F.cross_entropy(student, labels)
    divergence = F.kl_div(F.log_softmax(student / temperature, dim=1), soft, reduction="batchmean")
    return alpha * temperature**2 * divergence + (1 - alpha) * hard


def autocast(precision):
    return torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else nullcontext()


def per_format(model, in_format):
    return {name: lambda name=name: in_format(MEMORY_FORMATS[name]) for name in formats_of(model)}


# ---- The conversation


def opened(benchmark, precision, **sizes):
    """A function that runs one repetition, in the faster memory format, and the seconds that a warm repetition took."""
    if benchmark in ("training", "inference"):
        made = BENCHMARKS[benchmark](precision=precision, **sizes)
    else:
        made = BENCHMARKS[benchmark](dtype=torch.bfloat16 if precision == "bf16" else torch.float32, **sizes)
    return warmed(fastest(made)() if isinstance(made, dict) else made)


WARM_WITHIN, TRY_WITHIN = 2, 10  # seconds


def fastest(makers):
    """One at a time, so that no two are in memory together. A benchmark that takes very long is not tried in another format."""
    seconds = {}
    for name, make in makers.items():
        _, seconds[name] = warmed(make())
        if seconds[name] > TRY_WITHIN:
            break
    return makers[min(seconds, key=seconds.get)]


def warmed(do):
    seconds = timed(do, 1)
    return do, timed(do, 1) if seconds < WARM_WITHIN else seconds


def timed(do, repeats):
    start = perf_counter()
    for _ in range(repeats):
        do()
    return perf_counter() - start


def peak_memory():
    """Bytes of this program; getrusage would start from the peak of the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(1024 * int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


class Session:
    def __init__(self):
        self.do = None
        self.memory_before = 0

    def answer(self, request):
        if "open" in request:
            self.do = None
            self.memory_before = peak_memory()
            self.do, seconds = opened(**request["open"])
            return {"seconds": seconds}
        if "time" in request:
            return {"seconds": timed(self.do, request["time"])}
        if "threads" in request:
            torch.set_num_threads(request["threads"])
            return {}
        self.do()
        return {"bytes": peak_memory() - self.memory_before}


def main():
    torch.manual_seed(0)
    torch.ones(2, 2) @ torch.ones(2, 2)
    print(json.dumps({"torch": torch.__version__}), flush=True)
    session = Session()
    for line in sys.stdin:
        try:
            answer = session.answer(json.loads(line))
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
