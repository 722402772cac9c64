# SPDX-License-Identifier: Apache-2.0
"""Each verb on files of this machine: what it prints, what it changes, what it refuses."""
import hashlib
import os
import time

from command import LIB, Case, main


class Look(Case):
    def test_ls(self):
        self.write("d/a", b"12345")
        self.write("d/sub/b")
        self.assertEqual(self.text("ls", "d"), "a\nsub/\n")
        self.assertEqual(self.text("ls", "d/a"), "d/a\n")
        self.assertEqual(self.text("ls", "-R", "d"), "a\nsub/\nsub/b\n")
        size, when, name = self.text("ls", "-l", "d").splitlines()[0].split()
        self.assertEqual((size, name), ("5", "a"))
        self.assertRegex(when, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(self.text("ls", "d", "d/sub"), "d/a\nd/sub/\nd/sub/b\n")
        self.assertEqual(self.text("ls", "-h", "-l", "file://" + self.path("d")).split()[:2], ["5", "B"])

    def test_ls_json(self):
        self.write("d/a", b"12345")
        os.mkdir(self.path("d/s"))
        rows = self.rows("ls", "d")
        self.assertEqual([(r["name"], r["type"]) for r in rows], [("a", "file"), ("s", "dir")])
        self.assertEqual(rows[0]["size"], 5)
        self.assertEqual(rows[0]["uri"], "file://" + self.path("d/a"))

    def test_patterns(self):
        for name in ("p/1.bin", "p/2.bin", "p/x/3.bin", "p/[z].bin"):
            self.write(name)
        self.assertEqual(self.text("ls", "p/[0-9].bin"), "p/1.bin\np/2.bin\n")
        self.assertEqual(self.text("ls", "p/**/3.bin"), "p/x/3.bin\n")
        # a plain path that is there as it was typed is no pattern; in a URL it is one
        self.assertEqual(self.text("ls", "p/[z].bin"), "p/[z].bin\n")
        url = "file://" + self.path("p")
        self.assertEqual(self.text("ls", url + "/\\[z\\].bin"), url + "/[z].bin\n")
        self.assertIn("nothing matches", self.fails(3, "ls", url + "/[z].bin"))
        self.assertEqual(self.ok("cat", "p/?.bin"), b"xx")

    def test_stat(self):
        self.write("a", b"1" * 2048)
        self.assertIn("size           2048 (2.0 KiB)\n", self.text("stat", "a"))
        row, = self.rows("stat", "-m", "a")
        self.assertEqual((row["type"], row["size"], row["uri"]), ("file", 2048, "file://" + self.path("a")))
        self.assertEqual(self.rows("stat", ".")[0]["type"], "dir")
        self.fails(3, "stat", "none")

    def test_find(self):
        self.write("d/a.bin", b"1234")
        self.write("d/e/b.bin", b"12")
        self.write("d/e/c.txt")
        self.assertEqual(self.text("find", "d"), "d/a.bin\nd/e/b.bin\nd/e/c.txt\n")
        self.assertEqual(self.text("find", "d", "-n", "*.bin", "--larger", "2"), "d/a.bin\n")
        self.assertEqual(self.text("find", "d", "-t", "d"), "d/e/\n")
        self.assertEqual(self.text("find", "d", "-t", "any", "-0").split("\0")[1], "d/e/")
        self.assertEqual(self.text("find", "d", "--max-depth", "1"), "d/a.bin\n")
        os.utime(self.path("d/a.bin"), (0, 0))
        self.assertEqual(self.text("find", "d", "--older-than", "1h"), "d/a.bin\n")
        self.assertNotIn("a.bin", self.text("find", "d", "--newer-than", "1h"))
        self.fails(2, "find", "d", "-t", "x")

    def test_du_and_tree(self):
        self.write("d/a", b"1234")
        self.write("d/e/b", b"12")
        row, = self.rows("du", "d")
        self.assertEqual((row["bytes"], row["objects"], row["folders"]), (6, 2, 1))
        self.assertEqual(self.text("du", "-h", "d").split()[:2], ["6", "B"])
        self.assertEqual(self.text("tree", "d"), "d\n  a  4\n  e/\n    b  2\n1 folders, 2 files\n")

    def test_checksum(self):
        self.write("a", b"123456789")
        self.assertEqual(self.text("checksum", "a"), "e3069283  a\n")
        want = hashlib.sha256(b"123456789").hexdigest()
        self.assertEqual(self.text("checksum", "-k", "sha256", "a"), want + "  a\n")
        self.assertEqual(self.rows("checksum", "-k", "md5", "a")[0]["checksum"], hashlib.md5(b"123456789").hexdigest())
        self.fails(2, "checksum", "-k", "sha3", "a")


class Read(Case):
    def test_cat(self):
        self.write("a", bytes(range(256)))
        self.write("b", b"!")
        self.assertEqual(self.ok("cat", "a", "b"), bytes(range(256)) + b"!")
        self.assertEqual(self.ok("cat", "--range", "1-3", "a"), b"\1\2\3")
        self.assertEqual(self.ok("cat", "--range=-2", "a"), b"\xfe\xff")
        self.assertEqual(self.ok("cat", "--range", "250-", "a"), bytes(range(250, 256)))
        for wrong in ("5-1", "-", "x", "1"):
            self.fails(2, "cat", "--range=" + wrong, "a")

    def test_goes_on_after_a_failure(self):
        self.write("b", b"!")
        status, out, err = self.run_polyfs("cat", "none", "b")
        self.assertEqual((status, out), (3, b"!"))
        self.assertIn("none", err)

    def test_head_and_tail(self):
        data = b"".join(b"line %d\n" % i for i in range(30000))
        self.write("a", data)
        lines = data.splitlines(True)
        self.assertEqual(self.ok("head", "a"), b"".join(lines[:10]))
        self.assertEqual(self.ok("head", "-n12000", "a"), b"".join(lines[:12000]))
        self.assertEqual(self.ok("tail", "a"), b"".join(lines[-10:]))
        self.assertEqual(self.ok("tail", "-n", "20001", "a"), b"".join(lines[-20001:]))
        self.assertEqual(self.ok("tail", "-n99999", "a"), data)
        self.assertEqual(self.ok("head", "-c", "1K", "a"), data[:1024])
        self.assertEqual(self.ok("tail", "-c5", "a"), data[-5:])
        self.assertEqual(self.ok("head", "-n1", "a", "a").count(b"==> a <=="), 2)
        self.write("open", b"one\ntwo")  # the last line has no end
        self.assertEqual(self.ok("tail", "-n1", "open"), b"two")
        self.write("empty", b"")
        self.assertEqual(self.ok("tail", "empty"), b"")


class Change(Case):
    def test_touch_and_mkdir(self):
        self.ok("touch", "a")
        self.assertEqual(self.read("a"), b"")
        self.write("a", b"kept")
        os.utime(self.path("a"), (0, 0))
        self.ok("touch", "a")
        self.assertEqual(self.read("a"), b"kept")
        self.assertGreater(os.stat(self.path("a")).st_mtime, time.time() - 60)
        self.ok("mkdir", "m")
        self.fails(6, "mkdir", "m")
        self.ok("mkdir", "-p", "m/n/o", "m")
        self.assertTrue(os.path.isdir(self.path("m/n/o")))
        self.fails(1, "rmdir", "m")
        self.ok("rmdir", "m/n/o")
        self.ok("mkdir", "--dry-run", "new")
        self.assertFalse(os.path.exists(self.path("new")))

    def test_rm(self):
        for name in ("d/1.x", "d/2.x", "d/3.y", "d/e/4.x"):
            self.write(name)
        self.assertIn("rm -r", self.fails(1, "rm", "d"))
        self.assertEqual(self.text("rm", "--dryrun", "d/*.x").count("(dryrun) remove: "), 2)
        self.ok("rm", "d/*.x")
        self.assertEqual(sorted(os.listdir(self.path("d"))), ["3.y", "e"])
        self.fails(3, "rm", "none")
        self.ok("rm", "-f", "none")
        self.ok("rm", "-r", "d")
        self.assertFalse(os.path.exists(self.path("d")))

    def test_a_whole_store_needs_force(self):
        for root in ("/", "file:///", "//", "/../."):
            self.assertIn("--force", self.fails(2, "rm", "-r", "--dry-run", root))
        self.fails(2, "rm", "-r", "memory://bucket/")
        self.ok("rm", "-r", "--force", "memory://bucket")


class Move(Case):
    def test_cp(self):
        self.write("a", b"abc")
        self.ok("cp", "a", "b")
        self.assertEqual(self.read("b"), b"abc")
        self.ok("cp", "a", "b", "into/")
        self.assertEqual(self.read("into/b"), b"abc")
        self.write("a", b"new")
        self.ok("cp", "-n", "a", "b")
        self.assertEqual(self.read("b"), b"abc")
        self.ok("cp", "a", "b")
        self.assertEqual(self.read("b"), b"new")
        self.assertEqual(self.text("cp", "--dry-run", "a", "c"), "(dryrun) copy: a to c\n")
        self.assertFalse(os.path.exists(self.path("c")))
        self.fails(2, "cp", "a", "a")
        self.fails(3, "cp", "none", "c")
        self.fails(2, "cp", "a")

    def test_cp_json(self):
        self.write("a", b"abc")
        row, = self.rows("cp", "a", "b")
        self.assertEqual((row["operation"], row["source"], row["target"], row["success"]), ("copy", "a", "b", True))

    def test_pipes(self):
        self.ok("cp", "-", "d/x", data=b"z" * 3000000)
        self.assertEqual(self.read("d/x"), b"z" * 3000000)
        self.assertEqual(self.ok("cp", "d/x", "-"), b"z" * 3000000)
        self.assertIn("needs a name", self.fails(2, "put", "-", "d/", data=b""))

    def test_put_get(self):
        self.write("a", b"abc")
        self.ok("put", "a", "file://" + self.path("s/"))
        os.mkdir(self.path("here"))
        status, _, err = self.run_polyfs("get", "file://" + self.path("s/a"), "here")
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(self.read("here/a"), b"abc")
        os.remove(self.path("a"))
        self.ok("get", "s/a")
        self.assertEqual(self.read("a"), b"abc")

    def test_mv(self):
        self.write("a", b"abc")
        self.ok("mv", "a", "b")
        self.assertFalse(os.path.exists(self.path("a")))
        self.write("c", b"other")
        self.ok("mv", "-n", "b", "c")
        self.assertEqual(self.read("c"), b"other")
        os.mkdir(self.path("d"))
        self.ok("mv", "b", "d")
        self.assertEqual(self.read("d/b"), b"abc")

    def test_memory(self):
        """Two stores in one command; memory:// lives as long as the process, so only that it goes well is seen."""
        self.write("a", b"abc")
        self.ok("cp", "a", "memory://bucket/a")


    def tree(self, name):
        found = []
        for folder, _, files in os.walk(self.path(name)):
            found += [os.path.relpath(os.path.join(folder, file), self.path(name)) for file in files]
        return sorted(found)

    def test_folders(self):
        for name in ("d/a", "d/e/b", "d/e/f/c"):
            self.write(name, name.encode())
        self.assertIn("cp -r", self.fails(1, "cp", "d", "t"))
        self.ok("cp", "-r", "d", "new")  # not there: a copy of d
        self.assertEqual(self.tree("new"), ["a", "e/b", "e/f/c"])
        os.mkdir(self.path("old"))
        self.ok("cp", "-r", "d", "old")  # there: into it
        self.assertEqual(self.tree("old"), ["d/a", "d/e/b", "d/e/f/c"])
        self.ok("cp", "-r", "d/", "old")  # what is in d
        self.assertEqual(self.tree("old")[:2], ["a", "d/a"])
        self.ok("put", "-r", "-j", "2", "d", "memory://bucket/d")
        self.ok("get", "-r", "file://" + self.path("d"), "got")
        self.assertEqual(self.tree("got"), ["a", "e/b", "e/f/c"])
        self.assertEqual(sorted(self.text("cp", "-r", "--dry-run", "d", "x").splitlines()),
                         [f"(dryrun) copy: d/{n} to x/{n}" for n in ("a", "e/b", "e/f/c")])
        self.assertEqual(self.tree("x"), [])
        self.ok("mv", "got", "moved")
        self.assertEqual((self.tree("moved"), os.path.exists(self.path("got"))), (["a", "e/b", "e/f/c"], False))
        self.assertEqual(len(self.text("rm", "-r", "--dry-run", "moved").splitlines()), 6)
        self.assertEqual(len(self.tree("moved")), 3)

    def test_every_failure_is_told(self):
        self.write("d/a")
        self.write("d/b")
        err = self.fails(4, "cp", "-r", "-o", "fault=copy:1+:permission,reader_open:1+:permission", "d", "t")
        self.assertEqual(err.count("polyfs: "), 2, err)
        status, out, _ = self.run_polyfs("cp", "-r", "--json", "-o", "fault=copy:1:permission,reader_open:1:permission",
                                         "d", "t")
        self.assertEqual((status, out.count(b'"success":true'), out.count(b'"success":false')), (4, 1, 1))


class Stores(Case):
    def test_known(self):
        rows = {row["protocol"]: row for row in self.rows("known-implementations")}
        self.assertEqual(rows["file"]["state"], "available")
        self.assertTrue(os.path.exists(rows["file"]["library"]))
        self.assertIn("file ", self.text("protocols"))
        self.ok("known-implementations", "--check")

    def test_a_failing_plugin(self):
        os.makedirs(self.path("p"))
        self.write("p/bad.plugin", b"[plugin]\nname=bad\nabi=1\nversion=1\nprotocols=bad\nlibrary=polyfs-bad.so\n")
        self.env["POLYFS_PLUGIN_PATH"] = self.path("p")
        row, = [r for r in self.rows("known-implementations") if r["name"] == "bad"]
        self.assertEqual(row["state"], "failed")
        self.assertTrue(row["reason"])
        status, _, _ = self.run_polyfs("known-implementations", "--check")
        self.assertEqual(status, 8)
        self.fails(8, "ls", "bad://x")

    def test_options(self):
        names = [row["name"] for row in self.rows("options", "file")]
        self.assertIn("part_bytes", names)
        self.assertIn("part_bytes", self.text("options", "file://"))
        self.fails(8, "options", "none")

    def test_caps(self):
        row, = self.rows("caps", ".")
        self.assertEqual(row["facts"]["rename_atomic"], "yes")
        self.assertIn("rename_atomic        yes\n", self.text("caps", "--probe", "."))

    def test_manifest(self):
        made = self.text("manifest", LIB + "/polyfs/plugins-1/polyfs-local.so")
        with open(LIB + "/polyfs/plugins-1/local.plugin", encoding="utf-8") as kept:
            self.assertEqual(made, kept.read())

    def test_version(self):
        self.assertRegex(self.text("version"), r"^polyfs \d+\.\d+\.\d+\n$")
        self.assertEqual(self.text("--version"), self.text("version"))


if __name__ == "__main__":
    main()
