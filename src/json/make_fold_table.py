#!/usr/bin/env python3
"""Writes fold_table.inc: which code points a case-insensitive reader may take for one another.

Wider than Unicode case folding: two code points fall together if any of casefold, lower, upper or title joins them, because an
upstream may use any of these. The dotted and dotless i both become i. Run: python3 src/json/make_fold_table.py
"""
import pathlib
import sys
import unicodedata

parent = {}


def find(c):
    while parent.setdefault(c, c) != c:
        c = parent[c]
    return c


def join(a, b):
    parent[find(a)] = find(b)


code_points = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
by_fold = {}
for c in code_points:
    text = chr(c)
    for other in (text.lower(), text.upper(), text.title(), text.casefold()):
        if len(other) == 1 and other != text:
            join(c, ord(other))
    by_fold.setdefault(text.casefold(), []).append(c)
for group in by_fold.values():
    for c in group[1:]:
        join(c, group[0])
join(0x130, ord("i"))

classes = {}
for c in list(parent):
    classes.setdefault(find(c), []).append(c)
folded = {}
for members in classes.values():
    to = "i" if ord("i") in members else min(chr(m).casefold() for m in members)
    for m in members:
        if chr(m) != to:
            folded[m] = to
for c, text in by_fold.items():
    for m in text:
        if m not in folded and len(c) > 1:
            folded[m] = c
folded = {c: "".join(folded.get(ord(x), x) for x in to) for c, to in folded.items()}
for to in folded.values():
    assert "".join(folded.get(ord(x), x) for x in to) == to, to

ranges, several = [], []
for c in sorted(folded):
    to = folded[c]
    if c < 0x80:
        continue  # the code handles ASCII itself
    if len(to) > 1:
        several.append((c, [ord(x) for x in to] + [0] * (3 - len(to))))
        continue
    delta = ord(to) - c
    if ranges:
        first, last, step, d = ranges[-1]
        if d == delta and (c - last == step or (first == last and c - last <= 2)):
            ranges[-1] = (first, c, c - last, d)
            continue
    ranges.append((c, c, 1, delta))

out = [f"// Written by make_fold_table.py from Unicode {unicodedata.unidata_version}; do not edit.",
       "constexpr FoldRange kFoldRanges[] = {  // first, last, step, delta"]


def rows(items):
    line = "   "
    for item in items:
        if len(line) + len(item) > 138:
            out.append(line)
            line = "   "
        line += " " + item
    out.append(line)


rows([f"{{{a:#x}, {b:#x}, {s}, {d}}}," for a, b, s, d in ranges])
out.append("};")
out.append("constexpr FoldSeveral kFoldSeveral[] = {  // one code point that becomes two or three")
rows([f"{{{c:#x}, {{{', '.join(hex(x) for x in to)}}}}}," for c, to in several])
out.append("};")
path = pathlib.Path(__file__).with_name("fold_table.inc")
path.write_text("\n".join(out) + "\n")
print(f"{len(folded)} code points, {len(ranges)} ranges, {len(several)} that grow", file=sys.stderr)
