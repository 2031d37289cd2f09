"""vocab.py - two tiny vocabularies: bytes and a few merges (BPE), and the same in SentencePiece's way."""
import gguf

CHATML = ("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + "
          "'<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
          "{% endif %}")

TEXT = """The quick brown fox jumps over the lazy dog, and the dog does not care. Two plus two is four;
three times seven is twenty-one. Question: what is the capital of France? Answer: the capital of France is
Paris. Question: which of these is a fruit? Answer: an apple is a fruit, a stone is not a fruit. I cannot
help with that. Die Summe von zwei und drei ist fünf. The answer is 42. The answer is 7. the answer is no."""


def byte_alphabet():
    """GPT-2's printable stand-ins for the 256 bytes."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, n = {}, 0
    for b in range(256):
        table[b] = chr(b) if b in keep else chr(256 + n)
        n += b not in keep
    return table


def train(words, n_merges):
    """Plain BPE: the commonest pair first, ties by text."""
    words, merges = [list(w) for w in words], []
    while len(merges) < n_merges:
        count = {}
        for w in words:
            for pair in zip(w, w[1:]):
                count[pair] = count.get(pair, 0) + 1
        if not count:
            break
        best = min(count, key=lambda p: (-count[p], p))
        merges.append(best)
        for w in words:
            i = 0
            while i + 1 < len(w):
                if (w[i], w[i + 1]) == best:
                    w[i:i + 2] = [w[i] + w[i + 1]]
                i += 1
    return merges


class Bpe:
    """GPT-2's kind."""

    def __init__(self):
        table = byte_alphabet()
        words = ["".join(table[b] for b in w.encode()) for w in (" " + TEXT.replace("\n", " ")).replace(
            " ", "\0 ").split("\0") if w]
        merges = train(words, 120)
        tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] + [table[b] for b in range(256)]
        tokens += [a + b for a, b in merges if a + b not in tokens]
        self.tokens, self.merges = tokens, [f"{a} {b}" for a, b in merges]

    def write(self, w):
        t = gguf.TokenType
        w.add_tokenizer_model("gpt2")
        w.add_tokenizer_pre("smollm")
        w.add_token_list(self.tokens)
        w.add_token_types([t.CONTROL] * 3 + [t.NORMAL] * (len(self.tokens) - 3))
        w.add_token_merges(self.merges)
        w.add_bos_token_id(1)
        w.add_eos_token_id(2)
        w.add_add_bos_token(False)
        w.add_chat_template(CHATML)


class Spm:
    """Gemma's kind."""

    def __init__(self):
        text = TEXT.replace("\n", " ").replace(" ", "\u2581")
        chars = sorted(set(text))
        merges = train(text.replace("\u2581", "\0\u2581").split("\0"), 150)
        self.pieces = list(dict.fromkeys(chars + [a + b for a, b in merges]))
        self.rank = {a + b: i for i, (a, b) in reversed(list(enumerate(merges)))}
        self.tokens = ["<pad>", "<eos>", "<bos>", "<unk>"] + [f"<0x{b:02X}>" for b in range(256)] + self.pieces

    def write(self, w):
        t = gguf.TokenType
        w.add_tokenizer_model("llama")
        w.add_tokenizer_pre("default")
        w.add_token_list(self.tokens)
        w.add_token_scores([0.0] * 260 + [-float(self.rank.get(p, 1000)) for p in self.pieces])
        w.add_token_types([t.CONTROL] * 3 + [t.UNKNOWN] + [t.BYTE] * 256 + [t.NORMAL] * len(self.pieces))
        w.add_bos_token_id(2)
        w.add_eos_token_id(1)
        w.add_unk_token_id(3)
        w.add_pad_token_id(0)
        w.add_add_bos_token(True)
        w.add_add_space_prefix(False)
