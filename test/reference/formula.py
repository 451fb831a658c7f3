"""Numbers that Python and TypeScript (formula.ts) compute identically, so that inputs and weights need not be stored.

A number depends on a name and a position: a 32-bit hash of both, its upper 24 bits as a fraction.
"""

import math

import numpy
import torch


def hashes(name: str, size: int) -> numpy.ndarray:
    """Position 0 ... size - 1 within the sequence of that name, hashed: uint32 [size]. FNV-1a of the name, finalizer of MurmurHash3."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 % 2**32
    x = numpy.arange(size, dtype=numpy.uint32) * numpy.uint32(0x9E3779B9) + numpy.uint32(seed)
    x = (x ^ (x >> 16)) * numpy.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * numpy.uint32(0xC2B2AE35)
    return x ^ (x >> 16)


def uniform(name: str, shape, scale: float = 1.0, offset: float = 0.0) -> torch.Tensor:
    """fp32 in offset - scale ... offset + scale"""
    fractions = (hashes(name, math.prod(shape)) >> 8).astype(numpy.float64) * 2.0**-24
    values = offset + scale * (2 * fractions - 1)
    return torch.from_numpy(values.astype(numpy.float32)).reshape(tuple(shape))


def whole(name: str, shape, below: int) -> torch.Tensor:
    """int64 in 0 ... below - 1"""
    return torch.from_numpy((hashes(name, math.prod(shape)) % numpy.uint32(below)).astype(numpy.int64)).reshape(tuple(shape))


def weight(name: str, shape) -> torch.Tensor:
    """A model's weight by its name in timm, sized so that signals keep their scale: matrices have variance 1 / fan-in."""
    if name.endswith("running_var"):
        return uniform(name, shape, 0.5, 1.0)
    if name.endswith(("running_mean", ".bias")):
        return uniform(name, shape, 0.1)
    if len(shape) == 1:
        return uniform(name, shape, 0.2, 1.0)
    if name in ("cls_token", "pos_embed"):
        return uniform(name, shape, 0.5)
    return uniform(name, shape, math.sqrt(3 / math.prod(shape[1:])))


SAMPLES = 1024


def sample(name: str, values: torch.Tensor) -> torch.Tensor:
    """All values; if there are many, those at 1024 positions drawn by the name."""
    flat = values.detach().reshape(-1)
    if len(flat) > SAMPLES:
        flat = flat[whole(name, [SAMPLES], len(flat))]
    return flat.to(torch.float32).contiguous()
