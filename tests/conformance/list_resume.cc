/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a listing begins, how much of it is wanted, and where another one goes on: limit, page size, start_after and
 * tokens, each at every position of a tree that has the order's pitfalls in it.
 */
#include "case.h"

namespace conformance
{

namespace
{

using Strings = std::vector<std::string>;

const uint32_t all_flags[] = {0, POLYFS_LS_RECURSIVE, POLYFS_LS_RECURSIVE | POLYFS_LS_DIRS};

} // namespace

/* Names whose order differs between "as strings" and "as keys". */
#define MAKE_TREE()                                                                                                \
    for (const char *name : {"a-b", "a/x", "a/y/z", "a0", "aa/1", "b", "c/d/e", "c/f"})                            \
    ASSERT_CODE(POLYFS_OK, Put(name, name))

#define LIST_INTO(names, folder, opts)                                                                             \
    do {                                                                                                           \
        std::vector<Row> rows_;                                                                                    \
        ASSERT_CODE(POLYFS_OK, List(folder, &(opts), &rows_));                                                     \
        for (const Row &row_ : rows_)                                                                              \
            (names).push_back(Relative(row_));                                                                     \
    } while (0)

CONFORMANCE_CASE(list, Limit)
{
    MAKE_TREE();
    for (uint32_t flags : all_flags) {
        Strings all = Names("", flags);
        for (size_t limit = 1; limit <= all.size() + 1; limit++) {
            polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
            Strings got;
            opts.flags = flags;
            opts.limit = limit;
            LIST_INTO(got, "", opts);
            EXPECT_EQ(Strings(all.begin(), all.begin() + static_cast<ptrdiff_t>(std::min(limit, all.size()))), got)
                << "limit " << limit << " flags " << flags;
        }
    }
}

CONFORMANCE_CASE(list, PageSize)
{
    MAKE_TREE();
    for (uint32_t flags : all_flags) {
        Strings all = Names("", flags);
        for (uint32_t size : {1u, 2u, 3u, 1000000u}) {
            polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
            Strings got;
            opts.flags = flags;
            opts.page_size = size;
            LIST_INTO(got, "", opts);
            if (!Yes(POLYFS_FACT_ORDERED_LIST))
                std::sort(got.begin(), got.end()), std::sort(all.begin(), all.end());
            EXPECT_EQ(all, got) << "pages of " << size << " flags " << flags;
        }
    }
}

CONFORMANCE_CASE(list, StartAfter)
{
    MAKE_TREE();
    for (uint32_t flags : all_flags) {
        Strings all = Names("", flags);
        Strings starts = all;
        for (const char *between : {"a", "a.", "a/", "a/w", "a/y/zz", "azz", "c/d", "zzz", "0"})
            starts.push_back(between);
        for (const std::string &start : starts) {
            polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
            Strings got, wanted;
            std::string path = P(start);
            for (const std::string &name : all)
                if (name > start)
                    wanted.push_back(name);
            opts.flags = flags;
            opts.start_after = path.c_str();
            LIST_INTO(got, "", opts);
            EXPECT_EQ(wanted, got) << "behind " << start << " flags " << flags;
        }
    }
}

CONFORMANCE_CASE(list, TokenAtEveryPlace)
{
    if (No(POLYFS_FACT_ORDERED_LIST))
        NOT_APPLICABLE("the store lists in no order");
    MAKE_TREE();
    for (uint32_t flags : all_flags) {
        Strings all = Names("", flags);
        for (size_t taken = 1; taken <= all.size(); taken++) {
            polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
            polyfs_lister *raw = nullptr;
            opts.flags = flags;
            opts.limit = taken;
            ASSERT_CODE(POLYFS_OK, polyfs_list_open(fs(), P().c_str(), &opts, &raw, E()));
            Lister lister(raw);
            const polyfs_entry *rows;
            size_t count;
            while (polyfs_list_next(raw, &rows, &count, E()) == POLYFS_MORE)
                ;
            char *token = nullptr;
            ASSERT_CODE(POLYFS_OK, polyfs_list_token(raw, &token, E()));
            Text owner(token);
            Strings got;
            opts.limit = 0;
            opts.token = token;
            LIST_INTO(got, "", opts);
            EXPECT_EQ(Strings(all.begin() + static_cast<ptrdiff_t>(taken), all.end()), got)
                << "behind " << taken << " rows, flags " << flags;
        }
    }
}

/* A page at a time, each by a lister of its own, as a stateless server would. */
CONFORMANCE_CASE(list, TokenByToken)
{
    if (No(POLYFS_FACT_ORDERED_LIST))
        NOT_APPLICABLE("the store lists in no order");
    MAKE_TREE();
    for (uint32_t flags : all_flags) {
        Strings got;
        std::string token;
        for (unsigned page = 0; page < 30; page++) {
            polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
            polyfs_lister *raw = nullptr;
            const polyfs_entry *rows = nullptr;
            size_t count = 0;
            opts.flags = flags;
            opts.page_size = 2;
            opts.token = token.empty() ? nullptr : token.c_str();
            Fs other = OpenAnother();
            ASSERT_CODE(POLYFS_OK, polyfs_list_open(other.get(), P().c_str(), &opts, &raw, E()));
            Lister lister(raw);
            int rc = polyfs_list_next(raw, &rows, &count, E());
            ASSERT_GE(rc, 0) << Why();
            for (size_t i = 0; i < count; i++)
                got.push_back(Relative({rows[i].path, rows[i].type, 0, 0, 0, "", ""}));
            if (rc == POLYFS_OK)
                break;
            char *next = nullptr;
            ASSERT_CODE(POLYFS_OK, polyfs_list_token(raw, &next, E()));
            token = next;
            polyfs_free(next);
        }
        EXPECT_EQ(Names("", flags), got) << "flags " << flags;
    }
}

CONFORMANCE_CASE(list, ForeignTokens)
{
    if (No(POLYFS_FACT_ORDERED_LIST))
        NOT_APPLICABLE("the store lists in no order");
    MAKE_TREE();
    polyfs_lister *raw = nullptr;
    const polyfs_entry *rows;
    size_t count;
    char *token = nullptr;
    ASSERT_CODE(POLYFS_OK, polyfs_list_open(fs(), P("a").c_str(), nullptr, &raw, E()));
    Lister lister(raw);
    ASSERT_GE(polyfs_list_next(raw, &rows, &count, E()), 0);
    ASSERT_CODE(POLYFS_OK, polyfs_list_token(raw, &token, E()));
    Text owner(token);
    std::string changed = token;
    changed[changed.size() / 3] = changed[changed.size() / 3] == 'A' ? 'B' : 'A';
    std::vector<Row> got;
    polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    opts.token = token;
    EXPECT_CODE(POLYFS_INVALID, List("c", &opts, &got)) << "of another folder";
    opts.flags = POLYFS_LS_RECURSIVE;
    EXPECT_CODE(POLYFS_INVALID, List("a", &opts, &got)) << "of another kind of listing";
    opts.flags = 0;
    for (const char *bad : {"", "x", "no token at all", "AAAAAAAAAAAAAAAAAAAAAA==", changed.c_str()}) {
        opts.token = bad;
        EXPECT_CODE(POLYFS_INVALID, List("a", &opts, &got)) << "\"" << bad << "\"";
    }
    EXPECT_TRUE(got.empty());
}

CONFORMANCE_CASE(list, UnorderedHasNoToken)
{
    MAKE_TREE();
    polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    polyfs_lister *raw = nullptr;
    const polyfs_entry *rows;
    size_t count;
    char *token = nullptr;
    opts.flags = POLYFS_LS_UNORDERED;
    ASSERT_CODE(POLYFS_OK, polyfs_list_open(fs(), P().c_str(), &opts, &raw, E()));
    Lister lister(raw);
    ASSERT_GE(polyfs_list_next(raw, &rows, &count, E()), 0);
    EXPECT_CODE(POLYFS_UNSUPPORTED, polyfs_list_token(raw, &token, E()));
    EXPECT_EQ(nullptr, token);
}

/* All at once: behind a key, one level, at most so many, in small pages (object_store#291). */
CONFORMANCE_CASE(list, StartAfterAndLimitAndPages)
{
    MAKE_TREE();
    polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    std::string start = P("a-b");
    Strings got;
    opts.start_after = start.c_str();
    opts.limit = 3;
    opts.page_size = 2;
    LIST_INTO(got, "", opts);
    EXPECT_EQ((Strings{"a/", "a0", "aa/"}), got);
}

} // namespace conformance
