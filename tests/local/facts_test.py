# SPDX-License-Identifier: Apache-2.0
"""Facts of file:// that differ between mounts: what `polyfs caps` tells is what the mount does when it is tried.

Runs itself in a mount namespace of its own, so that nothing it mounts outlives it.
"""
import ctypes
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

POLYFS, CONFORMANCE = sys.argv[1:3]
SLOW = "-*fork.*:*exit.*:*large.*:*random.*:*threads.*:*cancel.*:*fsspec.*"
MOUNTS = {"tmpfs": None, "ext4": ("mkfs.ext4", "-qF", "e2fsprogs"), "xfs": ("mkfs.xfs", "-qf", "xfsprogs"),
          "btrfs": ("mkfs.btrfs", "-qf", "btrfs-progs"), "overlay": None}
FICLONE, RENAME_NOREPLACE = 0x40049409, 1
LIBC = ctypes.CDLL(None, use_errno=True)


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def mount(kind, base):
    point = os.path.join(base, kind)
    os.mkdir(point)
    if kind == "tmpfs":
        run("mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", point)
    elif kind == "overlay":
        overlay(base + "/ext4", ("lower", "upper", "work"), point)
    else:
        tool, flag, package = MOUNTS[kind]
        if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            sys.exit(f"{tool} is missing; install it: apt-get install {package}")
        image = point + ".image"
        with open(image, "wb") as file:
            file.truncate(512 << 20)
        run(tool, flag, image)
        run("mount", "-o", "loop", image, point)
    return point


def overlay(base, parts, point, *more):
    """An overlay of three folders below a base."""
    folders = [os.path.join(base, name) for name in parts]
    for folder in folders + [point]:
        os.makedirs(folder, exist_ok=True)
    options = ",".join(("lowerdir={},upperdir={},workdir={}".format(*folders),) + more)
    run("mount", "-t", "overlay", "overlay", "-o", options, point)


def works(action):
    try:
        action()
    except OSError:
        return False
    return True


def clone(folder):
    with open(folder + "/from", "rb") as source, open(folder + "/to", "wb") as target:
        fcntl.ioctl(target, FICLONE, source.fileno())


def rename_no_replace(folder):
    """EEXIST is the fact; EINVAL says that the mount does not know it."""
    LIBC.renameat2(-100, (folder + "/from").encode(), -100, (folder + "/other").encode(), RENAME_NOREPLACE)
    return ctypes.get_errno() == 17


def tried(folder):
    for name in ("from", "other"):
        with open(f"{folder}/{name}", "wb") as file:
            file.write(b"x" * 8192)
    os.utime(folder + "/from", ns=(1, 1_000_000_001))
    metadata = works(lambda: os.setxattr(folder + "/from", "user.polyfs.probe", b"1"))
    return {"metadata": metadata, "content_type": metadata, "set_metadata": metadata,
            "rename_no_replace": rename_no_replace(folder), "reflink": works(lambda: clone(folder)),
            "nanoseconds": os.stat(folder + "/from").st_mtime_ns == 1_000_000_001,
            "nameless": works(lambda: os.close(os.open(folder, os.O_TMPFILE | os.O_RDWR)))}


class Facts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = tempfile.mkdtemp(prefix="polyfs-facts-")
        cls.points = {kind: mount(kind, cls.base) for kind in MOUNTS}

    @classmethod
    def tearDownClass(cls):
        for kind in reversed(MOUNTS):
            run("umount", cls.points[kind])
        shutil.rmtree(cls.base)

    def caps(self, kind, *flags):
        return self.caps_at(self.points[kind], *flags)

    def caps_at(self, point, *flags):
        out = subprocess.run([POLYFS, "caps", "--json", *flags, "file://" + point], check=True, capture_output=True).stdout
        return json.loads(out)

    def durable(self, base, *more, hide=lambda base: None):
        """What a probe tells of an overlay whose layers are below a base, once that was hidden."""
        point = os.path.join(self.base, "layered")
        overlay(base, ("l", "u", "w"), point, *more)
        self.addCleanup(run, "umount", point)
        hide(base)
        self.assertEqual(self.caps_at(point)["facts"]["durable_commit"], "unknown")
        done = subprocess.run([CONFORMANCE, "--gtest_filter=local.facts.*"], env={**os.environ, "TMPDIR": point},
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout[-4000:] + done.stderr)
        return self.caps_at(point, "--probe")["facts"]["durable_commit"]

    def cover(self, base):
        """Another mount over the layers, as in a container: their paths lead nowhere."""
        run("mount", "-t", "tmpfs", "tmpfs", base)
        self.addCleanup(run, "umount", base)

    def cover_with_the_same_names(self, base):
        self.cover(base)
        os.mkdir(base + "/u")

    def test_what_is_told_is_what_happens(self):
        for kind, point in self.points.items():
            with self.subTest(kind):
                caps, real = self.caps(kind), tried(point)
                print(kind, real, {name: caps["facts"][name] for name in ("reflink", "durable_commit")}, flush=True)
                self.assertEqual(caps["limits"]["mtime_resolution_ns"] == 1, real.pop("nanoseconds"))
                self.assertIn(real.pop("nameless"), (True, False))  # no fact: both ways are staged alike
                for name, answer in real.items():
                    told = caps["facts"][name]
                    if told != "unknown":
                        self.assertEqual(told, "yes" if answer else "no", name)

    def test_what_is_known_of_each_kind(self):
        known = {"tmpfs": ("no", "no"), "ext4": ("yes", "no"), "btrfs": ("yes", "yes"),
                 "overlay": ("unknown", "unknown"), "xfs": ("yes", "unknown")}  # an xfs may have been made without reflinks
        for kind, facts in known.items():
            told = self.caps(kind)["facts"]
            self.assertEqual((told["durable_commit"], told["reflink"]), facts, kind)


    def test_a_probe_settles_the_rest(self):
        clones = "yes" if tried(self.points["xfs"])["reflink"] else "no"
        self.assertEqual(self.caps("xfs", "--probe")["facts"]["reflink"], clones)
        told = self.caps("overlay", "--probe")["facts"]
        self.assertEqual((told["durable_commit"], told["reflink"]), ("yes", "no"))  # its upper layer is on ext4

    def test_an_overlay_on_memory_loses_it(self):
        self.assertEqual(self.durable(self.points["tmpfs"]), "no")

    def test_a_volatile_overlay_loses_it(self):
        self.assertEqual(self.durable(self.points["ext4"] + "/volatile", "volatile"), "no")

    def test_a_hidden_upper_layer_stays_unknown(self):
        self.assertEqual(self.durable(self.points["ext4"] + "/hidden", hide=self.cover), "unknown")

    def test_another_folder_of_the_upper_layers_name_tells_nothing(self):
        self.assertEqual(self.durable(self.points["ext4"] + "/taken", hide=self.cover_with_the_same_names), "unknown")


def add_conformance(kind):
    def case(self):
        done = subprocess.run([CONFORMANCE, "--gtest_filter=" + SLOW], env={**os.environ, "TMPDIR": self.points[kind]},
                              capture_output=True, text=True, timeout=100)
        self.assertEqual(done.returncode, 0, done.stdout[-4000:] + done.stderr)
        print(kind, done.stdout.strip().splitlines()[-1].split(), flush=True)

    setattr(Facts, "test_conformance_on_" + kind, case)


for one in MOUNTS:
    add_conformance(one)

if __name__ == "__main__":
    if "--mounted" not in sys.argv:
        if os.geteuid():
            sys.exit("mounts need root; run this test as root")
        os.execvp("unshare", ["unshare", "-m", "--propagation", "private", sys.executable, *sys.argv, "--mounted"])
    unittest.main(argv=sys.argv[:1])
