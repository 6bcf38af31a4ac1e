"""Generates frozen/not_finite.safetensors: weights of `(Linear<100, 17>, ReLU, Linear<17, 4>)`, two of which are
not finite. Needs only Python. In this folder:

    python not_finite.py
"""

import json
import struct
from pathlib import Path

INPUTS, HIDDEN, CLASSES = 100, 17, 4
SHAPES = {
    "0.bias": [HIDDEN],
    "0.weight": [HIDDEN, INPUTS],
    "2.bias": [CLASSES],
    "2.weight": [CLASSES, HIDDEN],
}
# unit 3 is NaN for any value of feature 5, unit 16 is NaN if feature 98 is 0
NOT_FINITE = {("0.weight", 3 * INPUTS + 5): float("nan"), ("0.weight", 16 * INPUTS + 98): float("inf")}


def value(name, index):
    plain = ((index * 37 + len(name)) % 17 - 8) / 16
    return NOT_FINITE.get((name, index), plain)


header, data = {}, b""
for name, shape in SHAPES.items():
    count = shape[0] * (shape[1] if len(shape) > 1 else 1)
    values = struct.pack(f"<{count}f", *(value(name, index) for index in range(count)))
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
    data += values
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
path = Path(__file__).parent / "frozen" / "not_finite.safetensors"
path.write_bytes(struct.pack("<Q", len(text)) + text + data)
