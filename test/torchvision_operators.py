"""Lets torchvision be imported beside a torch without CUDA, whose libraries its compiled operators need: they are declared, and nothing of what tests use calls them.

.cache/python imports this at each start, so torch is imported only with torchvision.
"""

import importlib.abc
import sys

NAMES = "nms roi_align ps_roi_align roi_pool ps_roi_pool deform_conv2d"
BACKWARD = "_roi_align_backward _ps_roi_align_backward _roi_pool_backward _ps_roi_pool_backward _deform_conv2d_backward"
QUANTIZED = "qnms qroi_align box_iou_rotated"


class BesideTorchvision(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name != "torchvision":
            return None
        sys.meta_path.remove(self)
        import torch

        # Kept, as its operators go with it.
        self.library = torch.library.Library("torchvision", "DEF")
        for operator in f"{NAMES} {BACKWARD} {QUANTIZED}".split():
            self.library.define(f"{operator}(Tensor x) -> Tensor")
        sys.modules[__name__].declared = self
        return None


sys.meta_path.insert(0, BesideTorchvision())
