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


def on_logits(kind, compute, weights=None, **settings):
    """A case with the parts' values, and the gradient of their weighted sum with respect to the student's logits."""
    student = logits_of("student", 4).requires_grad_()
    parts = compute(student, logits_of("teacher", 8), whole("labels", [N], K), settings["temperature"])
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


cases = {
    "soft": [on_logits("soft", soft, temperature=T) for T in (0.212, 4)],
    "standardized-soft": [on_logits("standardized-soft", standardized_soft, temperature=T) for T in (0.5, 2)],
    "dkd": [
        on_logits("dkd", dkd, {"tckd": alpha, "nckd": beta}, temperature=T, alpha=alpha, beta=beta)
        for T, alpha, beta in ((4, 1, 8), (1, 1, 1), (0.5, 0.3, 2))
    ],
    "locality": locality(),
}
(Path(__file__).parent / "objectives.json").write_text(json.dumps(cases, indent=1) + "\n")
