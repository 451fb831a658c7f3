"""Models of Distill Studio that timm does not have. Importing this file registers them with timm."""

from functools import partial

from torch import nn
from timm.models import build_model_with_cfg, register_model
from timm.models.resnet import BasicBlock, ResNet
from timm.models.vision_transformer import VisionTransformer
from timm.models.vision_transformer_hybrid import ConvStem, HybridEmbed


class CifarResNet(ResNet):
    """Residual network for images of about 32 px: its stem is a 3x3 convolution of stride 1, without max-pool, and it has three or four stages."""

    def __init__(self, layers, channels, **kwargs):
        # Only a deep stem can have another width than 64 in timm; it is replaced below.
        width = channels[0]
        stem = {} if width == 64 else {"stem_type": "deep", "stem_width": width // 2}
        super().__init__(BasicBlock, layers, channels=channels, **stem, **kwargs)
        self.conv1 = nn.Conv2d(kwargs.get("in_chans", 3), width, kernel_size=3, stride=1, padding=1, bias=False)
        self.maxpool = nn.Identity()
        if len(layers) == 3:
            self.layer4 = nn.Identity()


@register_model
def cifar_resnet(pretrained=False, **kwargs):
    """He et al. 2015, "Deep Residual Learning for Image Recognition", section 4.2."""
    return build_model_with_cfg(CifarResNet, "cifar_resnet", pretrained, **kwargs)


@register_model
def convstem_vit(pretrained=False, patch_size=16, embed_dim=192, **kwargs):
    """Xiao et al. 2021, "Early Convolutions Help Transformers See Better": for patches of side 2^k, k convolutions of stride 2."""
    halvings = patch_size.bit_length() - 1
    channels = [embed_dim >> i for i in reversed(range(halvings))] + [embed_dim]
    stem = ConvStem(depth=halvings + 1, channels=channels, kernel_size=(3,) * halvings + (1,), stride=(2,) * halvings + (1,))
    embed_layer = partial(HybridEmbed, stem, proj=False)
    return build_model_with_cfg(VisionTransformer, "convstem_vit", pretrained, patch_size=1, embed_dim=embed_dim, embed_layer=embed_layer, **kwargs)
