#!/usr/bin/env python3
"""Breaks every rule of tools/tidy.py once in a small tree and expects exactly that finding."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import tidy  # noqa: E402

HEADER = "#pragma once\n// What this is for.\n"
OPEN_END = "TO" + "DO"


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.write("tools/deps.txt", "base:\nmodel: base\npolicy: base model\nstore: base\napp: base model policy store\ncli: app\n")
        for room in ("base", "model", "policy", "store", "app"):
            self.write(f"src/{room}/README.md", "what\n")
            self.write(f"src/{room}/{room}.h", HEADER)
            self.write(f"src/{room}/{room}.cc", f'#include "{room}/{room}.h"\n')
        self.write("src/store/sqlite/engine.h", HEADER)
        self.write("src/store/testing/fake.h", HEADER)

    def write(self, name: str, text: str):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def findings(self) -> list[str]:
        return [f"{finding.path}: {finding.text}" for finding in tidy.check_tree(self.root)]

    def expect(self, name: str, text: str, piece: str):
        self.write(name, text)
        found = self.findings()
        self.assertEqual(1, len(found), found)
        self.assertIn(piece, found[0])

    def accept(self, name: str, text: str):
        self.write(name, text)
        self.assertEqual([], self.findings())

    def test_a_clean_tree_has_no_findings(self):
        self.assertEqual([], self.findings())

    def test_an_arrow_that_is_not_listed(self):
        self.expect("src/policy/x.cc", '#include "store/store.h"\n', "policy may not include store")

    def test_an_arrow_in_a_comment_is_none(self):
        self.accept("src/policy/x.cc", '// #include "store/store.h"\n/* \n#include "store/store.h"\n*/\n')

    def test_a_folder_that_is_not_listed(self):
        self.write("src/junk/README.md", "x\n")
        self.expect("src/junk/a.cc", "int x;\n", "not in tools/deps.txt")

    def test_an_include_that_does_not_exist(self):
        self.expect("src/app/x.cc", '#include "base/none.h"\n', "not a path below src/")

    def test_engines_are_for_app_alone(self):
        self.accept("src/app/x.cc", '#include "store/sqlite/engine.h"\n')
        self.write("tools/deps.txt", (self.root / "tools/deps.txt").read_text().replace("policy: base", "policy: store base"))
        self.expect("src/policy/x.cc", '#include "store/sqlite/engine.h"\n', "only app includes engines")

    def test_fakes_stay_in_tests(self):
        self.accept("src/app/x_test.cc", '#include "store/testing/fake.h"\n')
        self.expect("src/app/x.cc", '#include "store/testing/fake.h"\n', "for tests only")

    def test_long_files_lines_and_functions(self):
        for name in ("src/app/x_test.cc", "src/app/x.cc"):       # the budget of tests is no wider
            self.expect(name, "int x;\n" * 501, "501 lines")
            (self.root / name).unlink()
        self.expect("src/app/x.cc", f"int {'x' * 140};\n", "characters")
        self.expect("src/app/x.cc", "int f(int a) {\n" + "  g();\n" * 70 + "}\n", "`f` has 72 lines")
        self.accept("src/app/x.cc", "int f(int a) {\n" + "  g();\n" * 60 + "}\n" + "struct S {\n" + "  int x;\n" * 90 + "};\n")

    def test_a_lambda_counts_for_its_function(self):
        body = "void f() {\n  auto g = [](int x) {\n" + "    h();\n" * 69 + "  };\n}\n"
        self.expect("src/app/x.cc", body, "`f` has 73 lines")

    def test_tests_may_be_longer(self):
        self.accept("src/app/x_test.cc", "TEST(A, B) {\n" + "  g();\n" * 110 + "}\n")
        self.expect("src/app/x_test.cc", "TEST(A, Bee) {\n" + "  g();\n" * 130 + "}\n", "`A.Bee` has 132 lines")

    def test_an_exception_needs_a_reason_and_a_need(self):
        self.write("tools/tidy_budget.txt", "file src/app/x.cc 600 a generated table\n")
        self.accept("src/app/x.cc", "int x;\n" * 550)
        self.expect("src/app/x.cc", "int x;\n", "no longer needed")
        self.write("tools/tidy_budget.txt", "file src/app/x.cc 600\n")
        with self.assertRaises(SystemExit):
            self.findings()

    def test_banned_words(self):
        for text, piece in (("std::regex r;", "std::regex"), ("using namespace std;", "using namespace"), (f"// {OPEN_END}: later", "issue"),
                            ("auto t = system_clock::now();", "clock"), ("int x = atoi(s);", "unchecked"), ("#include <iostream>", "iostream")):
            with self.subTest(text):
                self.expect("src/app/x.cc", text + "\n", piece)
        self.accept("src/app/x.cc", f'// {OPEN_END}(#12): later\n'
                    'using namespace std::chrono_literals;\nauto s = "std::regex";\nint rethrow = 1;\n')

    def test_tests_do_not_sleep(self):
        self.expect("src/app/x_test.cc", "std::this_thread::sleep_for(1s);\n", "do not sleep")

    def test_policy_is_pure(self):
        self.accept("src/app/x.cc", "#include <thread>\n")
        self.expect("src/policy/x.cc", "#include <thread>\n", "pure")

    def test_headers(self):
        self.expect("src/app/x.h", "// hi\n", "#pragma once")
        self.expect("src/app/x.h", "#pragma once\nint x;\n", "opens with")
        (self.root / "src/app/x.h").unlink()
        self.accept("src/model/x.h", HEADER + "#include <openssl/evp.h>\n")
        self.expect("src/app/y.cc", '#include "model/x.h"\n', "library headers")

    def test_rooms_have_a_short_readme(self):
        self.expect("src/app/README.md", "x\n" * 61, "61 lines")
        (self.root / "src/app/README.md").unlink()
        self.assertIn("a room says", self.findings()[0])

    def test_fuzz_targets_have_seeds(self):
        self.expect("src/app/x_fuzz.cc", "int x;\n", "holds no seed")
        self.write("tests/fuzz/x_fuzz/empty", "")
        self.assertEqual([], self.findings())

    def test_security_ids_have_a_test(self):
        self.expect("tools/threats.txt", "T-07\n", "T-07 has no test")
        self.accept("src/app/x_test.cc", "// T-07\n")

    def test_guards_quote_the_source_as_it_is(self):
        self.write("src/app/x_test.cc", "TEST(X, Y) {  // T-07\n}\n")
        entry = "T-07: x\nfile: src/app/x.cc\ntest: app_test X.Y\n- if (bad) return;\n+\n"
        self.write("src/app/x.cc", "void f() {}\n")
        self.expect("tests/guards/x.guard", entry, "stands 0 times in src/app/x.cc")
        self.accept("src/app/x.cc", "void f() {\n  if (bad) return;\n}\n")

    def test_what_may_not_be_committed(self):
        self.expect("docs/x.md", f"see {self.root}/src\n", "path of one machine")
        self.expect("docs/x.md", "see " + "/wo" + "rk/main\n", "path of one machine")
        self.accept("docs/x.md", "see ~/" + "work/main and https://host/root/x\n")
        self.expect("docs/x.bin", "x" * ((1 << 20) + 1), "1 MiB")
        (self.root / "docs/x.bin").unlink()
        self.expect("tests/package-lock.json", '{"resolved": "x"}', "registry host")


class Strip(unittest.TestCase):
    def test_strings_comments_and_raw_strings_go_and_lines_stay(self):
        text = 'a("x // y"); // c\nb(R"(one\ntwo)");\n/* d\n e */ f(\'"\');\n#include "base/x.h"\nint n = 1\'000;\n'
        stripped = tidy.strip(text)
        self.assertEqual(text.count("\n"), stripped.count("\n"))
        self.assertNotIn("one", stripped)
        self.assertNotIn("// c", stripped)
        self.assertIn('#include "base/x.h"', stripped)
        self.assertIn("1'000", stripped)


if __name__ == "__main__":
    result = unittest.TextTestRunner(verbosity=0).run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]))
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed, 0 skipped")
    sys.exit(1 if bad else 0)
