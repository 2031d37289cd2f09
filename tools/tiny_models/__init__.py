"""Tiny random-weight models for the tests: what GGUF files of each architecture look like, and the
transformers models of the same weights."""
