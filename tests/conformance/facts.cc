/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts, proven both ways: what is `yes` works, what is `no` is UNSUPPORTED before anything is sent, and limits hold.
 * Facts that belong to one verb are proven beside it (conditions.cc, rename.cc, metadata.cc, append.cc, shapes.cc).
 */
#include <set>

#include "case.h"

namespace conformance
{

CONFORMANCE_CASE(facts, Answers)
{
    std::set<std::string> names;
    for (uint32_t fact = 0; fact < POLYFS_FACT_COUNT; fact++) {
        ASSERT_NE(nullptr, polyfs_fact_name(fact)) << fact;
        EXPECT_TRUE(names.insert(polyfs_fact_name(fact)).second) << polyfs_fact_name(fact);
        EXPECT_LE(Fact(fact), POLYFS_EMULATED) << polyfs_fact_name(fact);
    }
    EXPECT_EQ(nullptr, polyfs_fact_name(POLYFS_FACT_COUNT));
    EXPECT_EQ(nullptr, polyfs_fact_name(UINT32_MAX));
    EXPECT_NE(0u, caps().shapes) << "a store that can be written to has a shape";
    EXPECT_EQ(0u, caps().shapes & ~15u);
    EXPECT_EQ(0u, caps().condition_shapes & ~caps().shapes);
}

CONFORMANCE_CASE(facts, OneImpliesTheOther)
{
    auto implies = [this](uint32_t one, uint32_t other) {
        if (Fact(one) == POLYFS_YES) {
            EXPECT_FALSE(No(other)) << polyfs_fact_name(one) << " without " << polyfs_fact_name(other);
        }
    };
    implies(POLYFS_FACT_RENAME_ATOMIC, POLYFS_FACT_RENAME);
    implies(POLYFS_FACT_RENAME_NO_REPLACE, POLYFS_FACT_RENAME);
    implies(POLYFS_FACT_RENAME_DIR, POLYFS_FACT_RENAME);
    implies(POLYFS_FACT_RENAME_CONDITION, POLYFS_FACT_RENAME);
    implies(POLYFS_FACT_COPY_CONDITION, POLYFS_FACT_COPY);
    implies(POLYFS_FACT_REFLINK, POLYFS_FACT_COPY);
    implies(POLYFS_FACT_SET_METADATA, POLYFS_FACT_METADATA);
    EXPECT_EQ(Yes(POLYFS_FACT_STORED_CHECKSUM), caps().stored_checksums != 0);
    if (caps().condition_shapes) {
        EXPECT_TRUE(Yes(POLYFS_FACT_CREATE_ONLY) || Yes(POLYFS_FACT_IF_MATCH));
    }
    for (uint32_t fact :
         {POLYFS_FACT_COPY, POLYFS_FACT_REMOVE_MANY, POLYFS_FACT_REMOVE_TREE, POLYFS_FACT_FLAT_LIST})
        EXPECT_FALSE(No(fact)) << polyfs_fact_name(fact) << ": core makes it where the store does not";
}

CONFORMANCE_CASE(facts, SendNothing)
{
    CapsInfo own = {};
    own.struct_size = sizeof(own);
    uint64_t before = Requests();
    ASSERT_CODE(POLYFS_OK, polyfs_caps(fs(), P("a/path/that/is/not/there").c_str(), 0, nullptr, &own, E()));
    EXPECT_EQ(before, Requests());
    for (uint32_t fact = 0; fact < POLYFS_FACT_COUNT; fact++) {
        if (own.fact[fact] != POLYFS_UNKNOWN) { /* that may take a probe */
            EXPECT_EQ(Fact(fact), own.fact[fact]) << polyfs_fact_name(fact);
        }
    }
    EXPECT_CODE(POLYFS_UNSUPPORTED, polyfs_caps(fs(), P().c_str(), UINT32_C(1) << 30, nullptr, &own, E()));
}

/* What only a loss of power would show, a probe may leave open: a no would be as much of a wish as a yes. */
CONFORMANCE_CASE(facts, ProbeSettlesAll)
{
    CapsInfo own = {};
    own.struct_size = sizeof(own);
    ASSERT_CODE(POLYFS_OK, polyfs_caps(fs(), P().c_str(), POLYFS_CAPS_PROBE, nullptr, &own, E()));
    for (uint32_t fact = 0; fact < POLYFS_FACT_COUNT; fact++) {
        if (fact != POLYFS_FACT_DURABLE_COMMIT) {
            EXPECT_NE(POLYFS_UNKNOWN, own.fact[fact]) << polyfs_fact_name(fact) << " is unknown after a probe";
        }
        if (Fact(fact) != POLYFS_UNKNOWN) {
            EXPECT_EQ(Fact(fact), own.fact[fact]) << polyfs_fact_name(fact);
        }
    }
    ExpectNothingLeft();
}

CONFORMANCE_CASE(facts, Network)
{
    uint64_t before = Requests();
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes"));
    Get("a");
    if (Network())
        EXPECT_GE(Requests(), before + (SameProcess() ? 0 : 2)) << "one that only says so may send none";
    else
        EXPECT_EQ(before, Requests());
}

CONFORMANCE_CASE(facts, CaseSensitive)
{
    ASSERT_CODE(POLYFS_OK, Put("name", "lower"));
    ASSERT_CODE(POLYFS_OK, Put("NAME", "UPPER"));
    EXPECT_EQ(No(POLYFS_FACT_CASE_SENSITIVE) ? "UPPER" : "lower", Get("name"));
    EXPECT_EQ(No(POLYFS_FACT_CASE_SENSITIVE) ? 1u : 2u, Names().size());
}

/* Every byte but NUL and '/', one at a time in the middle of a name and all together. */
CONFORMANCE_CASE(facts, AnyBytes)
{
    unsigned refused = 0;
    for (int byte = 1; byte < 256; byte++) {
        if (byte == '/')
            continue;
        std::string name = "a" + std::string(1, static_cast<char>(byte)) + "b";
        int rc = Put(name, name);
        if (rc != POLYFS_OK) {
            EXPECT_ANY_CODE(rc, POLYFS_INVALID, POLYFS_UNSUPPORTED) << "byte " << byte;
            refused++;
            continue;
        }
        EXPECT_EQ(name, Get(name)) << "byte " << byte;
    }
    EXPECT_EQ(254u - refused, Names().size()) << "names that became another";
    if (Yes(POLYFS_FACT_ANY_BYTES)) {
        EXPECT_EQ(0u, refused);
    } else if (No(POLYFS_FACT_ANY_BYTES)) {
        EXPECT_LT(0u, refused);
    }
}

CONFORMANCE_CASE(facts, Versions)
{
    StatInfo one = POLYFS_STAT_INIT, two = POLYFS_STAT_INIT;
    ASSERT_CODE(POLYFS_OK, Put("a", "one", nullptr, &one));
    ASSERT_CODE(POLYFS_OK, Put("a", "two", nullptr, &two));
    if (Yes(POLYFS_FACT_VERSIONS)) {
        EXPECT_STRNE("", one.version);
        EXPECT_STRNE(one.version, two.version);
        return;
    }
    EXPECT_CODE(POLYFS_UNSUPPORTED, Stat("a", &one, "1"));
}

/* What a write gave, stat tells, and the bytes agree. */
CONFORMANCE_CASE(facts, StoredChecksum)
{
    StatInfo stat;
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    ASSERT_CODE(POLYFS_OK, Put("a", "123456789"));
    ASSERT_CODE(POLYFS_OK, Stat("a", &stat));
    EXPECT_EQ(0u, stat.checksum.kind & ~caps().stored_checksums);
    for (uint32_t kind = 1; kind <= POLYFS_CHECKSUM_SHA256; kind <<= 1) {
        if (!(caps().stored_checksums & kind))
            continue;
        ASSERT_CODE(POLYFS_OK, polyfs_checksum(fs(), P("a").c_str(), kind, nullptr, &opts.checksum, E()));
        ASSERT_CODE(POLYFS_OK, Put("b", "123456789", &opts));
        ASSERT_CODE(POLYFS_OK, Stat("b", &stat));
        EXPECT_EQ(Image(opts.checksum), Image(stat.checksum)) << "kind " << kind;
        ASSERT_CODE(POLYFS_OK, Put("b", "other bytes"));
        ASSERT_CODE(POLYFS_OK, Stat("b", &stat));
        EXPECT_NE(Image(opts.checksum), Image(stat.checksum)) << "of the bytes before";
    }
}

CONFORMANCE_CASE(facts, LengthOfNames)
{
    if (caps().name_max) {
        std::string longest(caps().name_max, 'n'), over(caps().name_max + 1, 'n');
        EXPECT_CODE(POLYFS_OK, Put(longest, "x"));
        EXPECT_EQ("x", Get(longest));
        EXPECT_ANY_CODE(Put(over, "x"), POLYFS_INVALID, POLYFS_TOO_LARGE);
        EXPECT_EQ(std::vector<std::string>{longest}, Names());
    }
    if (caps().path_max) {
        std::string name, part = std::string(std::min(caps().name_max ? caps().name_max : 200u, 200u), 'p') + "/";
        while (P(name).size() < caps().path_max)
            name += part;
        name += "x";
        EXPECT_ANY_CODE(Put(name, "x"), POLYFS_INVALID, POLYFS_TOO_LARGE) << P(name).size() << " bytes";
    }
}

CONFORMANCE_CASE(facts, Links)
{
    ASSERT_CODE(POLYFS_OK, Put("d/a", "bytes"));
    if (Fact(POLYFS_FACT_LINKS) != POLYFS_YES) {
        StatInfo stat;
        ASSERT_CODE(POLYFS_OK, Stat("d/a", &stat));
        EXPECT_EQ(0u, stat.flags & POLYFS_STAT_LINK);
        return;
    }
    if (!store().make_link)
        NOT_APPLICABLE("links exist, but the test has no way to make one");
    Text target(polyfs_fs_url(fs(), P("d").c_str())), link(polyfs_fs_url(fs(), P("link").c_str()));
    ASSERT_EQ(0, store().make_link(target.get(), link.get()));
    EXPECT_EQ("bytes", Get("link/a")) << "a link is followed";
    std::vector<Row> rows;
    ASSERT_CODE(POLYFS_OK, List("", nullptr, &rows));
    ASSERT_EQ(2u, rows.size());
    EXPECT_TRUE(rows[1].flags & POLYFS_STAT_LINK);
    EXPECT_EQ((std::vector<std::string>{"d/a"}), Names("", POLYFS_LS_RECURSIVE)) << "recursion does not follow it";
    Text gone(polyfs_fs_url(fs(), P("gone").c_str())), dangling(polyfs_fs_url(fs(), P("dangling").c_str()));
    ASSERT_EQ(0, store().make_link(gone.get(), dangling.get()));
    EXPECT_EQ(0, Exists("dangling"));
    rows.clear();
    ASSERT_CODE(POLYFS_OK, List("", nullptr, &rows));
    ASSERT_EQ(3u, rows.size()) << "a dangling link is listed";
    EXPECT_EQ(static_cast<uint32_t>(POLYFS_TYPE_OTHER), rows[1].type);
}

CONFORMANCE_CASE(facts, MakeLinks)
{
    const auto link = [this](const char *path, const char *to) {
        return polyfs_link(fs(), P(path).c_str(), P(to).c_str(), nullptr, E());
    };
    ASSERT_CODE(POLYFS_OK, Put("d/a", "bytes"));
    ASSERT_CODE(POLYFS_OK, Put("e/a", "others"));
    if (Fact(POLYFS_FACT_LINKS) != POLYFS_YES) {
        EXPECT_CODE(POLYFS_UNSUPPORTED, link("link", "d"));
        EXPECT_EQ("bytes", Get("d/a"));
        return;
    }
    ASSERT_CODE(POLYFS_OK, link("link", "d"));
    EXPECT_EQ("bytes", Get("link/a"));
    ASSERT_CODE(POLYFS_OK, link("link", "e")) << "a link is led elsewhere";
    EXPECT_EQ("others", Get("link/a"));
    ASSERT_CODE(POLYFS_OK, link("one", "d/a"));
    EXPECT_EQ("bytes", Get("one"));
    ASSERT_CODE(POLYFS_OK, link("e/up", "d/a")) << "to what does not lie below its folder";
    EXPECT_EQ("bytes", Get("e/up"));
    ASSERT_CODE(POLYFS_OK, link("dangling", "gone"));
    EXPECT_EQ(0, Exists("dangling"));
    EXPECT_CODE(POLYFS_EXISTS, link("d", "e")) << "a folder is never replaced";
    EXPECT_CODE(POLYFS_EXISTS, link("d/a", "e")) << "nor a file";
    EXPECT_EQ("bytes", Get("d/a"));
    EXPECT_CODE(POLYFS_NOT_FOUND, link("no/link", "d"));
    ASSERT_CODE(POLYFS_OK, Remove("link"));
    EXPECT_EQ("others", Get("e/a")) << "a link goes, not what it led to";
    EXPECT_EQ((std::vector<std::string>{"d/a"}), Names("d", POLYFS_LS_RECURSIVE)) << "no hidden name is left";
}

} // namespace conformance
