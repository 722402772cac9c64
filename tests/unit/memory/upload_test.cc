/* SPDX-License-Identifier: Apache-2.0 */
/* Shape PARTS: parts in any order, copied parts, completion by etag, listings of parts and of uploads. */
#include "fixture.h"

class UploadTest : public MemoryTest
{
  protected:
    void SetUp() override
    {
        MemoryTest::SetUp();
        open();
    }
    struct polyfs_part send(const std::string &path, const std::string &id, uint32_t number,
                            const std::string &data)
    {
        struct polyfs_part part = {};
        EXPECT_EQ(POLYFS_OK, fs.part(path, id, number, data, &part)) << fs.err.message;
        EXPECT_EQ(number, part.number);
        EXPECT_EQ(data.size(), part.size);
        return part;
    }
    std::vector<polyfs_part> held(const std::string &path, const std::string &id, uint32_t after, uint64_t room)
    {
        std::vector<polyfs_part> rows(room);
        uint64_t count = 0;
        EXPECT_EQ(POLYFS_OK, Fs::up()->list_parts(&fs.call, fs.handle, path.data(), path.size(), id.c_str(), after,
                                                  rows.data(), room, sizeof(polyfs_part), &count, &fs.err));
        rows.resize(count);
        return rows;
    }
};

TEST_F(UploadTest, PartsInAnyOrderAndRepeated)
{
    std::string id;
    ASSERT_EQ(POLYFS_OK, fs.start("a", &id));
    auto third = send("a", id, 3, "ccc");
    auto stale = send("a", id, 1, "wrong");
    auto first = send("a", id, 1, "a");
    auto second = send("a", id, 2, "");
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.info("a"));
    EXPECT_EQ(POLYFS_INVALID, fs.complete("a", id, {stale, second, third}));
    EXPECT_EQ(POLYFS_INVALID, fs.complete("a", id, {second, first}));
    EXPECT_EQ(POLYFS_INVALID, fs.complete("a", id, {first, first}));
    EXPECT_EQ(POLYFS_INVALID, fs.complete("a", id, {}));
    auto odd = first;
    odd.size = 5;
    EXPECT_EQ(POLYFS_INVALID, fs.complete("a", id, {odd}));
    odd = first;
    odd.flags = 1;
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.complete("a", id, {odd}));
    ASSERT_EQ(POLYFS_OK, fs.complete("a", id, {first, second, third}, Put().type("x/y")));
    EXPECT_EQ(4u, fs.stat.size);
    EXPECT_EQ("accc", fs.read("a"));
    EXPECT_STREQ("x/y", fs.stat.content_type);
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.complete("a", id, {first}));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.abort("a", id));
    struct polyfs_part part;
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.part("a", id, 1, "x", &part));
}

TEST_F(UploadTest, CompleteTakesOnlyWhatIsListed)
{
    std::string id;
    ASSERT_EQ(POLYFS_OK, fs.start("a", &id));
    send("a", id, 1, "a");
    auto second = send("a", id, 2, "b");
    ASSERT_EQ(POLYFS_OK, fs.complete("a", id, {second}));
    EXPECT_EQ("b", fs.read("a"));
}

TEST_F(UploadTest, NumbersHaveBounds)
{
    std::string id;
    struct polyfs_part part;
    ASSERT_EQ(POLYFS_OK, fs.start("a", &id));
    EXPECT_EQ(POLYFS_INVALID, fs.part("a", id, 0, "x", &part));
    EXPECT_EQ(POLYFS_TOO_LARGE, fs.part("a", id, 10001, "x", &part));
    EXPECT_EQ(POLYFS_OK, fs.part("a", id, 10000, "x", &part));
    EXPECT_EQ(POLYFS_TOO_LARGE, Fs::up()->part(&fs.call, fs.handle, "a", 1, id.c_str(), 1, nullptr,
                                               (UINT64_C(5) << 30) + 1, nullptr, &part, &fs.err));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.part("b", id, 1, "x", &part)); /* the path belongs to the upload */
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.part("a", "nonsense", 1, "x", &part));
    EXPECT_EQ(POLYFS_OK, fs.abort("a", id));
}

TEST_F(UploadTest, ConditionsDecideAtCompletion)
{
    std::string id, other;
    ASSERT_EQ(POLYFS_OK, fs.start("a", &id, Put().createOnly()));
    ASSERT_EQ(POLYFS_OK, fs.start("a", &other, Put().createOnly()));
    EXPECT_NE(id, other);
    auto part = send("a", id, 1, "mine");
    auto others = send("a", other, 1, "other");
    ASSERT_EQ(POLYFS_OK, fs.complete("a", other, {others}, Put().createOnly()));
    EXPECT_EQ(POLYFS_EXISTS, fs.complete("a", id, {part}, Put().createOnly()));
    EXPECT_EQ(POLYFS_EXISTS, fs.start("a", &other, Put().createOnly()));
    EXPECT_EQ(POLYFS_CONDITION, fs.complete("a", id, {part}, Put().ifMatch("x")));
    ASSERT_EQ(POLYFS_OK, fs.info("a"));
    std::string etag = fs.stat.etag;
    EXPECT_EQ(POLYFS_OK, fs.complete("a", id, {part}, Put().ifMatch(etag.c_str()))); /* it was still there */
    EXPECT_EQ("mine", fs.read("a"));
}

TEST_F(UploadTest, ChecksumsOfTheWholeAndOfParts)
{
    std::string id;
    ASSERT_EQ(POLYFS_OK, fs.start("a", &id));
    auto first = send("a", id, 1, "1234");
    auto second = send("a", id, 2, "56789");
    EXPECT_EQ(POLYFS_CORRUPT, fs.complete("a", id, {first, second}, Put().crc(3)));
    second.checksum = Put().crc(3).checksum;
    EXPECT_EQ(POLYFS_CORRUPT, fs.complete("a", id, {first, second}));
    second.checksum.kind = POLYFS_CHECKSUM_SHA256;
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.complete("a", id, {first, second}));
    second.checksum = polyfs_checksum();
    EXPECT_EQ(POLYFS_OK, fs.complete("a", id, {first, second}, Put().crc(0xe3069283)));
    EXPECT_EQ(1u, fs.stat.checksum.kind);
    ASSERT_EQ(POLYFS_OK, fs.start("a", &id));
    first = send("a", id, 1, "x");
    second = send("a", id, 2, "123456789");
    second.checksum = Put().crc(0xe3069283).checksum;
    EXPECT_EQ(POLYFS_OK, fs.complete("a", id, {first, second}));
}

TEST_F(UploadTest, ChecksumOfAPartAsItIsSent)
{
    std::string id;
    struct polyfs_part part = {}, untouched = {};
    ASSERT_EQ(POLYFS_OK, fs.start("a", &id));
    struct polyfs_checksum sum = Put().crc(3).checksum;
    EXPECT_EQ(POLYFS_CORRUPT, fs.part("a", id, 1, "123456789", &part, &sum));
    sum.kind = POLYFS_CHECKSUM_MD5;
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.part("a", id, 1, "123456789", &part, &sum));
    EXPECT_EQ(0, memcmp(&untouched, &part, sizeof(part)));
    EXPECT_TRUE(held("a", id, 0, 10).empty());
    sum = Put().crc(0xe3069283).checksum;
    ASSERT_EQ(POLYFS_OK, fs.part("a", id, 1, "123456789", &part, &sum));
    sum.kind = POLYFS_CHECKSUM_NONE;
    ASSERT_EQ(POLYFS_OK, fs.part("a", id, 1, "123456789", &part, &sum));
    ASSERT_EQ(POLYFS_OK, fs.complete("a", id, {part}));
    EXPECT_EQ("123456789", fs.read("a"));
}

TEST_F(UploadTest, PartsCopiedFromObjects)
{
    std::string id;
    struct polyfs_part first, second;
    ASSERT_EQ(POLYFS_OK, fs.put("source", "0123456789"));
    std::string etag = fs.stat.etag;
    ASSERT_EQ(POLYFS_OK, fs.start("a", &id));
    auto copy = [&](const char *from, const char *pin, uint64_t offset, uint64_t size, struct polyfs_part *out,
                    uint32_t number) {
        return fs.copyPart("a", id, number, {from, pin}, offset, size, out);
    };
    EXPECT_EQ(POLYFS_OK, copy("source", etag.c_str(), 5, 5, &first, 1));
    EXPECT_EQ(POLYFS_OK, copy("source", nullptr, 0, 3, &second, 2));
    EXPECT_EQ(POLYFS_OK, copy("source", nullptr, 10, 0, &second, 3));
    EXPECT_EQ(POLYFS_RANGE, copy("source", nullptr, 6, 5, &second, 3));
    EXPECT_EQ(POLYFS_RANGE, copy("source", nullptr, UINT64_MAX, 5, &second, 3));
    EXPECT_EQ(POLYFS_CHANGED, copy("source", "x", 0, 1, &second, 3));
    EXPECT_EQ(POLYFS_NOT_FOUND, copy("gone", nullptr, 0, 1, &second, 3));
    ASSERT_EQ(POLYFS_OK, fs.remove("source"));
    auto rows = held("a", id, 0, 10);
    ASSERT_EQ(3u, rows.size());
    EXPECT_EQ(POLYFS_OK, fs.complete("a", id, rows));
    EXPECT_EQ("56789012", fs.read("a"));
}

TEST_F(UploadTest, PartsAreListedByNumber)
{
    std::string id;
    ASSERT_EQ(POLYFS_OK, fs.start("a", &id));
    for (uint32_t i = 0; i < 50; i++)
        send("a", id, 1 + (i * 17) % 50, std::to_string(i));
    auto rows = held("a", id, 0, 20);
    ASSERT_EQ(20u, rows.size());
    EXPECT_EQ(20u, rows[19].number);
    rows = held("a", id, 40, 20);
    ASSERT_EQ(10u, rows.size());
    EXPECT_EQ(41u, rows[0].number);
    EXPECT_TRUE(held("a", id, 50, 20).empty());
    EXPECT_TRUE(held("a", id, UINT32_MAX, 20).empty());
    EXPECT_TRUE(held("a", id, 0, 0).empty());
    rows = held("a", id, 0, 60);
    ASSERT_EQ(POLYFS_OK, fs.complete("a", id, rows));
    uint64_t count = 0;
    EXPECT_EQ(POLYFS_NOT_FOUND, Fs::up()->list_parts(&fs.call, fs.handle, "a", 1, id.c_str(), 0, rows.data(), 1,
                                                     sizeof(polyfs_part), &count, &fs.err));
}

TEST_F(UploadTest, AnotherFilesystemGoesOn)
{
    Fs other, sub;
    openAs(&other);
    std::string id;
    ASSERT_EQ(POLYFS_OK, fs.sub("d", &sub));
    ASSERT_EQ(POLYFS_OK, sub.start("a", &id));
    struct polyfs_part part;
    ASSERT_EQ(POLYFS_OK, other.part("d/a", id, 1, "x", &part));
    ASSERT_EQ(POLYFS_OK, sub.complete("a", id, {part}));
    EXPECT_EQ("x", fs.read("d/a"));
}

TEST_F(MemoryTest, PartsCopiedFromAVersion)
{
    open({{"versioning", "1"}});
    ASSERT_EQ(POLYFS_OK, fs.put("source", "old"));
    std::string version = fs.stat.version, etag = fs.stat.etag, id;
    ASSERT_EQ(POLYFS_OK, fs.put("source", "new"));
    ASSERT_EQ(POLYFS_OK, fs.start("a", &id));
    struct polyfs_part first, second;
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.copyPart("a", id, 1, {"source", nullptr, "0000000000000000"}, 0, 3, &first));
    EXPECT_EQ(POLYFS_CHANGED, fs.copyPart("a", id, 1, {"source", etag.c_str()}, 0, 3, &first));
    ASSERT_EQ(POLYFS_OK, fs.copyPart("a", id, 1, {"source", etag.c_str(), version.c_str()}, 0, 3, &first));
    ASSERT_EQ(POLYFS_OK, fs.copyPart("a", id, 2, {"source"}, 0, 3, &second));
    ASSERT_EQ(POLYFS_OK, fs.complete("a", id, {first, second}));
    EXPECT_EQ("oldnew", fs.read("a"));
}

static void listUploads(Fs &fs, std::vector<std::pair<std::string, std::string>> *seen)
{
    struct polyfs_step step = {sizeof(step), 0, nullptr, &fs.text, 0};
    std::string cursor;
    int code = POLYFS_MORE;
    while (code == POLYFS_MORE) {
        struct polyfs_uploads page;
        code = Fs::up()->list(&fs.call, fs.handle, "d/", 2, &step, &page, &fs.err);
        EXPECT_GE(1000u, page.rows.size());
        for (const auto &row : page.rows) {
            EXPECT_GT(row.started_ns, 0);
            seen->emplace_back(row.path, row.id);
        }
        cursor = fs.text.value;
        step.cursor = cursor.c_str();
    }
    EXPECT_EQ(POLYFS_OK, code);
    step.cursor = "nonsense";
    struct polyfs_uploads none;
    EXPECT_EQ(POLYFS_INVALID, Fs::up()->list(&fs.call, fs.handle, "d/", 2, &step, &none, &fs.err));
}

TEST_F(UploadTest, UploadsAreListedByPage)
{
    std::map<std::string, std::string> ids;
    for (int i = 0; i < 1200; i++) {
        std::string path = "d/" + std::to_string(i), id;
        ASSERT_EQ(POLYFS_OK, fs.start(path, &id));
        ids[path] = id;
    }
    std::string twice, outside;
    ASSERT_EQ(POLYFS_OK, fs.start("d/7", &twice));
    ASSERT_EQ(POLYFS_OK, fs.start("e", &outside));
    std::vector<std::pair<std::string, std::string>> seen;
    listUploads(fs, &seen);
    EXPECT_EQ(1201u, seen.size());
    for (size_t i = 1; i < seen.size(); i++)
        EXPECT_LT(seen[i - 1], seen[i]);
    for (const auto &pair : seen)
        EXPECT_EQ(POLYFS_OK, fs.abort(pair.first, pair.second));
    EXPECT_EQ(POLYFS_OK, fs.abort("e", outside));
}
