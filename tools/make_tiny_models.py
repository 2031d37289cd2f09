#!/usr/bin/env python3
"""Write the tiny random-weight models of the tests, and golden logits of an independent float32
implementation (transformers, built from a config and the dequantised weights).

Run by hand; the tests need only what it writes:
  make_tiny_models.py gguf   [NAME...]      tests/fixtures/tiny-NAME.gguf     (needs numpy, gguf)
  make_tiny_models.py logits [NAME...]      tests/golden/tiny-NAME.logits     (needs torch, transformers)
  make_tiny_models.py f32 DIR [NAME...]     DIR/tiny-NAME.gguf with float32 weights, to compare with a peer
Without a name: all of them. Same seeds, same bytes. A kind is a class in tools/tiny_models/.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tiny_models import dense  # noqa: E402
from tiny_models.weights import Weights  # noqa: E402

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
KINDS = dense.KINDS


def main():
    what, names = (sys.argv[1] if len(sys.argv) > 1 else ""), sys.argv[2:]
    if what not in ("gguf", "logits", "f32"):
        sys.exit(__doc__)
    where = {"gguf": "tests/fixtures", "logits": "tests/golden"}.get(what)
    where = os.path.join(HERE, where) if where else names.pop(0)
    Weights.only_f32 = what == "f32"
    unknown = set(names) - {k.name for k in KINDS}
    if unknown:
        sys.exit(f"unknown: {', '.join(sorted(unknown))}")
    for kind in KINDS:
        if names and kind.name not in names:
            continue
        if what == "logits":
            kind().write_logits(os.path.join(where, f"tiny-{kind.name}.logits"))
        else:
            kind().write(os.path.join(where, f"tiny-{kind.name}.gguf"))


if __name__ == "__main__":
    main()
