#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cuts the power at every system call of a save that changes or orders anything, on an ext4 of its own; once the file system
is back, the newest checkpoint must be the old or the new one, whole, the next save must work, and garbage collection must
leave nothing behind. What had returned must be there.

power_test.py SAVER MUTANT.so [--mutants]
With --mutants: a saver without any fsync, and one that gives the record its name before the data, must be caught.

The saver is killed when it enters the call, so the call does nothing, and the file system is shut down (EXT4_IOC_SHUTDOWN):
from then on nothing reaches the disk. What the kernel does for the dead process in between (it closes its files) happens in
memory, and all that is in memory goes when the file system is unmounted. So the disk holds what it held when the call was
entered, as after a power cut. The cut after a call is the one before the next: calls that are left out in between change
nothing, and the last point is behind the return. Mounting again replays the journal.

Every point is cut twice, for the kernel writes by itself at times: with the journal as the last fsync left it, and with the
journal written at this very moment, but not the data of files that were not synced (ext4 gives them a size only with their
data). Nothing else is written: journal and write-back wait for seconds, longer than a point takes.
"""
import fcntl
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

from kill_test import KINDS, Crash, run_instants, run_points, sample, verdict
from recording import need

SHUTDOWN = 0x8004587D
CUTS = {"as it was": 2, "just written": 1}  # the journal: EXT4_GOING_FLAGS_NOLOGFLUSH, _LOGFLUSH
IMAGE_BYTES = 16 << 20
WITHOUT_EFFECT = {"fstat", "newfstatat", "statx", "fstatfs", "lseek", "getdents64", "fcntl", "access", "readlink", "readlinkat",
                  "fgetxattr", "flistxattr", "pread64", "read", "mmap", "openat2"}
LEAST = 200


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def has_effect(call):
    """A folder that is there already, or a file that is only opened, is none."""
    if call.name in WITHOUT_EFFECT or " = -1 " in call.text:
        return False
    return call.name != "openat" or "O_CREAT" in call.text or "O_TMPFILE" in call.text


def newest_record(run_folder):
    return min(os.listdir(f"{run_folder}/.ckpt/log"))


class PowerCut(Crash):
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # a disk in memory: hundreds of mounts
    at_once = 1  # a child of one thread would hold the other's file system for a moment
    journal = "as it was"

    def mount(self, image, point):
        os.makedirs(point, exist_ok=True)
        run("mount", "-o", "loop,commit=300", image, point)
        return f"{point}/run"

    def make(self, template):
        self.image = f"{self.folder}/image"
        with open(self.image, "wb") as file:
            file.truncate(IMAGE_BYTES)
        run("mkfs.ext4", "-qF", "-b", "4096", "-J", "size=4", self.image)
        super().make(self.mount(self.image, template))
        run("umount", template)

    def fresh(self):
        folder = tempfile.mkdtemp(dir=self.folder)
        run("cp", "--sparse=always", self.image, f"{folder}/image")
        return self.mount(f"{folder}/image", f"{folder}/disk")

    def end(self, run_folder):
        disk = os.path.dirname(run_folder)
        run("umount", disk)
        shutil.rmtree(os.path.dirname(disk))

    def points(self):
        calls = self.recorded()
        return [(c.name, c.nth, c.text[:80]) for c in calls if has_effect(c) or c is calls[-1]]

    def cut(self, run_folder):
        disk = os.path.dirname(run_folder)
        fd = os.open(disk, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", CUTS[self.journal]))
        os.close(fd)
        run("umount", disk)
        self.mount(f"{os.path.dirname(disk)}/image", disk)

    def check(self, run_folder):
        """Whatever was done, it is the old again when its record is lost."""
        before = newest_record(run_folder)
        self.cut(run_folder)
        lost = newest_record(run_folder) != before
        well, said = super().check(run_folder)
        return well, "old" if well and lost else said


def cut_all(crash, points):
    """At each of the points, both ways: (cuts, not reached, failures)."""
    cuts, missed, failures = 0, 0, []
    for journal in CUTS:
        print(f"{crash.kind}, journal {journal}: ", end="")
        crash.journal = journal
        hit, none, bad = run_points(crash, points)
        cuts, missed = cuts + hit, missed + none
        failures += [f"{crash.kind}, journal {journal}: {f}" for f in bad]
    return cuts, missed, failures


def mutants(saver, mutant):
    missed = []
    for name in ("no-fsync", "record-first"):
        crash = PowerCut(saver, env=dict(os.environ, LD_PRELOAD=mutant, MUTANT=name))
        _, _, failures = cut_all(crash, crash.points())
        crash.close()
        print(f"{name}: {failures[0] if failures else 'NOT caught'}", flush=True)
        missed += [] if failures else [name]
    sys.exit(f"not caught: {missed}" if missed else 0)


def main():
    saver, mutant = sys.argv[1:3]
    need("mkfs.ext4", "e2fsprogs")
    if "--mutants" in sys.argv:
        mutants(saver, mutant)
    seed, limit = int(os.environ.get("POLYFS_SEED", "1")), int(os.environ.get("POLYFS_CRASH_POINTS", "0"))
    rng = random.Random(seed)
    listed, cuts, missed, failures = 0, 0, 0, []
    kinds = [*KINDS, "async"]
    for kind in kinds:
        crash = PowerCut(saver, kind)
        points = sample(crash.points(), limit // len(kinds), rng)
        listed += len(points)
        cut, none, bad = cut_all(crash, points)
        cuts, missed, failures = cuts + cut, missed + none, failures + bad
        if kind == "async":
            cut, bad = run_instants(crash, rng)
            cuts, failures = cuts + cut, failures + bad
        crash.close()
    print(f"{listed} points, the power cut {cuts} times")
    verdict(cuts, missed, failures)
    if not limit and listed < LEAST:
        sys.exit(f"too few points: {listed}")


if __name__ == "__main__":
    if "--mounted" not in sys.argv:
        if os.geteuid():
            sys.exit("mounts need root; run this test as root")
        os.execvp("unshare", ["unshare", "-m", "--propagation", "private", sys.executable, *sys.argv, "--mounted"])
    main()
