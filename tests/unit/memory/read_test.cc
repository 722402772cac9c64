/* SPDX-License-Identifier: Apache-2.0 */
/* Reads: ranges, conditions, versions, pinned readers, stops between slices. */
#include "fixture.h"

class ReadTest : public MemoryTest
{
  protected:
    void SetUp() override
    {
        MemoryTest::SetUp();
        open();
        ASSERT_EQ(POLYFS_OK, fs.put("a", "0123456789"));
        etag_ = fs.stat.etag;
    }
    std::string range(uint64_t offset, uint64_t length, uint32_t flags = 0)
    {
        Get request;
        request.offset = offset;
        request.length = length;
        request.flags = flags;
        int code = fs.get("a", request);
        if (code == POLYFS_OK) {
            EXPECT_EQ(fs.bytes.size(), fs.call.bytes_done);
        }
        return code == POLYFS_OK ? fs.bytes : "code " + std::to_string(code);
    }
    std::string etag_;
};

TEST_F(ReadTest, Ranges)
{
    EXPECT_EQ("0123456789", range(0, 100));
    EXPECT_EQ("234", range(2, 3));
    EXPECT_EQ("89", range(8, 100));
    EXPECT_EQ("", range(3, 0));
    EXPECT_EQ("", range(10, 5));
    EXPECT_EQ("code " + std::to_string(POLYFS_RANGE), range(11, 5));
    EXPECT_EQ("code " + std::to_string(POLYFS_RANGE), range(UINT64_MAX, 5));
    EXPECT_EQ("789", range(99, 3, POLYFS_GET_SUFFIX));
    EXPECT_EQ("0123456789", range(0, 11, POLYFS_GET_SUFFIX));
    EXPECT_EQ("", range(0, 0, POLYFS_GET_SUFFIX));
    EXPECT_EQ("code " + std::to_string(POLYFS_UNSUPPORTED), range(0, 1, 4));
    EXPECT_EQ("0", range(0, 1, POLYFS_GET_WHOLE));
    ASSERT_EQ(POLYFS_OK, fs.put("a", ""));
    EXPECT_EQ("", range(0, 5));
    EXPECT_EQ("", range(0, 5, POLYFS_GET_SUFFIX));
    EXPECT_EQ("code " + std::to_string(POLYFS_RANGE), range(1, 5));
}

TEST_F(ReadTest, Conditions)
{
    Get request;
    request.condition.if_match = etag_.c_str();
    EXPECT_EQ(POLYFS_OK, fs.get("a", request));
    request.condition.if_match = "x";
    EXPECT_EQ(POLYFS_CHANGED, fs.get("a", request));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.get("b", request));
    request = Get();
    request.condition.if_none_match = "x";
    EXPECT_EQ(POLYFS_OK, fs.get("a", request));
    request.condition.if_none_match = etag_.c_str();
    EXPECT_EQ(POLYFS_CONDITION, fs.get("a", request));
    ASSERT_EQ(POLYFS_OK, fs.info("a"));
    request = Get();
    request.condition.if_modified_ns = fs.stat.mtime_ns;
    EXPECT_EQ(POLYFS_CONDITION, fs.get("a", request));
    request.condition.if_modified_ns = fs.stat.mtime_ns - 1;
    EXPECT_EQ(POLYFS_OK, fs.get("a", request));
    request = Get();
    request.condition.create_only = 1;
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.get("a", request));
}

TEST_F(ReadTest, FailureTouchesNoOutput)
{
    Get request;
    request.offset = 11;
    uint64_t n = 77;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    stat.size = 78;
    EXPECT_EQ(POLYFS_RANGE, Fs::ops()->get(&fs.call, fs.handle, "a", 1, &request, nullptr, &n, &stat, &fs.err));
    EXPECT_EQ(77u, n);
    EXPECT_EQ(78u, stat.size);
    EXPECT_EQ(0u, fs.call.bytes_done);
    EXPECT_EQ(POLYFS_RANGE, Fs::ops()->get(&fs.call, fs.handle, "a", 1, &request, nullptr, &n, nullptr, nullptr));
}

TEST_F(ReadTest, ReaderStaysWithWhatItOpened)
{
    const struct polyfs_reader_ops *ops = fake::plugin()->reader;
    void *reader = nullptr;
    struct polyfs_stat stat = POLYFS_STAT_INIT;
    ASSERT_EQ(POLYFS_OK, ops->open(&fs.call, fs.handle, "a", 1, nullptr, &reader, &stat, &fs.err));
    EXPECT_EQ(etag_, stat.etag);
    ASSERT_EQ(POLYFS_OK, fs.put("a", "changed"));
    ASSERT_EQ(POLYFS_OK, fs.remove("a"));
    fs.close(); /* a handle keeps its filesystem */
    char buffer[16];
    uint64_t n = 0;
    ASSERT_EQ(POLYFS_OK, ops->pread(&fs.call, reader, 4, buffer, sizeof(buffer), &n, &fs.err));
    EXPECT_EQ("456789", std::string(buffer, n));
    EXPECT_EQ(6u, fs.call.bytes_done);
    for (uint64_t offset : {UINT64_C(10), UINT64_C(11), UINT64_MAX}) {
        n = 5;
        EXPECT_EQ(POLYFS_OK, ops->pread(&fs.call, reader, offset, buffer, sizeof(buffer), &n, &fs.err));
        EXPECT_EQ(0u, n);
    }
    ops->close(reader);
    ops->close(nullptr);
    reader = nullptr;
    open();
    EXPECT_EQ(POLYFS_NOT_FOUND, ops->open(&fs.call, fs.handle, "a", 1, nullptr, &reader, nullptr, &fs.err));
    EXPECT_EQ(POLYFS_IS_DIR, ops->open(&fs.call, fs.handle, "", 0, nullptr, &reader, nullptr, &fs.err));
    EXPECT_EQ(nullptr, reader);
}

/* A stop in the middle of a long copy is seen, and the bytes before it are valid. */
TEST_F(ReadTest, StopBetweenSlices)
{
    const std::string data(UINT64_C(20) << 20, 'x');
    fs.stop.left = 3; /* on entry, before slice 1, before slice 2 */
    EXPECT_EQ(POLYFS_CANCELLED, fs.put("big", data));
    fs.stop.left = INT_MAX;
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.info("big"));
    ASSERT_EQ(POLYFS_OK, fs.put("big", data));
    Get request;
    request.length = data.size();
    std::string buffer(data.size(), '?');
    uint64_t n = 77;
    fs.stop.left = 3;
    EXPECT_EQ(POLYFS_CANCELLED,
              Fs::ops()->get(&fs.call, fs.handle, "big", 3, &request, &buffer[0], &n, nullptr, &fs.err));
    fs.stop.left = INT_MAX;
    EXPECT_EQ(77u, n);
    ASSERT_EQ(UINT64_C(8) << 20, fs.call.bytes_done);
    EXPECT_EQ(0, data.compare(0, fs.call.bytes_done, buffer, 0, fs.call.bytes_done));
    EXPECT_EQ('?', buffer[fs.call.bytes_done]);
}

TEST_F(MemoryTest, VersionsAreKept)
{
    open({{"versioning", "1"}});
    ASSERT_EQ(POLYFS_OK, fs.put("a", "one", Put().type("t/1")));
    std::string first = fs.stat.version;
    EXPECT_STREQ(fs.stat.etag, fs.stat.version);
    ASSERT_EQ(POLYFS_OK, fs.put("a", "two"));
    std::string second = fs.stat.version;
    EXPECT_NE(first, second);
    Get request;
    request.version = first.c_str();
    ASSERT_EQ(POLYFS_OK, fs.get("a", request));
    EXPECT_EQ("one", fs.bytes);
    EXPECT_EQ(0u, fs.stat.flags & POLYFS_STAT_LATEST);
    ASSERT_EQ(POLYFS_OK, fs.info("a", first.c_str()));
    EXPECT_STREQ("t/1", fs.stat.content_type);
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.info("a", "nonsense"));
    ASSERT_EQ(POLYFS_OK, fs.remove("a"));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.get("a"));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.remove("a"));
    EXPECT_EQ(POLYFS_OK, fs.get("a", request));
    EXPECT_EQ(POLYFS_CONDITION, fs.put("a", "x", Put().ifMatch(second.c_str())));
    std::vector<Row> rows;
    ASSERT_EQ(POLYFS_OK, fs.list("", POLYFS_LIST_VERSIONS, &rows));
    ASSERT_EQ(3u, rows.size());
    EXPECT_EQ(POLYFS_STAT_LATEST | POLYFS_STAT_DELETED, rows[0].flags);
    EXPECT_EQ(second, rows[1].version);
    EXPECT_EQ(first, rows[2].version);
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.info("a", rows[0].version.c_str()));
    ASSERT_EQ(POLYFS_OK, fs.remove("a", rows[0].version.c_str())); /* the marker: the object is back */
    EXPECT_EQ("two", fs.read("a"));
    ASSERT_EQ(POLYFS_OK, fs.remove("a", first.c_str()));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.get("a", request));
    ASSERT_EQ(POLYFS_OK, fs.remove("a", second.c_str()));
    EXPECT_EQ(POLYFS_OK, fs.put("a", "new", Put().createOnly()));
    EXPECT_EQ("a", fs.names(""));
}
