"""new: files from templates, so that a new thing starts with its test, its README and its place in the lists."""
import re

from dev import shell

HEADER = "#pragma once\n// {title}: what it is for, who uses it, what it never does.\n\n#include \"base/result.h\"\n\nnamespace callgate::{room} {{\n\n" \
         "Result<void> {name}();\n\n}}  // namespace callgate::{room}\n"
SOURCE = "#include \"{room}/{name}.h\"\n\nnamespace callgate::{room} {{\n\nResult<void> {name}() {{\n" \
         "  return fail(Code::Unavailable, \"{room}.{name}\", \"`{name}` does nothing yet\");\n}}\n\n}}  // namespace callgate::{room}\n"
TEST = "#include \"{room}/{name}.h\"\n\n#include <gtest/gtest.h>\n\nnamespace callgate::{room} {{\nnamespace {{\n\n" \
       "TEST({Name}, SaysWhatItShouldDo) {{\n  EXPECT_TRUE({name}().has_value());\n}}\n\n}}  // namespace\n}}  // namespace callgate::{room}\n"
FUZZ = "// Any bytes: no crash, no hang, and what was accepted once is accepted again.\n#include <cstddef>\n#include <cstdint>\n#include <string_view>\n\n" \
       "extern \"C\" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {{\n" \
       "  const std::string_view text(reinterpret_cast<const char*>(data), size);\n  (void)text;   // hand it to the code under test\n  return 0;\n}}\n"
README = "# {name}\n\nWhat it is, in two sentences.\n\n- **Entry points**: `{name}.h`\n- **Never**: \n- **To add one**: \n"
CASE = "# What this story shows: {title}.\npolicy\n  version: \"1\"\n  default: deny\n  tools:\n    refund_payment: {{}}\n" \
       "call refund_payment {{\"charge_id\":\"ch_105\",\"amount\":50}}\nrefused -32603 \"say why\"\nupstream saw 0 calls\n"
ADR = "# {number}. {title}\n\nDate: \nState: proposed\n\n## Context\n\n## Choice\n\n## Cost\n"

THINGS = ("room NAME", "part ROOM/NAME", "test ROOM/NAME", "fuzz ROOM/NAME", "case NAME", "adr WORDS-WITH-DASHES")


def write(path, text: str) -> None:
    if path.exists():
        raise shell.Failed(f"{path.relative_to(shell.ROOT)} is there already")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    shell.say(f"wrote {path.relative_to(shell.ROOT)}")


def split(name: str) -> tuple[str, str]:
    room, _, part = name.partition("/")
    if not part or not (shell.ROOT / "src" / room).is_dir():
        raise shell.Failed(f"`{name}` is not ROOM/NAME with a folder src/ROOM")
    return room, part


def new_room(name: str) -> None:
    fields = {"room": name, "name": name, "Name": name.capitalize(), "title": name}
    folder = shell.ROOT / "src" / name
    write(folder / f"{name}.h", HEADER.format(**fields))
    write(folder / f"{name}.cc", SOURCE.format(**fields))
    write(folder / f"{name}_test.cc", TEST.format(**fields))
    write(folder / "README.md", README.format(**fields))
    deps = shell.ROOT / "tools" / "deps.txt"
    deps.write_text(deps.read_text().rstrip("\n") + f"\n{name}: base model\n")
    lists = shell.ROOT / "CMakeLists.txt"
    lines = lists.read_text().split("\n")
    at = max(number for number, line in enumerate(lines) if line.startswith("callgate_room("))
    lines.insert(at + 1, f"callgate_room({name:<9} DEPS base model)")
    lists.write_text("\n".join(lines))
    shell.say(f"added {name} to CMakeLists.txt and tools/deps.txt; its test fails until it does something")


def main(args: list[str], _: str) -> int:
    if len(args) != 2 or not re.fullmatch(r"[a-z][a-z0-9_/-]*", args[1]):
        raise shell.Failed("usage: ./dev new " + " | ".join(THINGS) + "   (lower case)")
    thing, name = args
    if thing == "room":
        new_room(name)
    elif thing in ("part", "test", "fuzz"):
        room, part = split(name)
        fields = {"room": room, "name": part, "Name": "".join(word.capitalize() for word in part.split("_")), "title": part}
        folder = shell.ROOT / "src" / room
        if thing == "part":
            write(folder / f"{part}.h", HEADER.format(**fields))
            write(folder / f"{part}.cc", SOURCE.format(**fields))
        if thing in ("part", "test"):
            write(folder / f"{part}_test.cc", TEST.format(**fields))
        else:
            write(folder / f"{part}_fuzz.cc", FUZZ.format(**fields))
            write(shell.ROOT / "tests" / "fuzz" / f"{part}_fuzz" / "empty", "")
    elif thing == "case":
        write(shell.ROOT / "tests" / "cases" / f"{name}.case", CASE.format(title=name.replace("_", " ")))
    elif thing == "adr":
        folder = shell.ROOT / "docs" / "adr"
        number = max([int(path.name[:4]) for path in folder.glob("[0-9]*.md")] or [0]) + 1
        write(folder / f"{number:04d}-{name}.md", ADR.format(number=number, title=name.replace("-", " ")))
    else:
        raise shell.Failed(f"no thing `{thing}`; there are " + " | ".join(THINGS))
    return 0
