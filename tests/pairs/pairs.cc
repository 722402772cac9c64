/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree is copied from every store to every other, and to another place of its own; names, sizes and checksums must be the
 * same. The servers are those that the environment names (tests/pairs/CMakeLists.txt nests tests/servers/servers.py).
 */
#include <gtest/gtest.h>
#include <polyfs/polyfs.h>
#include <stdlib.h>
#include <unistd.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace
{
using Tree = std::map<std::string, std::string>;

polyfs_error err = POLYFS_ERROR_INIT;

/* What every store can have: no ':' for HDFS; one file is longer than a part. */
const Tree &Wanted()
{
    static const Tree tree = [] {
        std::mt19937 random(11);
        std::string large((9 << 20) + 7, '\0');
        for (char &c : large)
            c = static_cast<char>(random());
        return Tree{{"empty", ""},
                    {"plain.bin", std::string("\0\1\r\n\xff", 5)},
                    {"with space.txt", "a space"},
                    {"gr\u00fc\u00dfe/\u65e5\u672c.txt", "beyond ASCII"},
                    {"deep/er/still/a+b&c=d;e,f.txt", "signs of URLs"},
                    {"100%/x%2Fy", "what looks encoded"},
                    {"large", large}};
    }();
    return tree;
}

struct Store {
    std::string name, url;
    uint32_t make; /* flags of mkdir for the place itself */
    polyfs_fs *fs = nullptr;
    std::string path = {};
};

class Pairs : public testing::Test
{
  protected:
    static void SetUpTestSuite()
    {
        char folder[] = "/tmp/polyfs-pairs-XXXXXX";
        ASSERT_NE(nullptr, mkdtemp(folder));
        folder_ = folder;
        stores_ = {{"file", "file://" + folder_, 0},
                   {"memory", "memory://pairs", 0},
                   {"s3", "s3://pairs", POLYFS_MKDIR_BUCKET},
                   {"gs", "gs://pairs", POLYFS_MKDIR_BUCKET},
                   {"abfs", "abfs://pairs", POLYFS_MKDIR_BUCKET},
                   {"hdfs", "hdfs:///pairs", 0}};
        for (Store &store : stores_)
            Open(&store);
    }

    static void TearDownTestSuite()
    {
        for (Store &store : stores_)
            polyfs_fs_close(store.fs);
        std::string command = "rm -rf '" + folder_ + "'";
        EXPECT_EQ(0, system(command.c_str()));
    }

    static void Open(Store *store)
    {
        char *path = nullptr;
        ASSERT_EQ(POLYFS_OK, polyfs_fs_open(store->url.c_str(), nullptr, &store->fs, &path, &err)) << err.message;
        store->path = path;
        polyfs_free(path);
        int rc = polyfs_mkdir(store->fs, store->path.c_str(), store->make | POLYFS_MKDIR_EXIST_OK, nullptr, &err);
        ASSERT_EQ(POLYFS_OK, rc) << err.message;
        for (const auto &[name, bytes] : Wanted()) {
            polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
            opts.flags = POLYFS_WRITE_PARENTS;
            rc = polyfs_put(store->fs, (store->path + "/tree/" + name).c_str(), bytes.data(), bytes.size(), &opts,
                            nullptr, &err);
            ASSERT_EQ(POLYFS_OK, rc) << err.message;
        }
    }

    static Tree Read(const Store &store, const std::string &below)
    {
        polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
        polyfs_lister *lister = nullptr;
        Tree tree;
        opts.flags = POLYFS_LS_RECURSIVE;
        EXPECT_EQ(POLYFS_OK, polyfs_list_open(store.fs, below.c_str(), &opts, &lister, &err)) << err.message;
        for (int rc = POLYFS_MORE; rc == POLYFS_MORE;) {
            const polyfs_entry *rows = nullptr;
            size_t n = 0;
            rc = polyfs_list_next(lister, &rows, &n, &err);
            EXPECT_LE(0, rc) << err.message;
            for (size_t i = 0; rc >= 0 && i < n; i++)
                if (rows[i].type == POLYFS_TYPE_FILE)
                    tree[std::string(rows[i].path).substr(below.size() + 1)] = Bytes(store, rows[i].path);
        }
        polyfs_list_close(lister);
        return tree;
    }

    static std::string Bytes(const Store &store, const char *path)
    {
        void *data = nullptr;
        size_t n = 0;
        EXPECT_EQ(POLYFS_OK, polyfs_get_all(store.fs, path, nullptr, &data, &n, nullptr, &err)) << err.message;
        std::string bytes(static_cast<char *>(data), n);
        polyfs_free(data);
        return bytes;
    }

    static std::string folder_;
    static std::vector<Store> stores_;
};

std::string Pairs::folder_;
std::vector<Store> Pairs::stores_;

/* The checksum as polyfs tells it, of the store where that keeps one. */
uint64_t Sum(const Store &store, const std::string &path)
{
    struct polyfs_checksum sum = {};
    uint64_t value = 0;
    int rc = polyfs_checksum(store.fs, path.c_str(), POLYFS_CHECKSUM_CRC32C, nullptr, &sum, &err);
    EXPECT_EQ(POLYFS_OK, rc) << err.message;
    for (uint32_t i = 0; i < sum.length; i++)
        value = value << 8 | sum.value[i];
    return value;
}

TEST_F(Pairs, ATreeIsTheSameEverywhere)
{
    for (const Store &from : stores_) {
        for (const Store &to : stores_) {
            polyfs_bulk_opts opts = POLYFS_BULK_OPTS_INIT;
            const std::string source = from.path + "/tree", target = to.path + "/from-" + from.name;
            const char *sources[] = {source.c_str()}, *targets[] = {target.c_str()};
            opts.flags = POLYFS_BULK_RECURSIVE;
            ASSERT_EQ(POLYFS_OK, polyfs_bulk_copy(from.fs, sources, 1, to.fs, targets, 1, &opts, nullptr, &err))
                << from.name << " to " << to.name << ": " << err.message;
            EXPECT_TRUE(Wanted() == Read(to, target)) << from.name << " to " << to.name;
            for (const auto &[name, bytes] : Wanted())
                EXPECT_EQ(polyfs_crc32c(0, bytes.data(), bytes.size()), Sum(to, target + "/" + name))
                    << from.name << " to " << to.name << ": " << name;
        }
    }
}
} // namespace
