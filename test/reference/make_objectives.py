"""Golden values of the objectives, as their authors' code computes them: python3 test/reference/make_objectives.py

Writes objectives.json. Inputs come from formula.py; sums are in double precision, from inputs rounded to fp32.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F

from formula import sample, uniform, whole

N, K = 6, 10


def logits_of(network, scale):
    return uniform(f"{network}'s logits", [N, K], scale).double()


def kl(student, teacher, temperature):
    """T^2 KL(softmax(teacher/T) || softmax(student/T)), mean over the batch."""
    return F.kl_div(F.log_softmax(student / temperature, 1), F.log_softmax(teacher / temperature, 1), reduction="batchmean", log_target=True) * temperature**2


def soft(student, teacher, labels, temperature):
    return {"kd": kl(student, teacher, temperature)}


def standardized_soft(student, teacher, labels, temperature):
    """github.com/sunshangquan/logit-standardization-KD: normalize() and kd_loss()."""
    normalize = lambda z: (z - z.mean(dim=-1, keepdims=True)) / (1e-7 + z.std(dim=-1, keepdims=True))
    return {"standardized_kd": kl(normalize(student), normalize(teacher), temperature)}


def dkd(student, teacher, labels, temperature):
    """github.com/megvii-research/mdistiller: dkd_loss(), without its warm-up."""
    mask = torch.zeros_like(student).scatter_(1, labels[:, None], 1).bool()
    cat_mask = lambda t: torch.cat([(t * mask).sum(1, keepdims=True), (t * ~mask).sum(1, keepdims=True)], dim=1)
    p, q = (cat_mask(F.softmax(z / temperature, dim=1)) for z in (teacher, student))
    tckd = F.kl_div(q.log(), p, reduction="sum") * temperature**2 / len(labels)
    part2 = lambda z: z / temperature - 1000.0 * mask
    nckd = F.kl_div(F.log_softmax(part2(student), dim=1), F.softmax(part2(teacher), dim=1), reduction="sum") * temperature**2 / len(labels)
    return {"tckd": tckd, "nckd": nckd}


def hard(student, teacher, labels, temperature=None):
    """github.com/facebookresearch/deit: DistillationLoss, type hard."""
    return {"hard": F.cross_entropy(student, teacher.argmax(dim=1))}


def logit_matching(student, teacher, labels, temperature=None):
    return {"logit_mse": F.mse_loss(student, teacher)}


def on_logits(kind, compute, weights=None, **settings):
    """A case with the parts' values, and the gradient of their weighted sum with respect to the student's logits."""
    student = logits_of("student", 4).requires_grad_()
    parts = compute(student, logits_of("teacher", 8), whole("labels", [N], K), settings.get("temperature"))
    loss = sum((weights or {}).get(name, 1) * part for name, part in parts.items())
    loss.backward()
    return {
        "term": {"kind": kind, "weight": 1, **settings},
        "parts": {name: part.item() for name, part in parts.items()},
        "loss": loss.item(),
        "dlogits": student.grad.reshape(-1).tolist(),
    }


def locality():
    """4x4 patches of width 32 and a class token, block 4; a map of 8x8x12. The statistics are given."""
    D, C, side, grid = 32, 12, 8, 4
    h = uniform("tokens", [N, 1 + grid**2, D]).double().requires_grad_()
    f = uniform("map", [N, side, side, C], 3, 1).double()
    mean, std = uniform("mean", [C], 1).double(), uniform("std", [C], 0.5, 1).double()
    W, b = uniform("project.weight", [C, D], 0.3).double().requires_grad_(), uniform("project.bias", [C], 0.1).double().requires_grad_()
    target = F.avg_pool2d(((f - mean) / (std + 1e-6)).permute(0, 3, 1, 2), side // grid).permute(0, 2, 3, 1).reshape(N, grid**2, C)
    loss = (F.linear(h[:, 1:], W, b) - target).square().mean()
    loss.backward()
    return {
        "loss": loss.item(),
        "dtokens": sample("dtokens", h.grad).tolist(),
        "dweight": W.grad.reshape(-1).tolist(),
        "dbias": b.grad.tolist(),
    }


def token():
    """github.com/facebookresearch/deit: DistillationLoss with alpha 0.3, soft targets as the mean over the batch; with respect to both heads' logits."""
    cases = []
    for targets, temperature in (("hard", 3), ("soft", 3)):
        head, dist = (uniform(f"{name}'s logits", [N, K], 4).double().requires_grad_() for name in ("head", "head_dist"))
        teacher, labels = logits_of("teacher", 8), whole("labels", [N], K)
        taught = F.cross_entropy(dist, teacher.argmax(dim=1)) if targets == "hard" else kl(dist, teacher, temperature)
        loss = 0.7 * F.cross_entropy(head, labels) + 0.3 * taught
        loss.backward()
        gradients = {f"d{name}": logits.grad.reshape(-1).tolist() for name, logits in (("head", head), ("head_dist", dist))}
        cases.append({"term": {"kind": "token", "weight": 0.3, "targets": targets, "temperature": temperature}, "token": taught.item(), "loss": loss.item()} | gradients)
    return cases


def activations(name, kind, side, channels, scale=1, offset=0):
    """[N,S,S,C] of a map, or [N,1+S*S,C] of tokens with a class token."""
    shape = [N, side, side, channels] if kind == "map" else [N, 1 + side**2, channels]
    return uniform(name, shape, scale, offset).double().requires_grad_()


def grid(x, kind, side):
    """[N,C,S,S]: the places, averaged to a grid of `side`."""
    places = x if kind == "map" else x[:, 1:].reshape(N, int((x.shape[1] - 1) ** 0.5), -1, x.shape[-1])
    return F.adaptive_avg_pool2d(places.permute(0, 3, 1, 2), side)


GRADIENTS = 100  # as many numbers of each are kept
PAIRS = [  # kind, side and channels of the student's stage and of the teacher's
    (("tokens", 4, 32), ("map", 8, 12)),
    (("map", 8, 12), ("map", 4, 20)),
    (("map", 4, 12), ("tokens", 4, 16)),
    (("tokens", 6, 16), ("tokens", 4, 24)),
]


def between_stages(compute):
    """Cases with the loss and its gradients with respect to the student's activations and what `compute` returns besides."""
    cases = []
    for (own, own_side, D), (theirs, their_side, C) in PAIRS:
        side = min(own_side, their_side)
        h, f = activations("student's", own, own_side, D), activations("teacher's", theirs, their_side, C, 3, 1)
        loss, weights = compute(grid(h, own, side), grid(f.detach(), theirs, side))
        loss.backward()
        gradients = {f"d{name}": sample(f"d{name}", value.grad)[:GRADIENTS].tolist() for name, value in ({"student": h} | weights).items()}
        stages = {"student": {"kind": own, "side": own_side, "channels": D}, "teacher": {"kind": theirs, "side": their_side, "channels": C}}
        cases.append(stages | {"loss": loss.item()} | gradients)
    return cases


def features(h, f):
    """A 1x1 convolution of the student's map to the teacher's, whose channels are normalised; the statistics are given."""
    C, D = f.shape[1], h.shape[1]
    mean, std = uniform("mean", [C], 1).double(), uniform("std", [C], 0.5, 1).double()
    weights = {"project.weight": uniform("project.weight", [C, D], 0.3).double().requires_grad_(), "project.bias": uniform("project.bias", [C], 0.1).double().requires_grad_()}
    predicted = F.conv2d(h, weights["project.weight"][:, :, None, None], weights["project.bias"])
    return F.mse_loss(predicted, (f - mean[:, None, None]) / (std[:, None, None] + 1e-6)), weights


def attention_transfer(h, f):
    """github.com/szagoruyko/attention-transfer: at() and at_loss()."""
    at = lambda x: F.normalize(x.pow(2).mean(1).reshape(x.size(0), -1))
    return (at(h) - at(f)).pow(2).mean(), {}


cases = {
    "soft": [on_logits("soft", soft, temperature=T) for T in (0.212, 4)],
    "standardized-soft": [on_logits("standardized-soft", standardized_soft, temperature=T) for T in (0.5, 2)],
    "dkd": [
        on_logits("dkd", dkd, {"tckd": alpha, "nckd": beta}, temperature=T, alpha=alpha, beta=beta)
        for T, alpha, beta in ((4, 1, 8), (1, 1, 1), (0.5, 0.3, 2))
    ],
    "hard": [on_logits("hard", hard)],
    "logit-matching": [on_logits("logit-matching", logit_matching)],
    "token": token(),
    "locality": locality(),
    "features": between_stages(features),
    "attention-transfer": between_stages(attention_transfer),
}
(Path(__file__).parent / "objectives.json").write_text(json.dumps(cases, indent=1) + "\n")
