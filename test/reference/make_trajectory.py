"""PyTorch's losses in 20 training steps of a control and of a distilled student -> trajectory.json.

Computed in double precision. Prints how far PyTorch's own single precision strays from it.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from formula import whole
from models import CLASSES, build, images, with_formula_weights

STEPS = 20
TEACHER = "resnet20_cifar10"
TEMPERATURE, ALPHA = 0.212, 0.62
WEIGHT_DECAY = 0.01
ARMS = {"control": 1e-3, "student": 1e-4}  # learning rates
STUDENTS = [("vit_micro_patch4_32", 16), ("vit_tiny_patch16_224", 8)]  # name, batch size


def losses(name, batch_size, arm, dtype):
    student = with_formula_weights(build(name, 32, 4)).to(dtype).train()
    teacher = with_formula_weights(build(TEACHER, 32, None)).to(dtype).eval()
    optimizer = torch.optim.AdamW(student.parameters(), lr=ARMS[arm], weight_decay=WEIGHT_DECAY)
    history = []
    for step in range(STEPS):
        x = images(f"images of step {step}", batch_size, 32).to(dtype)
        labels = whole(f"labels of step {step}", [batch_size], CLASSES)
        logits = student(x)
        loss = F.cross_entropy(logits, labels)
        if arm == "student":
            with torch.no_grad():
                soft = F.softmax(teacher(x) / TEMPERATURE, dim=1)
            divergence = F.kl_div(F.log_softmax(logits / TEMPERATURE, dim=1), soft, reduction="batchmean")
            loss = ALPHA * TEMPERATURE**2 * divergence + (1 - ALPHA) * loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    return history


def golden(name, batch_size, arm):
    exact = losses(name, batch_size, arm, torch.float64)
    single = losses(name, batch_size, arm, torch.float32)
    astray = max(abs(a - b) / b for a, b in zip(single, exact))
    print(f"{name}, {arm}: loss {exact[0]:.4f} ... {exact[-1]:.4f}; single precision differs by at most {astray:.1e} relative")
    return {"model": name, "batchSize": batch_size, "arm": arm, "learningRate": ARMS[arm], "losses": exact}


shared = {"teacher": TEACHER, "temperature": TEMPERATURE, "alpha": ALPHA, "weightDecay": WEIGHT_DECAY, "imageSize": 32, "patchSize": 4}
runs = [golden(name, batch_size, arm) for name, batch_size in STUDENTS for arm in ARMS]
lines = ",\n".join("    " + json.dumps(run) for run in runs)
(Path(__file__).parent / "trajectory.json").write_text(json.dumps(shared)[:-1] + ',\n  "runs": [\n' + lines + "\n  ]\n}\n")
