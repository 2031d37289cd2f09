#!/usr/bin/env python3
"""Render a table of templates with Jinja2, the independent implementation, for tests/unit/test_template.c.

Usage: make_template_cases.py > tests/data/template_cases.jsonl        (needs jinja2 3.1)
       make_template_cases.py TEMPLATE_DIR > tests/data/chat_template_hashes.jsonl

The environments are those of lm-evaluation-harness (task) and of transformers (chat).
"""
import datetime, hashlib, json, pathlib, sys
import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

DATE = datetime.datetime(2026, 1, 1)


def task_env():
    return jinja2.Environment(loader=jinja2.BaseLoader(), undefined=jinja2.StrictUndefined,
                              keep_trailing_newline=True)


def chat_env():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                          sort_keys=sort_keys)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                        extensions=["jinja2.ext.loopcontrols"])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda f: DATE.strftime(f)
    return env


V = {"x": 7, "y": -3, "f": 2.5, "s": "Hello, World", "e": "", "u": "Grüße 世界 ß", "n": None, "t": True,
     "l": ["a", "b", "c"], "nums": [3, 1, 2], "d": {"a": 1, "b": [1, {"c": "<&'>"}]}, "sp": "  pad\n",
     "options": ["one", "it's", 'say "hi"'], "q": "a,b,,c", "gold": "2", "items2": [["k", 1], ["l", 2]],
     "people": [{"name": "Ann", "age": 3, "role": "user"}, {"name": "Bob", "age": 5, "role": "tool"}]}

TASK = r"""
{{x}}
{{ s }}!
{{s.lower()}} {{s.upper()}} {{s.title()}} {{u.capitalize()}}
{{u.upper()}}|{{u.lower()}}|{{u|length}}
[{{sp.strip()}}][{{sp.lstrip()}}][{{sp.rstrip()}}][{{s.strip('Hd')}}]
{{l}} {{nums}} {{options}} {{d}}
{{n}} {{t}} {{f}} {{1.0}} {{1e20}} {{1e-7}} {{0.1+0.2}} {{3.0*2}} {{100000.0*100000.0*1000000.0}}
{{x+y}} {{x-y}} {{x*y}} {{x/y}} {{x//y}} {{x%y}} {{x**2}} {{-x}} {{+x}} {{7//2}} {{-7//2}} {{-7%3}} {{7%-3}}
{{2**10}} {{2**-1}} {{f//2}} {{f%2}} {{10/2}} {{5.5//2}} {{0**0}}
{{'a' ~ 1 ~ none ~ true ~ 2.0}} {{1 ~ 2 + 3|int if false else 'z'}}
{{'a' * 3}} {{[1,2] * 2}} {{[1]+[2]}} {{(1,2)}} {{(1,)}} {{()}}
{{'-' * 0}}|{{l[0]}}|{{l[-1]}}|{{l[0:2]}}|{{l[::-1]}}|{{l[1:]}}|{{l[:-1]}}|{{l[5:]}}|{{nums[::2]}}
{{s[0]}}{{s[-1]}}{{u[0:5]}}{{u[::-1]}}{{u[6:8]}}
{{s[10:2:-3]}}|{{s[-3:]}}|{{s[-100:3]}}|{{s[3:-100]}}|{{s[100:-100:-5]}}
{{l.index('b')}} {{l.count('a')}} {{s.find('o')}} {{s.find('zz')}} {{u.find('世')}} {{s.count('o')}}
{{s.replace('o','0')}} {{s.replace('l','',1)}} {{s|replace('World','You')}} {{'aaa'.replace('','-')}} {{'aaa'|replace('a','b',2)}}
{{q.split(',')}} {{q.split(',',1)}} {{'  a b  c '.split()}} {{'a b c d'.split(None,2)}} {{'abc'.split('bc')}}
{{'a\nb\r\nc'.splitlines()}} {{'x'.join(l)}} {{l|join}} {{l|join(', ')}} {{nums|join('-')}} {{people|join(',', attribute='name')}}
{{s.startswith('He')}} {{s.endswith('x')}} {{s.endswith(('x','ld'))}}
{{'a' in l}} {{'z' not in l}} {{'ell' in s}} {{'a' in d}} {{1 in (1,2)}} {{not 'a' in l}}
{{1 < 2}} {{1 < 2 < 3}} {{3 > 2 >= 2}} {{1 == 1.0}} {{'a' == 'b'}} {{l == ['a','b','c']}} {{(1,) == [1]}} {{'a' < 'b'}} {{'Z' < 'a'}} {{true == 1}}
{{x if x > 3 else 'small'}} {{'big' if x > 30 else 'small'}} {{(1 if true else 2) + 1}}
{% if x > 3 %}yes{% else %}no{% endif %} {% if e %}a{% elif x == 7 %}b{% else %}c{% endif %}{% if y > 0 %}never{% endif %}
{% for i in l %}{{loop.index}}{{loop.index0}}{{i}}{{loop.first}}{{loop.last}}{{loop.length}}{{loop.revindex}} {% endfor %}
{% for i in [] %}x{% else %}empty{% endfor %} {% for k, v in items2 %}{{k}}={{v}};{% endfor %} {% for i in nums if i > 1 %}{{i}}/{{loop.length}} {% endfor %}
{% for i in range(3) %}{% for j in range(2) %}{{loop.index}}{{i}}{{j}} {% endfor %}{{loop.index}}{% endfor %} {{range(5)|list}} {{range(2,8,3)|list}} {{range(5,0,-2)|list}}
{% set a = 3 %}{{a}} {% set a, b = 1, 2 %}{{a}}{{b}} {% for i in l %}{% set a = i %}{{a}}{% endfor %}{{a}}
{% set ns = namespace(c=0) %}{% for i in nums %}{% set ns.c = ns.c + i %}{% endfor %}{{ns.c}}
{% set z %}block {{x}}{% endset %}[{{z}}]
{{x is defined}} {{nope is defined}} {{nope is undefined}} {{n is none}} {{x is not none}} {{s is string}} {{x is number}} {{d is mapping}} {{l is iterable}} {{t is boolean}} {{x is integer}} {{f is float}} {{x is odd}} {{8 is even}} {{9 is divisibleby 3}} {{9 is divisibleby(2)}}
{{nope|default('dflt')}} {{e|default('x', true)}} {{nope|d('q')}} {{e|default('x')}}
{{l|length}} {{d|length}} {{s|length}} {{l|first}} {{l|last}} {{nums|list}} {{'abc'|list}} {{l|reverse|list}} {{'abc'|reverse}}
{{sp|trim}}| {{'xxaxx'|trim('x')}} {{s|lower}} {{s|upper}} {{'hello wORLD'|title}} {{'hELLO'|capitalize}} {{'42'|int + 1}} {{'4.7'|int}} {{'x'|int}} {{'x'|int(5)}} {{3.9|int}} {{'2.5'|float}} {{5|string}} {{-5|abs}}
{{d|tojson}} {{u|tojson}} {{[1,'a',none,true,1.5]|tojson}} {{d|tojson(indent=2)}}
{{['a ',' b']|map('trim')|list}} {{nums|map('string')|join('+')}} {{people|map(attribute='name')|list}} {{['1','2']|map('int')|list}} {{l|map('upper')|join}}
{{nums|select('odd')|list}} {{nums|reject('odd')|list}} {{people|selectattr('role','equalto','user')|map(attribute='age')|list}} {{people|rejectattr('role','==','user')|list|length}} {{[0,1,'',none,'a']|select|list}}
{{d.items()|list}} {{d.keys()|list}} {{d.values()|list}} {{d.get('a')}} {{d.get('zz')}} {{d.get('zz', 5)}}
{{d.b[1].c}} {{d['b'][0]}} {{d.a}} {{ {'k': x}['k'] }} {{ {'a': {'b': 1}}.a.b }} {{ {1: 'one', 'two': 2} }}
{{ [x, s, [1, 'b']] }} {{ [] }} {{ {} }} {{ ['a\n', "it's", 'both\'"'] }}
{{ "esc \n \t \\ \" \x41 \u00e9" }} {{ 'con' 'cat' }} {{ 'A' 'B' ~ 'C' }}
a {# comment #} b {#- trimmed -#} c {{- x -}} d {%- if true -%} e {%- endif -%} f
{% raw %}{{ not code }}{% endraw %} {%- raw -%}  {% x %}  {%- endraw -%}  z
{{ gold|int }} {{ options[gold|int] }} {{ ['A','B','C'][gold|int] }} {{ 'ABC'[1] }}
{{ x and y }} {{ 0 and 1 }} {{ 0 or 'x' }} {{ '' or none }} {{ not x }} {{ not (x and e) }} {{ x > 1 and y < 0 or false }}
{{ 1_000 }} {{ 1.5e3 }} {{ true }} {{ True }} {{ none }} {{ None }} {{ False }}
{{ "%s" }} {% if "}}" %}{{ "%}" }}{% endif %} {{ {'a':{'b':'}}'}}['a']['b'] }}
{{ (x)|string + 'a' }} {{ -x|abs }} {{ (-x)|abs }} {{ 2 * 3 + 4 }} {{ 2 + 3 * 4 }} {{ (2 + 3) * 4 }} {{ 2 * (3 + 4) % 5 }} {{ 10 - 2 - 3 }} {{ 2 ** 3 ** 2 }}
{% macro m(a, b=2) %}<{{a}}{{b}}>{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(b=9, a='q') }}{{ m(1)|upper }}
{% macro fact(n) %}{% if n <= 1 %}1{% else %}{{ n * fact(n - 1)|int }}{% endif %}{% endmacro %}{{ fact(6) }}
{% for i in l %}{{ loop.cycle('x', 'y') }}{{ loop.previtem is defined }}{{ loop.nextitem if not loop.last }}{% endfor %}
{{ people[0].name }} {{ people[1]['age'] }} {{ people|length }} {{ (people|first).name }} {{ people[-1].name.upper()[0] }}
{{ "Trailing " }}
{{ s[:5] ~ '!' }} {{ s | lower | replace(',', '') | title }} {{ (s ~ x).endswith('7') }}
{{ n is none and x is defined }} {{ x is not string }} {{ 'a' if nope is defined else 'b' }}
{{ 'é'.upper() }} {{ 'straße'.upper() }} {{ 'ΑΒΓ'.lower() }} {{ 'ÀÉ'|lower }} {{ 'ǆ'.upper() }} {{ '１２'.isdigit() }}
{{ '\u200b' }}{{ ['\u200b', '\x01', '\xa0', 'é', '\U0001F600'] }}
{{ 5 in nums }} {{ 3 in nums }} {{ [1] in [[1],[2]] }} {{ none in [none] }} {{ 7 is in [7] }} {{ 7 is not in [7] }}
{{ dict(a=1, b='x') }} {{ dict(a=1).a }} {{ x.real if false else 'ok' }}
{{ 1 if 0 }}{{ ('a' if 0) is defined }}
{{ nope }}
{{ nope.x }}
{{ nope + 1 }}
{{ d.zz }}
{% if nope %}{% endif %}
{% for i in nope %}{% endfor %}
{{ l.index('zz') }}
{{ 1 / 0 }}
{{ 'a' + 1 }}
{{ 1 < 'a' }}
{{ d.a.b.c }}
{{ x['y'] }}
{{ l[10] }}
{{ nope == 1 }}
{{ {'a': 1}|tojson|length }} {{ 'a'|length == 1 }} {{ l|length > 2 }}
""".strip("\n").split("\n")

# With newlines inside, written as Python strings.
TASK += ["Question: {{s}}\nAnswer:", "{{s}}\n", "a\r\nb\rc", "{% if t %}\n x\n{% endif %}\ny", "\n\n{{x}}\n\n",
         "  {% if t %}a{% endif %}  \n", "{{ 'multi\nline' }}", "{{ l\n  | join(\n ', ') }}",
         "{%- for i in l %}\n- {{ i }}\n{%- endfor %}\nend",
         "{% for i in range(options|length) %}{{ 'ABCDEFGH'[i] }}. {{ options[i] }}\n{% endfor %}Answer:",
         "{{ [options[0], options[1]] }}\n"]

CHAT = [
    "{% if true %}\n  x\n{% endif %}\ny\n", "  {% if true %}\nx\n  {% endif %}\n  y", "a  {% if true %}b{% endif %}\n\nc",
    "{%+ if true %}\nx{%+ endif +%}\ny", "x\n  {# c #}\n  y", "x\n  {#- c -#}\n  y", "  {{ 1 }}\n  {{ 2 }}\n",
    "{% for m in people %}\n    {% if m.role == 'user' %}\n  [{{ m.name }}]\n    {% endif %}\n{% endfor %}\nend",
    "{% for m in people -%}\n {{ m.name }}\n{%- endfor %}", "\n{% set a = 1 %}\n{{ a }}\n", "{{ x }}\n\n",
    "{% set ns = namespace(found=false) %}{% for i in l %}{% if i == 'b' %}{% set ns.found = true %}{% endif %}{% endfor %}{{ ns.found }}",
    "{% for i in l %}{% if i == 'b' %}{% break %}{% endif %}{{ i }}{% endfor %}{% for i in l %}{% if i == 'b' %}{% continue %}{% endif %}{{ i }}{% endfor %}",
    "{{ d | tojson }} {{ u | tojson }} {{ d | tojson(indent=4) }} {{ [] | tojson(indent=2) }} {{ {} | tojson }} {{ '\\x7f\"\\\\/' | tojson }}",
    "{{ strftime_now('%d %b %Y') }} {{ strftime_now('%Y-%m-%d %A %B') }}", "{{ strftime_now is defined }} {{ foo is defined }}",
    "{{ raise_exception('no') }}", "{{ nope }}|{{ nope ~ 'a' }}|{{ nope is none }}|{{ 'a' if nope else 'b' }}|{{ nope|length }}|{{ nope|trim }}|{{ nope|default('z') }}",
    "{% for i in nope %}x{% endfor %}|{{ nope == 1 }}|{{ nope == nope2 }}|{{ d.zz }}|{{ l[9] }}|{{ x['y'] }}|{{ none.a }}|{{ not nope }}|{{ nope or 'd' }}",
    "{{ nope.a }}", "{{ nope['a'] }}", "{{ nope + 'a' }}", "{{ l.zz.y }}", "{{ 'a' in nope }}",
    "{{ l[1:] }}{% set l = l[1:] %}{{ l }}", "{% if not (x == 7 and y) %}a{% else %}b{% endif %}",
    "{{- '\\n' + s -}}\n  z", "{{ (people[0].role == 'user') != (0 % 2 == 0) }}", "{%- if people[0]['role'] == 'system' -%}a{%- else -%}b{%- endif -%}",
    "{{ people | selectattr('role', 'equalto', 'user') | list | length }}", "{{ people|map(attribute='name')|join(', ') }}",
    "{% macro a(x) %}\n  ({{ x }})\n{% endmacro %}\n{{ a(1) }}\n", "{%- macro a() -%}\n  {{ x }}\n{%- endmacro -%}\n{{ a() }}",
    "{% for k, v in d.items() if k != 'b' %}{{ k }}{{ v }}{% endfor %}", "{% for k in d %}{{ k }}{% endfor %} {% for k, v in d|items %}{{ k }}{% endfor %}",
    "{% raw %}\n {{ x }} {% endraw %}\n a", "x\n  {% raw %}  y  {% endraw %}\nz", "{{ x is sequence }}{{ s is sequence }}{{ d is iterable }}{{ n is iterable }}",
    "{{ 'Ünï' }} 世界 {{ u }}", "{% set a %}\n{{ x }}\n{% endset %}[{{ a }}]", "{{ s.split(',')[-1].lstrip() }}{{ s.split(' ')[0].rstrip(',') }}",
    "\t{%- if true %} a {%- endif %}\t", "\u3000{%- if true %}\u3000{{ 1 }}{% endif -%}\u3000x", "{{ false is false }}{{ 0 is false }}{{ 1 is true }}",
]


def cases():
    for mode, env, sources in (("task", task_env(), TASK), ("chat", chat_env(), CHAT)):
        for source in sources:
            row = {"mode": mode, "template": source}
            try:
                row["out"] = env.from_string(source).render(**V)
            except Exception as e:  # the message is Jinja2's; the test asks only that there is an error
                row["error"] = type(e).__name__
            yield row


def conversations():
    user = {"role": "user", "content": "What is 2 + 2? <|im_end|>"}
    bot = {"role": "assistant", "content": "<think>\nhm\n</think>\n\nFour.\n"}
    system = {"role": "system", "content": " Be brief. "}
    tool = {"type": "function", "function": {"name": "add", "description": "Adds <two> numbers & more.",
            "parameters": {"type": "object", "properties": {"a": {"type": "number", "description": "first"},
                           "b": {"type": "string", "enum": ["x", "y"]}}, "required": ["a"]}}}
    plain = {"bos_token": "<BOS>", "eos_token": "<EOS>"}
    yield "one", dict(plain, messages=[user], add_generation_prompt=True)
    yield "system", dict(plain, messages=[system, user], add_generation_prompt=True)
    yield "multi", dict(plain, messages=[user, bot, {"role": "user", "content": "  And 3 + 3?  "}], add_generation_prompt=True)
    yield "done", dict(plain, messages=[system, user, bot], add_generation_prompt=False)
    yield "bad", dict(plain, messages=[user, user, bot], add_generation_prompt=True)
    yield "tools", dict(plain, messages=[system, user], tools=[tool], add_generation_prompt=True)
    yield "nothink", dict(plain, messages=[user], add_generation_prompt=True, enable_thinking=False)


def main():
    if len(sys.argv) == 1:
        print(json.dumps({"vars": V}, ensure_ascii=False))
        for row in cases():
            print(json.dumps(row, ensure_ascii=False))
        return
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.jinja")):
        for name, variables in conversations():
            row = {"template": path.name, "case": name}
            try:
                text = chat_env().from_string(path.read_text(encoding="utf-8")).render(**variables)
                row["sha256"] = hashlib.sha256(text.encode()).hexdigest()
                row["bytes"] = len(text.encode())
            except TypeError:  # tojson of a generator: only other interpreters can do that
                continue
            except Exception as e:
                row["error"] = type(e).__name__
            print(json.dumps(dict(row, vars=variables), ensure_ascii=False))


main()
