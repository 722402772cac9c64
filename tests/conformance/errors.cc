/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a failure tells, verb by verb: code, operation, URI, one sentence with the name in it; NULL and short error
 * structs; and that a failure is never told as absence. Planted failures come by the option `fault`, which every store
 * takes.
 */
#include <cstddef>
#include <cstring>
#include <functional>

#include "case.h"

namespace conformance
{

namespace
{

using Call = std::function<int(polyfs_fs *, const char *, polyfs_error *)>;
struct Verb {
    const char *name;
    Call call;
};

char scratch[64];
size_t scratch_n;
StatInfo scratch_stat;

int ListAll(polyfs_fs *fs, const char *path, uint32_t flags, polyfs_error *err)
{
    polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    polyfs_lister *raw = nullptr;
    opts.flags = flags;
    int rc = polyfs_list_open(fs, path, &opts, &raw, err);
    Lister lister(raw);
    const polyfs_entry *rows;
    size_t count;
    if (rc == POLYFS_OK)
        do
            rc = polyfs_list_next(raw, &rows, &count, err);
        while (rc == POLYFS_MORE);
    return rc;
}

int ReadFirst(polyfs_fs *fs, const char *path, polyfs_error *err)
{
    polyfs_reader *raw = nullptr;
    int rc = polyfs_reader_open(fs, path, nullptr, &raw, err);
    Reader reader(raw);
    return rc == POLYFS_OK ? polyfs_reader_read(raw, scratch, sizeof(scratch), &scratch_n, err) : rc;
}

std::vector<Verb> ReadingVerbs()
{
    return {
        {"stat",
         [](polyfs_fs *fs, const char *p, polyfs_error *e) {
             scratch_stat = POLYFS_STAT_INIT;
             return polyfs_stat(fs, p, nullptr, nullptr, &scratch_stat, e);
         }},
        {"get",
         [](polyfs_fs *fs, const char *p, polyfs_error *e) {
             return polyfs_get(fs, p, nullptr, scratch, sizeof(scratch), &scratch_n, nullptr, e);
         }},
        {"get_all",
         [](polyfs_fs *fs, const char *p, polyfs_error *e) {
             void *data = nullptr;
             int rc = polyfs_get_all(fs, p, nullptr, &data, &scratch_n, nullptr, e);
             polyfs_free(data);
             return rc;
         }},
        {"reader", ReadFirst},
    };
}

std::vector<Verb> FindingVerbs()
{
    return {
        {"list", [](polyfs_fs *fs, const char *p, polyfs_error *e) { return ListAll(fs, p, 0, e); }},
        {"find",
         [](polyfs_fs *fs, const char *p, polyfs_error *e) { return ListAll(fs, p, POLYFS_LS_RECURSIVE, e); }},
        {"du",
         [](polyfs_fs *fs, const char *p, polyfs_error *e) {
             polyfs_usage usage;
             return polyfs_du(fs, p, nullptr, &usage, e);
         }},
        {"walk",
         [](polyfs_fs *fs, const char *p, polyfs_error *e) {
             return polyfs_walk(
                 fs, p, nullptr, [](const char *, const polyfs_entry *, size_t, void *) { return 0; }, nullptr, e);
         }},
        {"checksum",
         [](polyfs_fs *fs, const char *p, polyfs_error *e) {
             Checksum sum;
             return polyfs_checksum(fs, p, POLYFS_CHECKSUM_CRC32C, nullptr, &sum, e);
         }},
        {"remove_tree",
         [](polyfs_fs *fs, const char *p, polyfs_error *e) { return polyfs_remove_tree(fs, p, nullptr, e); }},
        {"copy",
         [](polyfs_fs *fs, const char *p, polyfs_error *e) {
             return polyfs_copy(fs, p, fs, (std::string(p) + "-copied").c_str(), nullptr, nullptr, e);
         }},
    };
}

/* Verbs that look at what is there; each must say so when it is not. */
std::vector<Verb> LookingVerbs()
{
    std::vector<Verb> verbs = ReadingVerbs();
    for (const Verb &verb : FindingVerbs())
        verbs.push_back(verb);
    return verbs;
}

/* Is this text whole in UTF-8? */
bool Whole(const char *text)
{
    for (const char *at = text; *at;) {
        unsigned char lead = static_cast<unsigned char>(*at++);
        unsigned more = lead < 0x80 ? 0 : lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc2 ? 1 : 9;
        if (more == 9)
            return false;
        for (; more; more--)
            if ((static_cast<unsigned char>(*at++) & 0xc0) != 0x80)
                return false;
    }
    return true;
}

void CheckError(const Verb &verb, int rc, const polyfs_error &err, const char *name)
{
    EXPECT_EQ(rc, err.code) << verb.name;
    EXPECT_EQ(sizeof(err), err.struct_size) << verb.name;
    EXPECT_STRNE("", err.operation) << verb.name;
    EXPECT_NE(nullptr, strstr(err.uri, "://")) << verb.name << ": " << err.uri;
    EXPECT_NE(nullptr, strstr(err.uri, name)) << verb.name << ": " << err.uri;
    EXPECT_NE(nullptr, strstr(err.message, name)) << verb.name << ": " << err.message;
    EXPECT_NE(nullptr, strchr(err.message, ' ')) << verb.name << ": a sentence: " << err.message;
    EXPECT_EQ(nullptr, strchr(err.message, '\n')) << verb.name << ": " << err.message;
    EXPECT_TRUE(Whole(err.message)) << verb.name << ": " << err.message;
}

} // namespace

CONFORMANCE_CASE(errors, SayWhatIsMissing)
{
    for (const Verb &verb : LookingVerbs()) {
        polyfs_error err = POLYFS_ERROR_INIT;
        int rc = verb.call(fs(), P("the-missing-one").c_str(), &err);
        EXPECT_EQ(POLYFS_NOT_FOUND, rc) << verb.name << " is " << polyfs_code_name(rc);
        CheckError(verb, rc, err, "the-missing-one");
        EXPECT_EQ(static_cast<uint32_t>(POLYFS_RETRY_NEVER), err.retry) << verb.name;
        EXPECT_EQ(static_cast<uint32_t>(POLYFS_COMMIT_NOT_APPLIED), err.commit_state) << verb.name;
    }
}

CONFORMANCE_CASE(errors, MayBeNull)
{
    for (const Verb &verb : LookingVerbs())
        EXPECT_EQ(POLYFS_NOT_FOUND, verb.call(fs(), P("missing").c_str(), nullptr)) << verb.name;
}

CONFORMANCE_CASE(errors, ShortStructsAreNotOverrun)
{
    for (size_t size :
         {size_t{8}, offsetof(polyfs_error, native_code), offsetof(polyfs_error, uri) + 10,
          offsetof(polyfs_error, message), offsetof(polyfs_error, message) + 12, sizeof(polyfs_error)}) {
        for (const Verb &verb : LookingVerbs()) {
            union {
                polyfs_error err;
                char bytes[sizeof(polyfs_error) + 16];
            } room;
            memset(room.bytes, '#', sizeof(room.bytes));
            memset(room.bytes, 0, size);
            room.err.struct_size = static_cast<uint32_t>(size);
            int rc = verb.call(fs(), P("missing").c_str(), &room.err);
            EXPECT_EQ(POLYFS_NOT_FOUND, rc);
            EXPECT_EQ(rc, room.err.code) << verb.name << " with " << size << " bytes";
            EXPECT_EQ(size, room.err.struct_size) << verb.name;
            EXPECT_EQ(std::string(sizeof(room.bytes) - size, '#'),
                      std::string(room.bytes + size, room.bytes + sizeof(room.bytes)))
                << verb.name << " wrote behind " << size << " bytes";
        }
    }
}

CONFORMANCE_CASE(errors, UntouchedOnSuccess)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes"));
    for (const Verb &verb : LookingVerbs()) {
        polyfs_error err;
        memset(&err, '#', sizeof(err));
        err.struct_size = sizeof(err);
        std::string before = Image(err);
        EXPECT_EQ(POLYFS_OK, verb.call(fs(), P("a").c_str(), &err)) << verb.name;
        EXPECT_TRUE(before == Image(err)) << verb.name << " touched the error";
        if (Exists("a") == 0) {
            ASSERT_CODE(POLYFS_OK, Put("a", "bytes"));
        }
    }
}

CONFORMANCE_CASE(errors, LongNamesAreCutInTheMiddle)
{
    std::string name;
    while (name.size() < 900)
        name += "gr\xc3\xbc\xc3\x9f-" + std::to_string(name.size()) + "/";
    name += "the-end";
    for (const Verb &verb : LookingVerbs()) {
        polyfs_error err = POLYFS_ERROR_INIT;
        int rc = verb.call(fs(), P(name).c_str(), &err);
        EXPECT_LT(rc, 0) << verb.name;
        EXPECT_TRUE(Whole(err.uri)) << verb.name << ": " << err.uri;
        EXPECT_EQ(0, strncmp(err.uri, polyfs_fs_protocol(fs()), strlen(polyfs_fs_protocol(fs())))) << err.uri;
        EXPECT_TRUE(strstr(err.uri, "the-end")) << verb.name << ": " << err.uri;
        EXPECT_LT(strnlen(err.message, sizeof(err.message)), sizeof(err.message));
    }
}

/* Whatever the failure is, it is that: exists() is not 0, a listing is not empty, a size is not 0. */
CONFORMANCE_CASE(errors, FailureIsNotAbsence)
{
    ASSERT_CODE(POLYFS_OK, Put("d/a", "bytes"));
    for (const char *code : {"permission", "network", "auth", "timeout", "io"}) {
        Fs broken = OpenWith(std::string("fault=any:1+:") + code);
        for (const Verb &verb : LookingVerbs()) {
            polyfs_error err = POLYFS_ERROR_INIT;
            int rc = verb.call(broken.get(), P("d").c_str(), &err);
            EXPECT_EQ(polyfs_code_from_name(code), rc) << verb.name << " with " << code << " " << err.message;
            CheckError(verb, rc, err, "/d");
        }
        int there = 77;
        EXPECT_CODE(polyfs_code_from_name(code),
                    polyfs_exists(broken.get(), P("d/a").c_str(), nullptr, &there, E()));
        EXPECT_EQ(77, there);
    }
    EXPECT_EQ("bytes", Get("d/a"));
}

CONFORMANCE_CASE(errors, TransientFailuresAreRepeated)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes"));
    Fs flaky = OpenWith("fault=get:1:network:transient");
    FsStats stats = {};
    EXPECT_CODE(POLYFS_OK, polyfs_get(flaky.get(), P("a").c_str(), nullptr, scratch, 64, &scratch_n, nullptr, E()));
    stats.struct_size = sizeof(stats);
    polyfs_fs_stats(flaky.get(), &stats);
    EXPECT_EQ(1u, stats.retries);
    Fs broken = OpenWith("fault=get:1+:network:transient");
    polyfs_error err = POLYFS_ERROR_INIT;
    int rc = polyfs_get(broken.get(), P("a").c_str(), nullptr, scratch, 64, &scratch_n, nullptr, &err);
    EXPECT_EQ(POLYFS_NETWORK, rc);
    EXPECT_GE(err.attempts, 2u);
    EXPECT_EQ(static_cast<uint32_t>(POLYFS_RETRY_TRANSIENT), err.retry);
    Fs wrong = OpenWith("fault=get:1:permission");
    EXPECT_CODE(POLYFS_PERMISSION,
                polyfs_get(wrong.get(), P("a").c_str(), nullptr, scratch, 64, &scratch_n, nullptr, E()));
    EXPECT_CODE(POLYFS_OK, polyfs_get(wrong.get(), P("a").c_str(), nullptr, scratch, 64, &scratch_n, nullptr, E()));
}

/* The last call of a write, too. A stream of a store that does not tell how much it holds is dead then. */
CONFORMANCE_SHAPE_CASE(errors, ATransientCommitIsRepeated)
{
    Fs flaky = OpenWith("fault=put:1:busy:transient,placed_commit:1:busy:transient,"
                        "upload_complete:1:busy:transient,stream_commit:1:busy:transient");
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    polyfs_writer *raw = nullptr;
    const std::string bytes = Bytes(300000);
    opts.shape = shape();
    ASSERT_CODE(POLYFS_OK, polyfs_writer_open(flaky.get(), P("a").c_str(), &opts, &raw, E()));
    Writer writer(raw);
    ASSERT_CODE(POLYFS_OK, Write(writer, bytes));
    int rc = Commit(writer);
    if (shape() == POLYFS_SHAPE_STREAM && (Network() || !store().streams_resume) && rc == POLYFS_BUSY) {
        writer.reset();
        ExpectNothingLeft();
        return;
    }
    ASSERT_CODE(POLYFS_OK, rc);
    EXPECT_TRUE(bytes == Get("a"));
}

/* After a failed write only close is left, each call gives the first failure again, and nothing is there. */
CONFORMANCE_CASE(errors, AFailedWriterStaysFailed)
{
    for (const char *slot : {"placed_write", "placed_commit", "stream_write", "stream_commit", "upload_part",
                             "upload_complete", "put"}) {
        Fs broken = OpenWith(std::string("fault=") + slot + ":1:no_space");
        polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
        polyfs_writer *raw = nullptr;
        opts.part_bytes = 4096;
        ASSERT_CODE(POLYFS_OK, polyfs_writer_open(broken.get(), P("a").c_str(), &opts, &raw, E()));
        Writer writer(raw);
        std::string bytes = Bytes(20000);
        int rc = polyfs_writer_write(raw, bytes.data(), bytes.size(), E());
        if (rc == POLYFS_OK)
            rc = polyfs_writer_commit(raw, nullptr, E());
        if (rc == POLYFS_OK) {
            ASSERT_CODE(POLYFS_OK, Remove("a")); /* this store does not come by that slot */
            continue;
        }
        EXPECT_CODE(POLYFS_NO_SPACE, rc) << slot;
        EXPECT_CODE(POLYFS_NO_SPACE, polyfs_writer_write(raw, "x", 1, E())) << slot;
        EXPECT_CODE(POLYFS_NO_SPACE, polyfs_writer_commit(raw, nullptr, E())) << slot;
        writer.reset();
        ExpectNothingLeft();
    }
}

CONFORMANCE_CASE(errors, UnknownCallFlags)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes"));
    polyfs_call_opts opts = POLYFS_CALL_OPTS_INIT;
    StatInfo stat = POLYFS_STAT_INIT;
    opts.flags = 1;
    EXPECT_CODE(POLYFS_UNSUPPORTED, polyfs_stat(fs(), P("a").c_str(), nullptr, &opts, &stat, E()));
    opts.flags = 0;
    opts.lane = 99;
    EXPECT_CODE(POLYFS_UNSUPPORTED, polyfs_stat(fs(), P("a").c_str(), nullptr, &opts, &stat, E()));
    opts.lane = POLYFS_LANE_BULK;
    EXPECT_CODE(POLYFS_OK, polyfs_stat(fs(), P("a").c_str(), nullptr, &opts, &stat, E()));
}

} // namespace conformance
