# SPDX-License-Identifier: Apache-2.0
"""What only loading tells: known-implementations --check tries each plugin in a process of its own, and survives."""
import os
import struct
import unittest

from place import BUILT, Case


class Check(Case):
    def refused(self, name, reason, use=True):
        """Well from outside; failed under --check, beside others that are not; and so it is when it is used."""
        self.put("good", folder="b")
        self.assertState("available", "^$", self.row(name))
        self.assertNoCodeRan()
        rows, status = self.known("--check")
        self.assertEqual(status, 8)
        self.assertState("failed", reason, rows[name, "a"])
        self.assertState("available", "^$", rows["good", "b"])
        status, out, _ = self.run_polyfs("known-implementations", "--check")
        self.assertEqual(status, 8)
        self.assertRegex(out, rf"(?m)^{name} +failed ")
        if use:
            status, out, err = self.run_polyfs("cat", name + "://x")
            self.assertEqual((status, out), (8, ""), err)
            self.assertRegex(err, reason)

    def bad(self, name, reason, use=True):
        self.put(name)
        self.refused(name, reason, use)

    def test_wrong_magic(self):
        self.bad("magic", r"wrong magic \(0x21444142\)")

    def test_short_description(self):
        self.bad("shortdescription", r"description is too short \(\d+ of \d+ bytes\)")

    def test_wrong_major(self):
        self.bad("major", "built for contract 2, this polyfs has 1")

    def test_short_table(self):
        self.bad("shorttable", 'table "fs" lacks the required slot "get"')

    def test_missing_slot(self):
        self.bad("missingslot", 'table "fs" lacks the required slot "stat"')

    def test_init_that_fails(self):
        self.bad("initfails", r"refused to start \(config\): the licence file is missing; put it into /etc/initfails")

    def test_init_that_crashes(self):
        self.bad("initcrashes", r"crashes while it loads \(Segmentation fault\)", use=False)

    def test_init_that_exits(self):
        self.bad("initexits", r"ended the process while it was loaded \(exit status 7\)", use=False)

    def test_init_that_gives_nothing(self):
        self.bad("initgivesnothing", "entry gave no description")

    def test_missing_dependency(self):
        self.bad("origin", "does not load: libbadplugins_answer.so")

    def test_entry_of_a_dependency(self):
        """Without section headers nothing can be told from outside, so the load itself must see it."""
        self.bring("badplugins_entry")
        with open(self.put("borrowed"), "r+b") as out:
            out.seek(40)
            out.write(struct.pack("<Q", 0))  # e_shoff
            out.seek(60)
            out.write(struct.pack("<HH", 0, 0))  # e_shnum, e_shstrndx
        self.refused("borrowed", "does not define polyfs_plugin_v1 itself; it was found in .*libbadplugins_entry.so")

    def test_a_good_one(self):
        self.put("good")
        rows, status = self.known("--check")
        self.assertEqual(status, 0)
        self.assertState("available", "^$", rows["good", "a"])
        self.assertTrue(os.path.exists(self.mark))


class Lies(Case):
    """A manifest that tells another thing than the library; the refusal says how to write it anew."""

    def lie(self, what, **changes):
        library = self.put("good", **changes)
        protocol = changes.get("protocols", "good").split()[0]
        self.put("one", folder="b")
        self.assertState("available", "^$", self.row(protocol))
        rows, status = self.known("--check")
        self.assertEqual(status, 8)
        reason = f'manifest tells another "{what}" than the library; to end that: polyfs manifest {library} > '
        self.assertState("failed", reason, rows[protocol, "a"])
        self.assertState("available", "^$", rows["one", "b"])
        status, _, err = self.run_polyfs("cat", protocol + "://x")
        self.assertEqual(status, 8)
        self.assertIn(f'tells another "{what}"', err)

    def test_name(self):
        self.put("good", built="two")
        rows, status = self.known("--check")
        self.assertEqual(status, 8)
        self.assertState("failed", 'manifest tells another "name"', rows["good", "a"])

    def test_protocols(self):
        self.lie("protocols", protocols="good better")
        self.lie("protocols", protocols="better")

    def test_options(self):
        self.lie("options", default="green")
        self.lie("options", more="[option more]\ntype=int\n")

    def test_authority_priority_and_paths(self):
        self.lie("authority", authority="bucket")
        self.lie("priority", priority=5)
        self.lie("paths", more="paths=leading-slash\n")


class Loaded(Case):
    def test_names_that_a_description_refuses(self):
        """Through the manifest's words: a library with other flags than its manifest is not used."""
        library = self.put("strict")
        status, out, _ = self.run_polyfs("manifest", library)
        self.assertEqual(status, 0)
        self.assertIn("\npaths=dots-refused slashes-refused\n", out)
        self.put("strict", text=out)
        self.assertEqual(self.run_polyfs("cat", "strict://a/b")[:2], (0, "strict"))
        for path, reason in (("a//b", "an empty part (//), which strict does not keep; write one slash"),
                             ("a/../b", 'the part "..", which strict does not keep; write the path without it')):
            status, out, err = self.run_polyfs("cat", "strict://" + path)
            self.assertEqual((status, out), (2, ""), err)
            self.assertEqual(err, f"polyfs: cannot read strict://{path}: it has {reason}\n")

    def test_two_in_turn_answer_with_their_own_names(self):
        """What /proc/self/fd/N as a path would break: glibc would give the first one twice."""
        self.put("one")
        self.put("two")
        for order in (("one", "two"), ("two", "one")):
            self.assertEqual(self.run_polyfs("cat", *(f"{name}://x" for name in order))[:2], (0, "".join(order)))
        with open(self.mark, encoding="utf-8") as mark:
            self.assertEqual(sorted(mark.read().split()), ["one", "one", "two", "two"])

    def test_origin_leads_to_its_own_library(self):
        self.bring("badplugins_answer")
        self.put("origin")
        self.assertState("available", "^$", self.row("origin", "--check"))
        self.assertEqual(self.run_polyfs("cat", "origin://x")[:2], (0, "from the dependency"))

    def test_the_manifest_that_the_command_writes_is_the_truth(self):
        library = self.put("good", protocols="wrong")
        status, out, _ = self.run_polyfs("manifest", library)
        self.assertEqual(status, 0)
        with open(self.path("a/good.plugin"), "w", encoding="utf-8") as file:
            file.write(out)
        self.assertState("available", "^$", self.row("good", "--check"))

    def test_swapped_between_check_and_load(self):
        """Another file takes the name at that very moment: it is not the one that was checked, so it is refused."""
        library = self.put("one")
        other = self.put("two", folder="b")
        env = {"LD_PRELOAD": os.path.join(BUILT, "libbadplugins_swap.so"), "BADPLUGINS_SWAP": library, "BADPLUGINS_OTHER": other}
        status, out, err = self.run_polyfs("cat", "one://x", env=env)
        self.assertEqual((status, out), (8, ""))
        self.assertIn(f"{library} was replaced while it was loaded", err)
        self.assertFalse(os.path.exists(other), "nothing was swapped, so nothing was proven")

    def test_link_put_between_check_and_load(self):
        library = self.put("one")
        self.put("two", folder="b")
        os.symlink(self.path("b/polyfs-two.so"), self.path("link"))
        env = {"LD_PRELOAD": os.path.join(BUILT, "libbadplugins_swap.so"), "BADPLUGINS_SWAP": library,
               "BADPLUGINS_OTHER": self.path("link")}
        status, out, err = self.run_polyfs("cat", "one://x", env=env)
        self.assertEqual((status, out), (8, ""))
        self.assertIn(f"{library} was replaced while it was loaded", err)


if __name__ == "__main__":
    unittest.main()
