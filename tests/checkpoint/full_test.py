#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A disk that becomes full in the middle of a save, a page later each time: in a file, in the manifest, in the record. The
save fails and says so, also when a thread makes it; the newest checkpoint stays whole, and with room the next save works
and garbage collection leaves nothing.

full_test.py SAVER POLYFS      mounts a tmpfs in a mount namespace of its own
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

PAGE = 4096
KINDS = ("plain", "tensors", "ranks", "async", "again")
MANY = ("plain",)  # page by page; of the others a few
WHERE = ("a.bin", "b.bin", "manifest.json", ".ckpt/log/")


def saver(*words):
    return subprocess.run([SAVER, *words], capture_output=True, text=True)


class Disk:
    """A tmpfs with a run of three steps, from which nothing is due to be removed, and a file that takes the room."""

    def __init__(self, folder):
        self.template, self.mount = f"{folder}/template", f"{folder}/disk"
        self.run, self.ballast = f"{self.mount}/run", f"{self.mount}/ballast"
        for step in ("1", "2", "3"):
            subprocess.run([SAVER, "save", self.template, step], check=True)
        for _ in range(2):
            subprocess.run([SAVER, "save", self.template, "0", "open"], check=True)
        os.mkdir(self.mount)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", self.mount], check=True)

    def pages(self):
        return os.statvfs(self.mount).f_bavail * os.statvfs(self.mount).f_bsize // PAGE

    def fresh(self, room=None):
        """The run as it was; with so many pages of room, if that is given."""
        shutil.rmtree(self.run, ignore_errors=True)
        self.make_room()
        shutil.copytree(self.template, self.run)
        if room is not None:
            with open(self.ballast, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, (self.pages() - room) * PAGE)

    def make_room(self):
        if os.path.exists(self.ballast):
            os.remove(self.ballast)

    def need(self, kind):
        """Pages that a save takes."""
        self.fresh()
        before = self.pages()
        subprocess.run([SAVER, "save", self.run, "4", kind], check=True)
        return before - self.pages()


def full(disk, kind, room):
    """(what the save said, whether it was done, what is wrong)"""
    disk.fresh(room)
    save, bad = saver("save", disk.run, "4", kind), []
    whole = subprocess.run([POLYFS, "ckpt", "verify", disk.run], capture_output=True, text=True)
    if whole.returncode:
        bad.append(f"while it is full: {whole.stdout}{whole.stderr}")
    if save.returncode and not ("no_space: " in save.stderr and "the disk is full" in save.stderr):
        bad.append(f"it does not say why: {save.stderr}")
    disk.make_room()
    check = saver("check", disk.run, "3", "4")
    if check.returncode or check.stdout.strip() != ("old" if save.returncode else "new"):
        bad.append(f"status {save.returncode}, but then: {check.stdout}{check.stderr}")
    return save.stderr, not save.returncode, bad


def amounts(kind, need):
    """Pages of room: up to what is enough, but for who saves again and would find the next one's end there."""
    last = need - 1 if kind == "again" else need + 4
    return range(last + 1) if kind in MANY else [0, 1, need // 2, *range(need - 4, last + 1)]


def sweep(disk, kind):
    """Whether all is well from no room to enough of it; every place where a save can meet the end of the disk is met."""
    need, met, failures, done = disk.need(kind), set(), [], 0
    rooms = amounts(kind, need)
    for room in rooms:
        told, well, bad = full(disk, kind, room)
        failures += [f"{kind}, {room} pages of room: {each}" for each in bad]
        met |= {place for place in WHERE if re.search(re.escape(place), told)}
        done += well
    print(f"{kind}: {len(rooms)} amounts of room, of {need} pages; saved {done} times; full in {sorted(met)}; failures {len(failures)}",
          flush=True)
    for failure in failures[:5]:
        print(failure)
    if kind in MANY and met != set(WHERE) or done == len(rooms) or (not done and kind != "again"):
        failures.append(f"{kind}: not every place was met")
        print(failures[-1])
    return not failures


def main():
    with tempfile.TemporaryDirectory(prefix="polyfs-full-") as folder:
        disk = Disk(folder)
        try:
            well = all([sweep(disk, kind) for kind in KINDS])
        finally:
            subprocess.run(["umount", disk.mount], check=True)
    sys.exit(not well)


if __name__ == "__main__":
    SAVER, POLYFS = sys.argv[1:3]
    if "--inside" not in sys.argv:
        os.execvp("unshare", ["unshare", "-m" if os.geteuid() == 0 else "-rm", sys.executable, *sys.argv, "--inside"])
    main()
