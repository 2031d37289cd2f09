#!/usr/bin/env python3
"""Render a table of templates with Jinja2, the independent implementation, for tests/unit/test_template.c.

Usage: make_template_cases.py > tests/data/template_cases.jsonl        (needs jinja2 3.1)
       make_template_cases.py TEMPLATE_DIR > tests/data/chat_template_hashes.jsonl

The environments are those of lm-evaluation-harness (task) and of transformers (chat).
"""
import datetime, hashlib, json, pathlib, sys
import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

DATE = datetime.datetime(2026, 1, 1)


def task_env():
    return jinja2.Environment(loader=jinja2.BaseLoader(), undefined=jinja2.StrictUndefined,
                              keep_trailing_newline=True)


def chat_env():
    """As transformers sets it up (utils/chat_template_utils.py), its `generation` tag included."""
    class Generation(jinja2.ext.Extension):
        tags = {"generation"}

        def parse(self, parser):
            line = next(parser.stream).lineno
            body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
            return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

        def _body(self, caller):
            return caller()

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                          sort_keys=sort_keys)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                        extensions=[Generation, "jinja2.ext.loopcontrols"])
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
{{ nope in l }}
{{ nope in d }}
{{ nope in [] }}
{{ nope is eq(1) }}
{{ l|selectattr('zz')|list }}
{{ people|selectattr('zz', 'equalto', 1)|list }}
{{ nums|sort }} {{ nums|sort(reverse=true) }} {{ ['b','A','c','a']|sort }} {{ ['b','A','c','a']|sort(case_sensitive=true) }} {{ ['b','B','a']|sort(true) }} {{ people|sort(attribute='age', reverse=true)|map(attribute='name')|join }} {{ 'ba'|sort }} {{ d|sort }}
{{ d|dictsort }} {{ {'b': 1, 'A': 2, 'c': 0}|dictsort }} {{ {'b': 1, 'A': 2, 'c': 0}|dictsort(true) }} {{ {'b': 1, 'A': 2, 'c': 0}|dictsort(by='value') }} {{ {'b': 1, 'A': 2}|dictsort(false, 'key', true) }} {% for k, v in d|dictsort %}{{ k }}{% endfor %}
{{ ['a','B','b','A',1,1.0]|unique|list }} {{ ['a','A']|unique(true)|list }} {{ people|unique(attribute='role')|list|length }} {{ nums|min }} {{ nums|max }} {{ []|min is defined }} {{ people|max(attribute='age') }} {{ ['b','A']|min }} {{ nums|sum }} {{ [1, 2.5, true]|sum }} {{ people|sum(attribute='age') }} {{ []|sum }}
[{{ 'a\n\nb\n'|indent }}] [{{ 'a\nb'|indent(2, true) }}] [{{ 'a\n\nb'|indent(2, blank=true) }}] [{{ ''|indent(first=true) }}] [{{ 'a\r\nb\x0bc'|indent('> ') }}] [{{ 'a\nb'|indent(0) }}]
{{ 'a\x0bb\x0cc\x1cd\x85e\u2028f\r\rg\n'.splitlines() }} {{ x is callable }} {{ nope is callable }}
{% macro m(a) %}{% endmacro %}{{ m is callable }} {{ [1, 'a']|sort }}
{{ d|sum }}
{{ 5|indent }}
{{ nums|sort(attribute='a,b') }}
{{ true is odd }}{{ d.values() is sequence }}{{ range(2) is sequence }}{{ l is sequence }}
{{ {'a': 1}|tojson|length }} {{ 'a'|length == 1 }} {{ l|length > 2 }}
{% with a = 1, b = x %}{{ a }}{{ b }}{% set a = 5 %}{{ a }}{% endwith %}{{ a is defined }} {% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q }} {% with x = 1, y = x %}{{ y }}{% endwith %} {% with a, b = (1, 2) %}{{ a }}{{ b }}{% endwith %}
{% filter upper %}ab {{ s }}{% endfilter %} {% filter replace('a', 'b')|title %}a{{ x }}a{% set w = 1 %}{% endfilter %}{{ w is defined }}
{% filter length %}abc{% endfilter %}
{% set z | upper %}block {{ x }}{% endset %}[{{ z }}] {% set z | replace('o', '0') | length %}foo{% endset %}{{ z + 1 }}
{% set z %}a{% set w = 1 %}{% endset %}{{ w is defined }}{{ z }}
{% macro m(a) %}<{{ a }}>{{ caller() }}</{{ a }}>{% endmacro %}{% call m('b') %}in {{ x }}{% endcall %}{% for i in l %}{% call m(i) %}{{ loop.index }}{% endcall %}{% endfor %}
{% macro m(l) %}{% for i in l %}{{ caller(i, loop.index) }};{% endfor %}{% endmacro %}{% call(i, n, k='z') m(l) %}{{ n }}{{ i }}{{ k }}{% endcall %}
{% macro m() %}{% if caller %}{{ caller() }}{% else %}none{% endif %}{% endmacro %}{{ m() }}{% call m() %}some{% endcall %}
{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}
{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}
{% macro a(x) %}{% macro b() %}({{ x }}){% endmacro %}{{ b() }}{% endmacro %}{{ a(5) }} {% for i in l %}{% macro c() %}{{ i }}{% endmacro %}{{ c() }}{% endfor %}
{% macro m() %}{{ v }}{% endmacro %}{% set v = 1 %}{{ m() }}
{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1) }} {{ m(1, 2, 3) }} {{ m(1, k=2) }} {{ m(1, 2, k='x') }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}
{% set tree = [{'n': 'a', 'c': [{'n': 'b', 'c': []}, {'n': 'c', 'c': [{'n': 'd', 'c': []}]}]}, {'n': 'e', 'c': []}] %}{% for i in tree recursive %}{{ loop.depth }}{{ loop.depth0 }}{{ loop.index }}{{ i.n }}[{{ loop(i.c) }}]{% else %}-{% endfor %}
{% for i in [1, [2, [3, 4], 5], 6] recursive %}{% if i is iterable %}({{ loop(i) }}){% else %}{{ i }}{% if not loop.last %},{% endif %}{% endif %}{% endfor %} {% for i in [3, 1, 2] if i > 1 recursive %}{{ i }}{{ loop([1, 2]) if i == 3 }}{% endfor %}
{% for i in l %}{{ loop(i) }}{% endfor %}
{% for i in ['a', 'a', 'b', 'b', 'a'] %}{{ loop.changed(i) }}{% endfor %} {% for i in l %}{{ loop.changed(1, x) }}{% endfor %}
{{ 2.5|round }} {{ 3.5|round }} {{ 42.55|round(1) }} {{ 2.675|round(2) }} {{ 7|round }} {{ 7|round(2) }} {{ 1.23456|round(3) }} {{ 42.1|round(0, 'ceil') }} {{ 42.55|round(1, 'floor') }} {{ -2.5|round|int }} {{ (-2.5)|round(method='floor') }} {{ 7|round(1, 'ceil') }} {{ true|round }} {{ 1e300|round(2) }} {{ 0.5|round }}
{{ 'a'|round }}
{{ 1.5|round(0, 'up') }}
{{ [1,2,3,4,5]|batch(2)|list }} {{ [1,2,3,4,5]|batch(2, '-')|list }} {{ 'abcde'|batch(3)|list }} {{ []|batch(2)|list }} {{ [1,2,3,4,5,6,7]|slice(3)|list }} {{ [1,2,3,4,5,6,7]|slice(3, 'x')|list }} {{ [1]|slice(3)|list }} {% for row in nums|batch(2, fill_with=0) %}{{ row|join(',') }};{% endfor %}
{% for g in people|groupby('role') %}{{ g.grouper }}:{{ g.list|length }}{{ g[0] }} {% endfor %} {% for k, v in [{'a': 'x'}, {'a': 'Y'}, {'a': 'X'}, {}]|groupby('a', default='q') %}{{ k }}{{ v }}{% endfor %} {{ ['ab', 'c', 'de']|groupby('0') }} {{ ['ab', 'ac', 'de']|groupby(0)|map(attribute='list')|list }} {{ ['b', 'B', 'a']|groupby(0, case_sensitive=true)|map('first')|list }}
{{ '%s-%d-%5.2f|%-5s|%5s|%05d|%x|%%|%r|%c' % ('a', 3, 2.5, 'b', 'c', 42, 255, "q'", 'z') }} {{ '%s' % x }} {{ '%s' % [1] }} {{ '%s %s' % (l, d) }} {{ '%(a)s=%(b)d' % {'a': 1, 'b': 2} }} {{ '%d' % 2.9 }} {{ '%i' % true }} {{ '%e %g %G' % (1234.5, 1e-7, 1e20) }} {{ '%+d % d %X' % (5, 5, 171) }} {{ '%.2s|%5.1s|' % ('世界人', 'ab') }} {{ 'no' % {} }} {{ '%5s|' % 'ü' }}
{{ '%s' % (1, 2) }}
{{ '%s %s' % 1 }}
{{ '%d' % 'a' }}
{{ 'a' % 1 }}
{{ (s|safe) ~ '!' }} {{ (d|tojson)|length }} {{ '%s' % (s|safe) }} {{ (s|safe)[:5] + ' you' }} {{ [s|safe, '<b>']|join(',') }} {{ (s|safe|upper) == 'HELLO, WORLD' }} {% set j = d|tojson %}{{ j }}<b>
{{ l + range(2) }}
{{ '%(a)s' % 1 }}
{{ '%' % 1 }}
{{ '%s, %s!'|format('a', 2) }} {{ '%(g)s'|format(g=x) }} {{ 'plain'|format }} {{ '%.1f'|format(2.25) }}
{{ '{} {}'.format(1, 'b') }} {{ '{1}{0}{1}'.format('a', 'b') }} {{ '{name}: {{{v}}}'.format(name='n', v=2.5) }} {{ '{:.2f} {:d} {:03d} {:5.1f}|{:x}'.format(3.14159, 7, 5, 2.25, 255) }} {{ '{:.1f}'.format(2) }} {{ '{}'.format(none) }}
{{ '{} {}'.format(1) }}
{{ '{'.format(1) }}
{{ '{} {0}'.format(1) }}
[{{ 'ab'|center(7) }}][{{ 'abc'|center(6) }}][{{ 'ab'|center(1) }}][{{ 'ü'|center(width=4) }}] {{ 'x'|center|length }} [{{ 'ab'.center(7, '*') }}] [{{ 'ab'.ljust(4) }}] [{{ 'ab'.rjust(5, '.') }}] {{ '7'.zfill(3) }} {{ '-7'.zfill(4) }} {{ '+'.zfill(3) }} {{ 'abcd'.zfill(2) }}
{{ 'The quick, brown_fox 2 ½ jümps! 世界 人'|wordcount }} {{ ''|wordcount }} {{ "don't"|wordcount }} {{ 'a\u0301b'|wordcount }}
{{ 'foo bar baz qux'|truncate(9) }} {{ 'foo bar baz qux'|truncate(9, true) }} {{ 'foo bar baz qux'|truncate(11) }} {{ 'foo bar baz qux'|truncate(11, false, '...', 0) }} {{ 'foobarbaz qux quux'|truncate(5, end='…', leeway=0) }} {{ 'short'|truncate }} {{ 'ab cd ef gh'|truncate(length=6, killwords=false, leeway=0) }}
{{ 'abc'|truncate(2) }}
{{ 'a b/ü?&=~._-'|urlencode }} {{ {'a b': 'c/d', 'e': 1}|urlencode }} {{ 5|urlencode }}
{{ 'a,b,,c'.rsplit(',', 1) }} {{ ' a  b c '.rsplit() }} {{ ' a  b c '.rsplit(none, 1) }} {{ ' a  b c '.split(none, 1) }} {{ ' a '.split(none, 1) }} {{ 'abc'.rsplit('x') }} {{ 'aXbXc'.rsplit('X') }} {{ 'a.b.c'.rsplit('.', maxsplit=1)[0] }} {{ 'aaa'.rsplit('aa', 1) }}
{{ 'a=b=c'.partition('=') }} {{ 'abc'.partition('=') }} {{ 'a=b=c'.rpartition('=') }} {{ 'abc'.rpartition('=') }} {{ 'prefix-x'.removeprefix('prefix-') }} {{ 'x.txt'.removesuffix('.txt') }} {{ 'x'.removeprefix('y') }} {{ 'x'.removesuffix('') }}
{{ s.rfind('o') }} {{ s.rfind('zz') }} {{ 'üaüb'.rfind('ü') }} {{ 'abc'.rindex('c') }} {{ 'aBc'.swapcase() }} {{ 'ab'.isalpha() }} {{ 'a1'.isalpha() }} {{ 'a1'.isalnum() }} {{ ''.isalpha() }} {{ ' \t'.isspace() }} {{ ''.isspace() }} {{ 'AB1'.isupper() }} {{ 'Ab'.isupper() }} {{ '12'.isupper() }} {{ 'ab'.islower() }} {{ 'aB'.islower() }} {{ '12'.isdecimal() }} {{ 'ab'.isascii() }} {{ 'ü'.isascii() }} {{ '½'.isdecimal() }}{{ '½'.isalnum() }} {{ 'ß'.islower() }} {{ 'Straße'.swapcase() }}
{{ 'abc'.rindex('z') }}
{{ 'ab' is lower }} {{ 'aB' is lower }} {{ 'AB' is upper }} {{ '' is upper }} {{ 5 is lower }} {{ none is sameas none }} {{ true is sameas true }} {{ 1 is sameas true }} {{ x is sameas none }} {{ l is sameas l }} {{ l is sameas [] }} {{ false is sameas 0 }}
{{ 'ab'.startswith('b', 1) }} {{ 'abcabc'.find('a', 1) }} {{ 'abcabc'.find('c', 3, 5) }} {{ 'a b'.split(maxsplit=0) }} {{ 'a-b'.title() }} {{ 'abc'.find('', 5) }} {{ 'abc'.find('', 3) }} {{ 'abcabc'.rfind('a', 0, -3) }} {{ 'üaü'.index('ü', -1) }} {{ 'abc'.endswith('b', 0, 2) }} {{ 'a'.startswith('', 2) }}
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
    "{{ d|tojson(separators=(',', ':')) }} {{ d|tojson(separators=(';', '='), indent=1) }} {{ d|tojson(separators=none, sort_keys=true) }} {{ u|tojson(true) }} {{ u|tojson(false) }} {{ u|tojson(4) }} {{ [u]|map('tojson')|join }}", "{{ d|tojson(separators=1) }}",
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
    "{% if l|map('upper') %}a{% endif %}{% if []|select %}b{% endif %}{% if d.values() %}c{% endif %}{% if {}.keys() %}d{% endif %}",
    "{% set g = l|map('upper') %}{% for i in g %}{{ i }}{% endfor %}{% for i in g %}{{ i }}{% endfor %}|{{ g|list }}", "{% set g = l|map('upper')|list %}{{ g|length }}{{ g|join }}{{ g[0] }}",
    "{{ d.values()[0] }}|{{ (l|reverse)[0] }}|{{ range(3)[1] }}", "{{ d.keys()[:1] }}", "{{ d[:1] }}", "{{ (l|reverse)[:1] }}", "{{ range(5)[1:3]|list }}", "{{ range(2)|list }}", "{{ none|map('upper')|list }}{{ false|selectattr('a')|list }}{{ 0|select|list }}",
    "{% for a in l %}{% for b in nums %}{{ loop.depth }}{{ loop.depth0 }}{% endfor %}{% endfor %}", "{{ x is defined is none }}", "{{ 1 if x is defined if y }}", "{{ x is defined in l }}", "{{ (x is defined) is true }}",
    "{% generation %}{% set x = 9 %}{{ x }}{% endgeneration %}{{ x }}", "{% for i in l %}{% generation %}\n {{ i }}{{ loop.index }}\n{% endgeneration %}\n{% endfor %}",
    "{{ 'o\\'neil-smith (the ß) [x <y {z 1st ßa'|title }}|{{ 'o\\'neil-smith 1st ßa'.title() }}", "{{ nope|items|list }}{% if nope|items %}t{% endif %}",
    "\t{%- if true %} a {%- endif %}\t", "\u3000{%- if true %}\u3000{{ 1 }}{% endif -%}\u3000x", "{{ false is false }}{{ 0 is false }}{{ 1 is true }}",
    "{% with a = 1 %}\n {{ a }}\n{% endwith %}\nb", "{% filter trim %}\n  x {{ nope }} \n{% endfilter %}\nb", "{% set z | trim %}\n  a\n{% endset %}\n[{{ z }}]",
    "{% macro m(r) %}\n<{{ r }}>\n{{ caller() }}\n{% endmacro %}\n{% for p in people %}\n{% call m(p.role) %}\n  {{ p.name }}\n{% endcall %}\n{% endfor %}", "{% for p in l recursive %}\n{% if loop.depth == 2 %}{% continue %}{% endif %}{{ loop(l[:2]) }}{{ p }}\n{% endfor %}",
    "{% for i in [1, [2, 3]] recursive %}{% if i is iterable %}{{ loop(i) }}{% endif %}{% if i == 2 %}{% break %}{% endif %}{{ loop.depth }}.{% endfor %}", "{{ '%s' % nope }}|{{ '%s'|format(nope) }}|{{ nope|wordcount }}", "{{ nope|batch(2)|list }}{{ nope|slice(2)|list }}", "{{ nope|round }}", "{{ nope|truncate }}", "{{ nope|center(3) }}|",
    "{% macro m(x) %}{% for i in x recursive %}{{ i.name }}{{ loop(i.kids) if i.kids }}{% endfor %}{% endmacro %}{{ m([{'name': 'p', 'kids': [{'name': 'q'}]}]) }}", "{{ d.items()|batch(1)|list }} {{ 'ab'|batch(1)|map('join')|join('+') }}", "{{ people|groupby('role')|list|length }}{% for r, ps in people|groupby(attribute='role') %}{{ r }}{{ ps|map(attribute='name')|join }}{% endfor %}",
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


def tool(name, about, properties, required=(), **more):
    f = {"name": name, "description": about, "parameters": {"type": "object", "properties": properties, "required": list(required)}}
    f.update(more)
    return {"type": "function", "function": f}


ADD = tool("add", "Adds <two> numbers & more.", {"a": {"type": "number", "description": "first"}, "b": {"type": "string", "enum": ["x", "y"]}}, ["a"])
RICH = tool("größe", "Mißt\n\"alles\".", {
    "s": {"type": "string", "default": "ü"}, "n": {"type": "integer", "nullable": True}, "l": {"type": "array", "items": {"type": "string"}},
    "m": {"type": "array", "items": {"type": "object", "properties": {"k": {"type": "boolean"}}, "required": ["k"]}, "default": []},
    "u": {"type": ["string", "null"], "description": "one\nof two"}, "o": {"oneOf": [{"type": "string", "default": "q"}, {"type": "number", "default": 2.5}], "description": "either"},
    "d": {"type": "object", "properties": {"inner": {"type": "number", "default": 0}}}, "x": {}, "a": {"type": "array"}, "e": {"type": "string", "enum": ["p", "q"], "default": "p"}},
    ["s", "l"], **{"return": {"type": "string"}})
BARE = {"type": "function", "function": {"name": "now", "description": "The time."}}
NONE = tool("nothing", "Takes nothing.", {})


def call(name, arguments, ident="call00001"):
    return {"type": "function", "id": ident, "function": {"name": name, "arguments": arguments}}


def message_lists():
    """Messages by name: every role, order and shape that templates ask about."""
    def m(role, content, **more):
        return dict({"role": role, "content": content}, **more)

    q, q2, four = m("user", "What is 2 + 2? <|im_end|>"), m("user", "  And 3 + 3?\t \n"), m("assistant", "Four.")
    thought = m("assistant", "<think>\nhm <b>\n</think>\n\nFour.\n")
    sys = m("system", " Be brief. \n")
    uni = m("user", "Grüße 世界 \u3000 👩‍👩‍👧 \u0301e مرحبا \\ \"q\" 'a' {{ x }} {% y %}")
    add = call("add", {"a": 1, "b": "x<ü>"})
    calls = m("assistant", None, tool_calls=[add])
    result = m("tool", "3", name="add", tool_call_id="call00001")
    return {
        "one": [q], "system": [sys, q], "developer": [m("developer", "Use\nsteps. "), q], "both": [sys, m("developer", "Dev."), q],
        "unicode": [m("system", "Sei höflich 。"), uni], "empty": [m("system", ""), m("user", "")], "blank": [m("system", " \n "), m("user", " \n\n ")],
        "multi": [q, four, q2], "thoughts": [sys, q, thought, q2, thought, m("user", "5?")], "done": [sys, q, thought], "done2": [q, four],
        "reasoning": [q, m("assistant", "Four.", reasoning_content="hm\n hm"), q2], "reasoning2": [q, m("assistant", "Four.", thinking="let me see"), q2],
        "reasoning3": [q, calls | {"thinking": "a tool"}, result, m("assistant", "3", thinking="so")],
        "reasoning4": [q, m("assistant", "4", reasoning_content="r"), q2, m("assistant", "", reasoning_content="s")],
        "half": [q, m("assistant", "<think>\nopen"), q2], "closer": [q, m("assistant", "hm</think>\n\n4"), q2], "twice": [q, m("assistant", "<think>a</think>b<think>c</think>d"), q2],
        "nosystem": [m("system", "Answer. /no_think"), q], "nothink": [m("system", "Answer. /think"), m("user", "2+2? /no_think")],
        "users": [q, q2], "users2": [q, q2, four], "first": [four, q], "late": [q, four, sys, q2], "systems": [sys, m("system", "Second."), q], "none": [],
        "call": [q, calls, result], "called": [sys, q, calls, result, m("assistant", "It is 3."), q2],
        "calls": [q, m("assistant", "", tool_calls=[add, call("größe", {}, "call00002")]), result, m("tool", "ü\n{}", name="größe", tool_call_id="call00002")],
        "callsboth": [q, m("assistant", "Let me see.", tool_calls=[add]), result, four], "calltext": [q, m("assistant", "x", tool_calls=[call("add", '{"a": 1}')]), result],
        "callnothink": [q, m("assistant", "<think>\nuse it\n</think>\n\n", tool_calls=[add]), result, four, q2],
        "ipython": [q, calls, m("ipython", {"output": [1, "ü", None, True, 2.5]})], "toolmap": [q, calls, m("tool", {"b": 1, "a": [None]}, name="add", tool_call_id="call00001")],
        "results": [q, calls, result, m("tool_results", "x", tool_call_id="call00001")], "orphan": [q, result], "toollast": [q, calls, result, result],
        "shortid": [q, m("assistant", None, tool_calls=[call("add", {}, "c1")]), m("tool", "3", tool_call_id="c1")], "noid": [q, m("assistant", None, tool_calls=[{"function": {"name": "add", "arguments": {}}}]), m("tool", "3")],
        "emptycalls": [q, m("assistant", "4", tool_calls=[]), q2], "nonecalls": [q, m("assistant", "4", tool_calls=None), q2],
        "nonecontent": [m("system", None), m("user", None)], "missing": [{"role": "user"}], "missing2": [q, {"role": "assistant"}, q2],
        "parts": [m("system", [{"type": "text", "text": "S"}]), m("user", [{"type": "text", "text": " a "}, {"type": "image"}, {"type": "text", "text": "b"}])],
        "prefix": [q, m("assistant", "So", prefix=True)], "role": [m("critic", "x"), q], "final": [q, m("assistant", "4", end_turn=True), q2],
    }


def option_sets():
    """Variables beside the messages."""
    agp = {"add_generation_prompt": True}
    return {
        "": agp, "no": {"add_generation_prompt": False}, "bare": {}, "think": dict(agp, enable_thinking=True, thinking=True), "nothink": dict(agp, enable_thinking=False, thinking=False),
        "low": dict(agp, reasoning_effort="low"), "medium": dict(agp, reasoning_effort="medium", model_identity="You are X."), "high": dict(agp, reasoning_effort="high", builtin_tools=["browser", "python"]),
        "tools": dict(agp, tools=[ADD]), "toolsno": dict(tools=[ADD, RICH], add_generation_prompt=False, enable_thinking=False), "rich": dict(agp, tools=[RICH, BARE, NONE], tools_in_user_message=False, date_string="1 May 2025"),
        "notools": dict(agp, tools=[], builtin_tools=[]), "nonetools": dict(agp, tools=None), "custom": dict(agp, custom_tools=[ADD], builtin_tools=["code_interpreter", "search"], xml_tools=[ADD], python_tools=["f"], documents=[{"title": "t", "text": "x"}]),
    }


def render_hash(compiled, variables):
    try:
        text = compiled.render(**variables)
    except TypeError as e:  # tojson of a generator, or of an undefined name: only other interpreters do that
        return "skip" if "JSON serializable" in str(e) else "error"
    except Exception:
        return "error"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def chat_rows(directory):
    messages, options = message_lists(), option_sets()
    yield {"base": {"bos_token": "<BOS>", "eos_token": "<EOS>"}, "messages": messages, "options": options}
    env = chat_env()
    for path in sorted(pathlib.Path(directory).glob("*.jinja")):
        compiled = env.from_string(path.read_text(encoding="utf-8"))
        hashes = [render_hash(compiled, dict({"bos_token": "<BOS>", "eos_token": "<EOS>"}, messages=json.loads(json.dumps(m)), **json.loads(json.dumps(o))))
                  for m in messages.values() for o in options.values()]
        yield {"template": path.name, "hashes": " ".join(hashes)}


def main():
    if len(sys.argv) == 1:
        print(json.dumps({"vars": V}, ensure_ascii=False))
        for row in cases():
            print(json.dumps(row, ensure_ascii=False))
        return
    for row in chat_rows(sys.argv[1]):
        print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main()
