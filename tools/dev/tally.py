"""Counts tests from every kind of runner and prints the closing line that .ci/run and people read."""
import dataclasses
import re
from xml.etree import ElementTree

from dev import shell

CLOSING = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.MULTILINE)


@dataclasses.dataclass
class Tally:
    passed: int = 0
    failures: list[str] = dataclasses.field(default_factory=list)
    skips: list[str] = dataclasses.field(default_factory=list)      # "name: reason"

    def add(self, other: "Tally") -> None:
        self.passed += other.passed
        self.failures += other.failures
        self.skips += other.skips

    def close(self) -> int:
        for skip in self.skips:
            shell.say(f"SKIPPED {skip}")
        for failure in self.failures:
            shell.say(f"FAILED  {failure}")
        if self.passed + len(self.failures) == 0 and not self.skips:
            self.failures.append("nothing ran")
            shell.say("FAILED  nothing ran")
        shell.say(f"{self.passed} passed, {len(self.failures)} failed, {len(self.skips)} skipped")
        return 1 if self.failures else 0


def from_gtest(name: str, report: str, exit_code: int) -> Tally:
    """report: what --gtest_output=xml wrote; its JSON leaves out why a test was skipped."""
    tally = Tally()
    try:
        tests = list(ElementTree.fromstring(report).iter("testcase"))
    except ElementTree.ParseError as broken:
        return Tally(failures=[f"{name}: its report cannot be read: {broken}; it ended with {exit_code}"])
    for test in tests:
        title = f"{name}: {test.get('classname')}.{test.get('name')}"
        skipped = test.find("skipped")
        if test.find("failure") is not None:      # first: a test may fail and then be skipped
            tally.failures.append(title)
        elif test.get("status") == "notrun":
            if test.get("name").startswith("DISABLED_"):
                tally.skips.append(f"{title}: disabled in the source")
        elif skipped is not None:
            where, _, reason = skipped.get("message", "").partition("\n")
            tally.skips.append(f"{title}: {' '.join(reason.split()) or f'no reason given in {where}'}")
        else:
            tally.passed += 1
    if exit_code != 0 and not tally.failures:
        tally.failures.append(f"{name}: ended with {exit_code} (see the output above)")
    return tally


def from_output(name: str, text: str, exit_code: int) -> Tally:
    """For runners of other kinds: their own closing line when they print one, else one test by exit code."""
    found = CLOSING.findall(text)
    tally = Tally()
    if found:
        passed, failed, skipped = (int(number or 0) for number in found[-1])
        tally.passed = passed
        named = re.findall(r"^FAIL\s+(\S+)", text, re.MULTILINE)
        tally.failures = [f"{name}: {one}" for one in named] if len(named) == failed else [f"{name}: {failed} of its tests, named above"] * failed
        reasons = re.findall(r"^SKIPPED\s+(.*)$", text, re.MULTILINE)[:skipped]
        tally.skips = [f"{name}: {reason}" for reason in reasons]
        tally.skips += [f"{name}: no reason given"] * (skipped - len(reasons))
    elif exit_code == 0:
        tally.passed = 1
    if exit_code != 0 and not tally.failures:
        tally.failures.append(f"{name}: ended with {exit_code}")
    return tally
