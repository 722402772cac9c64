# SPDX-License-Identifier: Apache-2.0
"""What the tests of bad plugins share: folders of plugins made for one test, and what the command says of them."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

POLYFS = os.environ["POLYFS"]
BUILT = os.environ["BADPLUGINS"]
MANIFEST = """[plugin]
name={name}
abi={abi}
version=1
summary=A plugin of the tests
library={library}
protocols={protocols}
authority={authority}
priority={priority}
{more}
[option colour]
type=choice
default={default}
choices=red green
help=what it looks like
"""


class Case(unittest.TestCase):
    polyfs = POLYFS

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="polyfs-badplugins-")
        os.chmod(self.dir, 0o755)
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.mark = self.path("mark")
        self.env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": self.path("home"), "BADPLUGINS_MARK": self.mark,
                    "POLYFS_PLUGIN_PATH": self.path("a") + ":" + self.path("b")}

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def put(self, stem, folder="a", built=None, text=None, **changes):
        """A plugin with its manifest, which tells the truth but for @changes. The path of its library."""
        os.makedirs(self.path(folder), exist_ok=True)
        file = f"polyfs-{stem}.so"
        if built != "":
            shutil.copy(os.path.join(BUILT, f"polyfs-{built or stem}.so"), self.path(folder, file))
        rows = {"name": stem, "abi": 1, "library": file, "protocols": stem, "authority": "none", "priority": 0, "more": "",
                "default": "red", **changes}
        with open(self.path(folder, stem + ".plugin"), "w", encoding="utf-8") as out:
            out.write(MANIFEST.format(**rows) if text is None else text)
        return self.path(folder, file)

    def bring(self, *names):
        """Libraries that plugins need, beside them."""
        os.makedirs(self.path("a/deps"), exist_ok=True)
        for name in names:
            shutil.copy(os.path.join(BUILT, "deps", f"lib{name}.so"), self.path("a/deps"))

    def run_polyfs(self, *args, before=(), env=None):
        done = subprocess.run([*before, self.polyfs, *args], env={**self.env, **(env or {})}, cwd=self.dir, capture_output=True,
                              timeout=60, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode("utf-8", "replace")

    def known(self, *args, before=()):
        """{(protocol, folder): row} of the plugins of this test, and the exit status."""
        status, out, err = self.run_polyfs("known-implementations", "--json", *args, before=before)
        self.assertEqual(err, "")
        rows = [json.loads(line) for line in out.splitlines()]
        return {(row["protocol"], os.path.basename(os.path.dirname(row["manifest"]))): row for row in rows
                if row["manifest"].startswith(self.dir)}, status

    def row(self, protocol, *args, folder="a", before=()):
        return self.known(*args, before=before)[0][protocol, folder]

    def assertState(self, state, reason, row):
        self.assertEqual(row["state"], state, row)
        self.assertRegex(row["reason"], reason)

    def assertNoCodeRan(self):
        self.assertFalse(os.path.exists(self.mark), "code of a plugin ran")

    def remedy(self, reason):
        """The command that a refusal prints."""
        return re.search(r"(?:to end that|if you trust it): (.*)$", reason).group(1)
