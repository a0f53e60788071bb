"""Reads tests/guards/*.guard: which check stands between which threat and the gate, and the test that misses it (tests/guards/README.md).

Also says what has rotted: a file that is gone, a text that is no longer there or stands twice, a test that does not exist or does not carry
the id, an id of tools/threats.txt without a guard. Runs nothing; tools/tidy.py asks it in every check, tools/dev/guards.py does the removing.
"""
import dataclasses
import pathlib
import re

FOLDER = "tests/guards"
HEAD = re.compile(r"(T-\d\d(?:, T-\d\d)*): (\S.*)$")
MACRO = re.compile(r"^TEST(?:_F|_P)?\((\w+), (\w+)\)", re.MULTILINE)
IDENTITY = re.compile(r"\bT-\d\d\b")
ENDINGS = {"crash": "crashes", "late": "does not end"}      # instead of a failed assertion, and only where the entry says so


@dataclasses.dataclass
class Cut:
    file: str
    out: list[str] = dataclasses.field(default_factory=list)
    put: list[str] = dataclasses.field(default_factory=list)

    def apply(self, text: str) -> str:
        return text.replace("\n".join(self.out), "\n".join(self.put), 1)


@dataclasses.dataclass
class Guard:
    where: tuple[str, int]         # the .guard file and its line
    ids: list[str]
    words: str                     # what is gone
    test: tuple[str, str] = ("", "")     # program and filter, or `case` and its name, or `e2e` and a word
    cuts: list[Cut] = dataclasses.field(default_factory=list)     # several where one layer stands behind another
    ends: str = ""

    @property
    def title(self) -> str:
        return f"{', '.join(self.ids)} {self.words}"

    @property
    def tested_by(self) -> str:
        return self.test[1] if self.test[0].endswith("_test") else " ".join(self.test)


@dataclasses.dataclass
class Problem:
    path: str
    line: int
    text: str


def parse(name: str, text: str) -> tuple[list[Guard], list[Problem]]:
    guards, problems, guard = [], [], None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            guard = None
        elif line.startswith("#"):
            continue
        elif guard is None:
            if head := HEAD.match(line):
                guard = Guard((name, number), head.group(1).split(", "), head.group(2))
                guards.append(guard)
            else:
                problems.append(Problem(name, number, "an entry begins with `T-nn: what is gone`"))
        elif line[0] in "-+" and guard.cuts:
            (guard.cuts[-1].out if line[0] == "-" else guard.cuts[-1].put).append(line[2:])
        elif not read_field(guard, line):
            problems.append(Problem(name, number, f"`{line[:40]}` is none of file, test, ends, - and +"))
    for guard in guards:
        if not guard.cuts or not guard.test[1]:
            problems.append(Problem(*guard.where, "an entry names a `file` and a `test`"))
        for cut in guard.cuts:
            if not "".join(cut.out) or cut.out == cut.put:
                problems.append(Problem(*guard.where, f"of {cut.file} nothing is taken out, or the same is put in again"))
    return guards, problems


def read_field(guard: Guard, line: str) -> bool:
    key, _, value = line.partition(": ")
    if key == "file":
        guard.cuts.append(Cut(value.strip()))
    elif key == "test" and len(value.split()) == 2:
        guard.test = tuple(value.split())
    elif key == "ends" and value.strip() in ENDINGS:
        guard.ends = value.strip()
    else:
        return False
    return True


def load(root: pathlib.Path) -> tuple[list[Guard], list[Problem]]:
    guards, problems = [], []
    for path in sorted((root / FOLDER).glob("*.guard")):
        found, wrong = parse(path.relative_to(root).as_posix(), path.read_text())
        guards += found
        problems += wrong
    return guards, problems


# -- tests and the ids they carry

def carried(text: str) -> dict[str, set[str]]:
    """Suite.Name: the ids on its line, in the comment right above it, or within it; what the file's first line says goes for all."""
    tests = {}
    of_file = set(IDENTITY.findall(text.split("\n", 1)[0]))
    found = list(MACRO.finditer(text))
    for at, match in enumerate(found):
        body_end = text.find("\n}", match.end())
        ids = set(IDENTITY.findall(text[match.start():body_end if body_end > 0 else len(text)])) | of_file
        for line in reversed(text[:match.start()].rstrip("\n").split("\n")):
            if not line.startswith("//"):
                break
            ids |= set(IDENTITY.findall(line))
        tests[f"{match.group(1)}.{match.group(2)}"] = ids
    return tests


def fits(pattern: str, name: str) -> bool:
    """As gtest reads a filter without exceptions: patterns parted by colons, with * and ?; a test with parameters by its plain name."""
    plain = re.sub(r"^[^./]+/(?=[^.]*\.)|/[^./]+$", "", name)
    return any(re.fullmatch(re.escape(part).replace(r"\*", ".*").replace(r"\?", "."), choice)
               for part in pattern.split(":") for choice in (name, plain))


class Tests:
    """What tests the tree has, by the words that an entry names them with."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        self.rooms: dict[str, dict[str, set[str]]] = {}

    def named(self, program: str, filter_: str) -> dict[str, set[str]]:
        """name of each test that fits: the ids it carries."""
        if program == "case":
            path = self.root / "tests" / "cases" / f"{filter_}.case"
            return {filter_: set(IDENTITY.findall(path.read_text()))} if path.exists() else {}
        if program == "e2e":
            return self.end_to_end(filter_)
        if program not in self.rooms:
            self.rooms[program] = {}
            for path in sorted((self.root / "src" / program.removesuffix("_test")).rglob("*_test.cc")):
                self.rooms[program] |= carried(path.read_text(errors="replace"))
        return {name: ids for name, ids in self.rooms[program].items() if fits(filter_, name)}

    def end_to_end(self, word: str) -> dict[str, set[str]]:
        found = {}
        for path in sorted((self.root / "tests" / "e2e").glob("*_test.py")):
            above = ""
            for line in path.read_text().split("\n"):
                if (match := re.match(r"\s+def (test_\w+)", line)) and word in match.group(1):
                    found[match.group(1)] = set(IDENTITY.findall(line)) | (set(IDENTITY.findall(above)) if above.lstrip().startswith("#") else set())
                above = line
        return found


# -- what has rotted

def check(root: pathlib.Path) -> list[Problem]:
    if not (root / FOLDER).is_dir():
        return []
    guards, problems = load(root)
    tests = Tests(root)
    for guard in guards:
        problems += [Problem(*guard.where, text) for text in rotten(root, tests, guard)]
    return problems + uncovered(root, guards)


def rotten(root: pathlib.Path, tests: Tests, guard: Guard):
    for cut in guard.cuts:
        path = root / cut.file
        if not cut.file.startswith("src/") or not path.is_file():
            yield f"{cut.file} is no file below src/"
        elif "".join(cut.out) and (count := path.read_text().count("\n".join(cut.out))) != 1:
            yield f"what is taken out stands {count} times in {cut.file}, not once"
    named = tests.named(*guard.test)
    if not named:
        yield f"there is no test `{' '.join(guard.test)}`"
    for identity in guard.ids:
        if named and not any(identity in ids for ids in named.values()):
            yield f"no test of `{' '.join(guard.test)}` carries {identity}"


def uncovered(root: pathlib.Path, guards: list[Guard]):
    """Each id has a guard, or stands in tools/threats.txt with the reason why no single one can be taken out."""
    path = root / "tools" / "threats.txt"
    guarded = {identity for guard in guards for identity in guard.ids}
    found = []
    for number, line in enumerate(path.read_text().split("\n") if path.exists() else [], 1):
        if match := re.match(r"(T-\d\d)(.*)", line):
            identity, reason = match.group(1), match.group(2).strip()
            if identity not in guarded and not reason:
                found.append(Problem("tools/threats.txt", number, f"{identity} has no entry in {FOLDER}/, and no reason why behind it"))
            elif identity in guarded and reason:
                found.append(Problem("tools/threats.txt", number, f"{identity} has an entry in {FOLDER}/: remove the words behind it"))
    return found
