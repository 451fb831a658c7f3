"""Our models by name, as timm builds them, with formula weights."""

from functools import partial

import timm
import torch
from formula import uniform, weight
from timm.models.resnet import BasicBlock, ResNet
from timm.models.vision_transformer import VisionTransformer
from timm.models.vision_transformer_hybrid import ConvStem, HybridEmbed
from torch import nn

CLASSES = 10
NARROW_DEPTHS = {"resnet8_cifar10": 1, "resnet14_cifar10": 2, "resnet20_cifar10": 3}
VIT_WIDTHS = {"vit_tiny": (192, 12, 3), "vit_small": (384, 12, 6), "vit_micro": (128, 6, 4)}  # width, depth, heads


def build(name: str, image_size: int, patch_size: int | None) -> nn.Module:
    if name == "vit_micro_patch4_32":
        return VisionTransformer(img_size=image_size, patch_size=patch_size, embed_dim=128, depth=6, num_heads=4, num_classes=CLASSES)
    if "_dinov2" in name:  # timm leaves out the last layer of these
        return timm.create_model(name, num_classes=CLASSES, img_size=image_size)
    if "_convstem_" in name:
        return vit_with_conv_stem(name, image_size, patch_size)
    if name.startswith(("vit_", "deit_")):
        return timm.create_model(name, num_classes=CLASSES, img_size=image_size, patch_size=patch_size)
    if name in NARROW_DEPTHS:
        depth = NARROW_DEPTHS[name]
        model = ResNet(BasicBlock, (depth, depth, depth), num_classes=CLASSES, channels=(16, 32, 64))
        model.layer1[0] = BasicBlock(16, 16)  # timm's stem always has 64 channels
        model.layer4 = nn.Identity()
        return with_cifar_stem(model, 16)
    if name.endswith("_cifar10"):
        return with_cifar_stem(timm.create_model(name.removesuffix("_cifar10"), num_classes=CLASSES), 64)
    return timm.create_model(name, num_classes=CLASSES)


def vit_with_conv_stem(name: str, image_size: int, patch_size: int) -> nn.Module:
    width, depth, heads = VIT_WIDTHS[name.split("_convstem_")[0]]
    layers = patch_size.bit_length() - 1
    channels = [width >> i for i in reversed(range(layers))] + [width]
    stem = ConvStem(depth=layers + 1, channels=channels, kernel_size=(3,) * layers + (1,), stride=(2,) * layers + (1,))
    return VisionTransformer(
        img_size=image_size,
        embed_layer=partial(HybridEmbed, stem, proj=False),
        embed_dim=width,
        depth=depth,
        num_heads=heads,
        num_classes=CLASSES,
        patch_size=1,
    )


def with_cifar_stem(model: nn.Module, channels: int) -> nn.Module:
    model.conv1 = nn.Conv2d(3, channels, 3, stride=1, padding=1, bias=False)
    model.bn1 = nn.BatchNorm2d(channels)
    model.maxpool = nn.Identity()
    return model


def with_formula_weights(model: nn.Module) -> nn.Module:
    state = {name: weight(name, value.shape) for name, value in model.state_dict().items() if not name.endswith("num_batches_tracked")}
    model.load_state_dict(state, strict=False)
    return model


def images(name: str, count: int, size: int) -> torch.Tensor:
    """[N,3,Z,Z], by formula in channels-last order, with about the spread of normalised photographs"""
    return uniform(name, [count, size, size, 3], 2.0).permute(0, 3, 1, 2)
