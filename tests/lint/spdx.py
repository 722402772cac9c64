# SPDX-License-Identifier: Apache-2.0
"""Every source says under which licence it is, in its first line, or in its second behind #!."""
import tree

SOURCES = (".c", ".h", ".cc", ".cpp", ".py", ".sh", ".cmake", ".map", ".in", ".plugin", "CMakeLists.txt", "/run", ".supp")
LINE = "SPDX-License-Identifier: Apache-2.0"


def check(sources):
    paths = sources.files(ext=SOURCES) + sources.files("include", "core", "checkpoint", "plugins", "tools", "examples",
                                                       "tests", "cmake", "pkgconfig", "bench", "bindings", ".ci", ext=SOURCES)
    for path in paths + ["dev"]:
        lines = sources.text(path).splitlines()[:2] + ["", ""]
        if LINE not in lines[1 if lines[0].startswith("#!") else 0]:
            yield f"{path}:1: does not begin with {LINE}"


def without_licence(copy):
    copy.write("core/planted.c", "int planted;\n")


def other_licence(copy):
    copy.replace("dev", "Apache-2.0", "MIT")


if __name__ == "__main__":
    tree.main(check, [(without_licence, "core/planted.c:1"), (other_licence, "dev:1")])
