#!/usr/bin/env python3
"""Random blocks of every weight format and their values by an independent implementation.

Writes quant_blocks.txt beside this script: one line a row, NAME BYTES VALUES, both in hexadecimal
(bytes as in a file; values as big-endian binary32). Needs the packages gguf and numpy; the file was
made with gguf 0.19.0.
"""
import pathlib
import random
import struct

import gguf
import numpy as np

BLOCKS = 2
SCALES = {  # byte offsets of binary16 scales in a block
    "F16": [], "BF16": [], "F32": [], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q8_0": [0],
    "Q4_K": [0, 2], "Q6_K": [208],
}


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
        row += block
    return bytes(row)


def main():
    rng = random.Random(20260101)
    lines = []
    for name in SCALES:
        kind = gguf.GGMLQuantizationType[name]
        elems, block_bytes = gguf.GGML_QUANT_SIZES[kind]
        row = random_row(rng, name, block_bytes, elems)
        data = np.frombuffer(row, dtype=np.uint8).reshape(1, -1)
        if name == "F32":
            data = data.view("<f4")
        if name == "F16":
            data = data.view("<f2")
        values = gguf.quants.dequantize(data, kind).astype(np.float32).ravel()
        lines.append(f"{name} {row.hex()} {values.astype('>f4').tobytes().hex()}\n")
    out = pathlib.Path(__file__).with_name("quant_blocks.txt")
    out.write_text("".join(lines))


main()
