# SPDX-License-Identifier: Apache-2.0
"""polyfs ckpt: save, list, latest, load, verify, gc, and the exit codes that scripts branch on."""
import glob
import os

from command import Case, main


class Ckpt(Case):
    def save(self, step, data, *more):
        self.write("m.bin", data)
        self.write("o.bin", data * 2)
        status, _, err = self.run_polyfs("ckpt", "save", "run", "--step", str(step), "m.bin", "w/o=o.bin", *more)
        self.assertEqual(status, 0, err)

    def test_none(self):
        self.fails(3, "ckpt", "latest", "run")
        self.fails(3, "ckpt", "load", "run", "out")
        self.assertEqual(self.rows("ckpt", "list", "run"), [])

    def test_save_and_load(self):
        self.save(1, b"one")
        self.save(2, b"two", "--epoch", "0", "--score", "0.25")
        self.assertEqual(self.text("ckpt", "latest", "run"), "epoch=0-step=2\n")
        rows = self.rows("ckpt", "list", "run")
        self.assertEqual([r["step"] for r in rows], [2, 1])
        self.assertEqual((rows[0]["score"], rows[0]["epoch"], rows[0]["files"], rows[0]["bytes"]), (0.25, 0, 2, 9))
        self.assertEqual(self.rows("ckpt", "latest", "run")[0]["name"], "epoch=0-step=2")
        self.assertEqual(self.run_polyfs("ckpt", "load", "run", "out")[0], 0)
        self.assertEqual((self.read("out/m.bin"), self.read("out/w/o")), (b"two", b"twotwo"))
        self.assertEqual(self.run_polyfs("ckpt", "load", "run", "step=1", "old")[0], 0)
        self.assertEqual(self.read("old/m.bin"), b"one")
        self.fails(3, "ckpt", "load", "run", "step=9", "none")

    def test_keep_and_name(self):
        for step in range(4):
            self.save(step, b"x%d" % step, "--keep", "2")
        self.assertEqual([r["step"] for r in self.rows("ckpt", "list", "run")], [3, 2])
        self.save(9, b"n", "--name", "best/model")
        self.assertEqual(self.text("ckpt", "latest", "run"), "best/model\n")

    def test_usage(self):
        self.write("m.bin")
        self.assertIn("--step", self.fails(2, "ckpt", "save", "run", "m.bin"))
        self.fails(2, "ckpt", "save", "run", "--step", "x", "m.bin")
        self.fails(2, "ckpt", "save", "run", "--step", "1", "--score", "high", "m.bin")
        self.fails(2, "ckpt", "save", "run", "--step", "1")
        self.fails(3, "ckpt", "save", "run", "--step", "1", "none.bin")
        self.fails(2, "ckpt", "gc", "run", "--older-than", "soon")

    def test_verify(self):
        self.save(1, b"one")
        self.save(2, b"two")
        self.assertEqual([r["state"] for r in self.rows("ckpt", "verify", "run")], ["whole", "whole"])
        damaged, = glob.glob(self.path("run/step=2/*/m.bin"))
        os.chmod(damaged, 0o600)
        with open(damaged, "wb") as out:
            out.write(b"tWo")
        status, out, err = self.run_polyfs("ckpt", "verify", "run")
        self.assertEqual(status, 7, err)
        self.assertIn(b"damaged  step=2", out)
        self.ok("ckpt", "verify", "run", "--sizes-only")
        self.ok("ckpt", "verify", "run", "step=1")
        self.fails(7, "ckpt", "load", "run", "step=2", "out")
        os.remove(damaged)
        self.fails(7, "ckpt", "verify", "run", "step=2", "--sizes-only")

    def test_gc(self):
        self.save(1, b"one")
        dead = "run/step=7/" + "0" * 32 + "/m.bin"
        self.write(dead)
        os.utime(self.path(dead), (0, 0))
        self.assertIn("(dryrun) remove: ", self.text("ckpt", "gc", "run", "--dry-run"))
        self.assertTrue(os.path.exists(self.path(dead)))
        self.ok("ckpt", "gc", "run", "--older-than", "24h")
        self.assertFalse(os.path.exists(self.path(dead)))
        self.assertEqual(self.text("ckpt", "latest", "run"), "step=1\n")


if __name__ == "__main__":
    main()
