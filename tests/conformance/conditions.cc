/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions: create-only, if-match, conditional reads and removals, each won, lost, and raced for by threads. A
 * condition that a store does not decide is UNSUPPORTED; one that is silently dropped is the worst defect there is.
 */
#include <atomic>
#include <thread>

#include "case.h"

namespace conformance
{

CONFORMANCE_CASE(conditions, CreateOnly)
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.flags = POLYFS_WRITE_CREATE_ONLY;
    int rc = Put("a", "first", &opts);
    if (No(POLYFS_FACT_CREATE_ONLY)) {
        EXPECT_CODE(POLYFS_UNSUPPORTED, rc);
        ExpectNothingLeft();
        return;
    }
    ASSERT_CODE(POLYFS_OK, rc);
    std::string etag = Etag("a");
    EXPECT_CODE(POLYFS_EXISTS, Put("a", "second", &opts));
    EXPECT_CODE(POLYFS_EXISTS, Put("a", "", &opts));
    EXPECT_EQ("first", Get("a"));
    EXPECT_EQ(etag, Etag("a"));
    ASSERT_CODE(POLYFS_OK, Remove("a"));
    EXPECT_CODE(POLYFS_OK, Put("a", "third", &opts)) << "absent again";
}

CONFORMANCE_CASE(conditions, CreateOnlyOverAFolder)
{
    NEEDS_NESTED_NAMES();
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.flags = POLYFS_WRITE_CREATE_ONLY;
    ASSERT_CODE(POLYFS_OK, Put("d/a", "x"));
    int rc = Put("d", "object", &opts);
    if (RealDirs())
        EXPECT_ANY_CODE(rc, POLYFS_EXISTS, POLYFS_IS_DIR,
                        No(POLYFS_FACT_CREATE_ONLY) ? POLYFS_UNSUPPORTED : POLYFS_EXISTS);
    else
        EXPECT_CODE(No(POLYFS_FACT_CREATE_ONLY) ? POLYFS_UNSUPPORTED : POLYFS_OK, rc);
    EXPECT_EQ("x", Get("d/a"));
}

/* Many threads, one name: exactly one is told that it won, and it is its bytes that are there. */
CONFORMANCE_CASE(conditions, CreateOnlyRace)
{
    if (No(POLYFS_FACT_CREATE_ONLY)) {
        polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
        opts.flags = POLYFS_WRITE_CREATE_ONLY;
        EXPECT_CODE(POLYFS_UNSUPPORTED, Put("a", "x", &opts));
        return;
    }
    const unsigned rounds = Many(30, 5);
    for (unsigned round = 0; round < rounds; round++) {
        std::string name = "race" + std::to_string(round), path = P(name);
        std::atomic<int> winner{-1}, wins{0}, others{0};
        std::vector<std::thread> threads;
        for (int me = 0; me < 8; me++)
            threads.emplace_back([&, me] {
                polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
                std::string bytes(100 + static_cast<size_t>(me), static_cast<char>('a' + me));
                opts.flags = POLYFS_WRITE_CREATE_ONLY;
                int rc = polyfs_put(fs(), path.c_str(), bytes.data(), bytes.size(), &opts, nullptr, nullptr);
                if (rc == POLYFS_OK) {
                    winner = me;
                    wins++;
                } else if (rc != POLYFS_EXISTS) {
                    others++;
                }
            });
        for (std::thread &thread : threads)
            thread.join();
        ASSERT_EQ(1, wins) << "winners in round " << round;
        EXPECT_EQ(0, others) << "codes other than ok and exists";
        EXPECT_EQ(std::string(100 + static_cast<size_t>(winner), static_cast<char>('a' + winner)), Get(name));
    }
}

CONFORMANCE_CASE(conditions, IfMatch)
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    ASSERT_CODE(POLYFS_OK, Put("a", "first"));
    std::string first = Etag("a");
    opts.if_match = first.c_str();
    int rc = Put("a", "second", &opts);
    if (No(POLYFS_FACT_IF_MATCH)) {
        EXPECT_CODE(POLYFS_UNSUPPORTED, rc);
        EXPECT_EQ("first", Get("a"));
        return;
    }
    ASSERT_CODE(POLYFS_OK, rc);
    EXPECT_CODE(POLYFS_CONDITION, Put("a", "third", &opts)) << "that etag is gone";
    EXPECT_EQ("second", Get("a"));
    EXPECT_CODE(POLYFS_CONDITION, Put("missing", "x", &opts));
    EXPECT_EQ(0, Exists("missing"));
    opts.if_match = "no etag of any store";
    EXPECT_CODE(POLYFS_CONDITION, Put("a", "third", &opts));
    EXPECT_EQ("second", Get("a"));
}

CONFORMANCE_CASE(conditions, BothAtOnce)
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    ASSERT_CODE(POLYFS_OK, Put("a", "first"));
    std::string etag = Etag("a");
    opts.flags = POLYFS_WRITE_CREATE_ONLY;
    opts.if_match = etag.c_str();
    EXPECT_ANY_CODE(Put("a", "x", &opts), POLYFS_INVALID, POLYFS_UNSUPPORTED) << "they exclude each other";
    EXPECT_EQ("first", Get("a"));
}

/*
 * A counter that threads raise by compare-and-swap, all values of one length so that only the etag can tell them
 * apart: each success is one more, so none may be lost.
 */
CONFORMANCE_CASE(conditions, IfMatchRace)
{
    ASSERT_CODE(POLYFS_OK, Put("counter", "000000"));
    if (No(POLYFS_FACT_IF_MATCH)) {
        polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
        opts.if_match = "x";
        EXPECT_CODE(POLYFS_UNSUPPORTED, Put("counter", "1", &opts));
        return;
    }
    const unsigned each = Many(100, 5);
    std::atomic<unsigned> failures{0};
    auto raise = [&, path = P("counter")] {
        for (unsigned done = 0; done < each && !failures;) {
            char text[16] = "";
            size_t n = 0;
            StatInfo stat = POLYFS_STAT_INIT;
            polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
            opts.durability = POLYFS_DURABILITY_NONE;
            if (polyfs_get(fs(), path.c_str(), nullptr, text, sizeof(text) - 1, &n, &stat, nullptr) != POLYFS_OK)
                continue;
            std::string next = std::to_string(1000000 + std::stoul(text) + 1).substr(1);
            opts.if_match = stat.etag;
            int rc = polyfs_put(fs(), path.c_str(), next.data(), next.size(), &opts, nullptr, nullptr);
            done += rc == POLYFS_OK;
            failures += rc != POLYFS_OK && rc != POLYFS_CONDITION;
        }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++)
        threads.emplace_back(raise);
    for (std::thread &thread : threads)
        thread.join();
    EXPECT_EQ(0u, failures) << "codes other than ok and condition";
    EXPECT_EQ(4 * each, std::stoul(Get("counter"))) << "updates were lost";
}

CONFORMANCE_CASE(conditions, ConditionalRead)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "first"));
    std::string etag = Etag("a");
    polyfs_read_opts same = POLYFS_READ_OPTS_INIT, changed = POLYFS_READ_OPTS_INIT;
    char buffer[16];
    size_t n = 77;
    same.condition.if_match = etag.c_str();
    changed.condition.if_none_match = etag.c_str();
    int rc = polyfs_get(fs(), P("a").c_str(), &same, buffer, 16, &n, nullptr, E());
    if (No(POLYFS_FACT_READ_CONDITION)) {
        EXPECT_CODE(POLYFS_UNSUPPORTED, rc);
        EXPECT_CODE(POLYFS_UNSUPPORTED, polyfs_get(fs(), P("a").c_str(), &changed, buffer, 16, &n, nullptr, E()));
        return;
    }
    EXPECT_CODE(POLYFS_OK, rc);
    EXPECT_EQ(5u, n);
    n = 77;
    EXPECT_CODE(POLYFS_CONDITION, polyfs_get(fs(), P("a").c_str(), &changed, buffer, 16, &n, nullptr, E()));
    EXPECT_EQ(77u, n);
    ASSERT_CODE(POLYFS_OK, Put("a", "second"));
    EXPECT_CODE(POLYFS_CHANGED, polyfs_get(fs(), P("a").c_str(), &same, buffer, 16, &n, nullptr, E()));
    EXPECT_EQ(77u, n);
    EXPECT_CODE(POLYFS_OK, polyfs_get(fs(), P("a").c_str(), &changed, buffer, 16, &n, nullptr, E()));
    EXPECT_EQ(6u, n);
    EXPECT_CODE(POLYFS_NOT_FOUND, polyfs_get(fs(), P("missing").c_str(), &same, buffer, 16, &n, nullptr, E()));
}

CONFORMANCE_CASE(conditions, ReadIfModified)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "first"));
    StatInfo stat;
    ASSERT_CODE(POLYFS_OK, Stat("a", &stat));
    polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
    char buffer[16];
    size_t n = 0;
    opts.condition.if_modified_ns = stat.mtime_ns - INT64_C(3600) * 1000000000;
    int rc = polyfs_get(fs(), P("a").c_str(), &opts, buffer, 16, &n, nullptr, E());
    if (No(POLYFS_FACT_READ_CONDITION)) {
        EXPECT_CODE(POLYFS_UNSUPPORTED, rc);
        return;
    }
    EXPECT_CODE(POLYFS_OK, rc) << "changed within the hour";
    opts.condition.if_modified_ns = stat.mtime_ns;
    EXPECT_CODE(POLYFS_CONDITION, polyfs_get(fs(), P("a").c_str(), &opts, buffer, 16, &n, nullptr, E()));
}

CONFORMANCE_CASE(conditions, Remove)
{
    polyfs_remove_opts opts = POLYFS_REMOVE_OPTS_INIT;
    ASSERT_CODE(POLYFS_OK, Put("a", "first"));
    std::string first = Etag("a");
    ASSERT_CODE(POLYFS_OK, Put("a", "second"));
    opts.if_match = first.c_str();
    int rc = Remove("a", &opts);
    if (No(POLYFS_FACT_REMOVE_CONDITION)) {
        EXPECT_CODE(POLYFS_UNSUPPORTED, rc);
        EXPECT_EQ("second", Get("a"));
        return;
    }
    EXPECT_CODE(POLYFS_CONDITION, rc);
    EXPECT_EQ("second", Get("a"));
    std::string second = Etag("a");
    opts.if_match = second.c_str();
    EXPECT_CODE(POLYFS_OK, Remove("a", &opts));
    EXPECT_EQ(0, Exists("a"));
}

/* What polyfs itself stores to know its own writes again is never shown. */
/* The store did it and its answer was lost: the repeat finds an object, and that it is our own. Only a network loses. */
CONFORMANCE_CASE(conditions, LostAnswers)
{
    Fs losing = OpenWith("fault=put:1:network:lost,upload_complete:1:network:lost,stream_commit:1:network:lost");
    ASSERT_TRUE(losing);
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    const polyfs_kv pair = {"mine", "1"};
    StatInfo stat = POLYFS_STAT_INIT;
    if (No(POLYFS_FACT_CREATE_ONLY) || No(POLYFS_FACT_METADATA)) { /* then a repeat is all there is */
        EXPECT_CODE(POLYFS_OK, polyfs_put(losing.get(), P("a").c_str(), "bytes", 5, &opts, nullptr, E()));
        EXPECT_EQ("bytes", Get("a"));
        return;
    }
    opts.flags = POLYFS_WRITE_CREATE_ONLY;
    opts.metadata = &pair;
    opts.metadata_count = 1;
    int rc = polyfs_put(losing.get(), P("a").c_str(), "bytes", 5, &opts, &stat, E());
    EXPECT_CODE(Network() ? POLYFS_OK : POLYFS_EXISTS, rc) << "the first put was lost";
    EXPECT_EQ("bytes", Get("a"));
    if (Network()) {
        EXPECT_EQ(5u, stat.size);
        EXPECT_EQ(Etag("a"), stat.etag);
    }
    EXPECT_CODE(POLYFS_EXISTS, polyfs_put(losing.get(), P("a").c_str(), "other", 5, &opts, nullptr, E()));
    EXPECT_EQ("bytes", Get("a")) << "that one was not ours";
    if (!Network() || !(caps().condition_shapes & POLYFS_SHAPE_PARTS))
        return;
    opts.shape = POLYFS_SHAPE_PARTS;
    const std::string large = Bytes(100000);
    polyfs_writer *raw = nullptr;
    ASSERT_CODE(POLYFS_OK, polyfs_writer_open(losing.get(), P("b").c_str(), &opts, &raw, E()));
    Writer writer(raw);
    ASSERT_CODE(POLYFS_OK, Write(writer, large));
    EXPECT_CODE(POLYFS_OK, Commit(writer, &stat)) << "the Complete was lost, and its upload is gone";
    EXPECT_EQ(large.size(), stat.size);
    EXPECT_TRUE(large == Get("b"));
}

CONFORMANCE_CASE(conditions, TheNonceIsHidden)
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    const polyfs_kv pair = {"mine", "1"};
    opts.flags = No(POLYFS_FACT_CREATE_ONLY) ? 0 : POLYFS_WRITE_CREATE_ONLY;
    if (No(POLYFS_FACT_METADATA)) {
        polyfs_pairs *none = nullptr;
        ASSERT_CODE(POLYFS_OK, Put("a", "x", &opts));
        EXPECT_CODE(POLYFS_UNSUPPORTED, polyfs_get_metadata(fs(), P("a").c_str(), nullptr, &none, E()));
        return;
    }
    opts.metadata = &pair;
    opts.metadata_count = 1;
    ASSERT_CODE(POLYFS_OK, Put("a", "x", &opts));
    polyfs_pairs *raw = nullptr;
    ASSERT_CODE(POLYFS_OK, polyfs_get_metadata(fs(), P("a").c_str(), nullptr, &raw, E()));
    Pairs pairs(raw);
    ASSERT_EQ(1u, polyfs_pairs_count(raw));
    EXPECT_STREQ("mine", polyfs_pairs_at(raw, 0)->key);
}

} // namespace conformance
