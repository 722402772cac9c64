/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a shared object says of itself. Only pread(2) touches the file: no byte of it is mapped, so a file that is cut
 * while it is looked at gives a reason, not SIGBUS. Every number in it is hostile until checked.
 */
#include "core/elf.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <unistd.h>

#define SYMBOLS_MAX 1000000u
#define SOME 64u

/* A network file system may give less at a time, or be interrupted. */
static int read_at(int fd, void *to, size_t bytes, uint64_t at)
{
    char *next = to;
    while (bytes && at <= INT64_MAX) {
        ssize_t n = pread(fd, next, bytes, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        next += n;
        bytes -= (size_t)n;
        at += (uint64_t)n;
    }
    return !bytes;
}

/* Class, byte order and machine are those of the code that runs here. */
static int same_machine(const ElfW(Ehdr) * header)
{
    static const char here;
    ElfW(Ehdr) own;
    Dl_info info;
    if (!dladdr(&here, &info) || !info.dli_fbase)
        return 1; /* then the dynamic linker tells */
    memcpy(&own, info.dli_fbase, sizeof(own));
    return own.e_machine == header->e_machine && own.e_ident[EI_CLASS] == header->e_ident[EI_CLASS] &&
           own.e_ident[EI_DATA] == header->e_ident[EI_DATA];
}

static int has_name(int fd, const ElfW(Shdr) * names, const ElfW(Sym) * symbol, const char *wanted)
{
    char name[64];
    size_t bytes = strlen(wanted) + 1;
    if (symbol->st_shndx == SHN_UNDEF || ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || bytes > sizeof(name))
        return 0;
    if (symbol->st_name >= names->sh_size || names->sh_size - symbol->st_name < bytes)
        return 0;
    return read_at(fd, name, bytes, names->sh_offset + symbol->st_name) && memcmp(name, wanted, bytes) == 0;
}

static int symbols_have(int fd, const ElfW(Shdr) * symbols, const ElfW(Shdr) * names, const char *wanted)
{
    ElfW(Sym) some[SOME];
    uint64_t count = symbols->sh_size / sizeof(some[0]);
    for (uint64_t at = 0; at < count && at < SYMBOLS_MAX; at += SOME) {
        uint64_t n = count - at < SOME ? count - at : SOME;
        if (!read_at(fd, some, n * sizeof(some[0]), symbols->sh_offset + at * sizeof(some[0])))
            return 0;
        for (uint64_t i = 0; i < n; i++)
            if (has_name(fd, names, &some[i], wanted))
                return 1;
    }
    return 0;
}

/* 1 when its table of dynamic symbols defines the function, 0 when not, -1 when it has no such table to look at. */
static int defines(int fd, const ElfW(Ehdr) * header, const char *wanted)
{
    ElfW(Shdr) section, names;
    if (header->e_shentsize != sizeof(section))
        return -1;
    for (uint64_t i = 0; i < header->e_shnum; i++) {
        if (!read_at(fd, &section, sizeof(section), header->e_shoff + i * sizeof(section)))
            return -1;
        if (section.sh_type != SHT_DYNSYM)
            continue;
        if (section.sh_link >= header->e_shnum ||
            !read_at(fd, &names, sizeof(names), header->e_shoff + section.sh_link * sizeof(names)))
            return -1;
        return symbols_have(fd, &section, &names, wanted);
    }
    return -1;
}

int pfs_elf_check(int fd, const char *path, const char *symbol, struct polyfs_error *err)
{
    ElfW(Ehdr) header;
    if (!read_at(fd, &header, sizeof(header), 0) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return polyfs_fail(err, POLYFS_PLUGIN, "%s is no shared object", path);
    if (!same_machine(&header))
        return polyfs_fail(err, POLYFS_PLUGIN, "%s was built for another kind of machine; get a build for this one",
                           path);
    if (header.e_type != ET_DYN)
        return polyfs_fail(err, POLYFS_PLUGIN, "%s is no shared object", path);
    if (!defines(fd, &header, symbol))
        return polyfs_fail(err, POLYFS_PLUGIN, "%s does not define %s itself, so it is no plugin of this contract",
                           path, symbol);
    return POLYFS_OK;
}
