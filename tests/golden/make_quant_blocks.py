#!/usr/bin/env python3
"""Blocks of every weight format and their values by an independent implementation.

Writes quant_blocks.txt beside this script: two lines a format (random blocks; blocks of one repeated
byte with the largest, smallest and negative scales), NAME BYTES VALUES, both in hexadecimal (bytes
as in a file; values as big-endian binary32). Needs the packages gguf and numpy; the file was made
with gguf 0.19.0.
"""
import pathlib
import random
import struct

import gguf
import numpy as np

BLOCKS = 2
SCALES = {  # byte offsets of binary16 scales in a block
    "F16": [], "BF16": [], "F32": [], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2],
    "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
    "IQ4_NL": [0], "IQ4_XS": [0], "MXFP4": [],
}
EXTREMES = [  # (byte, scale, second scale, power of two of MXFP4)
    (0xFF, 65504.0, -65504.0, 252), (0x00, -65504.0, 65504.0, 0), (0x80, 2.0 ** -24, 1.0, 1),
    (0x7F, -(2.0 ** -24), 2.0 ** -24, 2), (0x0F, -0.0, -0.0, 127),
]


def random_row(rng, name, block_bytes, elems):
    row = bytearray()
    for _ in range(BLOCKS * (16 if elems == 1 else 1)):
        block = bytearray(rng.randbytes(block_bytes))
        if name == "F32":
            block[:] = struct.pack("<f", rng.uniform(-1, 1))
        if name in ("F16", "BF16"):  # no infinities, no NaN
            block[1] &= 0xBB
        for at in SCALES[name]:
            block[at:at + 2] = struct.pack("<e", rng.uniform(-0.03, 0.03))
        if name == "MXFP4":
            block[0] = rng.randrange(110, 140)
        row += block
    return bytes(row)


def extreme_row(name, block_bytes):
    row = bytearray()
    for fill, scale, second, power in EXTREMES:
        block = bytearray([fill] * block_bytes)
        if name in ("F16", "BF16"):
            block[1] &= 0xBB
        if name == "F32":
            block[:] = struct.pack("<f", scale)
        for at, value in zip(SCALES[name], (scale, second)):
            block[at:at + 2] = struct.pack("<e", value)
        if name == "MXFP4":
            block[0] = power
        row += block
    return bytes(row)


def values(name, row):
    data = np.frombuffer(row, dtype=np.uint8).reshape(1, -1)
    if name == "F32":
        data = data.view("<f4")
    if name == "F16":
        data = data.view("<f2")
    kind = gguf.GGMLQuantizationType[name]
    return gguf.quants.dequantize(data, kind).astype(np.float32).ravel()


def main():
    rng = random.Random(20260101)
    lines = []
    for name in SCALES:
        elems, block_bytes = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
        for row in (random_row(rng, name, block_bytes, elems), extreme_row(name, block_bytes)):
            lines.append(f"{name} {row.hex()} {values(name, row).astype('>f4').tobytes().hex()}\n")
    out = pathlib.Path(__file__).with_name("quant_blocks.txt")
    out.write_text("".join(lines))


main()
