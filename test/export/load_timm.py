"""Loads exported folders with timm and transformers: each line of stdin names a folder, each line of stdout has what they answer."""

import json
import sys
import warnings

import timm
import torch
from formula import uniform
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification, pipeline

warnings.filterwarnings("ignore")


def answer(folder, own, count, size, image):
    sys.path.insert(0, folder)
    sys.modules.pop("distill_models", None)
    if own:
        import distill_models
    sys.path.pop(0)
    images = uniform("images", [count, size, size, 3], 2.0).permute(0, 3, 1, 2)
    model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    other = AutoModelForImageClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        found = {"timm": model(images).tolist(), "transformers": other(pixel_values=images).logits.tolist()}
    found["labels"] = [model.pretrained_cfg["label_names"], [other.config.id2label[i] for i in range(len(other.config.id2label))]]
    if image:
        opened = Image.open(image).convert("RGB")
        transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model), is_training=False)
        processed = AutoImageProcessor.from_pretrained(folder)(opened, return_tensors="pt")
        with torch.no_grad():
            found["image"] = [model(transform(opened)[None])[0].tolist(), other(**processed).logits[0].tolist()]
        found["pipeline"] = pipeline("image-classification", model=folder)(image)[0]
    return found


for line in sys.stdin:
    print(json.dumps(answer(**json.loads(line))), flush=True)
