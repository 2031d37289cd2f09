#!/usr/bin/env python3
"""Random templates with Jinja2's output: a search for differences, run by hand.

fuzz_templates.py N [SEED] > CASES; WAAGE_TEMPLATE_CASES=CASES build/release/run_tests template
What differs and is fixed goes into the lists of make_template_cases.py. Needs jinja2 3.1.
"""
import json
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from make_template_cases import V, chat_env, task_env  # noqa: E402

NAMES = ["x", "y", "f", "s", "e", "u", "n", "t", "l", "nums", "d", "sp", "options", "q", "gold", "items2", "people", "nope", "loop", "i", "k", "ns.a", "m(x)", "m(s, 2)"]
LITERALS = ["'%s'", "'%d%%'", "'%5.1f'", "1", "0", "-2", "2.5", "'a'", "'a b'", "''", "'\\n'", "true", "false", "none", "[]", "[1, 'b']", "{}", "{'k': 1}", "(1, 2)", "'ß'", "10"]
FILTERS = ["abs", "capitalize", "default('z')", "default('z', true)", "first", "float", "int", "items", "join", "join('-')", "last", "length", "list", "lower", "map('upper')|list",
           "map(attribute='name')|list", "reverse|list", "select|list", "reject('none')|list", "selectattr('role', 'equalto', 'user')|list", "string", "title", "tojson", "trim", "upper", "replace('a', 'b')",
           "count", "selectattr('age')|list", "tojson(indent=1)", "safe", "unique|list", "sort", "e", "round", "batch(2)|list", "sum", "max", "min", "dictsort", "indent", "wordcount", "map('length')|list",
           "round(1)", "round(0, 'ceil')", "slice(2)|list", "slice(3, 'z')|list", "batch(3, 0)|list", "groupby('role')|list", "groupby(0)|map('first')|list", "format(1)", "format(x, s)", "center(9)", "truncate(4, false, '.', 0)", "truncate(5, true)", "urlencode"]
TESTS = ["defined", "undefined", "none", "string", "number", "mapping", "iterable", "sequence", "boolean", "integer", "float", "odd", "even", "true", "false", "divisibleby(2)", "eq(1)", "in [1, 'a']", "gt(1)", "lower", "upper", "callable", "sameas none"]
METHODS = [".strip()", ".split(',')", ".split()", ".upper()", ".lower()", ".startswith('a')", ".endswith('b')", ".replace('l', 'L')", ".items()", ".keys()", ".values()", ".get('a')", ".get('zz', 1)", ".title()",
           ".lstrip()", ".rstrip('\\n')", ".find('o')", ".count('a')", ".index('b')", ".splitlines()", ".join(l)", ".isdigit()", ".format(1)", ".append(1)", ".capitalize()", ".rsplit()", ".rsplit(none, 1)", ".split(none, 1)", ".rsplit(',', 1)", ".partition('l')", ".rpartition('b')", ".removeprefix('a')", ".removesuffix('b')", ".rfind('o')", ".find('l', 3)", ".find('a', -2, 9)", ".startswith('e', 1)",
           ".isalpha()", ".isalnum()", ".isspace()", ".isupper()", ".islower()", ".isascii()", ".swapcase()", ".center(8, '*')", ".ljust(5)", ".rjust(5, 'ü')", ".zfill(6)", ".format(1, 'b')"]
BINARY = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", ">", "<=", ">=", "and", "or", "in", "not in"]


class Maker:
    def __init__(self, r):
        self.r = r

    def expr(self, depth=0):
        r = self.r
        k = r.randrange(12 if depth < 3 else 2)
        if k == 0:
            return r.choice(LITERALS)
        if k == 1:
            return r.choice(NAMES)
        a = self.expr(depth + 1)
        if k in (2, 3):
            return f"{a}|{r.choice(FILTERS)}"
        if k == 4:
            return f"{a} is {r.choice(['', 'not '])}{r.choice(TESTS)}"
        if k == 5:
            return f"({a}){r.choice(METHODS)}"
        if k in (6, 7):
            return f"({a} {r.choice(BINARY)} {self.expr(depth + 1)})"
        if k == 8:
            return f"({a})[{r.choice(['0', '-1', '1:', ':2', '::-1', '::2', 'x', chr(39) + 'a' + chr(39), '5', '-3:-1', ':-1'])}]"
        if k == 9:
            return f"({a} if {self.expr(depth + 1)}" + (f" else {self.expr(depth + 1)})" if r.randrange(3) else ")")
        if k == 10:
            return r.choice([f"not {a}", f"-({a})", f"[{a}, {self.expr(depth + 1)}]", f"{{'a': {a}}}", f"range({a})"])
        return f"({a}).{r.choice(['a', 'name', 'b', 'role', 'zz', 'c'])}"

    def tag(self, inside):
        r = self.r
        return "{%" + r.choice(["", "", "", "-", "+"]) + f" {inside} " + r.choice(["", "", "", "-"]) + "%}"

    def text(self):
        return "".join(self.r.choice(["a", " ", "  ", "\n", "\n\n", "\t", "x<", "ü", "。", "|", "\r\n", "{", "}", "#"]) for _ in range(self.r.randrange(4)))

    def block(self, depth=0):
        r = self.r
        out = []
        for _ in range(r.randrange(1, 4)):
            k = r.randrange(15 if depth < 3 else 4)
            out.append(self.text())
            if k < 3:
                out.append("{{" + r.choice(["", "", "-"]) + f" {self.expr()} " + r.choice(["", "", "-"]) + "}}")
            elif k == 3:
                out.append(r.choice(["{# c #}", "{#- c\n -#}", "{% raw %} {{ x }} {%- endraw %}"]))
            elif k in (4, 5):
                out.append(self.tag(f"if {self.expr(1)}") + self.block(depth + 1))
                if r.randrange(3) == 0:
                    out.append(self.tag(f"elif {self.expr(1)}") + self.block(depth + 1))
                if r.randrange(2):
                    out.append(self.tag("else") + self.block(depth + 1))
                out.append(self.tag("endif"))
            elif k in (6, 7):
                head = r.choice([f"for i in {self.expr(1)}", "for i in l", "for i in nums", "for i in people", "for k, i in d.items()", f"for i in nums if i {r.choice(['> 1', 'is odd', '!= x'])}", "for k, i in items2", "for i in range(3)"])
                body = self.block(depth + 1) + r.choice(["", "", "{{ loop.index }}", "{{ loop.last }}{{ loop.first }}", "{{ loop.previtem }}{{ loop.nextitem }}", "{% if loop.index0 == 1 %}{% break %}{% endif %}", "{% if i == 'b' %}{% continue %}{% endif %}.", "{{ loop.length }}{{ loop.revindex }}", "{{ loop.cycle('p', 'q') }}{{ loop.depth }}"])
                out.append(self.tag(head) + body + (self.tag("else") + self.text() if r.randrange(4) == 0 else "") + self.tag("endfor"))
            elif k == 8:
                out.append(r.choice([self.tag(f"set x = {self.expr(1)}"), self.tag(f"set ns.a = {self.expr(1)}"), self.tag("set i, k = 1, 'z'"), self.tag("set s") + self.block(depth + 1) + self.tag("endset")]))
            elif k == 9:
                out.append(self.tag("macro m(a, b=1)") + self.block(depth + 1) + "{{ a }}{{ b }}" + self.tag("endmacro") + "{{ m(" + self.expr(2) + ") }}")
            elif k == 11:
                out.append(self.tag(r.choice(["with i = " + self.expr(2), "with x = 1, y = x", "with", "with i, k = (1, s)"])) + self.block(depth + 1) + self.tag("endwith"))
            elif k == 12:
                out.append(r.choice([self.tag("filter " + r.choice(["upper", "trim", "replace('a', 'b')|title", "length", "indent(1)"])) + self.block(depth + 1) + self.tag("endfilter"), self.tag("set s | " + r.choice(["trim", "upper|list", "wordcount"])) + self.block(depth + 1) + self.tag("endset")]))
            elif k == 13:
                out.append(self.tag("macro c(a)") + self.text() + r.choice(["{{ caller() }}", "{{ caller(a) }}", "{% if caller is defined %}{{ caller(a, 2) }}{% endif %}", "{{ varargs }}{{ kwargs }}"]) + self.block(depth + 1) + self.tag("endmacro")
                           + self.tag(r.choice(["call c(1)", "call(i) c(x)", "call(i, k=3) c(s)", "call c(2, 3, z=4)"])) + self.block(depth + 1) + self.tag("endcall"))
            elif k == 14:
                out.append(self.tag(r.choice(["for i in [1, [2, 'b'], x] recursive", "for i in nums if i recursive", "for i in l recursive"])) + "{{ i }}{{ loop.depth }}{{ loop.changed(i) }}" + self.block(depth + 1)
                           + r.choice(["{% if i is not string and i is iterable %}{{ loop(i) }}{% endif %}", "{% if loop.depth < 3 %}{{ loop(l) }}{% endif %}"]) + self.tag("endfor"))
            else:
                out.append(self.tag("generation") + self.block(depth + 1) + self.tag("endgeneration"))
        return "".join(out) + self.text()


def main(n, seed):
    envs = {"task": task_env(), "chat": chat_env()}
    print(json.dumps({"vars": V}, ensure_ascii=False))
    for i in range(n):
        mode = ("chat", "chat", "task")[i % 3]
        make = Maker(random.Random(seed * 1000003 + i))
        source = "{% set ns = namespace(a=1) %}{% macro m(a, b=1) %}<{{ a }}{{ b }}>{% endmacro %}" + make.block() if i % 2 else "{{ " + make.expr() + " }}"
        if mode == "task":
            source = source.replace("{% break %}", "").replace("{% continue %}", "").replace("generation", "if true", 1) if "generation" not in source and "break" not in source and "continue" not in source else "{{ " + make.expr() + " }}"
        row = {"mode": mode, "template": source}
        try:
            row["out"] = envs[mode].from_string(source).render(**json.loads(json.dumps(V)))
        except Exception as e:
            row["error"] = type(e).__name__
        if "<" in row.get("out", "") and " at 0x" in row["out"] or "Undefined" in row.get("out", "") or "<built-in" in row.get("out", "") or "<bound" in row.get("out", ""):
            continue  # text of Python objects
        print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
