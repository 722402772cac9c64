# SPDX-License-Identifier: Apache-2.0
"""An installation in a temporary folder, made of a build that is there already, and commands run against it."""
import os
import shutil
import subprocess
import sys
import tempfile

SOURCE, BUILD = (os.path.abspath(path) for path in sys.argv[1:3])


def run(*words, env=None, cwd=None):
    """Standard output of a command that must succeed."""
    done = subprocess.run(words, env=env, cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def check(what, good, told=""):
    if not good:
        sys.exit(f"failed: {what}\n{told}")
    print(f"ok: {what}")


def need(*programs):
    packages = {"pkg-config": "pkg-config", "cmake": "cmake", "make": "make", "cc": "build-essential", "ninja": "ninja-build"}
    for program in programs:
        if not shutil.which(program):
            sys.exit(f"{program} is missing: apt-get install {packages[program]}")


class Prefix:
    """A folder with `prefix` (installed) and `home`; gone at the end."""

    def __enter__(self):
        self.temp = tempfile.mkdtemp(prefix="polyfs-install-")
        self.home = self.temp + "/home"
        os.mkdir(self.home)
        self.at(self.temp + "/prefix")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.temp)

    def at(self, folder):
        """Where it is from now on."""
        self.prefix = folder
        keep = ("PATH", "LANG", "TMPDIR", "CCACHE_DIR")
        self.env = {name: os.environ[name] for name in keep if name in os.environ}
        self.env |= {"HOME": self.home, "PATH": f"{folder}/bin:{self.env['PATH']}",
                     "PKG_CONFIG_PATH": f"{folder}/lib/pkgconfig", "LD_LIBRARY_PATH": f"{folder}/lib"}

    def dev(self, verb, *words):
        env = os.environ | {"POLYFS_INSTALL_FROM": BUILD, "POLYFS_BUILD": self.temp + "/record"}
        return run(SOURCE + "/dev", verb, *words, env=env)

    def run(self, *words, cwd=None, **more):
        return run(*words, env=self.env | more, cwd=cwd)

    def files(self, folder=None):
        return sorted(os.path.join(at, name) for at, _, names in os.walk(folder or self.prefix) for name in names)
