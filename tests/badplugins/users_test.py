# SPDX-License-Identifier: Apache-2.0
"""Owners, groups and setuid: the same folder of plugins seen by root, by its user, and by a privileged program."""
import os
import shutil
import subprocess
import sys
import unittest

from place import BUILT, POLYFS, Case

USER, GROUP = 23456, 23457  # nobody's; names are not needed
SETPRIV = ["setpriv", f"--reuid={USER}", f"--regid={GROUP}", "--clear-groups"]


class Users(Case):
    def setUp(self):
        super().setUp()
        self.assertTrue(shutil.which("setpriv"), "setpriv is missing: apt-get install util-linux")
        os.mkdir(self.path("home"))
        os.chown(self.path("home"), USER, GROUP)
        self.bring_command()

    def bring_command(self):
        """Where it was built a user may not be allowed to look."""
        built = os.path.join(os.path.dirname(POLYFS), "..", "lib")
        self.polyfs = shutil.copy(POLYFS, self.path("polyfs"))
        for name in ("libpolyfs.so.0", "libpolyfs-checkpoint.so.0"):
            shutil.copy(os.path.join(built, name), self.path(name))
        self.env["LD_LIBRARY_PATH"] = self.dir

    def test_folder_of_the_users_own_group(self):
        """0775: root refuses it, since whoever is in that group could put code into root's process."""
        self.put("good")
        os.chown(self.path("a"), -1, GROUP)
        os.chmod(self.path("a"), 0o775)
        row = self.row("good")
        self.assertState("failed", "a group may write to the folder .*/a, and this process is privileged; to end that: chmod g-w ", row)
        self.assertState("available", "^$", self.row("good", "--check", before=SETPRIV))
        self.assertEqual(self.run_polyfs("cat", "good://x", before=SETPRIV)[:2], (0, "good"))
        subprocess.run(["sh", "-c", self.remedy(row["reason"])], check=True)
        self.assertState("available", "^$", self.row("good"))

    def test_folder_of_the_user(self):
        self.put("good")
        for path in ("a", "a/polyfs-good.so", "a/good.plugin"):
            os.chown(self.path(path), USER, GROUP)
        os.chmod(self.path("a"), 0o775)
        self.assertState("available", "^$", self.row("good", before=SETPRIV))
        row = self.row("good")
        self.assertState("failed", rf"belongs to another user \({USER}\); if you trust it: chown 0 ", row)
        self.assertEqual(self.run_polyfs("cat", "good://x")[0], 8)

    def test_link_of_another_user(self):
        """Its owner may turn it at any time, wherever it points now."""
        self.put("good")
        os.symlink("a", self.path("way"))
        os.lchown(self.path("way"), USER, GROUP)
        self.env["POLYFS_PLUGIN_PATH"] = self.path("way")
        row = self.row("good", folder="way")
        self.assertState("failed", rf"the link .*/way belongs to another user \({USER}\); if you trust it: chown -h 0 ", row)
        self.assertState("available", "^$", self.row("good", folder="way", before=SETPRIV))
        subprocess.run(["sh", "-c", self.remedy(row["reason"])], check=True)
        self.assertState("available", "^$", self.row("good", folder="way"))

    def test_file_of_another_user(self):
        library = self.put("good")
        os.chown(library, USER + 1, GROUP)
        row = self.row("good", before=SETPRIV)
        self.assertState("failed", rf"the file .* belongs to another user \({USER + 1}\); if you trust it: chown {USER} ", row)
        row = self.row("good")
        subprocess.run(["sh", "-c", self.remedy(row["reason"])], check=True)
        self.assertState("available", "^$", self.row("good"))

    def test_setuid_program_takes_nothing_from_its_environment(self):
        """AT_SECURE: neither POLYFS_PLUGIN_PATH nor the user's folder is looked into."""
        self.put("good")
        shutil.copytree(self.path("a"), self.path("home/.local/lib/polyfs/plugins-1"))
        program = shutil.copy(os.path.join(BUILT, "badplugins_secure"), self.path("secure"))
        os.chmod(program, 0o755)
        self.assertIn("good 0", self.secure(program, 0))
        os.chmod(program, 0o4755)
        self.assertNotIn("good", self.secure(program, 1))
        self.assertNoCodeRan()

    def secure(self, program, expected):
        done = subprocess.run([*SETPRIV, program], env=self.env, stdout=subprocess.PIPE, check=True)
        out = done.stdout.decode()
        self.assertIn(f"secure {expected}\n", out, "is the folder of temporary files mounted nosuid?")
        return out


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("users and groups can be changed by root alone: run this test as root")
    unittest.main()
