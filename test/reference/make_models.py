"""Logits of every model with formula weights, computed by timm -> models.json."""

import json
from pathlib import Path

import torch
from models import build, images, with_formula_weights

MODELS = [  # name, image size, patch size, images
    ("resnet18_cifar10", 32, None, 3),
    ("resnet34_cifar10", 32, None, 2),
    ("resnet8_cifar10", 32, None, 3),
    ("resnet14_cifar10", 32, None, 3),
    ("resnet20_cifar10", 32, None, 3),
    ("resnet18", 224, None, 1),
    ("resnet34", 64, None, 2),
    ("resnet26", 64, None, 2),
    ("resnet50", 64, None, 2),
    ("resnet101", 64, None, 1),
    ("tf_efficientnet_lite0", 64, None, 2),
    ("tf_efficientnet_lite0", 75, None, 1),
    ("efficientnet_lite0", 64, None, 2),
    ("mobilenetv2_100", 64, None, 2),
    ("mobilenetv2_100", 33, None, 2),
    ("convnext_tiny", 64, None, 1),
    ("convnext_tiny", 47, None, 1),
    ("vit_tiny_patch16_224", 224, 16, 2),
    ("vit_tiny_patch16_224", 32, 4, 3),
    ("vit_small_patch16_224", 224, 16, 1),
    ("vit_base_patch16_224", 64, 16, 1),
    ("vit_micro_patch4_32", 32, 4, 3),
    ("vit_tiny_convstem_patch16_224", 224, 16, 1),
    ("vit_small_convstem_patch16_224", 32, 4, 2),
    ("vit_micro_convstem_patch8_32", 32, 8, 3),
    ("vit_micro_convstem_patch8_32", 16, 2, 2),
    ("deit_tiny_distilled_patch16_224", 224, 16, 1),
    ("deit_tiny_distilled_patch16_224", 32, 4, 3),
    ("deit_small_distilled_patch16_224", 64, 16, 2),
    ("deit_base_distilled_patch16_224", 32, 16, 1),
    ("deit_tiny_patch16_224", 32, 4, 2),
    ("deit_small_patch16_224", 64, 16, 2),
    ("deit_base_patch16_224", 32, 16, 1),
    ("vit_small_patch14_dinov2", 70, 14, 2),
    ("vit_small_patch14_reg4_dinov2", 70, 14, 2),
]


def golden(name, image_size, patch_size, count):
    model = with_formula_weights(build(name, image_size, patch_size)).double().eval()
    with torch.no_grad():
        logits = model(images("images", count, image_size).double())
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f"{name} {image_size}/{patch_size}: {parameters} parameters, logits of standard deviation {logits.std():.2f}")
    return {"model": name, "imageSize": image_size, "patchSize": patch_size, "parameters": parameters, "logits": logits.tolist()}


lines = [json.dumps(golden(*model)) for model in MODELS]
(Path(__file__).parent / "models.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
