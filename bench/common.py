# SPDX-License-Identifier: Apache-2.0
"""What the measurements share: one program measured, files to measure with, and the table that is kept."""
import datetime
import os
import platform
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
GIB, MIB = 1 << 30, 1 << 20
# As it was when the run began: what is committed meanwhile was not measured.
COMMIT = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=False).stdout.strip()


def run(helper, words, tries=1, env=None, told=os.devnull):
    """Wall seconds, CPU seconds and peak KiB of one program; what it prints goes to the file @told. One that is somebody
    else's may crash now and then: it is said, and run again."""
    with open(told, "wb") as out:
        done = subprocess.run([helper, "run", *words], env=env, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode and tries > 1:
        print(f"run again: {' '.join(words)}: {done.stderr}", flush=True)
        return run(helper, words, tries - 1, env, told)
    if done.returncode:
        sys.exit(f"{' '.join(words)}: {done.stderr}")
    return tuple(float(word) for word in done.stderr.split("\n")[-2].split())


def write_file(path, fill, size=GIB):
    """A file of so many whole MiB, of pieces that @fill gives."""
    with open(path, "wb") as file:
        for _ in range(size // MIB):
            file.write(fill(MIB))


def write_many(folder, count):
    """So many empty files."""
    os.mkdir(folder)
    for i in range(count):
        with open(os.path.join(folder, f"object-{i:06}"), "wb"):
            pass


def make_room(path, size=GIB):
    """A file of this size was here just now: to the first that writes one, pages come from a host, to the next from the kernel."""
    write_file(path, bytes, size)
    os.remove(path)


def medians(rows):
    """Of each column."""
    return [statistics.median(column) for column in zip(*rows)]


def in_turn(things, number):
    """In an order that turns with each round."""
    turn = number % len(things)
    return things[turn:] + things[:turn]


def machine(folder):
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if "model name" in line), "?")
    memory = next(int(line.split()[1]) // 1048576 for line in open("/proc/meminfo", encoding="utf-8") if "MemTotal" in line)
    kind = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=True).stdout.strip()
    return f"{cpu}, {os.cpu_count()} CPUs, {memory} GiB, Linux {platform.release()}, {kind}"


def write_table(name, about, notes, rows):
    """bench/results/NAME.tsv; @about: the machine; the first row has the names of the columns."""
    os.makedirs(os.path.join(HERE, "results"), exist_ok=True)
    with open(os.path.join(HERE, "results", name + ".tsv"), "w", encoding="utf-8") as file:
        file.write(f"# {datetime.date.today()}  commit {COMMIT}  {about}\n# {notes}\n")
        file.writelines("\t".join(row) + "\n" for row in rows)
