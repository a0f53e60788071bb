#!/usr/bin/env python3
"""House rules a compiler does not know: include arrows, sizes, banned words, room READMEs, what may be committed.

tools/tidy.py [FILE...]     prints `path:line: what is wrong` and ends with 1 when anything is. `./dev check` runs it over the tree;
tools/tidy_test.py breaks every rule once. Exceptions with reasons: tools/tidy_budget.txt. Arrows: tools/deps.txt.
"""
import dataclasses
import pathlib
import re
import subprocess
import sys

from dev import guard_entries

LINE_MAX = 140
SCRIPT_LINE_MAX = 160
FUNCTION_MAX = 70
TEST_FUNCTION_MAX = 120
FILE_MAX = {".cc": 500, ".h": 250, ".py": 500, ".mjs": 500}
ROOM_README_MAX = 60
BYTES_MAX = 1 << 20

HEAVY = re.compile(r'#include\s+[<"](openssl|curl|sqlite3|yaml-cpp|re2|CLI|spdlog|simdjson|libpq|hiredis|nlohmann|boost|sodium)\b')
# pattern, which files (tests | code | all | pure), what to say
BANNED = [
    (r"\bstd::w?regex\b|#include <regex>", "all", "no std::regex: it backtracks; use re2 behind policy/"),
    (r"\busing namespace std\s*;", "all", "no `using namespace std`"),
    (r"\b(sleep_for|sleep_until|usleep|nanosleep)\s*\(|\bsleep\s*\(", "tests", "tests do not sleep: use ManualClock or wait for an event"),
    (r"\bsystem_clock::now\s*\(|\bsteady_clock::now\s*\(", "code", "read the time through base/clock.h only"),
    (r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\))", "all", "an open end needs an issue: TODO(#12)"),
    (r"\bDISABLED_|\bGTEST_SKIP\s*\(\s*\)\s*;", "tests", "no disabled tests; a skip says why"),
    (r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atof|atol)\s*\(", "all", "an unbounded or unchecked C function"),
    (r"(?<![\w:])(std::)?rand\s*\(", "all", "randomness comes from base/crypto.h"),
    (r"#include <iostream>", "library", "no iostream outside cli/"),
    (r"#include <(fstream|thread|mutex|sys/socket\.h|unistd\.h|filesystem)>", "pure", "policy is pure: no I/O, no threads"),
]
BANNED = [(re.compile(pattern), where, text) for pattern, where, text in BANNED]
CLOCK_OWNERS = ("src/base/clock.cc", "src/base/crypto.cc", "src/telemetry/log.cc")     # crypto: the time part of ids
MACHINE_PATH = re.compile(r"(?<![\w.$}~-])/(?:work|root|home/(?:build|debian|runner|user|ubuntu))/")
PURE_ROOMS = ("policy", "inspection")


@dataclasses.dataclass(frozen=True)
class Finding:
    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


@dataclasses.dataclass
class Source:
    path: pathlib.Path
    name: str                      # relative to the root
    lines: list[str]
    code: list[str]                # the same lines without comments and string contents

    @property
    def room(self) -> str | None:
        parts = self.name.split("/")
        return parts[1] if parts[0] == "src" and len(parts) > 2 else None

    @property
    def is_test(self) -> bool:
        return re.search(r"_(test|fuzz|bench)\.cc$", self.name) is not None or "/testing/" in self.name or self.name.startswith(("tests/", "bench/"))


def strip(text: str) -> str:
    """Blanks comments and the inside of literals; keeps every line break and the includes."""
    out, at = [], 0
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.S)
    for match in pattern.finditer(text):
        out.append(text[at:match.start()])
        piece = match.group(0)
        line_start = text.rfind("\n", 0, match.start()) + 1
        if piece.startswith('"') and text[line_start:match.start()].lstrip().startswith("#include"):
            out.append(piece)
        else:
            blank = '""' if piece[0] in '"R' else ("0" if piece[0] == "'" else "")
            out.append(blank + "\n" * piece.count("\n"))
        at = match.end()
    out.append(text[at:])
    return "".join(out)


def load(root: pathlib.Path, path: pathlib.Path) -> Source:
    text = path.read_text(errors="replace")
    code = strip(text) if path.suffix in (".cc", ".h") else text
    return Source(path, path.relative_to(root).as_posix(), text.split("\n"), code.split("\n"))


# -- arrows

def read_arrows(root: pathlib.Path) -> dict[str, set[str]]:
    arrows = {}
    for line in (root / "tools" / "deps.txt").read_text().splitlines():
        line = line.split("#", 1)[0].strip()
        if line:
            room, _, allowed = line.partition(":")
            arrows[room.strip()] = set(allowed.split())
    return arrows


def check_arrows(source: Source, arrows: dict[str, set[str]], root: pathlib.Path):
    room = source.room
    if room is None:
        return
    if room not in arrows:
        yield Finding(source.name, 1, f"folder `{room}` is not in tools/deps.txt: add it with what it may include")
        return
    for number, line in enumerate(source.code, 1):
        match = re.match(r'\s*#include\s+"([^"]+)"', line)
        if not match:
            continue
        target = match.group(1)
        parts = target.split("/")
        if not (root / "src" / target).exists():
            yield Finding(source.name, number, f'"{target}" is not a path below src/')
        elif parts[0] != room and parts[0] not in arrows[room]:
            yield Finding(source.name, number, f"{room} may not include {parts[0]} (tools/deps.txt)")
        elif parts[0] != room and len(parts) > 2 and parts[1] != "testing" and room != "app":
            yield Finding(source.name, number, f"`{target}` is inside {parts[0]}: only app includes engines")
        elif "testing" in parts[1:-1] and not source.is_test:
            yield Finding(source.name, number, f"`{target}` is for tests only")


# -- sizes

def functions(code: list[str]):
    """(name, first line, length) of each function body; nested lambdas belong to their function."""
    stack, header, inside = [], "", None
    for number, line in enumerate(code, 1):
        if line.lstrip().startswith("#"):
            continue
        for char in line + "\n":
            if char == "{":
                name = None if inside else function_name(header)
                stack.append((name, number))
                if name:
                    inside = len(stack)
                header = ""
            elif char == "}":
                if stack:
                    name, start = stack.pop()
                    if name and inside == len(stack) + 1:
                        inside = None
                        yield name, start, number - start + 1
                header = ""
            elif char == ";":
                header = ""
            else:
                header += char


def function_name(header: str) -> str | None:
    text = " ".join(header.split())
    if "(" not in text or re.match(r"(namespace|class|struct|enum|union|extern|if|for|while|switch|do|else|try|catch|return)\b", text):
        return None
    if re.search(r"=\s*$|\]\s*(\([^()]*\))?\s*(mutable|noexcept)?\s*$", text):
        return None
    match = re.search(r"([~\w:]+|operator[^\s(]+)\s*\(", text)
    if not match:
        return None
    if re.match(r"TEST(_F|_P)?$", match.group(1)):
        inner = re.search(r"\(\s*(\w+)\s*,\s*(\w+)", text)
        return f"{inner.group(1)}.{inner.group(2)}" if inner else match.group(1)
    return match.group(1)


def read_budget(root: pathlib.Path) -> dict[tuple[str, str], int]:
    """kind (file | function | line), path or path:function, number, reason."""
    path = root / "tools" / "tidy_budget.txt"
    budget = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        parts = line.split("#", 1)[0].split(None, 3)
        if len(parts) == 4:
            budget[parts[0], parts[1]] = int(parts[2])
        elif parts:
            raise SystemExit(f"tools/tidy_budget.txt: `{line}` wants: kind path number reason")
    return budget


def check_sizes(source: Source, budget: dict, used: set):
    def over(kind: str, key: str, actual: int, normal: int) -> int | None:
        if actual <= normal:
            return None
        used.add((kind, key))
        allowed = max(normal, budget.get((kind, key), normal))
        return allowed if actual > allowed else None

    count = len(source.lines) - (1 if source.lines and source.lines[-1] == "" else 0)
    normal = FILE_MAX.get(source.path.suffix, 1 << 30)
    if (allowed := over("file", source.name, count, normal)) is not None:
        yield Finding(source.name, 1, f"{count} lines; at most {allowed}: split it by purpose")
    width = LINE_MAX if source.path.suffix in (".cc", ".h") else SCRIPT_LINE_MAX
    for number, line in enumerate(source.lines, 1):
        if len(line) > width and not (source.is_test and 'R"' in line) and (allowed := over("line", source.name, len(line), width)) is not None:
            yield Finding(source.name, number, f"{len(line)} characters; at most {allowed}")
    if source.path.suffix in (".cc", ".h"):
        longest = TEST_FUNCTION_MAX if source.is_test else FUNCTION_MAX
        for name, start, length in functions(source.code):
            if (allowed := over("function", f"{source.name}:{name}", length, longest)) is not None:
                yield Finding(source.name, start, f"`{name}` has {length} lines; at most {allowed}")


# -- words

def applies(where: str, source: Source) -> bool:
    if where == "tests":
        return source.is_test
    if where == "code":
        return not source.is_test and source.name.startswith("src/") and source.name not in CLOCK_OWNERS
    if where == "library":
        return source.room not in (None, "cli") and not source.is_test
    if where == "pure":
        return source.room in PURE_ROOMS and not source.is_test
    return True


def check_words(source: Source):
    for pattern, where, text in BANNED:
        if not applies(where, source):
            continue
        lines = source.lines if "TODO" in pattern.pattern else source.code
        for number, line in enumerate(lines, 1):
            if pattern.search(line):
                yield Finding(source.name, number, text)


def public_headers(sources: list[Source]) -> set[str]:
    """Headers that some other room includes."""
    found = set()
    for source in sources:
        for line in source.code:
            match = re.match(r'\s*#include\s+"(([^/"]+)/[^"]+)"', line)
            if match and match.group(2) != source.room:
                found.add("src/" + match.group(1))
    return found


def check_header(source: Source, public: set[str]):
    if source.path.suffix != ".h":
        return
    if "#pragma once" not in source.lines[:3]:
        yield Finding(source.name, 1, "the first line is `#pragma once`")
    if not any(line.startswith("//") for line in source.lines[:4]):
        yield Finding(source.name, 2, "a header opens with 2 to 6 lines on what it is for")
    for number, line in enumerate(source.code, 1):
        if HEAVY.search(line) and source.name in public and not source.is_test:
            yield Finding(source.name, number, "other rooms include this header: library headers stay in .cc files and inner headers")


# -- the tree

def check_rooms(root: pathlib.Path):
    for folder in sorted((root / "src").iterdir()):
        if not folder.is_dir() or not any(folder.rglob("*.cc")):
            continue
        readme = folder / "README.md"
        name = f"src/{folder.name}/README.md"
        if not readme.exists():
            yield Finding(name, 1, "a room says what it is, its entry points, what it never does, how to add one")
        elif (count := len(readme.read_text().splitlines())) > ROOM_README_MAX:
            yield Finding(name, 1, f"{count} lines; at most {ROOM_README_MAX}")
        for fuzz in sorted(folder.rglob("*_fuzz.cc")):
            seeds = root / "tests" / "fuzz" / fuzz.stem
            if not seeds.is_dir() or not any(seeds.iterdir()):
                yield Finding(fuzz.relative_to(root).as_posix(), 1, f"tests/fuzz/{fuzz.stem}/ holds no seed: the ordinary run replays nothing")


def check_threats(root: pathlib.Path, sources: list[Source]):
    """Every security test id in tools/threats.txt stands in some test."""
    path = root / "tools" / "threats.txt"
    if not path.exists():
        return
    wanted = re.findall(r"^T-\d+", path.read_text(), re.MULTILINE)
    texts = [file.read_text(errors="replace") for folder in ("e2e", "anomaly", "cases", "differential")
             for file in (root / "tests" / folder).glob("*.*") if file.suffix in (".py", ".case")]
    texts += ["\n".join(source.lines) for source in sources if source.is_test]
    known = set(re.findall(r"\bT[-_]?(\d+)\b", "\n".join(texts)))
    for identity in wanted:
        if identity[2:] not in known:
            yield Finding("tools/threats.txt", 1, f"{identity} has no test that carries its id")


def check_guards(root: pathlib.Path):
    """The entries of tests/guards/ still fit the sources they quote and the tests they name."""
    for problem in guard_entries.check(root):
        yield Finding(problem.path, problem.line, problem.text)


def check_file(root: pathlib.Path, path: pathlib.Path):
    name = path.relative_to(root).as_posix()
    size = path.stat().st_size
    if size > BYTES_MAX:
        yield Finding(name, 1, f"{size >> 10} KiB; files above 1 MiB are not committed")
        return
    data = path.read_bytes()
    if b"\0" in data[:4096]:
        return
    here = str(root) + "/"
    for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), 1):
        if here in line or (MACHINE_PATH.search(line) and not name.startswith(("tools/tidy", "tests/fuzz/"))):
            yield Finding(name, number, "a path of one machine")
    if path.name == "package-lock.json" and b'"resolved"' in data:
        yield Finding(name, 1, "the lock file names a registry host; set omit-lockfile-registry-resolved=true in .npmrc")


def tracked(root: pathlib.Path) -> list[pathlib.Path]:
    done = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=root, capture_output=True, text=True)
    if done.returncode != 0:                     # an unpacked archive: everything but what is built
        return [path for path in sorted(root.rglob("*")) if path.is_file() and not {"build", "node_modules", ".git"} & set(path.parts)]
    return [root / name for name in sorted(set(done.stdout.split("\0"))) if name and (root / name).is_file()]


def check_tree(root: pathlib.Path, only: set[pathlib.Path] | None = None) -> list[Finding]:
    files = tracked(root)
    sources = [load(root, path) for path in files if path.suffix in FILE_MAX]
    arrows, budget, used, public = read_arrows(root), read_budget(root), set(), public_headers(sources)
    found = []
    for source in sources:
        if source.path.suffix in (".cc", ".h"):
            found += [*check_arrows(source, arrows, root), *check_words(source), *check_header(source, public)]
        found += check_sizes(source, budget, used)
    for path in files:
        found += check_file(root, path)
    for key in sorted(set(budget) - used):
        found.append(Finding("tools/tidy_budget.txt", 1, f"the exception for {' '.join(key)} is no longer needed: remove it"))
    found += [*check_rooms(root), *check_threats(root, sources), *check_guards(root)]
    if only is not None:
        found = [finding for finding in found if root / finding.path in only]
    return found


def main(argv: list[str]) -> int:
    root = pathlib.Path(__file__).resolve().parents[1]
    found = check_tree(root, {pathlib.Path(name).resolve() for name in argv} or None)
    for finding in found:
        print(finding)
    print(f"tidy: {len(found)} findings" if found else "tidy: nothing to say")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
