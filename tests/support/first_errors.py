# SPDX-License-Identifier: Apache-2.0
"""Rows of docs/first-errors.md as tests: each is typed as it stands there; the text, the exit status and the time must be as the
table says.

A test class takes Typed in front of its other bases, says where rows are typed (folder, env) and what stands for what there,
and gets its tests by rows_of(class, section, ...). What a row needs is a method named after its first cell; a list that it gives
back goes before the command.
"""
import os
import re
import subprocess
import time

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/first-errors.md")
# libcurl's own words and times behind ours, which its releases spell differently.
LIBRARY = re.compile(r" \((?:Failed to connect|Could not resolve|Couldn't connect|OpenSSL|error:|SSL)[^\n]*\)(?=\n|$)")


def sections():
    """(heading, rows of its table), "" for what stands before the first heading; a row: mistake, typed, says, status, next."""
    with open(TABLE, encoding="utf-8") as file:
        text = file.read()
    for at, section in enumerate(re.split(r"^## ", text, flags=re.M)):
        cells = [[cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in section.splitlines() if line.startswith("| ")]
        yield section.partition("\n")[0] if at else "", [[row[0], *(cell.strip("`") for cell in row[1:])] for row in cells if row[0] != "Mistake"]


class Typed:
    folder = None
    env = os.environ
    stands_for = ()  # (in the table, here)

    def seconds(self, _mistake):
        return 2

    def here(self, text):
        for table, here in self.stands_for:
            text = text.replace(table, here)
        return text

    def there(self, text):
        for table, here in self.stands_for:
            text = text.replace(here, table)
        return LIBRARY.sub("", text)

    def check(self, mistake, typed, says, status):
        prepare = getattr(self, re.sub(r"\W+", "_", mistake), None)
        before = (prepare() if prepare else None) or []
        began = time.monotonic()
        done = subprocess.run([*before, "sh", "-c", self.here(typed)], cwd=self.folder, env=self.env, capture_output=True, timeout=60,
                              check=False)
        spent = time.monotonic() - began
        self.assertEqual(self.there(done.stderr.decode()), says + "\n")
        self.assertEqual((done.returncode, done.stdout), (int(status), b""))
        self.assertLessEqual(spent, self.seconds(mistake))


def rows_of(case, wanted, least):
    """Gives the class a test for each row of the sections that are wanted, a function of the heading; there are so many at least."""
    def add(number, row):
        def test(self):
            self.check(*row[:4])
        test.__doc__ = row[0]
        setattr(case, f"test_{number:02}_" + re.sub(r"\W+", "_", row[0]), test)

    rows = [row for heading, rows in sections() if wanted(heading) for row in rows]
    for number, row in enumerate(rows, 1):
        add(number, row)
    if len(rows) < least:
        raise AssertionError(f"the table has {len(rows)} rows of {case.__name__}, and should have {least}")
