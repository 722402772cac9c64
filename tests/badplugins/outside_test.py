# SPDX-License-Identifier: Apache-2.0
"""What known-implementations tells without running a byte of a plugin: state, reason, and the command that ends it."""
import os
import random
import re
import shutil
import struct
import subprocess
import unittest

from place import Case


class Outside(Case):
    def refused(self, name, reason, folder="a"):
        """State and reason as JSON and as text; no code of it ran."""
        row = self.row(name, folder=folder)
        self.assertState("failed", reason, row)
        status, out, _ = self.run_polyfs("known-implementations")
        self.assertEqual(status, 0)
        line = next(line for line in out.splitlines() if line.startswith(name + " "))
        self.assertRegex(line, r"\bfailed\b")
        self.assertIn(row["reason"], line)
        status, _, err = self.run_polyfs("cat", name + "://x")
        self.assertEqual(status, 8, err)
        self.assertIn(row["reason"], err)
        self.assertNoCodeRan()
        return row["reason"]

    def mended(self, name, reason, folder="a"):
        """The command that the refusal prints, given to a shell, ends it."""
        subprocess.run(["sh", "-c", self.remedy(reason)], check=True)
        self.assertState("available", "^$", self.row(name, folder=folder))
        self.assertNoCodeRan()
        self.assertEqual(self.run_polyfs("cat", name + "://x")[1], name)

    def test_good(self):
        self.put("good")
        self.assertState("available", "^$", self.row("good"))
        self.assertNoCodeRan()
        self.assertEqual(self.run_polyfs("cat", "good://x")[:2], (0, "good"))
        self.assertTrue(os.path.exists(self.mark), "the plugin leaves no mark, so its absence proves nothing")

    def test_file_that_anybody_may_write(self):
        os.chmod(self.put("good"), 0o666)
        self.mended("good", self.refused("good", "anybody may write to the file .*: chmod o-w "))

    def test_folder_that_anybody_may_write(self):
        self.put("good")
        os.chmod(self.path("a"), 0o777)
        self.mended("good", self.refused("good", "anybody may write to the folder .*/a; to end that: chmod o-w "))

    def test_folder_above_that_anybody_may_write(self):
        self.put("good", folder="open/a")
        os.chmod(self.path("open"), 0o777)
        self.env["POLYFS_PLUGIN_PATH"] = self.path("open/a")
        reason = self.refused("good", "anybody may write to the folder .*/open; to end that: chmod o-w ")
        self.mended("good", reason)

    def test_sticky_folder_above_passes(self):
        self.put("good", folder="open/a")
        os.chmod(self.path("open"), 0o1777)
        self.env["POLYFS_PLUGIN_PATH"] = self.path("open/a")
        self.assertState("available", "^$", self.row("good"))

    def test_link(self):
        library = self.put("good")
        os.rename(library, self.path("elsewhere.so"))
        os.symlink(self.path("elsewhere.so"), library)
        self.mended("good", self.refused("good", "is a symbolic link; to end that: cp --remove-destination "))

    def test_link_that_leads_nowhere(self):
        library = self.put("good")
        os.remove(library)
        os.symlink("nowhere", library)
        self.refused("good", "is a symbolic link that leads nowhere; to end that: rm ")

    def test_linked_folder(self):
        """Where a link points counts, and each folder on the way to it."""
        self.put("good", folder="open/a")
        self.env["POLYFS_PLUGIN_PATH"] = self.path("way/a")
        os.symlink("open", self.path("way"))
        self.assertState("available", "^$", self.row("good"))
        os.remove(self.path("way"))
        os.makedirs(self.path("open/inner"))
        os.rename(self.path("open/a"), self.path("open/inner/a"))
        os.symlink(self.path("open/inner"), self.path("way"))
        os.chmod(self.path("open"), 0o777)
        self.mended("good", self.refused("good", "anybody may write to the folder .*/open; to end that: chmod o-w "))

    def test_long_chains_of_links(self):
        self.put("good")
        for number in range(60):
            os.symlink(f"link{number + 1}" if number < 59 else "a", self.path(f"link{number}"))
        self.env["POLYFS_PLUGIN_PATH"] = self.path("link0")
        self.assertEqual(self.known()[0], {})
        self.env["POLYFS_PLUGIN_PATH"] = self.path("link55")
        self.assertState("available", "^$", self.row("good", folder="link55"))

    def test_manifest_that_is_a_fifo(self):
        os.makedirs(self.path("a"))
        os.mkfifo(self.path("a/good.plugin"))
        rows = [row for row in self.known()[0].values()]
        self.assertRegex(rows[0]["reason"], "it is no regular file")

    def test_names_that_a_shell_would_split(self):
        folder = "it's a folder; $HOME"
        os.chmod(self.put("good", folder=folder), 0o666)
        self.env["POLYFS_PLUGIN_PATH"] = self.path(folder)
        self.mended("good", self.refused("good", "anybody may write", folder=folder), folder=folder)

    def test_spoilt_bytes(self):
        """Whatever stands in a library's headers and tables, the list is told whole."""
        with open(self.put("good", folder="whole"), "rb") as file:
            whole = file.read()
        draw = random.Random(7)
        for number in range(300):
            spoilt = bytearray(whole)
            for _ in range(draw.randint(1, 8)):
                low, high = draw.choice([(0, 64), (len(whole) - 2500, len(whole)), (0, len(whole))])
                spoilt[draw.randrange(low, high)] = draw.choice([0, 1, 0x7f, 0x80, 0xff, draw.randrange(256)])
            with open(self.put(f"n{number}", built=""), "wb") as out:
                out.write(spoilt)
        rows, status = self.known()
        self.assertEqual((status, len(rows)), (0, 300))
        self.assertEqual({row["state"] for row in rows.values()}, {"available", "failed"})
        self.assertNoCodeRan()

    def test_no_library(self):
        self.put("good", built="")
        self.refused("good", "polyfs-good.so cannot be opened: No such file")

    def test_library_that_is_a_folder(self):
        os.makedirs(self.path("a/polyfs-good.so"))
        self.put("good", built="")
        self.refused("good", "is no regular file")

    def test_library_that_is_a_fifo(self):
        os.makedirs(self.path("a"))
        os.mkfifo(self.path("a/polyfs-good.so"))
        self.put("good", built="")
        self.refused("good", "is no regular file")

    def test_text_instead_of_a_library(self):
        with open(self.put("good"), "w", encoding="utf-8") as out:
            out.write("INPUT(-lgood)\n" * 20)
        self.refused("good", "is no shared object")

    def test_cut_library(self):
        library = self.put("good")
        for size in (0, 3, 20, 64, os.path.getsize(library) // 2):
            shutil.copy(self.put("good"), self.path("whole"))
            os.truncate(library, size)
            state = self.row("good")["state"]
            self.assertIn(state, ("failed", "available"))  # a file without its end may still say all that is asked
            self.assertEqual(state, "failed" if size < 64 else state)
        self.assertNoCodeRan()

    def test_other_machine(self):
        library = self.put("good")
        with open(library, "r+b") as out:
            out.seek(18)  # e_machine
            out.write(struct.pack("<H", 243))  # RISC-V
        self.refused("good", "built for another kind of machine")

    def test_other_class(self):
        library = self.put("good")
        with open(library, "r+b") as out:
            out.seek(4)  # EI_CLASS
            out.write(b"\x01")
        self.refused("good", "built for another kind of machine")

    def test_entry_of_a_dependency(self):
        self.bring("badplugins_entry")
        self.put("borrowed")
        self.refused("borrowed", "does not define polyfs_plugin_v1 itself")

    def test_manifests(self):
        self.put("good", abi=2)
        self.refused("good", "built for contract 2, this polyfs has 1")
        self.put("good", library="../polyfs-good.so")
        self.refused("good", "names a library outside its own folder")
        self.put("good", name="Good!")
        self.refused("good", r"no name of the form \[a-z0-9_\]")
        self.put("good", text=MANIFEST_WITHOUT_LIBRARY)
        self.refused("good", "names neither a library nor a hint")

    def test_manifests_without_a_protocol(self):
        for text, reason in (("no key file", "the manifest cannot be read"), ("[plugin]\nname=good\n", "names no protocol"),
                             ("\xff\x00", "the manifest cannot be read"), ("[plugin]\nname=good\nprotocols=1a\n", "is no scheme")):
            self.put("good", text=text)
            rows = [row for row in self.known()[0].values() if row["state"] == "failed"]
            self.assertEqual(len(rows), 1, rows)
            self.assertRegex(rows[0]["reason"], reason)
        self.assertNoCodeRan()

    def test_relative_and_empty_folders_are_ignored(self):
        self.put("good")
        for path in ("a", "./a", "", ":", "::a:"):
            self.env["POLYFS_PLUGIN_PATH"] = path
            self.assertEqual(self.known()[0], {}, path)


MANIFEST_WITHOUT_LIBRARY = "[plugin]\nname=good\nprotocols=good\nabi=1\n"


class Two(Case):
    """Two plugins for one protocol."""

    def test_earlier_folder_wins(self):
        self.put("good", folder="a", priority=1)
        self.put("good", folder="b", priority=9)
        self.assertState("available", "^$", self.row("good", folder="a"))
        self.assertState("shadowed", f"^{self.path('a/good.plugin')} comes first$", self.row("good", folder="b"))
        self.assertNoCodeRan()

    def test_then_the_priority(self):
        self.put("one", protocols="twin", priority=1)
        self.put("two", protocols="twin", priority=2)
        rows = [row for row in self.rows() if row["protocol"] == "twin"]
        self.assertEqual([(row["name"], row["state"]) for row in rows], [("two", "available"), ("one", "shadowed")])
        self.assertEqual(rows[1]["reason"], self.path("a/two.plugin") + " comes first")
        self.assertNoCodeRan()

    def rows(self):
        import json
        return [json.loads(line) for line in self.run_polyfs("known-implementations", "--json")[1].splitlines()]

    def test_a_failed_one_does_not_stand_in_the_way(self):
        os.chmod(self.put("good", folder="a"), 0o666)
        self.put("good", folder="b")
        self.assertState("failed", "anybody may write", self.row("good", folder="a"))
        self.assertState("available", "^$", self.row("good", folder="b"))
        self.assertEqual(self.run_polyfs("cat", "good://x")[:2], (0, "good"))


class Traced(Case):
    def test_nothing_is_mapped_as_code(self):
        """No page of a plugin, good or bad, is made executable, and none is opened but to be read."""
        self.bring("badplugins_entry", "badplugins_answer")
        for name in ("good", "origin", "borrowed", "magic", "initcrashes"):
            self.put(name)
        trace = self.path("trace")
        strace = shutil.which("strace")
        self.assertTrue(strace, "strace is missing: apt-get install strace")
        status, out, _ = self.run_polyfs("known-implementations", before=[strace, "-f", "-y", "-o", trace],
                                         env={"ASAN_OPTIONS": "detect_leaks=0"})  # it cannot be traced
        self.assertEqual(status, 0)
        self.assertIn("good", out)
        with open(trace, encoding="utf-8", errors="replace") as file:
            lines = [line for line in file if self.path("a/") in line or self.path("b/") in line]
        self.assertTrue(any("polyfs-good.so" in line and "openat" in line for line in lines), "the trace shows nothing")
        for line in lines:
            self.assertNotIn("PROT_EXEC", line)
            self.assertNotIn("O_RDWR", line)
            self.assertNotIn("execve", line)
        self.assertNoCodeRan()


class Hints(Case):
    TOOLS = {"hdfs": "hdfs dfs"}

    def test_they_say_what_can_be_done_today(self):
        """Each hint of this tree, under another protocol: this build may have a plugin of that name."""
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../plugins/hints")
        names = sorted(file[:-7] for file in os.listdir(folder) if file.endswith(".plugin"))
        self.assertEqual(names, sorted(self.TOOLS))
        for name in names:
            with open(os.path.join(folder, name + ".plugin"), encoding="utf-8") as file:
                self.put("left", folder="a/hints", built="", text=re.sub(f"^(name|protocols)={name}$", r"\1=left", file.read(), flags=re.M))
            _, out, _ = self.run_polyfs("known-implementations")
            line = next(line for line in out.splitlines() if line.startswith("left "))
            self.assertRegex(line, r"\bhint\b")
            self.assertIn(self.TOOLS[name], line)
            self.assertIn("file://", line)
            status, _, err = self.run_polyfs("ls", "left://bucket/")
            self.assertEqual(status, 8)
            self.assertIn(self.TOOLS[name], err)


if __name__ == "__main__":
    unittest.main()
