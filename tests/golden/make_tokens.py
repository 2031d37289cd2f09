"""make_tokens.py - fixtures and golden ids for the tokenizer tests, made by other programs than ours.

make_tokens.py fixtures            tests/fixtures/tok-*.gguf (tiny vocabularies trained here), their ids by the
                                   `tokenizers` library, and tests/golden/pretokens.tsv (cuts of every pre-tokenizer
                                   rule by the same library's regular expressions)
make_tokens.py gemma TOKENIZER_JSON     tests/golden/tokens-gemma3.tsv, by `tokenizers`
make_tokens.py smollm MODEL_GGUF        tests/golden/tokens-smollm2.tsv, by llama.cpp (package xllamacpp)
make_tokens.py vocab NAME TOKENIZER_JSON  tests/golden/tokens-NAME.tsv for vocab-NAME.gguf, which `convert` makes
make_tokens.py full MODEL_GGUF TOKENIZER_JSON|llama.cpp OUT [BYTES [DIR]]
                                   the whole corpus, and the text of every file below DIR; check with
                                   WAAGE_TOKEN_CASES=OUT run_tests tokenizer
make_tokens.py convert TOKENIZER_JSON PRE OUT   vocabulary-only GGUF of a tokenizer.json; PRE is the rule's name for
                                   byte-level ones, `spm` for those with byte fallback (Gemma)

Line format: columns by tabs. `# model PATH` names the file; then special (0/1: are control tokens parsed), text,
ids with blanks between. In text, bytes outside of 0x21..0x7E and the backslash are written \\xNN.
Needs: gguf, tokenizers, for smollm and full also xllamacpp. Run in the root of the repository.
"""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from text_corpus import corpus  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, "..", "fixtures")


def escape(b):
    return "".join(chr(c) if 0x21 <= c <= 0x7E and c != 0x5C else f"\\x{c:02x}" for c in b)


def write_cases(path, model, cases):
    with open(path, "w", encoding="ascii") as f:
        f.write(f"# model {model}\n")
        for special, text, ids in cases:
            f.write(f"{special}\t{escape(text)}\t{' '.join(map(str, ids))}\n")


# ---- Tiny vocabularies ----------------------------------------------------------------------------

CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|im_start|>x"]  # the last: longest match wins
USER = ["<think>", "</think>", "<thi"]


def training_text():
    return [d.decode("utf-8", "replace") for k, d in corpus(60000, seed=7) if k in ("english", "german", "chinese", "arabic", "code", "digits")]


def gguf_writer(name, model):
    import gguf
    w = gguf.GGUFWriter(os.path.join(FIXTURES, name), "llama")
    w.add_tokenizer_model(model)
    return w


def finish(w):
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def fixture_bpe():
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers, Regex
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(PATTERNS["llama-bpe"][0]), "isolated"),
                                               pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.train_from_iterator(training_text(), trainers.BpeTrainer(vocab_size=256 + 150, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
    j = json.loads(t.to_str())["model"]
    merges = [m if isinstance(m, str) else " ".join(m) for m in j["merges"]]
    # a whole word that no merge makes: only ignore_merges finds it
    vocab = dict(j["vocab"])
    vocab["zqzq"] = len(vocab)
    t.model = models.BPE(vocab=vocab, merges=[tuple(m.split(" ")) for m in merges], ignore_merges=True)
    t.add_special_tokens([AddedToken(c, special=True, normalized=False) for c in CONTROL])
    t.add_tokens([AddedToken(c, special=False, normalized=False) for c in USER])
    inv = {i: s for s, i in t.get_vocab(with_added_tokens=True).items()}
    tokens = [inv[i] for i in range(len(inv))]
    w = gguf_writer("tok-bpe.gguf", "gpt2")
    w.add_tokenizer_pre("llama-bpe")
    w.add_token_list(tokens)
    w.add_token_types([3 if s in CONTROL else 4 if s in USER else 1 for s in tokens])
    w.add_token_merges(merges)
    w.add_bos_token_id(tokens.index("<|endoftext|>"))
    w.add_eos_token_id(tokens.index("<|im_end|>"))
    finish(w)
    return t


def fixture_spm(name, prefix):
    """Sentencepiece-like: trained on text with U+2581 for blanks, byte fallback, every split of a piece is a merge."""
    from tokenizers import AddedToken, Tokenizer, models, normalizers, trainers
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.Replace(" ", "\u2581")
    t.train_from_iterator(training_text(), trainers.BpeTrainer(vocab_size=560, limit_alphabet=120, max_token_length=12, show_progress=False))
    j = json.loads(t.to_str())["model"]
    pieces = [m if isinstance(m, str) else "".join(m) for m in (("".join(x) if not isinstance(x, str) else x.replace(" ", "")) for x in j["merges"])]
    single = [s for s in j["vocab"] if len(s) == 1]
    if "\u2581" not in single:
        single.append("\u2581")
    special = ["<unk>", "<s>", "</s>", "<start_of_turn>", "<end_of_turn>"]
    runs = [] if prefix else ["\u2581" * n for n in range(2, 9)]  # as in Gemma: runs of blanks are added tokens
    # runs of blanks are cut out before merging, so no other piece holds one (as in Gemma)
    pieces = [p for p in dict.fromkeys(pieces) if prefix or "\u2581\u2581" not in p]
    tokens = special + [f"<0x{b:02X}>" for b in range(256)] + runs + pieces + single
    vocab = {s: i for i, s in enumerate(tokens)}
    ranked = runs[::-1] + pieces  # Gemma's merges begin with the longest run of blanks
    rank = {s: i for i, s in enumerate(ranked)}
    merges = [(p[:k], p[k:]) for p in ranked for k in range(1, len(p)) if p[:k] in vocab and p[k:] in vocab]
    hf = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    replace = normalizers.Replace(" ", "\u2581")
    hf.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), replace]) if prefix else replace
    hf.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in special])
    hf.add_tokens([AddedToken(s, special=False, normalized=False) for s in runs])
    w = gguf_writer(name, "llama")
    w.add_token_list([s.replace("\u2581", " ") if s in runs else s for s in tokens])
    w.add_token_scores([float(-rank[s]) if s in rank else -1e6 for s in tokens])
    w.add_token_types([2 if s == "<unk>" else 3 if s in special else 6 if 5 <= i < 261 else 4 if s in runs else 1 for i, s in enumerate(tokens)])
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    w.add_unk_token_id(0)
    w.add_add_space_prefix(prefix)
    finish(w)
    return hf


def fixture_cases(hf, n_bytes, seed):
    own = [b"", b" ", b"zqzq", b" zqzq", b"<|im_start|>user\nHi<|im_end|>\n", b"<|im_start|>x", b"<think>a</think>", b"<thinkk>", b"<start_of_turn>",
           b"a<s>b", b"<0x41>", b"   x", b"x   ", "\u2581\u2581 \u2581a".encode(), b"a\x00b", b"\xff\xfe", b"\xe4\xbd", "가́".encode()]
    docs = own + [d[:100] for _, d in corpus(n_bytes, seed=seed)]
    return [(1, d, hf.encode(d.decode("utf-8", "replace"), add_special_tokens=False).ids) for d in docs]


# ---- Pre-tokenizers: the patterns as the models' tokenizer.json files have them ---------------------

ENGLISH = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
TAIL = r"\s*[\r\n]+|\s+(?!\S)|\s+"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
UP, LOW = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
LEAD = r"[^\r\n\p{L}\p{N}]?"
PATTERNS = {
    "gpt-2": [GPT2],
    "smollm": [r"\p{N}", GPT2],
    "llama-bpe": [ENGLISH + "|" + LEAD + r"\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + TAIL],
    "qwen2": [ENGLISH + "|" + LEAD + r"\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + TAIL],
    "gpt-4o": [LEAD + UP + "*" + LOW + "+" + ENGLISH + "?|" + LEAD + UP + "+" + LOW + "*" + ENGLISH + r"?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + TAIL],
    "tekken": [LEAD + UP + "*" + LOW + "+|" + LEAD + UP + "+" + LOW + r"*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + TAIL],
    "deepseek-v3": [r"\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+",
                    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|""" + TAIL],
    "deepseek-coder": [r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-\ud7ff]+", r"\p{N}"],
}


def write_pretokens(n_bytes, seed):
    from tokenizers import Regex, pre_tokenizers
    with open(os.path.join(HERE, "pretokens.tsv"), "w", encoding="ascii") as f:
        for rule, patterns in PATTERNS.items():
            split = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(p), "isolated") for p in patterns])
            # characters that are newer than Unicode 14, and white space at its borders
            new = [("new", t.encode()) for t in ("x \U0001fabf\U0001fa77 \U0001fae9", "a\U00031350b \U0002ebf0", "\u1c89\u1c8a x\u1c8a\u1c89", "1\U0001e4f0 \u0897a",
                                                 "a \u180eb\x85 \x1c\u200b \u3000 c", "we'\u017f WE'S")]
            for kind, d in new + list(corpus(n_bytes, seed=seed)):
                text = d[:90].decode("utf-8", "ignore")
                if kind in ("special", "invalid") or not text:
                    continue
                ends, at = [], 0
                for piece, _ in split.pre_tokenize_str(text):
                    at += len(piece.encode())
                    ends.append(at)
                assert at == len(text.encode())
                f.write(f"{rule}\t{escape(text.encode())}\t{' '.join(map(str, ends))}\n")


# ---- Real models ----------------------------------------------------------------------------------

def by_tokenizers(path, docs):
    from tokenizers import Tokenizer
    t = Tokenizer.from_file(path)
    return [(1, d, t.encode(d.decode("utf-8", "replace"), add_special_tokens=False).ids) for d in docs]


def by_llama_cpp(path, docs, specials=(1, 0)):
    import http.client
    import urllib.parse
    import xllamacpp
    p = xllamacpp.CommonParams()
    p.model.path, p.n_ctx, p.cpuparams.n_threads, p.fit_params, p.warmup = path, 64, 1, False, False
    server = xllamacpp.Server(p)
    u = urllib.parse.urlparse(server.listening_address)
    c = http.client.HTTPConnection(u.hostname, u.port)
    out = []
    for special in specials:
        for d in docs:
            body = {"content": d.decode("utf-8", "replace"), "add_special": False, "parse_special": bool(special)}
            c.request("POST", "/tokenize", json.dumps(body), {"Content-Type": "application/json"})
            out.append((special, d, json.loads(c.getresponse().read())["tokens"]))
    return out


def short_docs(n_bytes, seed):
    return [d[:90] for _, d in corpus(n_bytes, seed=seed)]


def files_below(directory, n_bytes=4000):
    """Whole lines of all files, some kilobytes at a time."""
    for root, dirs, names in os.walk(directory):
        dirs.sort()
        for name in sorted(names):
            part = b""
            for line in open(os.path.join(root, name), "rb"):
                part += line
                if len(part) >= n_bytes:
                    yield part
                    part = b""
            if part:
                yield part


def convert_spm(tokenizer_json, out):
    """As the models' own converter does it, but for scores: minus the rank of the first merge that gives the piece."""
    import gguf
    j = json.load(open(tokenizer_json, encoding="utf-8"))
    vocab, added = j["model"]["vocab"], {a["id"]: a for a in j["added_tokens"]}
    rank = {}
    for i, m in enumerate(j["model"]["merges"]):
        rank.setdefault("".join(m if not isinstance(m, str) else m.split(" ")), i)
    inv = {i: t for t, i in vocab.items()}
    tokens, types, scores = [], [], []
    for i in range(max(max(inv), max(added)) + 1):
        s = added[i]["content"] if i in added else inv.get(i, f"[PAD{i}]")
        byte = len(s) == 6 and s.startswith("<0x") and s.endswith(">")
        if byte:
            kind = 6
        elif i in added:
            control = added[i]["special"] or s in ("<pad>", "<mask>") or s.startswith("<unused")
            kind = 2 if s == "<unk>" else 3 if control else 4
        else:
            kind = 1 if i in inv else 5
        runs = kind == 4 and s.strip("\u2581") == ""
        tokens.append(s.replace("\u2581", " ") if runs else s)
        types.append(kind)
        scores.append(float(-rank[s]) if s in rank else -1e6)
    w = gguf.GGUFWriter(out, "llama")
    w.add_tokenizer_model("llama")
    w.add_token_list(tokens)
    w.add_token_scores(scores)
    w.add_token_types(types)
    w.add_bos_token_id(vocab["<bos>"])
    w.add_eos_token_id(vocab["<eos>"])
    w.add_unk_token_id(vocab["<unk>"])
    w.add_add_space_prefix(False)
    finish(w)


def convert(tokenizer_json, pre, out):
    import gguf
    if pre == "spm":
        return convert_spm(tokenizer_json, out)
    j = json.load(open(tokenizer_json, encoding="utf-8"))
    vocab, added = j["model"]["vocab"], {a["id"]: a for a in j["added_tokens"]}
    inv = {i: t for t, i in vocab.items()}
    tokens, types = [], []
    for i in range(max(max(inv), max(added)) + 1):
        if i in added:
            s = added[i]["content"]
            control = added[i]["special"] or (s[:2] in ("<|", "<｜") and s[-2:] in ("|>", "｜>"))
            tokens.append(s)
            types.append(3 if control else 4)
        else:
            tokens.append(inv.get(i, f"[PAD{i}]"))
            types.append(1 if i in inv else 5)
    w = gguf.GGUFWriter(out, "llama")
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre(pre)
    w.add_token_list(tokens)
    w.add_token_types(types)
    w.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in j["model"]["merges"]])
    finish(w)


def main(argv):
    if argv[:1] == ["fixtures"]:
        write_cases(os.path.join(HERE, "tokens-bpe.tsv"), "tests/fixtures/tok-bpe.gguf", fixture_cases(fixture_bpe(), 12000, 3))
        write_cases(os.path.join(HERE, "tokens-spm.tsv"), "tests/fixtures/tok-spm.gguf", fixture_cases(fixture_spm("tok-spm.gguf", False), 12000, 4))
        write_cases(os.path.join(HERE, "tokens-spm-prefix.tsv"), "tests/fixtures/tok-spm-prefix.gguf",
                    fixture_cases(fixture_spm("tok-spm-prefix.gguf", True), 12000, 5))
        write_pretokens(8000, 6)
    elif argv[:1] == ["gemma"] and len(argv) == 2:
        write_cases(os.path.join(HERE, "tokens-gemma3.tsv"), "gemma-3-270m-q4_k_m.gguf", by_tokenizers(argv[1], short_docs(16000, 8)))
    elif argv[:1] == ["smollm"] and len(argv) == 2:
        write_cases(os.path.join(HERE, "tokens-smollm2.tsv"), "SmolLM2-135M-Instruct.Q4_1.gguf", by_llama_cpp(argv[1], short_docs(8000, 8)))
    elif argv[:1] == ["vocab"] and len(argv) == 3:
        write_cases(os.path.join(HERE, f"tokens-{argv[1]}.tsv"), f"vocab-{argv[1]}.gguf", by_tokenizers(argv[2], short_docs(12000, 9)))
    elif argv[:1] == ["full"] and len(argv) in (4, 5, 6):
        docs = [d for _, d in corpus(int(argv[4]) if len(argv) >= 5 else 1200000)]
        docs += files_below(argv[5]) if len(argv) == 6 else []
        write_cases(argv[3], argv[1], by_llama_cpp(argv[1], docs) if argv[2] == "llama.cpp" else by_tokenizers(argv[2], docs))
    elif argv[:1] == ["convert"] and len(argv) == 4:
        convert(*argv[1:])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # the server of xllamacpp does not end by itself
