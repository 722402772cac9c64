# SPDX-License-Identifier: Apache-2.0
"""polyfs ckpt: save, list, latest, load, verify, gc, and the exit codes that scripts branch on."""
import glob
import json
import os
import struct

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

    def test_last(self):
        for step in (1, 2):
            self.write("m.bin", b"weights %d" % step)
            self.assertEqual(self.run_polyfs("ckpt", "save", "run", "--step", str(step), "--last", "link", "m.bin")[0], 0)
        self.assertEqual(self.read("run/last"), b"weights 2")
        self.assertTrue(os.path.islink(self.path("run/last")))
        self.save(3, b"x", "--last", "pointer", "--keep", "1")
        self.assertTrue(os.path.isdir(self.path("run/" + self.read("run/last").decode().strip())))
        self.assertIn("--last", self.fails(2, "ckpt", "save", "run", "--step", "4", "--last", "other", "m.bin"))
        self.assertIn("pointer", self.fails(1, "ckpt", "save", "memory://b/run", "--step", "4", "--last", "link", "m.bin"))

    def test_folder_without_a_log(self):
        for name in ("epoch=0-step=10.ckpt", "epoch=1-step=20.ckpt", "hparams.yaml"):
            self.write("old/" + name, name.encode())
        self.assertEqual(self.text("ckpt", "latest", "old"), "epoch=1-step=20.ckpt\n")
        self.assertEqual([row["step"] for row in self.rows("ckpt", "list", "old")], [20, 10])
        self.assertEqual(self.run_polyfs("ckpt", "load", "old", "epoch=0-step=10.ckpt", "out")[0], 0)
        self.assertEqual(self.read("out/epoch=0-step=10.ckpt"), b"epoch=0-step=10.ckpt")
        self.assertEqual(sorted(os.listdir(self.path("old"))), ["epoch=0-step=10.ckpt", "epoch=1-step=20.ckpt", "hparams.yaml"])

    def test_usage(self):
        self.write("m.bin")
        self.assertIn("--step", self.fails(2, "ckpt", "save", "run", "m.bin"))
        self.fails(2, "ckpt", "save", "run", "--step", "x", "m.bin")
        self.fails(2, "ckpt", "save", "run", "--step", "1", "--score", "high", "m.bin")
        self.fails(2, "ckpt", "save", "run", "--step", "1")
        self.fails(3, "ckpt", "save", "run", "--step", "1", "none.bin")
        self.fails(2, "ckpt", "gc", "run", "--older-than", "soon")

    def tensors(self, name, **tensors):
        """A safetensors file of tensors of bytes."""
        header, data = {}, b""
        for key, value in tensors.items():
            header[key] = {"dtype": "U8", "shape": [len(value)], "data_offsets": [len(data), len(data) + len(value)]}
            data += value
        text = json.dumps({**header, "__metadata__": {"by": "test"}}).encode()
        self.write(name, struct.pack("<Q", len(text)) + text + data)

    def test_tensors(self):
        self.tensors("in.safetensors", enc=b"abc", dec=b"de")
        rows = self.rows("ckpt", "show", "in.safetensors")
        self.assertEqual((rows[0]["tensors"], rows[0]["state"]), (2, {"by": "test"}))
        self.assertEqual([(r["tensor"], r["dtype"], r["shape"], r["bytes"]) for r in rows[1:]],
                         [("enc", "U8", [3], 3), ("dec", "U8", [2], 2)])
        self.assertIn("2 tensors", self.text("ckpt", "show", "in.safetensors"))
        self.assertEqual(json.loads(self.text("ckpt", "show", "in.safetensors", "--state")), {"by": "test"})
        self.assertIn("--step", self.fails(2, "ckpt", "import", "run", "in.safetensors"))
        self.assertEqual(self.run_polyfs("ckpt", "import", "run", "in.safetensors", "--step", "7")[0], 0)
        self.assertEqual(self.text("ckpt", "latest", "run"), "step=7\n")
        rows = self.rows("ckpt", "show", "run")
        self.assertEqual(sorted(rows[0]["names"]), ["state.json", "tensors.safetensors"])
        self.assertEqual([r["tensor"] for r in rows[1:]], ["dec", "enc"])
        self.assertEqual([r["tensor"] for r in self.rows("ckpt", "show", "run", "-t", "e*")[1:]], ["enc"])
        self.assertEqual(self.run_polyfs("ckpt", "export", "run", "latest", "out/w.safetensors", "-t", "enc")[0], 0)
        self.assertEqual(self.read("out/w.safetensors")[-3:], b"abc")
        self.assertEqual(len(self.rows("ckpt", "show", "out/w.safetensors")), 2)
        self.fails(3, "ckpt", "export", "run", "none.safetensors", "-t", "x*")
        self.fails(3, "ckpt", "show", "none.safetensors")
        self.assertEqual(self.rows("ckpt", "verify", "run")[0]["state"], "whole")

    def test_import_folder(self):
        self.write("old/a.bin", b"a")
        self.write("old/sub/b.bin", b"bb")
        self.assertEqual(self.run_polyfs("ckpt", "import", "run", "old", "--name", "old")[0], 0)
        self.assertEqual(self.run_polyfs("ckpt", "load", "run", "old", "out")[0], 0)
        self.assertEqual((self.read("out/a.bin"), self.read("out/sub/b.bin")), (b"a", b"bb"))

    def test_prune(self):
        for step in range(1, 7):
            self.save(step, b"x%d" % step)
        self.fails(3, "ckpt", "best", "run")
        self.assertEqual(len(self.rows("ckpt", "prune", "run", "--keep", "2", "--every", "3", "--dry-run")), 3)
        self.assertEqual(len(self.rows("ckpt", "list", "run")), 6)
        self.assertEqual(self.run_polyfs("ckpt", "prune", "run", "--keep", "2", "--every", "3")[0], 0)
        self.assertEqual([r["step"] for r in self.rows("ckpt", "list", "run")], [6, 5, 3])
        self.fails(2, "ckpt", "prune", "run")
        self.assertEqual([r["state"] for r in self.rows("ckpt", "verify", "run")], ["whole"] * 3)

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
