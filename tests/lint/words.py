# SPDX-License-Identifier: Apache-2.0
"""6. Words that do not belong where they stand: unsafe calls, output and exits in libraries, getenv, loose TODOs, skips."""
import re

import tree

NOT_A_MEMBER = r"(?<![\w.>])"
LIBRARY = ("core", "checkpoint", "plugins")
PROGRAMS = ("core/manifest_main.c",)  # sources of programs in folders of libraries

# (where, except in, pattern, what to do instead); patterns see code without comments and strings.
RULES = [
    (LIBRARY + ("tools", "examples"), (), r"\b(strcpy|strcat|sprintf|vsprintf|strtok|gets|tmpnam|mktemp|alloca)\s*\(",
     "use the form that takes a size"),
    (LIBRARY + ("tools",), ("tools/polyfs/main.c",), r"\b(atoi|atol|atoll|atof|strtod|strerror|setlocale)\s*\(",
     "it cannot fail, or depends on locale or thread; use g_ascii_…, strtoll with errno, strerrordesc_np"),
    (LIBRARY, PROGRAMS, NOT_A_MEMBER + r"(system|popen|abort|exit|_Exit|quick_exit|printf|puts|putchar|fprintf|vprintf|perror)\s*\(",
     "a library neither prints nor ends its process"),
    (LIBRARY, (), r"\b(g_error|g_warning|g_message|g_print|g_printerr|g_assert\w*|g_return_\w+|g_critical|assert)\s*\(",
     "a library neither prints nor ends its process"),
    (LIBRARY, (), r"\b(g_malloc0?|g_malloc0?_n|g_realloc|g_realloc_n|g_memdup2?|g_try_malloc0?_n|g_new0?|g_renew)\s*\(",
     "it aborts without memory; g_try_… or malloc, and NOMEM"),
    (LIBRARY, ("core/runtime.c",), r"\batexit\s*\(", "core/runtime.c has the one exit handler"),
    (LIBRARY, ("checkpoint/preempt.c",), NOT_A_MEMBER + r"(signal|sigaction|sigprocmask|umask|chdir|fchdir|dup2|daemon)\s*\(",
     "a guest leaves signals, umask, folder and descriptors of its host alone"),
    (LIBRARY, (), NOT_A_MEMBER + r"(rand|srand|random|drand48|localtime|gmtime|asctime|ctime|readdir_r|getpwnam|gethostbyname)\s*\(",
     "it is not safe among threads; getrandom, gmtime_r"),
    (LIBRARY, ("core/options.c", "checkpoint/ranks.c"), r"\b(secure_getenv|getenv|g_getenv|setenv|putenv|unsetenv|environ)\b",
     "the environment is read in core/options.c and, of launchers, in checkpoint/ranks.c, on the caller's thread"),
    (LIBRARY + ("tools",), ("plugins/support/",), r"\bcurl_\w+\s*\(", "libcurl is spoken in plugins/support/http alone"),
    (("plugins/support",), ("plugins/support/http",), r"\bcurl_\w+\s*\(", "libcurl is spoken in plugins/support/http alone"),
    (("include",), (), r"^    (?! ).*\b(bool|long|off_t|time_t|va_list|ssize_t|wchar_t)\s+\**\w+\s*;",
     "members that cross have fixed widths"),
]


def check(sources):
    for folders, exempt, pattern, advice in RULES:
        for path in sources.files(*folders, ext=(".c", ".h")):
            if path.startswith(exempt or ("?",)):
                continue
            code = sources.code(path)
            for match in re.finditer(pattern, code, re.M):
                yield f"{path}:{tree.line_of(code, match.start())}: {match.group(0).strip()}: {advice}"
    yield from loose_ends(sources)
    yield from skips(sources)


def skips(sources):
    """A test that is left out looks like one that passed. A conformance case is n/a by NOT_APPLICABLE, which is counted."""
    for path in sources.files("tests", ext=(".h", ".cc", ".py", ".txt", ".cmake")):
        if path.startswith("tests/lint/") or path == "tests/conformance/case.h":
            continue
        for number, line in enumerate(sources.text(path).splitlines(), 1):
            found = re.search(r"\bGTEST_SKIP\b|\bDISABLED_|(?i:\bskip_?test\b)|unittest\.skip|\bSKIP_RE\w+", line)
            if found:
                yield f"{path}:{number}: {found.group(0)}: no test is skipped; let it fail and name what is missing"


def loose_ends(sources):
    """TODO and its kin name the issue that will end them: TODO(#12)."""
    for path in sources.files("include", "core", "checkpoint", "plugins", "tools", "examples", "tests", "cmake",
                              ext=(".c", ".h", ".cc", ".py", ".txt", ".cmake", ".sh")):
        if path.startswith("tests/lint/"):
            continue
        for number, line in enumerate(sources.text(path).splitlines(), 1):
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))", line):
                yield f"{path}:{number}: say which issue ends it: TODO(#12)"


def unsafe_call(copy):
    copy.append("core/url.c", "void f(char *a) { strcpy(a, a); }\n")


def output_in_a_library(copy):
    copy.append("plugins/local/fs.c", "void f(void) { printf(\"x\"); }\n")


def environment_in_a_plugin(copy):
    copy.append("plugins/local/fs.c", "char *f(void) { return getenv(\"x\"); }\n")


def abort_without_memory(copy):
    copy.append("checkpoint/find.c", "void *f(size_t n) { return g_malloc(n); }\n")


def curl_in_a_store(copy):
    copy.append("plugins/memory/fs.c", "void f(void) { curl_easy_init(); }\n")


def loose_todo(copy):
    copy.append("core/url.c", "/* TODO later */\n")


def skipped_case(copy):
    copy.append("tests/unit/memory/race_test.cc", "TEST_F(RaceTest, Planted)\n{\n    GTEST_SKIP();\n}\n")


def skipped_python(copy):
    copy.append("tests/tools/pages_test.py", "def f(self):\n    self.skipTest(\"planted\")\n")


def skipped_by_ctest(copy):
    copy.append("tests/tools/CMakeLists.txt", "set_tests_properties(x PROPERTIES SKIP_RETURN_CODE 77)\n")


def word_in_a_comment_is_fine(copy):
    """With a mistake behind it, so that the check has something to say."""
    copy.append("core/url.c", "/* strcpy( */ /* getenv( */\nint *g(void) { return \"atoi(\"; }\nvoid h(void) { exit(1); }\n")


if __name__ == "__main__":
    root = tree.Tree(*tree.sys.argv[1:3])
    tree.main(check, [(unsafe_call, "core/url.c.*strcpy"), (output_in_a_library, "local/fs.c.*printf"),
                      (environment_in_a_plugin, "local/fs.c.*getenv"), (abort_without_memory, "find.c.*g_malloc"),
                      (curl_in_a_store, "memory/fs.c.*curl_easy_init"), (loose_todo, "core/url.c.*which issue"),
                      (skipped_case, "race_test.cc.*GTEST_SKIP"), (skipped_python, "pages_test.py.*skipTest"),
                      (skipped_by_ctest, "tools/CMakeLists.txt.*SKIP_RETURN_CODE"),
                      (word_in_a_comment_is_fine, r"core/url.c:\d+: exit")], narrow=True)
