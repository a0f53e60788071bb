#!/usr/bin/env python3
"""Differential test of the JSON boundary (T-01 to T-08, T-15): ours against Node and Python.

usage: run.py JSON_ORACLE [--seed N] [--count N]

What we accept, both must accept, and from our canonical bytes both must read the value they read from the bytes that came in.
What we refuse, Python must refuse too, or one of our own rules must apply: those are written again here, independently.
"""
import argparse
import json
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import unicodedata

HERE = pathlib.Path(__file__).resolve().parent
DEPTH_MAX, MEMBERS_MAX, VALUES_MAX, NUMBER_MAX, BYTES_MAX = 64, 10_000, 500_000, 400, 4 * 1024 * 1024


class Number(str):
    """A literal as written."""


class Refused(Exception):
    pass


def loose(_):
    raise Refused("NaN and Infinity")


def read(text):
    """Python's parser, with numbers kept as written and objects as lists of pairs."""
    return json.loads(text, parse_float=Number, parse_int=Number, parse_constant=loose,
                      object_pairs_hook=lambda pairs: ("object", pairs))


def folded(key):
    """A second opinion on which keys a case-insensitive reader may confuse."""
    for _ in range(3):
        key = key.upper().casefold().lower()
        key = key.replace("\u0131", "i").replace("i\u0307", "i")
    return unicodedata.normalize("NFC", key) if key.isascii() else key


def own_rules(value, depth, found, count):
    """Collects the reasons for which we refuse what Python accepts."""
    count[0] += 1
    if isinstance(value, Number):
        number = float(value)
        mantissa = re.split("[eE]", value)[0]
        if number in (float("inf"), float("-inf")) or (number == 0 and re.search("[1-9]", mantissa)) or len(value) > NUMBER_MAX:
            found.add("json.number")
    elif isinstance(value, str):
        if any(0xD800 <= ord(c) <= 0xDFFF for c in value):
            found.add("json.surrogate")
    elif isinstance(value, tuple) or isinstance(value, list):
        if depth == DEPTH_MAX:
            found.add("json.depth")
            return
        items = value
        if isinstance(value, tuple):
            pairs = value[1]
            items = [item for _, item in pairs]
            keys = [key for key, _ in pairs]
            if len(keys) > MEMBERS_MAX:
                found.add("json.too_large")
            if len(set(keys)) < len(keys):
                found.add("json.duplicate_key")
            if len({folded(key) for key in set(keys)}) < len(set(keys)):
                found.add("json.folded_key")
            for key in keys:
                if any(unicodedata.category(c) == "Cc" for c in key):
                    found.add("json.control")
                if any(0xD800 <= ord(c) <= 0xDFFF for c in key):
                    found.add("json.surrogate")
        for item in items:
            own_rules(item, depth + 1, found, count)


def expected(data):
    """(value, reasons): value is None when Python refuses; reasons are ours when it does not."""
    if len(data) > BYTES_MAX:
        return None, {"json.too_large"}
    try:
        value = read(data.decode("utf-8"))
    except (ValueError, Refused, RecursionError):
        return None, set()
    found, count = set(), [0]
    own_rules(value, 0, found, count)
    if count[0] > VALUES_MAX:
        found.add("json.too_large")
    return (value,), found


class Generator:
    STRINGS = ["a", "plain words", "\\n", '\\"', "\\\\", "\\/", "\\u0041", "\\u00e9", "é", "\\u0000", "\\u001F", "\\b\\f\\t", "\x7f", "日本",
               "\\u2028", "\u2028", "\\uD83D\\uDE00", "😀", "\\u0022", "sixteen bytes ab", "//", "\ufeff", "\ufffd", "\\ud800",
               "0123456789" * 4]
    NUMBERS = ["0", "-0", "1", "1.0", "10e-1", "1E+2", "0.1000", "9007199254740993", "18446744073709551666", "1e308", "5e-324", "0e999",
               "1.7976931348623157e308", "1e309", "1e-400", "-12.5", "123456789012345678901234567890", "2.5e-3"]
    KEYS = ["id", "ID", "name", "n\\u0061me", "Name", "amount", "Amount", "params", "param\u017f", "token", "to\u212aen", 'a\\"b', "é", "É",
            "ß", "ss", "\\u00c9", "", "😀", "__proto__", "1", "0", "constructor", "\\u0000", "i", "\u0130", "\u0131",
            "a longer key than a block"]

    def __init__(self, seed):
        self.random = random.Random(seed)

    def space(self):
        return self.random.choice(["", "", "", "", " ", "\n", "\t\r\n "])

    def string(self):
        return '"' + "".join(self.random.choice(self.STRINGS) for _ in range(self.random.randrange(5))) + '"'

    def key(self, index):
        key = self.random.choice(self.KEYS)
        return '"' + (key if self.random.random() < 0.4 else f"{key}_{index}") + '"'

    def value(self, depth=0):
        kind = self.random.randrange(4 if depth > 5 else 8)
        if kind == 0:
            return self.string()
        if kind == 1:
            whole = str(self.random.getrandbits(self.random.randrange(1, 70)))
            return self.random.choice(self.NUMBERS) if self.random.random() < 0.5 else whole
        if kind < 4:
            return self.random.choice(["true", "false", "null"])
        s = self.space
        count = self.random.randrange(30) if self.random.random() < 0.03 else self.random.randrange(5)
        if kind == 4:
            return "[" + s() + ",".join(s() + self.value(depth + 1) + s() for _ in range(count)) + "]"
        return "{" + s() + ",".join(s() + self.key(i) + s() + ":" + s() + self.value(depth + 1) + s() for i in range(count)) + "}"

    def document(self):
        return (self.space() + self.value() + self.space()).encode("utf-8", "surrogatepass")

    def mutated(self, data):
        data = bytearray(data)
        telling = b'{}[]",:\\/ \t\n0123456789+-.eEutfnNIad\x7f\x80\xbf\xc3\xe2\xed\xf0\xff\x00'
        for _ in range(self.random.randrange(1, 4)):
            if not data:
                break
            at, size = self.random.randrange(len(data)), self.random.randrange(1, 7)
            change = self.random.randrange(5)
            if change == 0:
                data[at] = self.random.choice(telling)
            elif change == 1:
                del data[at:at + size]
            elif change == 2:
                other = self.random.randrange(len(data))
                data[at:at] = data[other:other + size]
            elif change == 3:
                data[at:at] = bytes([self.random.choice(telling)])
            else:
                data[at] = self.random.randrange(256)
        return bytes(data)


def fold_pairs():
    """One object per pair of characters that upper, lower or casefold joins (T-01, T-03)."""
    for c in range(0x80, 0x1F000):
        if 0xD800 <= c <= 0xDFFF or 0x80 <= c <= 0x9F:
            continue
        text = chr(c)
        for other in {text.upper(), text.lower(), text.casefold(), text.title()} - {text}:
            yield json.dumps({f"k{text}": 1, f"k{other}": 2}, ensure_ascii=c % 2 == 0).encode()


def attacks():
    """Shapes from the security test list, by id; all must be refused."""
    shapes = {
        "T-01": ['{"name":"ok","Name":"drop"}', '{"method":"ping","Method":"tools/call"}', '{"id":1,"ID":2}', '{"params":{},"Params":{}}',
                 '{"params":{},"param\u017f":{}}', '{"params":{},"param\\u017f":{}}', '{"token":1,"to\u212aen":1}',
                 '{"TOKEN":1,"to\\u212aen":1}'],
        "T-02": ['{"name":"a","name":"b"}', '{"name":"a","n\\u0061me":"b"}', '[{"x":{"amount":1,"b":2,"amount":1}}]', '{"":1,"":2}'],
        "T-03": ['{"arguments":{"amount":1,"Amount":5000}}', '{"straße":1,"STRASSE":2}', '{"σ":1,"ς":2}', '{"İ":1,"i":2}', '{"ı":1,"I":2}'],
        "T-04": ['{"x":1e999}', "[-1e999]", "1e309", "1" + "0" * 309, "[1e-999]"],
        "T-05": ["010", "-01", "NaN", "[Infinity]", "-Infinity", "+1", ".5", "5.", "1e", "0x10", "1_000", "\uff11"],
        "T-06": [b"\xef\xbb\xbf{}", '{"a":1}'.encode("utf-16"), '{"a":1}'.encode("utf-16-le"),
                 '{"a":1}'.encode("utf-32"), '{"a":1}'.encode("utf-16-be")],
        "T-07": [b'"\xff"', b'"\xc0\xaf"', b'"\xe0\x80\xaf"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'{"\xc3":1}',
                 '"\\ud800"', '"\\udc00"', '"\\udc00\\ud800"',
                 '{"\\ud83d":1}', '{"na\\u0000me":1}', '{"na\\nme":1}', '{"a\\u007fb":1}', b'{"a\x00b":1}', b'"a\x00b"', '"a\tb"'],
        "T-08": ["{}{}", "{}\n{}", '{"a":1} {"b":2}', "[1,]", '{"a":1,}', "[1,,2]", "[1/*c*/]", "// c\n1", "[" * 100_000,
                 "[" * 65 + "]" * 65,
                 '{"a":' * 100_000 + "1" + "}" * 100_000, "{" + ",".join(f'"k{i}":0' for i in range(1_000_000)) + "}",
                 "{" + ",".join(f'"{i}":0' for i in range(10_001)) + "}", '"' + "x" * (5 * 1024 * 1024) + '"',
                 "{'a':1}", "{a:1}", "undefined", "", " "],
    }
    for name, texts in shapes.items():
        for text in texts:
            yield name, text if isinstance(text, bytes) else text.encode()


def frames(items):
    return b"".join(struct.pack("<I", len(item)) + item for item in items)


def ours(program, inputs):
    done = subprocess.run([program], input=frames(inputs), stdout=subprocess.PIPE, check=True).stdout
    answers, at = [], 0
    while at < len(done):
        verdict, size = struct.unpack_from("<cI", done, at)
        answers.append((verdict == b"+", done[at + 5:at + 5 + size]))
        at += 5 + size
    return answers


def judge(data, accepted, answer):
    """What is wrong with our verdict by Python's reading, or None."""
    value, reasons = expected(data)
    if accepted:
        if value is None:
            return "we accept what Python refuses"
        if reasons:
            return f"we accept against our own rules: {sorted(reasons)}"
        if len(answer) > len(data):
            return "the canonical form is longer than the input"
        if read(answer.decode("utf-8")) != value[0]:
            return "Python reads another value from the canonical form"
        return None
    reason = answer.decode()
    if value is not None and reason not in reasons:
        return f"we refuse ({reason}) what Python accepts; rules that apply: {sorted(reasons)}"
    return None if reason.startswith("json.") else reason


def node_verdicts(pairs):
    node = shutil.which("node")
    if node is None:
        print(f"SKIPPED: node is not installed, {len(pairs)} comparisons with it were not made", file=sys.stderr)
        return ["ok"] * len(pairs)
    done = subprocess.run([node, HERE / "oracle.mjs"], input=frames(x for pair in pairs for x in pair), stdout=subprocess.PIPE, check=True)
    lines = done.stdout.decode().splitlines()
    assert len(lines) == len(pairs), "node answered another number of lines"
    return lines


def main():
    options = argparse.ArgumentParser()
    options.add_argument("oracle")
    options.add_argument("--seed", type=int, default=20260728)
    options.add_argument("--count", type=int, default=6000)
    options = options.parse_args()

    generator = Generator(options.seed)
    inputs = [("corpus", path.read_bytes()) for path in sorted((HERE.parent / "fuzz/json_document_fuzz").iterdir())]
    inputs += attacks()
    must_refuse = {i for i in range(len(inputs)) if inputs[i][0].startswith("T-")}
    inputs += [("fold", data) for data in fold_pairs()]
    for _ in range(options.count):
        data = generator.document()
        inputs += [("generated", data), ("mutated", generator.mutated(data)), ("mutated", generator.mutated(data))]

    answers = ours(options.oracle, [data for _, data in inputs])
    assert len(answers) == len(inputs), "our oracle answered another number of frames"
    problems = {}
    pairs, where = [], []
    for i, ((_, data), (accepted, answer)) in enumerate(zip(inputs, answers)):
        wrong = "accepted, but must be refused" if accepted and i in must_refuse else judge(data, accepted, answer)
        if wrong:
            problems[i] = wrong
        if accepted:
            pairs.append((data, answer))
            where.append(i)
    for i, line in zip(where, node_verdicts(pairs)):
        if line != "ok":
            problems.setdefault(i, line)
    again = ours(options.oracle, [canonical for _, canonical in pairs])
    for i, (_, canonical), answer in zip(where, pairs, again):
        if answer != (True, canonical):
            problems.setdefault(i, "the canonical form is not its own canonical form")

    for i, wrong in list(problems.items())[:20]:
        print(f"FAILED {inputs[i][0]} (seed {options.seed}): {wrong}\n  {inputs[i][1][:200]!r}", file=sys.stderr)
    print(f"{len(pairs)} accepted and compared, {len(inputs) - len(pairs)} refused")
    print(f"{len(inputs) - len(problems)} passed, {len(problems)} failed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
