# SPDX-License-Identifier: Apache-2.0
"""Kills the saver with SIGKILL at random instants of saves of every kind to hdfs://. After each the newest checkpoint must be
the old or the new one, whole, the next save must work, and behind garbage collection the store must hold no file that no record
names; but for a staging file of each kill, which is in no listing and goes with its folder.

kill_test.py SAVER COUNT         with the cluster that the environment names; POLYFS_SEED as for tests/checkpoint/kill_test.py
"""
import functools
import json
import os
import random
import subprocess
import sys

from cluster import URL, files, read, tell, write

KINDS = {"plain": 4, "tensors": 4, "ranks": 4, "async": 4, "gc": 3, "drop": 3}  # the newest when it is done
RECORDS = 5
NEVER_US = 60_000_000
SAVER = sys.argv[1]


def saver(*words, **env):
    return subprocess.run([SAVER, *words], env={**os.environ, **env}, capture_output=True, text=True, check=False)


def left_over(run):
    found = files(run)
    records = [path for path in found if path.startswith(run + "/.ckpt/log/") and "/.polyfs" not in path]
    states = [json.loads(read(path))["body"] for path in records]
    named = {row["attempt"] for state in states for row in state["live"] + state["garbage"]}
    bad = [path for path in found if path not in records and not any(f"/{attempt}/" in path for attempt in named)]
    staged = [path for path in bad if "/.polyfs" in path]
    bad = [path for path in bad if path not in staged] + (staged if len(staged) > 1 else [])
    return bad + ([f"{len(records)} records"] if len(records) > RECORDS else [])


def fresh(number):
    run = f"/kills/run{number}"
    tell(f"copy /kills/template {run}")
    return run


@functools.lru_cache(None)
def length(kind):
    """Microseconds of a save, without the start of Java and the opening of the run."""
    run = fresh(f"-{kind}")
    took = int(saver("save", URL + run, "4", kind, POLYFS_TEST_KILL_SAVE_US=str(NEVER_US)).stdout)
    tell("remove " + run)
    return took


def kill(kind, after_us, number):
    """(whether it was killed, 'old', 'new' or what is wrong)"""
    run = fresh(number)
    done = saver("save", URL + run, "4", kind, POLYFS_TEST_KILL_SAVE_US=str(after_us))
    if done.returncode not in (0, -9):
        return False, f"the save ended with {done.returncode}: {done.stderr}"
    told = saver("check", URL + run, "3", str(KINDS[kind]), kind)
    bad = left_over(run)
    tell("remove " + run)
    if told.returncode or bad:
        return done.returncode == -9, f"{told.stdout} {told.stderr} left behind: {bad[:3]}"
    return done.returncode == -9, told.stdout.strip()


def planted():
    """A check that finds nothing proves nothing: a file of nobody, and bytes that are others."""
    run = fresh("-planted")
    write(f"{run}/step=9/{'0' * 32}/a.bin", b"planted")
    found = [left_over(run) != []]
    newest = max(path for path in files(run) if path.endswith("a.bin") and "step=3" in path)
    write(newest, b"x" * len(read(newest)))
    found.append(saver("check", URL + run, "3", "4").returncode != 0)
    tell("remove " + run)
    print(f"planted mistakes: {'caught' if all(found) else 'NOT caught'}", flush=True)
    return all(found)


def main():
    count, seed = int(sys.argv[2]), int(os.environ.get("POLYFS_SEED", "1"))
    rng = random.Random(seed)
    for step in ("1", "2", "3"):
        done = saver("save", f"{URL}/kills/template", step)
        if done.returncode:
            sys.exit(done.stderr)
    well = planted()
    hits, told, failures = 0, {"old": 0, "new": 0}, []
    for number in range(count):
        kind = rng.choice(list(KINDS))
        after_us = int(rng.random() * length(kind))
        hit, said = kill(kind, after_us, number)
        hits += hit
        if said in told:
            told[said] += 1
        else:
            failures.append(f"{kind} killed after {after_us} us: {said}")
    print(f"{count} instants, seed {seed}: killed {hits}; newest was the old one {told['old']} times, the new one "
          f"{told['new']} times; failures {len(failures)}")
    for failure in failures[:10]:
        print(failure)
    sys.exit(not (well and not failures and hits * 2 >= count))


if __name__ == "__main__":
    main()
