# SPDX-License-Identifier: Apache-2.0
"""Types the rows of docs/first-errors.md that need no server: the text, the exit status and the time must be as the table says."""
import os
import shutil
import subprocess
import sys
import unittest

from command import POLYFS, Case, main

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import first_errors  # noqa: E402

ELSEWHERE = ("gs://", "abfs://", "hdfs://")  # need a server: errors_test.py of each
MANIFEST = "[plugin]\nname={0}\nabi=1\nversion=1.0\nprotocols={0}\nlibrary=polyfs-{0}.so\n"
NO_RIGHTS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]


class FirstErrors(first_errors.Typed, Case):
    def setUp(self):
        super().setUp()
        self.home, self.folder = self.env["HOME"], self.dir
        self.stands_for = (("/home/me", self.home),)
        self.plugins = self.home + "/.local/lib/polyfs/plugins-1"
        os.makedirs(self.plugins + "/hints")
        self.env["PATH"] = os.path.dirname(POLYFS) + ":" + self.env["PATH"]
        self.write("data/one", b"1")
        if "s3" not in self.text("known-implementations"):
            hint = "[plugin]\nname=s3\nprotocols=s3\nhint=none in this test\n"
            self.write("home/.local/lib/polyfs/plugins-1/hints/s3.plugin", hint.encode())

    def need(self, program, package):
        self.assertTrue(shutil.which(program), f"{program} is missing: apt-get install {package}")

    # what a row needs, by its first cell; a list that is given back goes before the command

    def plugin_there_its_library_missing(self):
        self.write("home/.local/lib/polyfs/plugins-1/lost.plugin", MANIFEST.format("lost").encode())

    def plugin_there_a_library_it_needs_missing(self):
        cc = os.environ.get("POLYFS_CC", "cc")
        self.need(cc, "build-essential")
        gone = self.plugins + "/libpolyfs-gone.so"
        self.write("gone.c", b"int polyfs_gone(void); int polyfs_gone(void) { return 0; }\n")
        self.write("needy.c", b"int polyfs_gone(void); int polyfs_plugin_v1(void); "
                              b"int polyfs_plugin_v1(void) { return polyfs_gone(); }\n")
        for source, out, more in (("gone.c", gone, []), ("needy.c", self.plugins + "/polyfs-needy.so", [gone])):
            subprocess.run([cc, "-shared", "-fPIC", "-o", out, self.path(source), *more, "-Wl,-soname," +
                            os.path.basename(out)], check=True)
        os.remove(gone)
        self.write("home/.local/lib/polyfs/plugins-1/needy.plugin", MANIFEST.format("needy").encode())

    def Google_half_a_file_of_credentials(self):
        self.write("half.json", b'{"type": "service_account", "client_email": "me@p.example"}')

    def permission_reading(self):
        os.chmod(self.write("secret"), 0)
        return self.without_rights()

    def permission_writing(self):
        os.mkdir(self.path("locked"), 0o555)
        return self.without_rights()

    def without_rights(self):
        """Root may read and write anything, unless these two rights are taken away."""
        if os.geteuid() != 0:
            return []
        self.need("setpriv", "util-linux")
        return NO_RIGHTS

    def disk_full(self):
        """A small disk is mounted by root here, by others in a namespace of their own; where neither may, it fails."""
        self.need("mount", "mount")
        self.write("big", b"x" * 1000000)
        os.mkdir(self.path("small"))
        if os.geteuid() != 0:
            self.need("unshare", "util-linux")
            return ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=64k none small && exec "$@"', "sh"]
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", self.path("small")], check=True)
        self.addCleanup(subprocess.run, ["umount", self.path("small")], check=True)
        return []


first_errors.rows_of(FirstErrors, lambda heading: heading not in ELSEWHERE, 25)


class Table(unittest.TestCase):
    def test_what_is_typed_elsewhere_is_there(self):
        self.assertLessEqual(set(ELSEWHERE), {heading for heading, rows in first_errors.sections() if rows})


if __name__ == "__main__":
    main()
