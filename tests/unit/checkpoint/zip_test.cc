/* SPDX-License-Identifier: Apache-2.0 */
/* Zip files: where their records lie, and what is refused before it is believed. */
#include "torch_file.h"

namespace
{

class ZipTest : public TorchFixture
{
  protected:
    ~ZipTest() override
    {
        ckpt_zip_clear(&zip_);
    }

    int Open(const std::string &bytes)
    {
        ckpt_zip_clear(&zip_);
        return ckpt_zip_open(Shard(bytes), &zip_, &err_);
    }

    /* The bytes of a record, or "!" and the code. */
    std::string Read(const std::string &name)
    {
        ckpt_zip_entry *entry = ckpt_zip_find(&zip_, name.data(), name.size());
        uint8_t *bytes = nullptr;
        if (!entry)
            return "none";
        int rc = ckpt_zip_read(&zip_, entry, &bytes, &err_);
        std::string read =
            rc == POLYFS_OK ? std::string(reinterpret_cast<char *>(bytes), entry->size) : "!" + std::to_string(rc);
        free(bytes);
        return read;
    }

    /* Where the bytes of a record are said to be, or the code. */
    int64_t Locate(const std::string &name)
    {
        ckpt_zip_entry *entry = ckpt_zip_find(&zip_, name.data(), name.size());
        int rc = entry ? ckpt_zip_locate(&zip_, entry, &err_) : POLYFS_NOT_FOUND;
        return rc == POLYFS_OK ? static_cast<int64_t>(entry->data) : rc;
    }

    static size_t Mark(const std::string &bytes, const char *sign, size_t from = 0)
    {
        size_t at = bytes.find(sign, from);
        EXPECT_NE(std::string::npos, at);
        return at;
    }

    ckpt_zip zip_ = {};
};

const std::string kCorrupt = "!" + std::to_string(POLYFS_CORRUPT);

} // namespace

TEST_F(ZipTest, AsTorchWritesIt)
{
    Zip zip;
    zip.Add("a/data.pkl", "pickle")
        .Add("a/data/0", std::string(100, 'x'))
        .Add("a/data/1", "")
        .Add("a/version", "3\n");
    ASSERT_EQ(POLYFS_OK, Open(zip.Finish())) << err_.message;
    EXPECT_EQ(4u, zip_.count);
    EXPECT_EQ("pickle", Read("a/data.pkl"));
    EXPECT_EQ(std::string(100, 'x'), Read("a/data/0"));
    EXPECT_EQ("", Read("a/data/1"));
    EXPECT_EQ("3\n", Read("a/version"));
    EXPECT_EQ("none", Read("a/data"));
    EXPECT_EQ("none", Read("a/data/00"));
}

TEST_F(ZipTest, OtherWriters)
{
    for (int kind = 0; kind < 16; kind++) {
        Zip zip;
        zip.flags = kind & 1 ? 0x808 : 0;
        zip.aligned = kind & 2;
        zip.wide_end = kind & 4;
        zip.wide_entries = kind & 8;
        zip.Add("a/b", "bytes").Add("c", std::string(300, 'y'));
        ASSERT_EQ(POLYFS_OK, Open(zip.Finish(kind & 1 ? "a comment PK\5\6" : ""))) << err_.message;
        EXPECT_EQ("bytes", Read("a/b"));
        EXPECT_EQ(static_cast<int64_t>(zip.records[1].at), Locate("c")) << kind;
        EXPECT_EQ(std::string(300, 'y'), Read("c"));
    }
}

TEST_F(ZipTest, LargerThanItsTail)
{
    Zip zip;
    for (size_t i = 0; i < 2000; i++)
        zip.Add("folder/with/a/long/name/" + std::to_string(i), std::string(i % 200, static_cast<char>(i)));
    std::string bytes = zip.Finish();
    ASSERT_EQ(POLYFS_OK, Open(bytes)) << err_.message;
    ASSERT_NE(nullptr, zip_.directory) << "the directory alone is more than the tail";
    ASSERT_EQ(2000u, zip_.count);
    for (const Zip::Record &record : zip.records) {
        ASSERT_EQ(record.data, Read(record.name)) << record.name;
        ASSERT_EQ(static_cast<int64_t>(record.at), Locate(record.name));
    }
}

TEST_F(ZipTest, TorchesRuleSparesRequests)
{
    Zip zip;
    zip.Add("a/data.pkl", "pickle").Add("a/data/0", "zero").Add("a/data/1", "one").Add("a/version", "3\n");
    std::string bytes = zip.Finish();
    for (const char *name : {"a/data/0", "a/data/1", "a/version"})
        Patch(bytes, Mark(bytes, name) - 30, "XXXX"); /* the header: nobody reads it */
    ASSERT_EQ(POLYFS_OK, Open(bytes));
    EXPECT_EQ(POLYFS_CORRUPT, Locate("a/data/1")) << "nothing has shown yet who wrote the file";
    ASSERT_EQ("pickle", Read("a/data.pkl"));
    for (size_t i = 1; i < 4; i++)
        EXPECT_EQ(static_cast<int64_t>(zip.records[i].at), Locate(zip.records[i].name));
}

TEST_F(ZipTest, TheRuleIsNotBelievedBlindly)
{
    Zip zip;
    zip.Add("a/data.pkl", "pickle");
    zip.aligned = false;
    zip.Add("a/data/0", "zero").Add("a/data/1", "one");
    zip.flags = 0;
    zip.Add("a/data/2", "two").Add("a/version", "3\n");
    ASSERT_EQ(POLYFS_OK, Open(zip.Finish()));
    ASSERT_EQ("pickle", Read("a/data.pkl"));
    ASSERT_EQ(1, zip_.aligned);
    for (const Zip::Record &record : zip.records)
        EXPECT_EQ(static_cast<int64_t>(record.at), Locate(record.name)) << record.name;
}

TEST_F(ZipTest, OnlyPlainRecords)
{
    Zip zip;
    zip.method = 8;
    zip.Add("a", "bytes");
    ASSERT_EQ(POLYFS_OK, Open(zip.Finish()));
    EXPECT_EQ(POLYFS_UNSUPPORTED, Locate("a"));
    EXPECT_STREQ(
        "cannot read x.pt: its record a is compressed, and only plain ones can be read in part; load it and save "
        "it again with torch.save()",
        err_.message);
    Zip secret;
    secret.flags = 0x809;
    secret.Add("a", "bytes");
    ASSERT_EQ(POLYFS_OK, Open(secret.Finish()));
    EXPECT_EQ("!" + std::to_string(POLYFS_UNSUPPORTED), Read("a"));
}

TEST_F(ZipTest, NoZipFile)
{
    for (const std::string &bytes : {std::string(), std::string("short"), std::string(21, 'P'),
                                     std::string(100000, 'x'), "PK\5\6" + std::string(19, '\0')})
        EXPECT_EQ(POLYFS_UNSUPPORTED, Open(bytes)) << bytes.size();
}

TEST_F(ZipTest, Empty)
{
    ASSERT_EQ(POLYFS_OK, Open("PK\5\6" + std::string(18, '\0')));
    EXPECT_EQ(0u, zip_.count);
    EXPECT_EQ("none", Read("a"));
}

TEST_F(ZipTest, TwoEnds)
{
    Zip zip;
    zip.Add("a", "bytes");
    std::string bytes = zip.Finish();
    EXPECT_EQ(POLYFS_CORRUPT, Open(bytes + bytes.substr(bytes.size() - 22))) << "the second one is elsewhere";
    ASSERT_EQ(POLYFS_OK, Open(zip.Finish(std::string(1000, '#') + "PK\5\6" + std::string(18, '\1'))))
        << "a comment may look like an end, unless it ends where the file does";
    EXPECT_EQ("bytes", Read("a"));
}

TEST_F(ZipTest, NamesTwice)
{
    Zip zip;
    zip.Add("a", "1").Add("b", "2").Add("a", "3");
    EXPECT_EQ(POLYFS_CORRUPT, Open(zip.Finish()));
    EXPECT_NE(nullptr, strstr(err_.message, "two of its records have one name")) << err_.message;
}

TEST_F(ZipTest, NumbersThatDoNotFit)
{
    Zip zip;
    zip.Add("a", "bytes");
    std::string good = zip.Finish();
    size_t wide = Mark(good, "PK\6\6"), locator = Mark(good, "PK\6\7"), end = Mark(good, "PK\5\6");
    const struct {
        size_t at, width;
        std::vector<uint64_t> values;
    } rows[] = {
        {wide + 4, 8, {0, 43, 45, UINT64_MAX}},                                   /* its own size */
        {wide + 16, 4, {1}},                                                      /* parts */
        {wide + 24, 8, {0, 2, UINT64_MAX}},                                       /* records */
        {wide + 32, 8, {0, 2, UINT64_MAX}},                                       /* records */
        {wide + 40, 8, {0, 1u << 30, UINT64_MAX, UINT64_MAX - 100}},              /* size of the directory */
        {wide + 48, 8, {0, 1, UINT32_MAX, UINT64_MAX, UINT64_MAX - 40}},          /* its place */
        {locator + 4, 4, {1}},                                                    /* parts */
        {locator + 8, 8, {0, 1, locator, UINT64_MAX, UINT64_MAX - 30, wide + 1}}, /* place of the wide end */
        {locator + 16, 4, {0, 2}},                                                /* parts */
        {end + 10, 2, {0, 2}},                                                    /* records, once more */
        {end + 12, 4, {0, 1}},                                                    /* size */
        {end + 16, 4, {0, 1}},                                                    /* place */
    };
    for (const auto &row : rows)
        for (uint64_t value : row.values) {
            std::string bytes = good;
            Patch(bytes, row.at, Le(value, row.width));
            EXPECT_EQ(POLYFS_CORRUPT, Open(bytes)) << row.at - wide << " " << value;
        }
}

TEST_F(ZipTest, HugeCounts)
{
    Zip zip;
    zip.wide_end = false;
    zip.Add("a", "bytes");
    std::string good = zip.Finish();
    size_t end = Mark(good, "PK\5\6");
    for (size_t at : {end + 8, end + 10, end + 12, end + 16}) {
        std::string bytes = good;
        Patch(bytes, at, Le(0xffff, 2));
        EXPECT_EQ(POLYFS_CORRUPT, Open(bytes)) << at - end;
    }
    std::string bytes = good;
    Patch(bytes, end + 8, Le(0xffffffff, 4));
    EXPECT_EQ(POLYFS_CORRUPT, Open(bytes));
    EXPECT_NE(nullptr, strstr(err_.message, "no room for so many")) << err_.message;
}

TEST_F(ZipTest, EntriesThatMakeNoSense)
{
    Zip zip;
    zip.Add("a", "bytes");
    std::string good = zip.Finish();
    size_t entry = Mark(good, "PK\1\2");
    const struct {
        size_t at, width;
        std::vector<uint64_t> values;
    } rows[] = {
        {0, 4, {0}},                                       /* sign */
        {20, 4, {4, 6, 1000, UINT32_MAX, UINT32_MAX - 1}}, /* stored bytes */
        {24, 4, {4, 6, UINT32_MAX}},                       /* bytes */
        {28, 2, {0, 2, 0xffff}},                           /* of the name */
        {30, 2, {1, 0xffff}},                              /* of the fields */
        {32, 2, {1, 0xffff}},                              /* of the comment */
        {42, 4, {entry, UINT32_MAX, UINT32_MAX - 1}},      /* place of the header */
    };
    for (const auto &row : rows)
        for (uint64_t value : row.values) {
            std::string bytes = good;
            Patch(bytes, entry + row.at, Le(value, row.width));
            EXPECT_EQ(POLYFS_CORRUPT, Open(bytes)) << row.at << " " << value;
        }
}

TEST_F(ZipTest, WideNumbersThatDoNotFit)
{
    Zip zip;
    zip.wide_entries = true;
    zip.Add("a", "bytes");
    std::string good = zip.Finish();
    size_t field = Mark(good, "PK\1\2") + 46 + 1 + 5; /* behind a field of another kind */
    for (size_t at : {field + 4, field + 12, field + 20})
        for (uint64_t value : {UINT64_MAX, UINT64_MAX - 30, uint64_t{1} << 63, uint64_t{100000}}) {
            std::string bytes = good;
            Patch(bytes, at, Le(value, 8));
            EXPECT_EQ(POLYFS_CORRUPT, Open(bytes)) << at - field << " " << value;
        }
    for (uint64_t size : {0u, 8u, 16u, 23u, 25u, 0xffffu}) {
        std::string bytes = good;
        Patch(bytes, field + 2, Le(size, 2));
        EXPECT_EQ(POLYFS_CORRUPT, Open(bytes)) << size;
    }
}

TEST_F(ZipTest, HeadersThatMakeNoSense)
{
    for (size_t at : {0u, 8u, 26u, 30u}) {
        Zip zip;
        zip.Add("a", "bytes").Add("b", "more");
        std::string bytes = zip.Finish();
        bytes[zip.records[1].header + at] ^= 1;
        ASSERT_EQ(POLYFS_OK, Open(bytes));
        EXPECT_EQ(POLYFS_CORRUPT, Locate("b")) << at;
        EXPECT_EQ(kCorrupt, Read("b")) << at;
        EXPECT_EQ("bytes", Read("a"));
    }
    Zip zip;
    zip.Add("a", "bytes");
    std::string bytes = zip.Finish();
    Patch(bytes, 28, Le(0xffff, 2));
    ASSERT_EQ(POLYFS_OK, Open(bytes));
    EXPECT_EQ(POLYFS_CORRUPT, Locate("a")) << "its bytes would lie behind the directory";
}

/* The header's fields are longer than what is read along with it. */
TEST_F(ZipTest, LongHeader)
{
    Zip zip;
    zip.aligned = false;
    zip.Add("a", "bytes");
    std::string bytes = zip.Finish(), field = "xy" + Le(5000, 2) + std::string(5000, 'f');
    Patch(bytes, 28, Le(field.size(), 2));
    bytes.insert(31, field);
    size_t wide = Mark(bytes, "PK\6\6"), directory = Mark(bytes, "PK\1\2");
    Patch(bytes, wide + 48, Le(directory, 8));
    Patch(bytes, wide + 56 + 8, Le(wide, 8));
    Patch(bytes, wide + 76 + 16, Le(directory, 4));
    ASSERT_EQ(POLYFS_OK, Open(bytes)) << err_.message;
    EXPECT_EQ("bytes", Read("a"));
    EXPECT_EQ(31 + 5004, Locate("a"));
}

TEST_F(ZipTest, ANameTooLongToLookUp)
{
    Zip zip;
    std::string name(60000, 'n');
    zip.Add(name, "bytes");
    ASSERT_EQ(POLYFS_OK, Open(zip.Finish()));
    EXPECT_EQ(POLYFS_CORRUPT, Locate(name));
}

TEST_F(ZipTest, CutOrFlippedAnywhere)
{
    Zip zip;
    zip.Add("a/data.pkl", "pickle").Add("a/b", "more bytes");
    std::string good = zip.Finish();
    for (size_t n = 0; n < good.size(); n++)
        EXPECT_NE(POLYFS_OK, Open(good.substr(0, n))) << n;
    for (size_t at = 0; at < good.size(); at++)
        for (int bit = 0; bit < 8; bit++) {
            std::string bytes = good;
            bytes[at] = static_cast<char>(bytes[at] ^ 1 << bit);
            if (Open(bytes) != POLYFS_OK)
                continue;
            for (const char *name : {"a/data.pkl", "a/b"}) {
                Locate(name);
                Read(name);
            }
        }
}
