# SPDX-License-Identifier: Apache-2.0
"""Help, man page and completion, which are made of the same descriptions."""
import os
import re
import shutil
import subprocess

from command import POLYFS, SHARE, Case, main

MAN = SHARE + "/man/man1/polyfs.1"
COMPLETION = SHARE + "/bash-completion/completions/polyfs"


class Pages(Case):
    def verbs(self):
        text = self.text("help")
        found = []
        for line in re.findall(r"^  [A-Z]\w+ +(.*)$", text, re.M):
            for word in line.split("  "):
                group, _, rest = word.partition(" ")
                found += [f"{group} {verb}" for verb in rest.split("|")] if rest else [group]
        return found

    def test_one_screen(self):
        text = self.text()
        self.assertEqual(text, self.text("help"))
        self.assertEqual(text, self.text("--help"))
        lines = text.splitlines()
        self.assertLessEqual(len(lines), 24)
        self.assertLessEqual(max(map(len, lines)), 80)
        self.assertGreater(len(self.verbs()), 25)

    def test_every_verb(self):
        for verb in self.verbs():
            text = self.text("help", *verb.split())
            self.assertEqual(text, self.text(*verb.split(), "--help"))
            self.assertTrue(text.startswith("Usage: polyfs " + verb), text)
            self.assertLessEqual(max(map(len, text.splitlines())), 80, verb)
        self.assertEqual(self.text("ckpt"), self.text("ckpt", "--help"))
        self.assertEqual(self.text("rm", "-h"), self.text("rm", "--help"))
        self.fails(2, "help", "nonsense")

    def test_man(self):
        with open(MAN, encoding="utf-8") as page:
            text = page.read()
        for verb in self.verbs():
            self.assertIn(".SS polyfs " + verb.replace("-", "\\-"), text)
        self.assertEqual(text, self.text("__man"))
        self.assertTrue(shutil.which("man"), "man is missing: apt-get install man-db")
        done = subprocess.run(["man", "--warnings", "-l", MAN], env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"},
                              capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertIn(b"EXIT STATUS", done.stdout)

    def complete(self, *words):
        script = (f"PATH={os.path.dirname(POLYFS)}:$PATH; source '{COMPLETION}'; "
                  "COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); COMP_LINE=\"$*\"; COMP_POINT=${#COMP_LINE}; "
                  "_polyfs 2>/dev/null; printf '%s\\n' \"${COMPREPLY[@]}\"")
        done = subprocess.run(["bash", "-c", script, "bash", "polyfs", *words], cwd=self.dir, env=self.env,
                              capture_output=True, check=True, text=True)
        return done.stdout.split()

    def test_completion(self):
        with open(COMPLETION, encoding="utf-8") as page:
            self.assertEqual(page.read(), self.text("__completion"))
        self.assertEqual(self.complete("kn"), ["known-implementations"])
        self.assertIn("ckpt", self.complete(""))
        self.assertEqual(self.complete("ckpt", "la"), ["latest"])
        self.assertEqual(self.complete("ckpt", "save", "--sc"), ["--score"])
        self.assertEqual(self.complete("rm", "--dry"), ["--dry-run"])
        self.write("data/one")
        self.assertEqual(self.complete("ls", "da"), ["data"])
        url = "file://" + self.path("data/o")
        self.assertEqual(self.complete("ls", url), [url[len("file:"):] + "ne"])
        self.assertIn("file://", self.complete("ls", "fi"))


if __name__ == "__main__":
    main()
