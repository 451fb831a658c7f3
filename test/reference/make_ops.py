"""Values and gradients of every case in test/ops/cases.json, by PyTorch in double precision -> ops.safetensors."""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from formula import sample, uniform, whole
from safetensors.torch import save_file

HERE = Path(__file__).parent
torch.set_default_dtype(torch.float64)


def images_first(x):  # [N,H,W,C] -> [N,C,H,W]
    return x.permute(0, 3, 1, 2)


def channels_last(x):  # [N,C,H,W] -> [N,H,W,C]
    return x.permute(0, 2, 3, 1)


def linear(x, weight, bias=None, residual=None):
    y = F.linear(x, weight, bias)
    return {"y": y if residual is None else y + residual}


def mlp(x, weight1, bias1, weight2, bias2, residual=None):
    return linear(F.gelu(F.linear(x, weight1, bias1)), weight2, bias2, residual)


def same_padding(extent, kernel, stride):
    """TensorFlow's: zeros before and after."""
    total = max((-(-extent // stride) - 1) * stride + kernel - extent, 0)
    return [total // 2, total - total // 2]


def conv2d(x, weight, bias=None, stride=1, padding=0, groups=1):
    if padding == "same":
        (_, H, W, _), (_, _, R, S) = x.shape, weight.shape
        x, padding = F.pad(x, [0, 0, *same_padding(W, S, stride), *same_padding(H, R, stride)]), 0
    return {"y": channels_last(F.conv2d(images_first(x), weight, bias, stride, padding, groups=groups))}


def depthwise_conv2d(x, weight, **options):
    return conv2d(x, weight, groups=len(weight), **options)


def norm_of(convolution):
    @torch.no_grad()
    def convolve_and_normalise(x, weight, normWeight, normBias, runningMean, runningVar, residual=None, activation="none", eps=1e-5, **options):
        y = convolution(x, weight, **options)["y"]
        return {"y": batch_norm(y, normWeight, normBias, runningMean, runningVar, residual, False, activation, eps=eps)["y"]}

    return convolve_and_normalise


ACTIVATIONS = {"none": lambda x: x, "relu": F.relu, "relu6": F.relu6}


def batch_norm(x, weight, bias, runningMean, runningVar, residual=None, training=True, activation="none", momentum=0.1, eps=1e-5):
    mean, var = runningMean.clone(), runningVar.clone()
    y = channels_last(F.batch_norm(images_first(x), mean, var, weight, bias, training, momentum, eps))
    y = y if residual is None else y + residual
    y = ACTIVATIONS[activation](y)
    return {"y": y, "runningMean": mean, "runningVar": var}


def layer_norm(x, weight, bias, eps):
    return {"y": F.layer_norm(x, weight.shape, weight, bias, eps)}


def attention(qkv, heads, queries=None):
    N, T, packed = qkv.shape
    q, k, v = qkv.reshape(N, T, 3, heads, packed // 3 // heads).permute(2, 0, 3, 1, 4)
    return {"y": F.scaled_dot_product_attention(q[:, :, :queries], k, v).transpose(1, 2).flatten(2)}


def embed_tokens(patches, classToken, position):
    return {"y": torch.cat([classToken.expand(len(patches), -1, -1), patches], dim=1) + position}


def max_pool(x, kernel, stride, padding):
    return {"y": channels_last(F.max_pool2d(images_first(x), kernel, stride, padding))}


def distillation_loss(student, labels, labelWeights=None, teacher=None, temperature=1.0, alpha=0.0):
    weights = torch.ones(len(labels)) if labelWeights is None else labelWeights
    ce = (weights * F.cross_entropy(student, labels, reduction="none")).mean()
    kd = torch.zeros(())
    if teacher is not None:
        log_q, log_p = F.log_softmax(student / temperature, dim=1), F.log_softmax(teacher / temperature, dim=1)
        kd = temperature**2 * F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)
    correct = ((student.argmax(dim=1) == labels) & (weights > 0)).sum()
    return {"loss": (alpha * kd + (1 - alpha) * ce).reshape(1), "metrics": torch.stack([ce, kd, correct])}


def resize_axis(x, side, axis):
    """One axis of x [N,H,W,C]: both of PyTorch's ways to resize to a grid are separable by axis."""
    lines = x.movedim(axis, -1)
    shape, lines = lines.shape[:-1], lines.reshape(1, -1, lines.shape[-1])
    if side <= lines.shape[-1]:
        lines = F.adaptive_avg_pool1d(lines, side)
    else:
        lines = F.interpolate(lines, side, mode="linear", align_corners=False)
    return lines.reshape(*shape, side).movedim(-1, axis)


def resize_grid(x, side):
    H, W = x.shape[1:3]
    if side <= min(H, W):
        return {"y": channels_last(F.adaptive_avg_pool2d(images_first(x), side))}
    if side > max(H, W):
        return {"y": channels_last(F.interpolate(images_first(x), side, mode="bilinear", align_corners=False))}
    return {"y": resize_axis(resize_axis(x, side, 1), side, 2)}


def mean_square(x, target=None):
    return {"y": F.mse_loss(x, torch.zeros_like(x) if target is None else target).reshape(1)}


def optimize(make, moments, decayed, plain, decayedGradients, plainGradients, weightDecay, **settings):
    """A few steps over two parameters, one of them without decay."""
    values = [decayed.detach().clone(), plain.detach().clone()]
    optimizer = make([{"params": [values[0]], "weight_decay": weightDecay}, {"params": [values[1]], "weight_decay": 0}], **settings)
    for gradients in zip(decayedGradients.detach(), plainGradients.detach()):
        for value, gradient in zip(values, gradients):
            value.grad = gradient.clone()
        optimizer.step()
    state = [[optimizer.state[value][moment] for moment in moments] for value in values]
    return {"decayed": values[0], "plain": values[1]} | {
        f"{which}.{name}": moment for which, each in zip(["decayed", "plain"], state) for name, moment in zip(["first", "second"], each)
    }


def adamw(learningRate, beta1, beta2, eps, **rest):
    return optimize(torch.optim.AdamW, ["exp_avg", "exp_avg_sq"], lr=learningRate, betas=(beta1, beta2), eps=eps, **rest)


def sgd(learningRate, momentum, nesterov, **rest):
    return optimize(torch.optim.SGD, ["momentum_buffer"] if momentum else [], lr=learningRate, momentum=momentum, nesterov=nesterov, **rest)


def accumulate(first, second, firstGradient, secondGradient, keep, share):
    values = [keep * value + share * gradient for value, gradient in [(first, firstGradient), (second, secondGradient)]]
    return {"first": values[0].detach(), "second": values[1].detach()}


def clip_norm(first, second, most):
    values = [first.detach().clone(), second.detach().clone()]
    holders = [torch.nn.Parameter(torch.zeros_like(value)) for value in values]
    for holder, value in zip(holders, values):
        holder.grad = value
    norm = torch.nn.utils.clip_grad_norm_(holders, most)
    return {"norm": norm.reshape(1), "first": holders[0].grad, "second": holders[1].grad}


def normalized(x, mean, std):
    return (x / 255 - torch.tensor(mean)) / torch.tensor(std)


def resized(images, size):
    return channels_last(F.interpolate(images_first(images.double()), size, mode="bilinear", align_corners=False, antialias=True))


def philox(seed, counter):
    """Philox 4x32-10 (Salmon et al. 2011): four 32-bit numbers."""
    for i in range(10):
        key = [(seed % 2**32 + i * 0x9E3779B9) % 2**32, ((seed >> 32) + i * 0xBB67AE85) % 2**32]
        a, b = counter[0] * 0xD2511F53, counter[2] * 0xCD9E8D57
        counter = [b >> 32 ^ counter[1] ^ key[0], b % 2**32, a >> 32 ^ counter[3] ^ key[1], a % 2**32]
    return counter


def sample_views(count, crop, flip, seed, epoch):
    """Top, left, mirrored or not: [count,3]"""
    drawn = [philox(seed, [sample, 0x76696577, epoch % 2**32, epoch >> 32]) for sample in range(count)]
    offsets = [[(bits * (2 * crop + 1) >> 32) - crop for bits in of[:2]] for of in drawn]
    return {"y": torch.tensor([[*offset, of[2] & 1 if flip else 0] for offset, of in zip(offsets, drawn)])}


def box_mask(height, width, box):  # [height,width]: the part of an image that a rectangle of top, left, height and width covers
    top, left, rows, columns = box
    y, x = torch.arange(height)[:, None], torch.arange(width)
    return (y >= top) & (y < top + rows) & (x >= left) & (x < left + columns)


def view(image, at, size, erased):  # image [H,W,3]
    (H, W, _), (top, left, flip) = image.shape, at
    height, width = size or (H, W)
    room = 2 * max(H, W)
    shown = F.pad(image, (0, 0, room, room, room, room))[room + top : room + top + height, room + left : room + left + width]
    shown = shown.flip(1) if flip else shown
    return shown.masked_fill(box_mask(height, width, erased)[..., None], 0) if erased else shown


def assemble_batch(images, indices, size, mean, std, views=None, sizes=None, erased=None):
    rows = lambda matrix, default: [default] * len(indices) if matrix is None else matrix.tolist()
    shown = [view(images[i], *each) for i, *each in zip(indices, rows(views, [0, 0, 0]), rows(sizes, None), rows(erased, None))]
    return {"y": normalized(torch.cat([resized(image[None], (size, size)) for image in shown]), mean, std)}


def blend(a, b, shares, boxes=None):
    mixed = torch.lerp(b, a, shares[:, None, None, None])
    if boxes is None:
        return {"y": mixed}
    masks = torch.stack([box_mask(*a.shape[1:3], box) for box in boxes.tolist()])
    return {"y": torch.where(masks[..., None], mixed, a)}


OPS = {
    "linear": linear,
    "mlp": mlp,
    "gelu": lambda x: {"y": F.gelu(x)},
    "add": lambda a, b: {"y": a + b},
    "multiply": lambda a, b: {"y": a * b},
    "scale": lambda x, factor, by=None: {"y": x * factor * (1 if by is None else by)},
    "scaleRows": lambda x, factors: {"y": x * factors.unsqueeze(-1)},
    "relu": lambda x: {"y": F.relu(x)},
    "mean": lambda x: {"y": x.mean().reshape(1)},
    "meanSquare": mean_square,
    "sumRows": lambda x: {"y": x.sum(dim=-1, keepdim=True)},
    "logSumExp": lambda x: {"y": torch.logsumexp(x, dim=-1, keepdim=True)},
    "oneHot": lambda labels, classes: {"y": F.one_hot(labels, classes).double()},
    "argmax": lambda x: {"y": x.argmax(dim=-1).double()},
    "energyMap": lambda x: {"y": F.normalize(x.square().sum(dim=-1))},
    "conv2d": conv2d,
    "depthwiseConv2d": depthwise_conv2d,
    "batchNorm": batch_norm,
    "conv2dNorm": norm_of(conv2d),
    "depthwiseConv2dNorm": norm_of(depthwise_conv2d),
    "layerNorm": layer_norm,
    "attention": attention,
    "embedTokens": embed_tokens,
    "selectToken": lambda x, index: {"y": x[:, index]},
    "sliceTokens": lambda x, begin, end: {"y": x[:, begin:end]},
    "averagePool": lambda x: {"y": x.mean(dim=(1, 2))},
    "resizeGrid": resize_grid,
    "maxPool": max_pool,
    "swapAxes": lambda x: {"y": x.swapaxes(0, 1)},
    "distillationLoss": distillation_loss,
    "adamw": adamw,
    "sgd": sgd,
    "accumulate": accumulate,
    "clipNorm": clip_norm,
    "assembleBatch": assemble_batch,
    "blend": blend,
    "sampleViews": sample_views,
}


def make_input(name, spec):
    scale, offset = spec.get("scale", 1), spec.get("offset", 0)
    if "below" not in spec:
        values = uniform(name, spec["shape"], scale, offset)
    else:
        values = offset + scale * whole(name, spec["shape"], spec["below"])
    if "dtype" in spec:
        return values
    return values.double().requires_grad_(not spec.get("constant", False))


def goldens(case):
    name = case["name"]
    inputs = {key: make_input(f"{name}/{key}", spec) for key, spec in case["inputs"].items()}
    outputs = OPS[case["op"]](**inputs, **case.get("options", {}))
    y = next(iter(outputs.values()))
    if y.requires_grad:
        y.backward(torch.tensor(case["dy"]).double() if "dy" in case else uniform(f"{name}/dy", y.shape).double())
    gradients = {f"d{key}": value.grad for key, value in inputs.items() if value.grad is not None}
    return {f"{name}/{key}": sample(f"{name}/{key}", value) for key, value in (outputs | gradients).items()}


cases = json.loads((HERE / "../ops/cases.json").read_text())
tensors = {}
for case in cases:
    tensors |= goldens(case)
save_file(tensors, HERE / "ops.safetensors")
print(f"{len(cases)} cases, {len(tensors)} tensors, {sum(t.numel() for t in tensors.values())} numbers")
