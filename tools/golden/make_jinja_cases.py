"""Writes tests/golden/jinja_cases.json: chat templates and what Jinja2, set up as `transformers` does, makes of them.

    make_jinja_cases.py DATA >tests/golden/jinja_cases.json      (DATA: the folder of shared data, for published templates)

Cases are written here, one line each, all with the same variables; there is no random seed. The templates of DATA are not
copied: what they give for six conversations is.
"""
import json
import pathlib
import sys

import jinja_oracle

VARIABLES = {
    "messages": [{"role": "system", "content": " Be <brief>. "}, {"role": "user", "content": "Hi\nthere"},
                 {"role": "assistant", "content": "", "tool_calls": [{"name": "f", "arguments": {"x": [1, 2.5, None]}}]},
                 {"role": "user", "content": "Bye"}],
    "s": "Hello, World", "u": "naïve Σίσυφος 日本", "n": 7, "f": 2.5, "yes": True, "nil": None, "l": [3, 1, 2], "d": {"b": 1, "a": "x"},
    "p": ["b", "A", "c", "a"], "bos_token": "<s>"}

SPACE = r"""
a\n  {% if yes %}\n  b\n  {% endif %}\nc\n
a\n  {%- if yes -%}\n  b\n  {%- endif -%}\nc\n\n
a\n  {%+ if yes +%}\n  b\n  {%+ endif +%}\nc
  {% if yes %}x{% endif %}  \n  {{ n }}\n  {{- n -}}  \n y
{# c #}\n a {#- c -#} \n b\n  {#+ c +#}\n c\n  {# c\nd #}\n e
a  {% raw %}\n {{ x }} {% y %} {% endraw %}\n b\n  {%- raw -%}\n z \n{%- endraw -%}\n c
\r\na\rb\n\n
{{ 'a\r\nb' }}|{{ "\t\x41\u00e9\101\q\'" }}|{{ 'a' "b" 'c' }}
{% for x in l -%}\n  {{ x }}\n{%- endfor %}\n.
{% set x = 1 %}\n\n{% set y %}\n  z\n{% endset %}\n[{{ y }}]
x{%- set q = 1 %}\n{{ q }} {%- set q = 2 -%} \n y
{% if yes: %}colon{% endif %}
{{'{{'}} {{ '%}' }} {{ {'a': {'b': 1}}['a'] }}
\u2003{%- if yes -%}\u3000x\u00a0{%- endif %}
"""

STATEMENTS = r"""
{% if nil %}a{% elif n > 9 %}b{% elif n > 5 %}c{% else %}d{% endif %}
{% for m in messages %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {% endfor %}
{% for m in messages %}{{ loop.previtem.role }}<{{ m.role }}>{{ loop.nextitem.role if not loop.last }} {% endfor %}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k in d %}{{ k }}{% endfor %}
{% for (a, b), c in [((1, 2), 3)] %}{{ a + b + c }}{% endfor %}
{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}
{% for x in [] %}a{% else %}none{% endfor %}{% for x in nothing %}a{% else %}none{% endfor %}{% for x in s[:3] %}{{ x }}.{% endfor %}
{% for x in 5 %}{% endfor %}
{% for x in range(9) if x is odd %}{{ loop.index }}:{{ x }}{% if not loop.last %},{% endif %}{% endfor %}
{% for x in range(9) %}{% if x == 2 %}{% continue %}{% endif %}{% if x > 4 %}{% break %}{% endif %}{{ x }}{% endfor %}
{% for x in l %}{% continue %}{% else %}else after continue{% endfor %}
{% for x in l %}{% break %}{% else %}else after break{% endfor %}{% for x in l %}{{ x }}{% if x == 1 %}{% break %}{% endif %}{% else %}no{% endfor %}
{% for x in [[1, [2]], [3]] recursive %}{{ loop.depth }}{{ loop(x) if x is iterable else x }}{% endfor %}
{% for x in l %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 1) }}{% endfor %}
{% for x in l %}{% for y in l %}{{ loop.index }}{% endfor %}{{ loop.index }};{% endfor %}
{% set x = 1 %}{% for i in l %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}
{% set ns = namespace(x=1) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}{{ ns }}{{ ns.y is defined }}
{% if yes %}{% set x = 5 %}{% endif %}{{ x }}{% if nil %}{% set n = 1 %}{% endif %}{{ n }}
{{ n }}{% set n = 8 %}{{ n }}{% for i in [1] %}{{ n }}{% set n = 9 %}{{ n }}{% endfor %}{{ n }}
{% set messages = messages[1:] %}{{ messages|length }}{{ messages[0].role }}
{% for i in l %}{% if i == 1 %}{% set z = 'seen' %}{% endif %}{{ z }};{% endfor %}
{% set a, b = 1, 2 %}{% set a, b = b, a %}{{ a }}{{ b }}{% set (c, d) = 'xy' %}{{ c }}{{ d }}
{% set ns = namespace({'a': 1}, b=2) %}{% set ns.a, ns.c = 3, 4 %}{{ ns.a }}{{ ns.b }}{{ ns['c'] }}
{% set d.x = 1 %}
{% set ns = namespace() %}{% set ns._x = 1 %}
{% set loop = 1 %}{{ loop }}
{% for x in l %}{% set loop = 1 %}{% endfor %}
{% set x %}a{{ n }}{% set y = 1 %}{% endset %}{{ x|length }}{{ y is defined }}{% set z | upper | replace('A', 'b') %}a{% endset %}{{ z }}
{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }};{% endmacro %}{{ m(1) }}{{ m(1, c=3) }}{{ m(b=1, a=0) }}{{ m() }}
{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, x=4) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, x=2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(*[1]) }}{{ m(**{'a': 2}) }}{{ m.name }}{{ m.arguments }}{{ m }}
{% macro m(x) %}[{{ caller(x) }}]{% endmacro %}{% call(y) m(3) %}{{ y * 2 }}{{ n }}{% endcall %}{% call m(1) %}plain{% endcall %}
{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}x{% endcall %}{{ m() }}
{% macro f(n) %}{{ 1 if n < 2 else n * f(n - 1)|int }}{% endmacro %}{{ f(10) }}
{% macro m() %}{{ x }}{% endmacro %}{% set x = 3 %}{{ m() }}{% for x in l %}{{ m() }}{% endfor %}
{% macro m() %}{% set x = 1 %}{{ x }}{% endmacro %}{{ m() }}{{ x is defined }}
{% for i in l %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}
{% macro m() %}{% for x in l %}{{ loop.index }}{% endfor %}{% endmacro %}{% for y in l %}{{ m() }}{% endfor %}
{% filter upper %}abc{{ s }}{% endfilter %}{% filter replace('a', 'b')|title %}a a{% endfilter %}
{% with x = 1, y = n %}{{ x + y }}{% endwith %}{{ x is defined }}{% with %}{% set q = 1 %}{% endwith %}{{ q is defined }}
{% generation %}{% set g = 1 %}a{{ g }}{% endgeneration %}{{ g is defined }}
{% for x in l %}{% generation %}{% break %}{% endgeneration %}{% endfor %}
{% break %}
{% endfor %}
{% if yes %}
{% nothing %}
{{ n
{{ n }
{{ }}
{{ 'a }}
{{ (1 }}
{{ [1)] }}
{{ raise_exception('no ' ~ n) }}
{% if nil %}{{ raise_exception('no') }}{% endif %}fine
{{ strftime_now('%d %b %Y, %A %-d %H:%M:%S %j %f %%') }}{{ strftime_now('') }}
{{ range(3)|list }}{{ range(5, 1, -2)|list }}{{ range(1, 3) }}{{ range(0)|length }}{{ range(200000) }}
{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.next() }}{{ c.reset() }}{{ c.next() }}
{% set j = joiner('|') %}{{ j() }}a{{ j() }}b{{ j() }}
{{ dict(a=1, **{'b': 2}) }}{{ dict([('x', 1)]) }}{{ dict({'x': 1}, x=2) }}
{{ undefined_function() }}
{{ n() }}
"""

EXPRESSIONS = r"""
1 + 2 * 3 ** 2 // 4 % 3 - -1 ¦ 1 + 2 ~ 3 ¦ 'a' ~ 1 ~ nil ~ 2.0 ¦ 2 ** 3 ** 2 ¦ -2 ** 2 ¦ 7 // -2 ¦ -7 % 3 ¦ 7 % -3 ¦ -7.5 // 2 ¦ -7.5 % 2 ¦ 1 / 3 ¦ 4 / 2 ¦ 2 ** -1
1 < 2 < 3 ¦ 1 < 3 < 2 ¦ 3 > 2 >= 2 != 1 == 1 ¦ 1 == 1.0 == true ¦ 'a' < 'b' ¦ [1, 2] < [1, 3] ¦ 'a' in 'abc' ¦ 4 not in l ¦ 'b' in d ¦ not 1 in l ¦ nil in [none]
true and nil or 5 ¦ '' or 0 or 'x' ¦ 1 and 2 ¦ not nil and not false ¦ 1 if false else 2 ¦ (1 if false) ¦ 1 if true ¦ n > 3 and 'y' or 'z'
l[0] ¦ l[-1] ¦ l[9] ¦ l['0'] ¦ s[0] ¦ s[-1] ¦ s[1:4] ¦ s[::-1] ¦ s[::2] ¦ s[-3:] ¦ s[:-3] ¦ u[6:9] ¦ u[::-1] ¦ l[1:] ¦ l[::-1] ¦ (1, 2, 3)[1:] ¦ s[10:2] ¦ l[5:] ¦ l[-100:100:2]
d.a ¦ d['a'] ¦ d.zzz ¦ d['zzz'] ¦ d.zzz is defined ¦ d.items()|list ¦ d.keys()|list ¦ d.values()|list ¦ d.get('a') ¦ d.get('q') ¦ d.get('q', 1) ¦ d.items() is sequence
nothing ¦ nothing is defined ¦ nothing == nothing2 ¦ nothing|length ¦ nothing|list ¦ [nothing] ¦ nothing ~ 'x' ¦ nil ¦ nil.foo ¦ n.foo ¦ s.foo
nothing.x
nothing[0]
nothing + 1
nothing[1:]
-nothing
nothing < 1
d.zzz.y
1 / 0
1 // 0
1.0 % 0
'a' + 1
'a' < 1
[] + ()
l.append(1)
'' % nothing
d.update({})
d.pop
s.__class__ ¦ nothing.__class__
s._x
{[1]: 2}
[1, 'a']|sort
1|nope
1 is nope
(1|nope) if false
'x' if false else (1|nope)
9223372036854775807 ¦ -9223372036854775807 - 1 ¦ 1_000 ¦ 0x1F ¦ 0b101 ¦ 0o17 ¦ 1e3 ¦ 1.5e-7 ¦ 1e16 ¦ 123456789.123 ¦ 0.1 + 0.2 ¦ 1e22 ¦ 1e-5 ¦ 0.0001 ¦ 100.0 ¦ -0.0
[1, 'a', nil, true, 2.5, (1,), (), {'k': 'v'}] ¦ 'it\'s' ¦ ["it's"] ¦ ['"\''] ¦ ['\n\té\x00\u200b'] ¦ {'a': {1: none}} ¦ [s] ¦ {} ¦ ''
"%s is %d and %.2f" % ('a', 3, 1.5) ¦ '%5s|%-5s|%05d|%+d|%%|%r' % ('a', 'b', 42, 1, 'q') ¦ '%(a)s' % {'a': 1} ¦ '%s' % n
'%s' % (1, 2)
'%d' % 'a'
'{} {1} {x} {{}}'.format(1, x=2)
'{} {} {x.a} {x[a]}'.format(1, 'b', x={'a': 2}) ¦ '{0}{0}'.format('ab') ¦ '{!r}'.format('a')
not not nil ¦ not nil == none ¦ - - 1 ¦ +n ¦ [1, 2,] ¦ (1,) ¦ (1, 2,) ¦ () ¦ {'a': 1,}
'a' 'b' ¦ '\u00e9\x41' ¦ "\"" ¦ '\\'
'<' + ('<b>'|safe) ¦ ('<b>'|safe) + '<' ¦ ('<b>'|safe) ~ '<' ¦ '<a>'|e ¦ '<a>'|e|e ¦ '<a>'|e|forceescape ¦ ('<i>'|safe)|upper ¦ ('<'|safe) * 2 ¦ ['<'|safe]
true + true ¦ true * 3 ¦ true|int ¦ 1 == true ¦ [1, true]|unique|list ¦ nil is none ¦ 'a' * 0 ¦ [1] * 2 ¦ 3 * 'ab' ¦ (1, 2) + (3,) ¦ 1.0 * 2 ¦ 7 - 2.0
"""

FILTERS = r"""
' a '|trim ¦ 'xax'|trim('x') ¦ s|upper ¦ s|lower ¦ 'hello wORLD-foo (bar)'|title ¦ 'ABC def'|capitalize ¦ u|upper ¦ u|lower ¦ u|title ¦ 'ß'|upper ¦ u|capitalize
s|replace('l', 'L') ¦ s|replace('l', 'L', 1) ¦ 'aaa'|replace('', '-') ¦ 123|replace(2, 'x') ¦ 'x'|center(5) ¦ 'a b c'|wordcount ¦ s|length ¦ l|count ¦ d|length
l|first ¦ l|last ¦ []|first ¦ []|last ¦ s|first ¦ d|first ¦ d|last ¦ l|reverse|list ¦ s|reverse ¦ l|sort ¦ l|sort(reverse=true) ¦ p|sort ¦ p|sort(case_sensitive=true)
l|join ¦ l|join(', ') ¦ messages|join(',', attribute='role') ¦ l|join(d=1) ¦ s|list ¦ d|list ¦ l|string ¦ l|min ¦ l|max ¦ p|min ¦ p|max ¦ []|max ¦ l|sum ¦ l|sum(start=10)
messages|map(attribute='role')|list ¦ messages|map(attribute='zzz', default='-')|list ¦ p|map('upper')|list ¦ p|map('replace', 'a', 'z')|join ¦ l|map('string')|join
messages|selectattr('role', 'equalto', 'user')|map(attribute='content')|list ¦ messages|rejectattr('tool_calls')|list|length ¦ messages|selectattr('tool_calls', 'defined')|list|length
l|select('odd')|list ¦ l|reject('gt', 1)|list ¦ [0, 1, '', 'a', nil]|select|list ¦ [0, 1]|reject|list ¦ l|select('in', [1, 2])|list ¦ l|select('divisibleby', 3)|list
(messages|selectattr('role', 'equalto', 'nobody')) and 'true though empty' ¦ messages|selectattr('role', 'equalto', 'user')|first|tojson ¦ nothing|map('upper')|list ¦ nil|select|list
nothing|default('x') ¦ nil|default('x') ¦ nil|default('x', true) ¦ ''|d('x', boolean=true) ¦ nothing ¦ d ¦ n|d(1) ¦ nothing|default
messages[2]|tojson ¦ d|tojson ¦ [1.0, 1e20, nil, true, 'é\n"<\x01']|tojson ¦ d|tojson(indent=2) ¦ [[], {}, [1]]|tojson(indent=1) ¦ d|tojson(sort_keys=true) ¦ u|tojson(ensure_ascii=true)
{1: 'a', none: 'b', true: 'c'}|tojson ¦ [1, {'a': 2}]|tojson(separators=(',', ':')) ¦ '😀'|tojson(ensure_ascii=true) ¦ (1, 2)|tojson ¦ l|tojson(indent='--')
nothing|tojson
range(2)|tojson
'42'|int ¦ '42.9'|int ¦ 'x'|int ¦ 'x'|int(5) ¦ 'ff'|int(base=16) ¦ '0x1f'|int(base=16) ¦ 2.9|int ¦ -2.9|int ¦ ' 7 '|int ¦ '1_000'|int ¦ nil|int ¦ '2.5'|float ¦ 'x'|float ¦ 'x'|float(1) ¦ 'inf'|float ¦ n|float
n|abs ¦ -3|abs ¦ -2.5|abs ¦ 2.5|round ¦ 3.5|round ¦ 2.675|round(2) ¦ 2.1|round(method='ceil') ¦ 2.9|round(method='floor') ¦ 2.345|round(1, 'ceil') ¦ 5|round ¦ -0.4|round
[1, 1.0, 2, 'a', 'A']|unique|list ¦ messages|unique(attribute='role')|map(attribute='role')|list ¦ [3, 1, 3]|unique|list
d|items|list ¦ d|dictsort ¦ d|dictsort(by='value') ¦ {'b': 1, 'A': 2}|dictsort ¦ {'b': 1, 'A': 2}|dictsort(true) ¦ d|dictsort(reverse=true) ¦ nothing|items|list
[1, 2, 3, 4, 5]|batch(2)|list ¦ [1, 2, 3]|batch(2, 0)|list ¦ [1, 2, 3, 4, 5]|slice(2)|list ¦ [1, 2, 3, 4, 5]|slice(3, 'x')|list
messages|groupby('role')|map(attribute='grouper')|list ¦ messages|groupby('role')|map(attribute='list')|map('length')|list ¦ messages|sort(attribute='role')|map(attribute='role')|list
'a\nb\n\nc'|indent ¦ 'a\nb\n\nc'|indent(2, true) ¦ 'a\nb\n\nc'|indent(2, blank=true) ¦ 'a\nb'|indent('> ') ¦ 'a\r\nb\n'|indent(1)
'a b c d e f g'|truncate(9) ¦ 'a b c d e f g'|truncate(9, true) ¦ s|truncate(5, false, '', 0) ¦ s|truncate ¦ '%s-%s'|format('a', 1) ¦ 'a b/c?é'|urlencode ¦ {'a b': 'c/d'}|urlencode
s|attr('nope') ¦ d|attr('a') ¦ nothing|string ¦ 1.0|string ¦ true|string ¦ nil|string ¦ 'a'|safe|list ¦ s|e ¦ '"\'&<>'|escape
1|join
5|length
1|first
s|sort|join ¦ 'b,a'.split(',')|sort|join('-') ¦ d|sort ¦ [[2, 'a'], [1, 'b']]|sort ¦ [{'a': 2}, {'a': 1}]|sort(attribute='a') ¦ [{'a': 1, 'b': 2}, {'a': 1, 'b': 1}]|sort(attribute='a,b')
"""

METHODS = r"""
' a '.strip() ¦ ' a '.lstrip() ¦ ' a '.rstrip() ¦ 'xyax'.strip('xy') ¦ '\u3000a\u00a0'.strip() ¦ 'aé'.rstrip('é')
' a  b '.split() ¦ 'a,b,,c'.split(',') ¦ 'a,b,c'.split(',', 1) ¦ 'a,b,c'.rsplit(',', 1) ¦ ' a b c '.rsplit(none, 1) ¦ ' a b c '.split(none, 1) ¦ ''.split() ¦ ''.split(',') ¦ 'ab'.split('ab')
'a\nb\r\nc\x0bd\u2028e\n'.splitlines() ¦ 'a\nb'.splitlines(true) ¦ ''.splitlines() ¦ 'a-b-c'.partition('-') ¦ 'a-b-c'.rpartition('-') ¦ 'a'.partition('x') ¦ 'a'.rpartition('x')
s.startswith('Hell') ¦ s.startswith(('x', 'H')) ¦ s.endswith('d') ¦ s.endswith('x') ¦ s.startswith('W', 7) ¦ s.startswith('') ¦ s.find('o') ¦ s.rfind('o') ¦ s.find('zz') ¦ s.find('o', 5) ¦ u.find('日') ¦ s.count('l') ¦ 'aaa'.count('')
s.index('W') ¦ s.rindex('o') ¦ s.removeprefix('Hello') ¦ s.removesuffix('World') ¦ s.removeprefix('x') ¦ s.replace('o', '0') ¦ s.replace('o', '0', 1) ¦ s.swapcase() ¦ "they're bill's".title() ¦ u.title() ¦ 'aBC'.capitalize()
s.index('zz')
'a'.split('')
'a'.nothing()
'-'.join(['a', 'b']) ¦ '-'.join('abc') ¦ '7'.zfill(3) ¦ '-7'.zfill(4) ¦ 'a'.ljust(3, '.') ¦ 'a'.rjust(3) ¦ 'ab'.center(5, '*') ¦ 'abc'.center(6)
'-'.join([1])
'12'.isdigit() ¦ 'a'.isdigit() ¦ ''.isdigit() ¦ 'ab'.isalpha() ¦ 'a1'.isalnum() ¦ ' \n'.isspace() ¦ 'AB'.isupper() ¦ 'ab1'.islower() ¦ '1'.isupper() ¦ 'é'.isascii() ¦ 'a'.isascii()
l.index(1) ¦ l.count(3) ¦ (1, 2).index(2) ¦ d.copy() ¦ l.copy() ¦ range(3).stop ¦ 'a'.upper() ¦ 'A'.lower()
l.index(9)
"""

TESTS = r"""
n is odd ¦ n is even ¦ 6 is divisibleby 3 ¦ n is divisibleby(2) ¦ n is number ¦ f is float ¦ n is integer ¦ true is integer ¦ true is boolean ¦ true is true ¦ 1 is true ¦ false is false
s is string ¦ s is iterable ¦ n is iterable ¦ d is mapping ¦ l is sequence ¦ d is sequence ¦ nil is none ¦ nothing is undefined ¦ nothing is not defined ¦ s is lower ¦ 'a' is lower ¦ 'A' is upper
n is eq 7 ¦ n is equalto(7) ¦ n is ne 7 ¦ n is gt 5 ¦ n is lt 5 ¦ n is ge 7 ¦ n is le 6 ¦ n is greaterthan 1 ¦ n is lessthan 1 ¦ 1 is in l ¦ 9 is in l ¦ 'a' is in 'abc' ¦ n is sameas n ¦ nil is sameas none ¦ 1 is sameas true
'upper' is filter ¦ 'nope' is filter ¦ 'odd' is test ¦ range is callable ¦ n is callable ¦ ('a'|e) is escaped ¦ 'a' is escaped ¦ n is not odd ¦ not n is odd ¦ n is odd and f is float ¦ n is defined or nothing.x
"""


def cases():
    """Templates: of the first two texts each line, of the others each expression between bars with a gap."""
    spaces = {r"\n": "\n", r"\r": "\r", r"\u2003": "\u2003", r"\u3000": "\u3000", r"\u00a0": "\u00a0"}
    for line in SPACE.strip("\n").split("\n"):
        for written, meant in spaces.items():
            line = line.replace(written, meant)
        yield line
    yield from STATEMENTS.strip().split("\n")
    for text in (EXPRESSIONS, FILTERS, METHODS, TESTS):
        for line in text.strip().split("\n"):
            yield from ("{{ %s }}" % expression for expression in line.split(" \u00a6 "))


def published(data):
    """(file, key or none, template) of the templates in the shared data."""
    folder = data / "tokenizers"
    for path in sorted((folder / "chat_templates").glob("*.jinja")):
        yield str(path.relative_to(data)), None, path.read_text()
    for path in sorted((folder / "hf").glob("*/tokenizer_config.json")):
        template = json.loads(path.read_text()).get("chat_template")
        if template:
            yield str(path.relative_to(data)), "chat_template", template


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    rendered = [{"template": template, "text": jinja_oracle.render(template, VARIABLES)[0]} for template in cases()]
    conversations = [{"name": name, "variables": variables} for name, variables in jinja_oracle.conversations()]
    files = [{"file": file, "key": key, "texts": [jinja_oracle.render(template, conversation["variables"])[0]
                                                  for conversation in conversations]}
             for file, key, template in published(pathlib.Path(sys.argv[1]))]
    about = "made by tools/golden/make_jinja_cases.py with Python %s, %s; text null: an error" % (
        sys.version.split()[0], jinja_oracle.VERSIONS)
    json.dump({"about": about, "variables": VARIABLES, "cases": rendered, "conversations": conversations, "files": files},
              sys.stdout, ensure_ascii=False, indent=0)
    print()


if __name__ == "__main__":
    main()
