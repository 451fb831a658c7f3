"""Gradients of every family with formula weights in training mode, computed by timm -> gradients.json."""

import json
from pathlib import Path

import torch.nn.functional as F
from formula import sample, whole
from models import CLASSES, build, images, with_formula_weights

MODELS = [  # name, image size, patch size, images, parameters of which values are kept
    ("resnet26", 64, None, 8, ["layer1.0.conv1.weight", "layer3.1.bn3.weight"]),
    ("tf_efficientnet_lite0", 64, None, 4, ["conv_stem.weight", "blocks.2.0.conv_dw.weight", "blocks.5.1.bn3.weight"]),
    ("mobilenetv2_100", 64, None, 4, ["conv_stem.weight", "blocks.3.1.conv_dw.weight"]),
    ("convnext_tiny", 64, None, 2, ["stem.0.bias", "stages.1.downsample.1.weight", "stages.2.blocks.4.gamma", "stages.2.blocks.4.conv_dw.weight"]),
    ("deit_tiny_distilled_patch16_224", 32, 16, 2, ["dist_token", "head_dist.weight"]),
    ("vit_small_patch14_reg4_dinov2", 28, 14, 2, ["reg_token", "pos_embed", "blocks.3.ls1.gamma", "blocks.11.ls2.gamma", "blocks.3.mlp.fc2.bias"]),
]
KEPT = 32


def gradients(name, image_size, patch_size, count, kept):
    model = with_formula_weights(build(name, image_size, patch_size)).double().train()
    logits = model(images("images", count, image_size).double())
    loss = F.cross_entropy(logits, whole("labels", [count], CLASSES))
    loss.backward()
    parameters = dict(model.named_parameters())
    print(f"{name}: loss {loss.item():.3f}")
    return {
        "model": name,
        "imageSize": image_size,
        "patchSize": patch_size,
        "images": count,
        "loss": loss.item(),
        "norms": {each: float(f"{parameter.grad.norm().item():.7g}") for each, parameter in parameters.items()},
        "values": {each: sample(each, parameters[each].grad)[:KEPT].tolist() for each in kept},
    }


lines = [json.dumps(gradients(*model)) for model in MODELS]
(Path(__file__).parent / "gradients.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
