"""Compares phibench's chat templates with Jinja2 as `transformers` sets it up, on random templates and on given ones.

    agree_jinja.py random COUNT SEED [PROGRAM]      templates from a grammar
    agree_jinja.py files FILE... [--program PROGRAM]  templates, each with six conversations

PROGRAM renders: make build/release/tests/jinja/render_cases. What it refuses by name is counted and is no difference.
"""
import collections
import copy
import json
import pathlib
import random
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "golden"))
import jinja_oracle  # noqa: E402

PROGRAM = str(ROOT / "build" / "release" / "tests" / "jinja" / "render_cases")

VARIABLES = {
    "s": "Hello <World>, it's \"me\"", "t": "  two words\n", "e": "", "w": "naïve Σίσυφος 日本 ß",
    "n": 7, "z": 0, "m": -3, "f": 2.5, "g": -0.1, "yes": True, "no": False, "nil": None,
    "l": [3, 1, 2, 1], "p": ["b", "A", "c", "a"], "empty": [], "mixed": [1, "a", None, 2.5, [1]],
    "d": {"b": 1, "a": "x", "C": None}, "deep": {"a": {"b": [{"c": 5}, {"c": "6"}]}},
    "messages": [{"role": "system", "content": " Be <nice>. "}, {"role": "user", "content": "Hi\nthere"},
                 {"role": "assistant", "content": "", "tool_calls": [{"name": "f", "arguments": {"x": [1, 2]}}]},
                 {"role": "user", "content": "Bye"}]}
NAMES = [name for name in VARIABLES] + ["missing", "x", "y", "ns.a", "loop.index", "loop.last", "loop"]
FILTERS = ["trim", "upper", "lower", "title", "capitalize", "length", "count", "first", "last", "list", "string", "int",
           "float", "abs", "round", "sort", "unique|list", "reverse|list", "items|list", "dictsort", "tojson", "safe", "escape",
           "e", "min", "max", "sum", "wordcount", "join", "reverse", "default('D')", "d(1, true)", "default", "join(', ')",
           "join(s)", "join('-', attribute='role')", "map('upper')|list", "map('length')|list", "map(attribute='role')|list",
           "map(attribute='role', default='?')|join", "select|list", "reject|list", "select('string')|list",
           "select('odd')|list", "reject('none')|list", "selectattr('role', 'equalto', 'user')|list", "selectattr('role')|list",
           "rejectattr('role', 'in', ['user'])|list", "rejectattr('tool_calls', 'defined')|map(attribute='content')|list",
           "replace('l', 'L')", "replace('o', '0', 1)", "replace('', '.')", "indent", "indent(2, true)", "indent('> ', blank=true)",
           "tojson(indent=2)", "tojson(ensure_ascii=true)", "tojson(separators=(',', ':'))", "tojson(sort_keys=true)",
           "round(1)", "round(1, 'ceil')", "round(method='floor')", "int(5)", "int(base=16)", "float(1.5)", "sort(reverse=true)",
           "sort(attribute='role')", "sort(case_sensitive=true)", "batch(2)|list", "batch(3, 0)|list", "slice(2)|list",
           "slice(3, 'x')|list", "groupby('role')", "groupby('role')|map('last')|list", "dictsort(by='value')",
           "dictsort(reverse=true)", "min(attribute='role')", "sum(start=10)", "trim('lo ')", "center(20)", "truncate(8)",
           "truncate(9, true)", "format(1)", "format('a', 'b')", "attr('upper')", "urlencode", "forceescape", "map('nope')|list",
           "first|upper", "unique(true)|list", "unique(attribute='role')|list", "select('gt', 1)|list", "map('default', 'q')|list",
           "tojson|safe", "list|length", "items", "map('tojson')|join(';')", "max(attribute='content')", "last|trim"]
TESTS = ["defined", "undefined", "none", "string", "number", "mapping", "sequence", "iterable", "boolean", "true", "false",
         "integer", "float", "odd", "even", "divisibleby 3", "divisibleby(2)", "eq 1", "equalto('a')", "ne(n)", "gt 2", "lt(f)",
         "ge n", "le 0", "in [1, 'a']", "in s", "sameas none", "sameas(true)", "callable", "escaped", "lower", "upper",
         "not defined", "not none", "not in l", "filter", "test", "greaterthan 1", "lessthan(z)"]
METHODS = ["strip()", "lstrip()", "rstrip()", "strip('Hd ')", "split()", "split(' ')", "split('l', 1)", "rsplit(' ', 1)",
           "rsplit(none, 1)", "split(none, 1)", "splitlines()", "splitlines(true)", "startswith('H')", "endswith(('e\"', 's'))",
           "upper()", "lower()", "title()", "capitalize()", "swapcase()", "replace('l', '')", "replace('o', 'oo', 1)",
           "find('l')", "rfind('l')", "find('l', 3)", "find('l', -5, -1)", "count('l')", "count('')", "index('z')", "join(p)",
           "join(l)", "removeprefix('He')", "removesuffix('\"')", "isdigit()", "isalpha()", "isalnum()", "isspace()", "isupper()",
           "islower()", "zfill(9)", "ljust(4, '.')", "rjust(30)", "center(31, '*')", "partition(' ')", "rpartition('l')",
           "format(1)", "items()", "keys()", "values()", "get('a')", "get('q', 'Q')", "items()|list", "copy()", "append(1)",
           "pop()", "update({})", "index(1)", "count(1)", "a", "b", "role", "content", "foo", "a.b", "__class__", "_x", "0", "1.c",
           "name", "arguments", "next()", "cycle('a', 'b')", "changed(s)", "nextitem", "previtem", "length", "revindex",
           "isascii()", "encode()", "startswith('e', 1)", "split(sep=',')", "rstrip('\n')"]
LITERALS = ["0", "1", "2", "-1", "10", "3.0", "0.1", "1e3", "2.5e-7", "1_000", "0x1f", "'a'", "\"it's\"", "'\\n'", "'é'", "'a' 'b'",
            "''", "true", "False", "none", "[]", "{}", "()", "(1,)", "[1, 2, 3]", "{'a': 1, 'b': [2]}", "('a', 'b')",
            "range(3)", "range(1, 10, 3)", "range(5, 0, -2)", "'%s-%d'", "'{}{a}'", "'\\u00e9\\x41'", "1.0", "123456789012", "'<b>'"]
# What has no error in it, so that others are reached.
LIKELY = (["s|" + name for name in FILTERS[:7] + ["replace('l', 'L')", "indent", "truncate(8)", "title", "tojson", "safe", "e"]] +
          ["l|" + name for name in FILTERS if "role" not in name and "%" not in name and "nope" not in name] +
          ["messages|" + name for name in FILTERS if "role" in name] + ["t." + name for name in METHODS[:42]] +
          ["n %s f" % op for op in ("+", "-", "*", "/", "//", "%", "**", "<", "==")] +
          ["m %s n" % op for op in ("+", "-", "*", "/", "//", "%", "**", ">=", "!=")] +
          ["s ~ n", "s + t", "'a' * n", "l + [1]", "w|upper", "w[1:9]", "w[::-1]", "d.items()", "d|dictsort", "w|length", "w|lower",
           "messages[0].role", "messages[-1]['content']|trim", "deep.a.b[0].c", "deep.a.b[1]['c']", "'%5.1f|%s' % (f, l)",
           "s is string", "missing is defined", "n is odd", "l is sequence", "d is mapping", "missing|default(s)", "l[::-1]", "loop",
           "s == t", "n in l", "'a' in d", "'Hi' in s", "x not in l", "p|sort|join(',')", "mac(1)", "mac('a', b=t)", "{'a': l}|tojson"])
BINARY = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
SPACES = ["", "", "", " ", "\n", "\n  ", "  \n", "text", " a b ", "\n\n", "  "]


class Grammar:
    """Templates as a program would write them after a few drinks."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, items):
        return self.random.choice(items)

    def chance(self, p):
        return self.random.random() < p

    def operand(self, depth):
        kind = self.random.random()
        if self.chance(0.3):
            return self.pick(LIKELY)
        if depth <= 0 or kind < 0.25:
            return self.pick(NAMES) if self.chance(0.65) else self.pick(LITERALS)
        if kind < 0.35:
            return "(%s)" % self.expression(depth - 1)
        if kind < 0.5:
            return "%s|%s" % (self.operand(depth - 1), self.pick(FILTERS))
        if kind < 0.65:
            return "%s.%s" % (self.operand(depth - 1), self.pick(METHODS))
        if kind < 0.72:
            return "%s[%s]" % (self.operand(depth - 1), self.expression(depth - 1))
        if kind < 0.8:
            part = lambda: self.pick(["", "", "1", "-1", "2", "0", "-2", "n"])  # noqa: E731
            # Jinja2 takes a slice of a literal that has none for undefined, for it computes that early; we do not.
            return "%s[%s:%s%s]" % (self.pick(NAMES), part(), part(), self.pick(["", "", ":", ":-1", ":2", ":-2"]))
        if kind < 0.86:
            return "[%s]" % ", ".join(self.expression(depth - 1) for _ in range(self.random.randrange(4)))
        if kind < 0.9:
            return "{%s}" % ", ".join("%s: %s" % (self.pick(["'a'", "1", "n", "none"]), self.expression(depth - 1))
                                      for _ in range(self.random.randrange(3)))
        if kind < 0.95:
            return self.pick(["-", "+", "not "]) + self.operand(depth - 1)
        return self.pick(["mac(%s)", "mac(%s, b=2)", "mac(*[%s])", "mac(q=%s)", "dict(a=%s).a", "loop(%s)"]) % self.expression(depth - 1)

    def expression(self, depth=2):
        text = self.operand(depth)
        while depth > 0 and self.chance(0.3):
            text = "%s %s %s" % (text, self.pick(BINARY), self.operand(depth - 1))
        if self.chance(0.12):
            text = "%s is %s" % (text, self.pick(TESTS))
        if depth > 0 and self.chance(0.08):
            text = "%s if %s%s" % (text, self.expression(depth - 1), self.pick([" else %s" % self.expression(depth - 1), ""]))
        return text

    def tag(self, content):
        return "{%%%s %s %s%%}" % (self.pick(["", "", "-", "-", "+"]), content, self.pick(["", "", "-", "-", "+"]))

    def block(self, begin, end, depth):
        return self.tag(begin) + self.body(depth - 1) + self.tag(end)

    def loop(self, depth):
        target = self.pick(["x", "x", "x, y", "y", "m"])
        items = self.pick(["l", "p", "messages", "d", "d.items()", "range(3)", "s[:3]", "deep.a.b", "empty", "missing",
                           "messages|selectattr('role', 'eq', 'user')", self.expression(1)])
        test = " if %s" % self.pick(["x", "x != 1", "ns.a", self.expression(1)]) if self.chance(0.25) else ""
        recursive = " recursive" if self.chance(0.08) else ""
        middle = self.tag("else") + self.body(depth - 2) if self.chance(0.25) else ""
        inner = self.body(depth - 1)
        if self.chance(0.25):
            jump = self.tag("if %s" % self.expression(1)) + self.tag(self.pick(["break", "continue"])) + self.tag("endif")
            inner = inner + jump + self.body(depth - 1) if self.chance(0.7) else jump + inner
        return self.tag("for %s in %s%s%s" % (target, items, test, recursive)) + inner + middle + self.tag("endfor")

    def statement(self, depth):
        kind = self.random.random()
        if kind < 0.2:
            target = self.pick(["x", "y", "x, y", "ns.a", "n", "messages"])
            return self.tag("set %s = %s" % (target, self.expression(2)))
        if kind < 0.25:
            return self.tag("set ns = namespace(a=%s)" % self.expression(1))
        if kind < 0.31:
            return self.block("set %s%s" % (self.pick(["x", "y", "ns.a"]), self.pick(["", "", "|upper", "|trim|length"])), "endset", depth)
        if kind < 0.58:
            text = self.tag("if " + self.expression(2)) + self.body(depth - 1)
            if self.chance(0.3):
                text += self.tag("elif " + self.expression(1)) + self.body(depth - 1)
            if self.chance(0.4):
                text += self.tag("else") + self.body(depth - 1)
            return text + self.tag("endif")
        if kind < 0.8:
            return self.loop(depth)
        if kind < 0.87:
            return self.block("macro mac(%s)" % self.pick(["", "a", "a, b=1", "a=x, b=a", "x"]), "endmacro", depth)
        if kind < 0.9:
            return self.block("call%s mac(%s)" % (self.pick(["", "(q)", "(x=1)"]), self.pick(["", "1", "x"])), "endcall", depth)
        if kind < 0.93:
            return self.block("filter " + self.pick(["upper", "trim", "replace('a', x)", "indent(2)|upper"]), "endfilter", depth)
        if kind < 0.96:
            return self.block("with x = %s" % self.expression(1), "endwith", depth)
        if kind < 0.98:
            return self.block("generation", "endgeneration", depth)
        return "{%% raw %%}%s{%% endraw %%}" % self.pick(["{{ x }}", " \n{% if %}", ""])

    def part(self, depth):
        kind = self.random.random()
        if kind < 0.3 or depth <= 0:
            return "{{%s %s %s}}" % (self.pick(["", "", "-"]), self.pick([self.expression(2), "caller()", "varargs", "kwargs"])
                                     if self.chance(0.1) else self.expression(2), self.pick(["", "", "-"]))
        if kind < 0.35:
            return "{#%s note %s#}" % (self.pick(["", "-", "+"]), self.pick(["", "-", "+"]))
        return self.statement(depth)

    def body(self, depth):
        text = self.pick(SPACES)
        for _ in range(self.random.choice([1, 1, 1, 1, 2])):
            text += self.part(depth) + self.pick(SPACES)
        return text

    def template(self):
        prefix = self.pick(["", "{% set ns = namespace(a=1) %}", "{% macro mac(a, b=1) %}<{{ a }}{{ b }}>{% endmacro %}",
                            "{% set x = 1 %}", "{% set ns = namespace(a=[]) %}{% macro mac(a) %}{{ caller() if caller }}{{ a }}{% endmacro %}"])
        return prefix + self.body(self.pick([0, 0, 0, 0, 0, 1, 1, 2, 3]))


class Renderer:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def render(self, template, variables):
        self.process.stdin.write(json.dumps({"template": template, "variables": variables}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("the program ended at the template %r" % template)
        return json.loads(line)


def compare(renderer, template, variables, counts):
    """Whether both agree; what phibench refuses counts as such."""
    ours = renderer.render(template, variables)
    # A copy, because Jinja2's `indent` of a list changes the list before it fails.
    text, error = jinja_oracle.render(template, copy.deepcopy(variables))
    if text is not None and any(mark in text for mark in (" object at 0x", "<built-in", "<bound", "<function", "<class")):
        counts["of no fixed text"] += 1
        return True
    if ours.get("refused"):
        counts["refused" if error is None else "refused, an error in Jinja2"] += 1
        return True
    agree = "error" in ours if error else ours.get("text") == text
    counts["an error in both" if agree and error else "equal" if agree else "DIFFERENT"] += 1
    if not agree:
        print("--- %s\nJinja2   %r\nphibench %r" % (template, error or text, ours.get("text", ours.get("error"))), flush=True)
    return agree


def compare_random(count, seed, program):
    grammar, renderer, counts = Grammar(seed), Renderer(program), collections.Counter()
    for i in range(count):
        compare(renderer, grammar.template(), VARIABLES, counts)
        if (i + 1) % 10000 == 0:
            print(i + 1, dict(counts), flush=True)
    return counts


def compare_files(files, program):
    renderer, counts = Renderer(program), collections.Counter()
    for file in files:
        template = pathlib.Path(file).read_text()
        for _, variables in jinja_oracle.conversations():
            if not compare(renderer, template, variables, counts):
                print("in", file)
    return counts


def main():
    if len(sys.argv) >= 4 and sys.argv[1] == "random":
        counts = compare_random(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else PROGRAM)
    elif len(sys.argv) >= 3 and sys.argv[1] == "files":
        files = sys.argv[2:]
        program = PROGRAM
        if "--program" in files:
            at = files.index("--program")
            program = files[at + 1]
            del files[at:at + 2]
        counts = compare_files(files, program)
    else:
        sys.exit(__doc__)
    print(jinja_oracle.VERSIONS, dict(counts))
    sys.exit(1 if counts["DIFFERENT"] else 0)


if __name__ == "__main__":
    main()
