#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ranks as processes, under real torchrun and mpirun and as a launcher would start them: all is well; one dies in the
middle of a save; one is slow; two jobs save to one run. Nobody waits past the deadline, and what is committed is whole.

ranks_test.py RANK_PROGRAM POLYFS [WORLDS [URL]]   e.g. 4,8; runs below URL, else in folders of this machine
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "servers"))
import servers

LINE = re.compile(r"rank (\d+) of (\d+) restart (\d+) (\w+) step (-?\d+) code (-?\d+) after (\d+) ms: (.*)")
TIMEOUT, CONDITION = -17, -3  # of include/polyfs/error.h, checked below
DEADLINE_MS, SLACK_MS = 1500, 3000


def torchrun(world, *more):
    program = os.path.join(os.path.dirname(servers.client_python("lightning")), "torchrun")
    return [program, "--no-python", f"--nproc-per-node={world}", *more]


def mpirun(world, *more):
    if not shutil.which("mpirun"):
        raise servers.Missing("mpirun is missing; install the package openmpi-bin")
    return ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(world), *more]


class Run:
    """A folder of checkpoints, and what ranks told of it."""

    def __init__(self, program, command, url):
        self.program, self.command, self.url = program, command, url
        self.folder = f"{url}/{os.urandom(4).hex()}" if url else tempfile.mkdtemp(prefix="polyfs-ranks-")
        self.bad = []

    def words(self, steps, *more):
        return [self.program, self.folder, str(steps), str(DEADLINE_MS), *more]

    def told(self, out):
        rows = []
        for match in LINE.finditer(out):
            rank, world, restart, what, step, code, ms, why = match.groups()
            rows.append({"rank": int(rank), "world": int(world), "restart": int(restart), "what": what, "step": int(step),
                         "code": int(code), "ms": int(ms), "why": why})
        return rows

    def launch(self, launcher, steps, *more):
        done = subprocess.run([*launcher, *self.words(steps, *more)], capture_output=True, text=True, timeout=120)
        return self.told(done.stdout), done

    def alone(self, world, steps, *more, launch="alone"):
        """Processes of nobody: no launcher ends the others when one dies."""
        env = dict(os.environ, WORLD_SIZE=str(world), TORCHELASTIC_RUN_ID=launch)
        started = [subprocess.Popen(self.words(steps, *more), env=dict(env, RANK=str(rank)), stdout=subprocess.PIPE, text=True)
                   for rank in range(world)]
        return self.told("".join(process.communicate(timeout=120)[0] for process in started))

    def expect(self, well, what):
        if not well:
            self.bad.append(what)

    def newest(self, step, world):
        """It is that step, whole, with a part of every rank."""
        out = subprocess.run([self.command, "ckpt", "show", "--json", self.folder], capture_output=True, text=True).stdout
        rows = [json.loads(line) for line in out.splitlines()] or [{}]
        self.expect(rows[0].get("step") == step, f"the newest is {rows[0].get('step')}, not {step}")
        parts = sorted(row["tensor"] for row in rows[1:])
        self.expect(parts == sorted(f"part.{rank}" for rank in range(world)), f"it has the tensors {parts}")
        verify = subprocess.run([self.command, "ckpt", "verify", self.folder], capture_output=True, text=True)
        self.expect(verify.returncode == 0, f"verify: {verify.stdout}{verify.stderr}")

    def end(self, name):
        if not self.url:
            shutil.rmtree(self.folder, ignore_errors=True)
        print(f"{name}: {'well' if not self.bad else '; '.join(self.bad)}", flush=True)
        return not self.bad


def all_well(run, launcher, world):
    rows, done = run.launch(launcher, 3)
    run.expect(done.returncode == 0, f"status {done.returncode}: {done.stderr[-500:]}")
    run.expect(len(rows) == world * 7, f"{len(rows)} lines of {world * 7}")
    run.expect(all(row["code"] == 0 and row["world"] == world for row in rows), f"{[r for r in rows if r['code']][:3]}")
    run.newest(3, world)
    rows, _ = run.launch(launcher, 4)
    run.expect(all(row["step"] == 3 for row in rows if row["what"] == "resume"), "it does not resume from step 3")
    run.newest(4, world)


def one_dies_and_all_restart(run, world):
    rows, done = run.launch(torchrun(world, "--max-restarts=1"), 3, "1", "die")
    run.expect(done.returncode == 0, f"status {done.returncode}: {done.stderr[-500:]}")
    again = [row for row in rows if row["restart"] == 1]
    run.expect(any(row["what"] == "resume" and row["step"] == 1 for row in again), "nobody resumed from step 1")
    run.expect(not [row for row in again if row["code"]], f"{[row for row in again if row['code']][:3]}")
    run.newest(3, world)


def one_dies_alone(run, world):
    begun = time.monotonic()
    rows = run.alone(world, 2, str(world - 1), "die")
    took = (time.monotonic() - begun) * 1000
    ends = [row for row in rows if row["step"] == 2 and row["code"]]
    run.expect(len(ends) == world - 1, f"{len(ends)} ranks were told of {world - 1}")
    run.expect(all(row["code"] == TIMEOUT for row in ends), f"{ends[:3]}")
    run.expect(all(row["ms"] < DEADLINE_MS + SLACK_MS for row in ends), f"the longest wait was {max([r['ms'] for r in ends] or [0])} ms")
    run.expect(took < 20000, f"it took {took:.0f} ms in all")
    run.newest(1, world)
    rows = run.alone(world, 2, launch="the next")
    run.expect(all(row["code"] == 0 for row in rows), f"{[r for r in rows if r['code']][:3]}")
    run.newest(2, world)


def one_is_slow(run, world):
    rows = run.alone(world, 3, "1", str(DEADLINE_MS + 500))
    missed = [row for row in rows if row["step"] == 2 and row["code"]]
    run.expect(missed and all(row["code"] == TIMEOUT for row in missed), f"{missed[:3]}")
    run.expect(any("1 of" in row["why"] and row["rank"] == 0 for row in missed), "rank 0 does not name who is late")
    run.newest(3, world)


def two_jobs(run, world):
    """The later one takes the run over; the earlier one stops, and nothing is torn."""
    env = dict(os.environ, WORLD_SIZE=str(world))
    jobs = [[subprocess.Popen(run.words(6), env=dict(env, RANK=str(rank), TORCHELASTIC_RUN_ID=f"job{job}"),
                              stdout=subprocess.PIPE, text=True) for rank in range(world)] for job in range(2)]
    rows = [run.told("".join(process.communicate(timeout=120)[0] for process in job)) for job in jobs]
    fenced = [row for job in rows for row in job if row["code"] == CONDITION and row["rank"] == 0]
    run.expect(fenced, "nobody was fenced off")
    verify = subprocess.run([run.command, "ckpt", "verify", run.folder], capture_output=True, text=True)
    run.expect(verify.returncode == 0, f"verify: {verify.stdout}{verify.stderr}")


def check_codes(command):
    header = open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "include", "polyfs", "error.h")).read()
    for name, code in (("TIMEOUT", TIMEOUT), ("CONDITION", CONDITION)):
        if not re.search(rf"POLYFS_{name} = {code}\b", header):
            sys.exit(f"{command}: POLYFS_{name} is not {code}")


def main():
    program, command = sys.argv[1:3]
    worlds = [int(world) for world in (sys.argv[3] if len(sys.argv) > 3 else "4,8").split(",")]
    url = sys.argv[4] if len(sys.argv) > 4 else None
    if url:
        subprocess.run([command, "mb", url], check=True)
    check_codes(command)
    well = True
    for world in worlds:
        scenarios = [(f"torchrun {world}", lambda run, w=world: all_well(run, torchrun(w), w)),
                     (f"mpirun {world}", lambda run, w=world: all_well(run, mpirun(w), w)),
                     (f"torchrun {world}, one dies", lambda run, w=world: one_dies_and_all_restart(run, w)),
                     (f"{world} alone, one dies", lambda run, w=world: one_dies_alone(run, w)),
                     (f"{world} alone, one is slow", lambda run, w=world: one_is_slow(run, w)),
                     (f"{world} alone, two jobs", lambda run, w=world: two_jobs(run, w))]
        for name, scenario in scenarios:
            run = Run(program, command, url)
            scenario(run)
            well &= run.end(name)
    sys.exit(not well)


if __name__ == "__main__":
    main()
