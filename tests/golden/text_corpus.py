"""text_corpus.py - a mixed corpus for comparing tokenizers, the same bytes at every call.

corpus(n_bytes) yields documents (bytes): English, German, Chinese, Arabic and other scripts, code, digits,
emoji with joiners, odd white space, control characters, text that looks like special tokens, combining
marks, and (the last kind) bytes that are not UTF-8. No outside data: words are listed or built here.
"""
import random
import unicodedata

ENGLISH = """the of and a to in is you that it he was for on are as with his they I at be this have from or one had
by word but not what all were we when your can said there use an each which she do how their if will up other
about out many then them these so some her would make like him into time has look two more write go see number
no way could people my than first water been call who oil its now find long down day did get come made may part
don't can't we'll they've I'm it's you're O'Neil rock'n'roll CAN'T IT'S internationalisation tokenisation""".split()
GERMAN = """der die das und ist nicht ein eine zu von mit sich auf für dass es im dem Straße Größe Übermut Käse
Donaudampfschifffahrtsgesellschaft Rechtsschutzversicherung läuft möchte können weiß schön Äpfel Öl heißt groß
„Anführung“ ‚halb‘ – Gedankenstrich … z.B. d.h. 3,5 % 10.000 € Nr. 7 § 5 Abs. 2""".split()
CHINESE = ("天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁律吕调阳云腾致雨露结为霜金生丽水玉出昆冈"
           "我们的问题是这个模型能不能正确地回答关于历史和数学的提问，请一步一步地思考。答案：四十二！")
JAPANESE = "これはテストです。カタカナ・ひらがな・漢字カナ混じり文、ｶﾅも。「引用」ー〜"
KOREAN = "안녕하세요 세계 토큰나이저 시험 한국어 문장입니다."
ARABIC = "السلام عليكم ورحمة الله هذا نصّ عربيّ لاختبار المُرمِّز، كيف الحال؟ ١٢٣٤٥ ٪ الــتطويل"
HINDI = "नमस्ते दुनिया यह एक परीक्षण है। १२३ क्षत्रिय"
THAI = "สวัสดีชาวโลก นี่คือการทดสอบ ๑๒๓"
RUSSIAN = "Съешь же ещё этих мягких французских булок, да выпей чаю. ЁЖИК №5".split()
GREEK = "Ξεσκεπάζω τὴν ψυχοφθόρα βδελυγμία ΣΊΣΥΦΟΣ ῼ ᾳ".split()
CODE = """int main(int argc, char **argv) {|    for (size_t i = 0; i < n; i++) {|        printf("%d\\n", x[i]);|\t\treturn 0;|
def f(x: float) -> list[int]:|    return [int(y) for y in range(10) if y % 2 == 0]  # comment|<div class="a-b">&nbsp;</div>|
SELECT * FROM t WHERE a='b' AND c<>3;|#!/bin/sh|x = {"k": [1, 2.5e-3, null]}|let v: Vec<u8> = vec![0xFF; 16];|
https://example.org/a/b?c=d&e=%20f#g|/* ---- */|====|$\\\\frac{1}{2}$ \\\\boxed{42}|if (!a||b&&c) {}|::std::map<int,int>{};|
\\r\\n|`x`|***bold*** _it_|<|im_sep|>""".split("|")
EMOJI = ["😀", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇨🇳", "❤️", "☎︎", "👨🏿‍🚀", "🧑‍💻", "⚖️", "1️⃣", "🤷🏻‍♀️", "🫠", "🪿"]
SPACES = [" ", "  ", "   ", " " * 7, " " * 31, " " * 40, "\t", "\t\t", "\n", "\n\n", "\n" * 5, "\n" * 35, "\r\n", "\r", "\v",
          "\f", "\x85", "\xa0", "\u1680", "\u180e", "\u2000", "\u2009", "\u200b", "\u2028", "\u2029", "\u202f",
          "\u205f", "\u3000", "\ufeff", "\x1c", "\x1f", " \n", "\n ", " \t ", "\u2581", "\u2581\u2581", " \u2581 "]
SPECIAL = ["<bos>", "<eos>", "<|im_start|>", "<|im_end|>", "<start_of_turn>", "<end_of_turn>", "<unk>", "<0x41>", "<0xE4>",
           "<pad>", "<mask>", "<|endoftext|>", "</s>", "<s>", "<h1>", "</table>", "<unused99>", "<unused9", "<|im_start",
           "[multimodal]", "<|begin_of_text|>", "<｜User｜>", "<｜begin▁of▁sentence｜>", "<think>", "</think>", "[INST]",
           "<file_sep>", "<repo_name>"]


def _bad_bytes(r):
    kinds = [b"\xff", b"\xc0\xaf", b"\xe4\xbd", b"\xf0\x9f\x98", b"\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe4\xbd\xa0\xe4",
             b"\xf0\x9f", b"\xc3", b"\xfe\xfe", b"\xe2\x82\xe2\x82\xac", bytes(r.randrange(256) for _ in range(r.randrange(1, 9)))]
    return r.choice(kinds)


def _words(words):
    def make(r):
        out = []
        for _ in range(r.randrange(5, 60)):
            w = r.choice(words)
            out.append(r.choice([w, w, w, w, w.capitalize(), w.upper()]))
            out.append(r.choice([" "] * 12 + [", ", ". ", "; ", "! ", "\n", " (", ") ", "-", "'", '"', " – "]))
        return "".join(out)
    return make


def _chars(text):
    def make(r):
        out = []
        for _ in range(r.randrange(3, 25)):
            i = r.randrange(len(text))
            out.append(text[i:i + r.randrange(1, 14)])
            out.append(r.choice(["", "", "", "", " ", "\n", "，", "3", "a", "。\n"]))
        return "".join(out)
    return make


def _digits(r):
    out = []
    for _ in range(r.randrange(5, 40)):
        n = r.randrange(10 ** r.randrange(1, 20))
        out.append(r.choice([str(n), f"{n:,}", f"{n / 1000:.3f}", f"{n:x}", f"-{n}", f"{n}%", "½", "²", "Ⅷ", "٣", "５", "1/2", "1e-9", "12:34"]))
        out.append(r.choice([" ", " ", " + ", " = ", ", ", "\n", "", "  ", "€ "]))
    return "".join(out)


def _code(r):
    return "".join(r.choice(["", "  ", "    ", "\t", " " * r.randrange(20)]) + r.choice(CODE) + r.choice(["\n", "\n", "\n\n", " ", "\r\n"])
                   for _ in range(r.randrange(3, 20)))


def _mix(parts):
    def make(r):
        out = []
        for _ in range(r.randrange(3, 40)):
            out.append(r.choice(parts))
            out.append(r.choice(["", "", " ", r.choice(ENGLISH), r.choice(CHINESE), r.choice(GERMAN)]))
        return "".join(out)
    return make


def _controls(r):
    return "".join(r.choice([chr(r.randrange(32)), "\x7f", chr(r.randrange(0x80, 0xa0)), r.choice(ENGLISH), " ", chr(r.randrange(0x2060, 0x2070))])
                   for _ in range(r.randrange(5, 60)))


def _any_char(r):
    out = []
    while len(out) < r.randrange(5, 80):
        c = chr(r.choice([r.randrange(0x300), r.randrange(0x3000), r.randrange(0x10000), r.randrange(0x1F000, 0x1FB00), r.randrange(0x110000)]))
        # unassigned characters depend on the Unicode version of each library, surrogates are no text
        if unicodedata.category(c) not in ("Cn", "Cs", "Co"):
            out.append(c)
    return "".join(out)


def _marks(r):
    return "".join(r.choice("aeoucnszAEO가각Å") + "".join(chr(r.randrange(0x300, 0x345)) for _ in range(r.randrange(3))) + r.choice(["", "", " "])
                   for _ in range(r.randrange(5, 50)))


def _runs(r):
    return "".join(r.choice(["a", "ab", "ha", "=", "-", "!?", ".", "0", "你", "é", "🙂", "\u0301", "_", "Aa", "'s", "x ", " '", "\n "]) * r.randrange(1, 60)
                   for _ in range(r.randrange(1, 6)))


KINDS = [("english", _words(ENGLISH)), ("english", _words(ENGLISH)), ("german", _words(GERMAN)), ("russian", _words(RUSSIAN + GREEK)),
         ("chinese", _chars(CHINESE)), ("japanese", _chars(JAPANESE)), ("korean", _chars(KOREAN)), ("arabic", _chars(ARABIC)),
         ("indic", _chars(HINDI + " " + THAI)), ("digits", _digits), ("code", _code), ("emoji", _mix(EMOJI)), ("spaces", _mix(SPACES)),
         ("special", _mix(SPECIAL)), ("controls", _controls), ("characters", _any_char), ("marks", _marks), ("runs", _runs), ("invalid", None)]


def corpus(n_bytes, seed=20261122):
    """(kind, bytes) until n_bytes have been given out; every kind in turn."""
    r = random.Random(seed)
    total, i = 0, 0
    while total < n_bytes:
        kind, make = KINDS[i % len(KINDS)]
        if make:
            doc = make(r).encode("utf-8")
        else:
            doc = b"".join(r.choice([_bad_bytes(r), r.choice(ENGLISH + GERMAN).encode(), " ".encode(), r.choice(CHINESE).encode(), r.choice(EMOJI).encode()])
                           for _ in range(r.randrange(5, 40)))
        i += 1
        total += len(doc)
        yield kind, doc
