"""Writes small files in the layout of CIFAR's Python version to test/fixtures/cifar-python/.   usage: python make_cifar.py

Needs numpy. Image k has the bytes (31 k + 7 i + i // 32) mod 256 and the labels k mod 10; of CIFAR-100, 37 k mod 100 and 7 k mod 20. The authors' own files
were pickled by Python 2, whose texts are bytes: `Python2` writes as it did. Others have pickled them again, with other protocols.
"""

import io
import os
import pickle
import struct

import numpy as np

OUT = os.path.join(os.path.dirname(__file__), "..", "fixtures", "cifar-python")
CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split()


class Python2(pickle._Pickler):
    """Protocol 2 with texts and bytes as Python 2's str."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_str2(self, value):
        content = value.encode("ascii") if isinstance(value, str) else value
        head = b"U" + struct.pack("<B", len(content)) if len(content) < 256 else b"T" + struct.pack("<i", len(content))
        self.write(head + content)
        self.memoize(value)

    dispatch[str] = save_str2
    dispatch[bytes] = save_str2


def images(numbers):
    i = np.arange(3072)
    return np.array([(31 * k + 7 * i + i // 32) % 256 for k in numbers], dtype=np.uint8)


def batch(numbers):
    return {"batch_label": "some batch", "labels": [k % 10 for k in numbers], "data": images(numbers), "filenames": [f"{k}.png" for k in numbers]}


def hundred(numbers):
    return {"filenames": [f"{k}.png" for k in numbers], "fine_labels": [37 * k % 100 for k in numbers], "coarse_labels": [7 * k % 20 for k in numbers],
            "batch_label": "some batch", "data": images(numbers)}


def python2(value):
    buffer = io.BytesIO()
    Python2(buffer, 2).dump(value)
    # numpy has renamed its modules since.
    return buffer.getvalue().replace(b"numpy._core", b"numpy.core")


def write(name, content):
    path = os.path.join(OUT, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


for n in range(1, 6):
    write(f"cifar-10-batches-py/data_batch_{n}", python2(batch([2 * n - 2, 2 * n - 1])))
write("cifar-10-batches-py/test_batch", python2(batch([10, 11])))
write("cifar-10-batches-py/batches.meta", python2({"num_cases_per_batch": 2, "label_names": CLASSES, "num_vis": 3072}))
write("cifar-100-python/train", python2(hundred([0, 1, 2, 3])))
write("cifar-100-python/test", python2(hundred([4])))
bytes_keys = {key.encode(): value for key, value in batch([0, 1]).items()}
for protocol in (2, 3, 4, 5):
    write(f"again/protocol-{protocol}", pickle.dumps(batch([0, 1]), protocol))
write("again/bytes-keys", pickle.dumps(bytes_keys, 4))
write("again/bytes-keys-2", pickle.dumps(bytes_keys, 2))
write("again/column-major", pickle.dumps({**batch([0, 1]), "data": np.asfortranarray(images([0, 1]))}, 4))
write("again/floats", pickle.dumps({**batch([0, 1]), "data": images([0, 1]).astype(np.float32)}, 4))
