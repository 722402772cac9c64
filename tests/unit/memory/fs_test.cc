/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, facts, stat, sub-filesystems and real folders of the memory plugin. */
#include "fixture.h"

TEST(MemoryPlugin, IsDescribedWhole)
{
    const struct polyfs_plugin *plugin = fake::plugin();
    EXPECT_EQ(POLYFS_PLUGIN_MAGIC, plugin->magic);
    EXPECT_EQ(sizeof(*plugin), plugin->struct_size);
    EXPECT_STREQ("memory", plugin->name);
    EXPECT_STREQ("none", plugin->authority);
    EXPECT_EQ(0u, plugin->flags);
    EXPECT_EQ(5u, plugin->option_count);
    EXPECT_TRUE(plugin->fs && plugin->lister && plugin->reader && plugin->upload && plugin->placed &&
                plugin->stream);
    EXPECT_EQ(nullptr, plugin->fs->sign);
}

TEST(MemoryPlugin, RefusesAnOlderHost)
{
    struct polyfs_host host = {};
    host.struct_size = 16;
    const struct polyfs_plugin *out = nullptr;
    struct polyfs_error err = POLYFS_ERROR_INIT;
    EXPECT_EQ(POLYFS_PLUGIN, POLYFS_PLUGIN_ENTRY(memory)(&host, &out, &err));
    EXPECT_EQ(nullptr, out);
}

TEST_F(MemoryTest, FilesystemsOfOneNameShareTheStore)
{
    open();
    Fs second, other;
    openAs(&second);
    ASSERT_EQ(POLYFS_OK, fs.put("a", "1"));
    EXPECT_EQ("1", second.read("a"));
    openAs(&other, {{"store", "another"}});
    EXPECT_EQ(POLYFS_NOT_FOUND, other.get("a"));
}

TEST_F(MemoryTest, ContentOutlivesItsFilesystem)
{
    open();
    ASSERT_EQ(POLYFS_OK, fs.put("a", "1"));
    fs.close();
    open();
    EXPECT_EQ("1", fs.read("a"));
}

TEST_F(MemoryTest, OpenRefusesWhatCannotBe)
{
    open();
    Fs other;
    auto values = options_;
    values["folders"] = "real";
    EXPECT_EQ(POLYFS_CONFIG, other.open(values));
    values["store"] = "unused";
    values["versioning"] = "1";
    EXPECT_EQ(POLYFS_CONFIG, other.open(values));
    struct polyfs_inner inner = {};
    struct polyfs_options options;
    void *out = nullptr;
    EXPECT_EQ(POLYFS_UNSUPPORTED, Fs::ops()->open(&other.call, &options, &inner, &out, &other.err));
    EXPECT_EQ(nullptr, out);
}

TEST_F(MemoryTest, FactsAreAllSettled)
{
    open();
    struct polyfs_caps caps;
    ASSERT_EQ(POLYFS_OK, fs.caps(&caps));
    for (int fact = 0; fact < POLYFS_FACT_COUNT; fact++)
        EXPECT_NE(POLYFS_UNKNOWN, caps.fact[fact]) << fact;
    EXPECT_EQ(POLYFS_NO, caps.fact[POLYFS_FACT_NETWORK]);
    EXPECT_EQ(POLYFS_NO, caps.fact[POLYFS_FACT_REAL_DIRS]);
    EXPECT_EQ(POLYFS_NO, caps.fact[POLYFS_FACT_VERSIONS]);
    EXPECT_EQ(POLYFS_NO, caps.fact[POLYFS_FACT_RENAME_DIR]);
    EXPECT_EQ(POLYFS_NO, caps.fact[POLYFS_FACT_DURABLE_COMMIT]);
    EXPECT_EQ(POLYFS_NO, caps.fact[POLYFS_FACT_SIGN_GET]);
    EXPECT_EQ(POLYFS_YES, caps.fact[POLYFS_FACT_CONFINE]);
    EXPECT_EQ(POLYFS_YES, caps.fact[POLYFS_FACT_APPEND]);
    EXPECT_EQ(POLYFS_YES, caps.fact[POLYFS_FACT_COPY_CONDITION]);
    EXPECT_EQ(POLYFS_YES, caps.fact[POLYFS_FACT_REMOVE_CONDITION]);
    EXPECT_EQ(POLYFS_NO, caps.fact[POLYFS_FACT_RENAME_CONDITION]);
    EXPECT_EQ(POLYFS_NO, caps.fact[POLYFS_FACT_EQUAL_PARTS]);
    EXPECT_EQ(15u, caps.shapes);
    EXPECT_EQ(15u, caps.condition_shapes);
    EXPECT_EQ(1u, caps.part_min);
    EXPECT_EQ(100u, caps.cancel_bound_ms);
    EXPECT_EQ("memory:" + options_["store"], caps.limit_key);
    EXPECT_EQ(POLYFS_UNSUPPORTED, Fs::ops()->caps(&fs.call, fs.handle, "", 0, 2, &caps, &fs.err));
}

TEST_F(MemoryTest, StatTellsWhatIsThere)
{
    open();
    std::vector<polyfs_kv> meta = {{"k", "v"}, {"k2", ""}};
    ASSERT_EQ(POLYFS_OK, fs.put("dir/a", "12345", Put().type("text/plain").meta(meta).crc(0x18d12335)));
    std::string etag = fs.stat.etag;
    ASSERT_EQ(POLYFS_OK, fs.info("dir/a"));
    EXPECT_EQ(POLYFS_TYPE_FILE, static_cast<int>(fs.stat.type));
    EXPECT_EQ(5u, fs.stat.size);
    EXPECT_EQ(etag, fs.stat.etag);
    EXPECT_STREQ("", fs.stat.version);
    EXPECT_STREQ("text/plain", fs.stat.content_type);
    EXPECT_EQ(POLYFS_STAT_LATEST, fs.stat.flags);
    EXPECT_EQ(POLYFS_CHECKSUM_CRC32C, static_cast<int>(fs.stat.checksum.kind));
    EXPECT_EQ(UINT32_MAX, fs.stat.uid);
    EXPECT_EQ(sizeof(fs.stat), fs.stat.struct_size);
    EXPECT_GT(fs.stat.mtime_ns, INT64_C(1600000000) * 1000000000);
    ASSERT_EQ(2u, fs.pairs.rows.size());
    EXPECT_EQ("k", fs.pairs.rows[0].first);
    EXPECT_EQ("v", fs.pairs.rows[0].second);
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.info("dir")); /* nothing of that key; folders are implied */
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.info("dir/a/"));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.info("DIR/a"));
    ASSERT_EQ(POLYFS_OK, fs.info(""));
    EXPECT_EQ(POLYFS_TYPE_DIR, static_cast<int>(fs.stat.type));
    EXPECT_EQ(0u, fs.stat.size);
}

TEST_F(MemoryTest, EveryByteOfAPathIsPlain)
{
    open();
    const std::vector<std::string> paths = {"/",   "//",    ".",      "..",
                                            "a",   "a/",    "a//",    "a/b",
                                            "/a",  "a/./b", "a/../b", "\x01\xff\n",
                                            "%2f", "?#",    "A",      std::string(5000, 'x')};
    for (const std::string &path : paths)
        ASSERT_EQ(POLYFS_OK, fs.put(path, "of " + path, Put().createOnly())) << path;
    for (const std::string &path : paths)
        EXPECT_EQ("of " + path, fs.read(path));
    EXPECT_EQ(POLYFS_IS_DIR, fs.put("", "x"));
    EXPECT_EQ(POLYFS_IS_DIR, fs.get(""));
    EXPECT_EQ(POLYFS_IS_DIR, fs.remove(""));
}

TEST_F(MemoryTest, EverySlotSeesAStopFirst)
{
    open();
    ASSERT_EQ(POLYFS_OK, fs.put("a", "1"));
    std::string id;
    ASSERT_EQ(POLYFS_OK, fs.start("up", &id));
    void *placed = nullptr, *stream = nullptr, *lister = nullptr, *reader = nullptr, *none = nullptr;
    ASSERT_EQ(POLYFS_OK, fs.placed("p", &placed));
    ASSERT_EQ(POLYFS_OK, fs.stream("s", &stream));
    ASSERT_EQ(POLYFS_OK, fs.listOpen("", 0, &lister));
    ASSERT_EQ(POLYFS_OK,
              fake::plugin()->reader->open(&fs.call, fs.handle, "a", 1, nullptr, &reader, nullptr, &fs.err));
    struct polyfs_part part;
    struct polyfs_caps caps;
    struct polyfs_remove_item item = {"a", 1, nullptr, nullptr, 7, 0, ""};
    struct polyfs_step step = {sizeof(step), 0, nullptr, &fs.text, 0};
    struct polyfs_uploads uploads;
    uint64_t n = 77;
    char buffer[4];
    Fs sub;
    std::vector<Row> listed;
    const std::vector<std::function<int()>> slots = {
        [&] { return fs.put("a", "2"); },
        [&] { return fs.get("a"); },
        [&] { return fs.info("a"); },
        [&] { return fs.caps(&caps); },
        [&] { return fs.remove("a"); },
        [&] { return fs.removeTree(""); },
        [&] { return Fs::ops()->remove_many(&fs.call, fs.handle, &item, 1, sizeof(item), &fs.err); },
        [&] { return fs.copy("a", "b"); },
        [&] { return fs.compose({{"a"}}, "b"); },
        [&] { return fs.rename("a", "b"); },
        [&] { return fs.mkdir("d"); },
        [&] { return fs.rmdir("d"); },
        [&] { return fs.setMetadata("a", Put()); },
        [&] { return fs.setTimes("a", 1); },
        [&] { return fs.sub("d", &sub); },
        [&] { return fs.open(options_); },
        [&] { return fs.start("b", &id); },
        [&] { return fs.part("up", id, 1, "x", &part); },
        [&] { return fs.copyPart("up", id, 1, {"a"}, 0, 1, &part); },
        [&] {
            return Fs::up()->list_parts(&fs.call, fs.handle, "up", 2, id.c_str(), 0, &part, 1, sizeof(part), &n,
                                        &fs.err);
        },
        [&] { return fs.complete("up", id, {}); },
        [&] { return fs.abort("up", id); },
        [&] { return Fs::up()->list(&fs.call, fs.handle, "", 0, &step, &uploads, &fs.err); },
        [&] { return fs.placed("b", &none); },
        [&] { return fs.placedWrite(placed, 0, "x"); },
        [&] { return fs.placedCommit(placed, 0); },
        [&] { return fs.stream("b", &none); },
        [&] { return fs.streamWrite(stream, "x"); },
        [&] { return fake::plugin()->stream->offset(&fs.call, stream, &n, &fs.err); },
        [&] { return fs.streamCommit(stream); },
        [&] { return fs.listOpen("", 0, &none); },
        [&] { return fs.listNext(lister, &listed); },
        [&] { return fake::plugin()->reader->open(&fs.call, fs.handle, "a", 1, nullptr, &none, nullptr, &fs.err); },
        [&] { return fake::plugin()->reader->pread(&fs.call, reader, 0, buffer, 1, &n, &fs.err); },
    };
    for (int code : {static_cast<int>(POLYFS_CANCELLED), static_cast<int>(POLYFS_TIMEOUT)}) {
        fs.stop.code = code;
        for (size_t i = 0; i < slots.size(); i++) {
            fs.stop.left = 1;
            EXPECT_EQ(code, slots[i]()) << "slot " << i;
            EXPECT_EQ(code, fs.err.code) << "slot " << i;
            EXPECT_NE('\0', fs.err.message[0]);
            EXPECT_EQ(POLYFS_COMMIT_NOT_APPLIED, static_cast<int>(fs.err.commit_state));
        }
    }
    fs.stop.left = INT_MAX;
    EXPECT_EQ(nullptr, none);
    EXPECT_EQ(nullptr, sub.handle);
    EXPECT_EQ(77u, n);
    EXPECT_EQ(7, item.code);
    EXPECT_EQ("a", fs.names(""));
    EXPECT_EQ("1", fs.read("a"));
    fs.placedAbort(placed);
    fs.streamAbort(stream);
    fake::plugin()->lister->close(lister);
    fake::plugin()->reader->close(reader);
    EXPECT_EQ(POLYFS_OK, fs.abort("up", id));
}

/* ---- sub */

TEST_F(MemoryTest, SubSeesItsFolderOnly)
{
    open();
    Fs sub;
    ASSERT_EQ(POLYFS_OK, fs.sub("a", &sub));
    ASSERT_EQ(POLYFS_OK, fs.put("ab", "out"));
    ASSERT_EQ(POLYFS_OK, sub.put("x", "1"));
    ASSERT_EQ(POLYFS_OK, sub.put("../y", "2"));
    EXPECT_EQ("1", fs.read("a/x"));
    EXPECT_EQ("2", fs.read("a/../y"));
    EXPECT_EQ("../ x", sub.names(""));
    EXPECT_EQ("../y x", sub.names("", POLYFS_LIST_FLAT, 1));
    EXPECT_EQ("x", sub.names("", POLYFS_LIST_FLAT, 1, "../y"));
    EXPECT_EQ(POLYFS_IS_DIR, sub.put("", "z"));
    ASSERT_EQ(POLYFS_OK, sub.info(""));
    EXPECT_EQ(POLYFS_TYPE_DIR, static_cast<int>(sub.stat.type));
    EXPECT_EQ(POLYFS_OK, sub.rename("x", "z"));
    EXPECT_EQ("1", fs.read("a/z"));
    EXPECT_EQ(POLYFS_OK, sub.removeTree(""));
    EXPECT_EQ("ab", fs.names("", POLYFS_LIST_FLAT));
    Fs refused;
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.sub("a", &refused, 2));
}

TEST_F(MemoryTest, SubLivesLongerThanWhatItWasMadeOf)
{
    open();
    Fs first, second;
    openAs(&first);
    ASSERT_EQ(POLYFS_OK, first.sub("a/", &second));
    first.close();
    EXPECT_EQ(POLYFS_OK, second.put("x", "1"));
    EXPECT_EQ("1", fs.read("a/x"));
}

TEST_F(RealFolderTest, SubNeedsAFolder)
{
    Fs sub;
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.sub("d", &sub));
    ASSERT_EQ(POLYFS_OK, fs.put("f", "1"));
    EXPECT_EQ(POLYFS_NOT_DIR, fs.sub("f", &sub));
    ASSERT_EQ(POLYFS_OK, fs.mkdir("d"));
    ASSERT_EQ(POLYFS_OK, fs.sub("d", &sub));
    EXPECT_EQ(POLYFS_OK, sub.put("x", "1"));
    EXPECT_EQ(POLYFS_OK, sub.mkdir("e"));
    EXPECT_EQ("e/ x", sub.names(""));
    EXPECT_EQ(POLYFS_INVALID, sub.rmdir(""));
    EXPECT_EQ(POLYFS_NOT_FOUND, sub.put("../y", "1"));
    EXPECT_EQ(POLYFS_OK, sub.removeTree(""));
    EXPECT_EQ("", sub.names(""));
    EXPECT_EQ(POLYFS_OK, sub.info(""));
    EXPECT_EQ(POLYFS_OK, fs.rmdir("d"));
    EXPECT_EQ(POLYFS_NOT_FOUND, sub.info(""));
    EXPECT_EQ(POLYFS_NOT_FOUND, sub.mkdir("e/f", POLYFS_MKDIR_PARENTS));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.info("d"));
    EXPECT_EQ(POLYFS_NOT_FOUND, sub.removeTree(""));
}

/* ---- folders */

TEST_F(MemoryTest, ImpliedFoldersAreNotMade)
{
    open();
    EXPECT_EQ(POLYFS_OK, fs.mkdir("a/b"));
    EXPECT_EQ(POLYFS_OK, fs.mkdir("a/b", POLYFS_MKDIR_PARENTS | POLYFS_MKDIR_EXIST_OK));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.info("a"));
    EXPECT_EQ(POLYFS_OK, fs.rmdir("a/b"));
    ASSERT_EQ(POLYFS_OK, fs.put("a/x", "1"));
    ASSERT_EQ(POLYFS_OK, fs.put("a", "2"));
    EXPECT_EQ(POLYFS_NOT_EMPTY, fs.rmdir("a"));
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.mkdir("a", POLYFS_MKDIR_BUCKET));
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.rmdir("a", POLYFS_MKDIR_BUCKET));
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.mkdir("a", 8));
    EXPECT_EQ(POLYFS_UNSUPPORTED, fs.rmdir("a", 8));
}

TEST_F(RealFolderTest, MkdirAsPosix)
{
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.mkdir("a/b"));
    EXPECT_EQ(POLYFS_OK, fs.mkdir("a"));
    EXPECT_EQ(POLYFS_EXISTS, fs.mkdir("a/"));
    EXPECT_EQ(POLYFS_OK, fs.mkdir("a", POLYFS_MKDIR_EXIST_OK));
    EXPECT_EQ(POLYFS_OK, fs.mkdir("a/b/c/d", POLYFS_MKDIR_PARENTS));
    EXPECT_EQ(POLYFS_EXISTS, fs.mkdir("a/b/c/d", POLYFS_MKDIR_PARENTS));
    ASSERT_EQ(POLYFS_OK, fs.info("a/b"));
    EXPECT_EQ(POLYFS_TYPE_DIR, static_cast<int>(fs.stat.type));
    ASSERT_EQ(POLYFS_OK, fs.info("a/b/"));
    ASSERT_EQ(POLYFS_OK, fs.put("a/f", "1"));
    EXPECT_EQ(POLYFS_EXISTS, fs.mkdir("a/f", POLYFS_MKDIR_EXIST_OK));
    EXPECT_EQ(POLYFS_NOT_DIR, fs.mkdir("a/f/g"));
    EXPECT_EQ(POLYFS_NOT_DIR, fs.mkdir("a/f/g/h", POLYFS_MKDIR_PARENTS));
    EXPECT_EQ(POLYFS_EXISTS, fs.mkdir(""));
    EXPECT_EQ(POLYFS_OK, fs.mkdir("", POLYFS_MKDIR_EXIST_OK));
}

TEST_F(RealFolderTest, RmdirAsPosix)
{
    ASSERT_EQ(POLYFS_OK, fs.mkdir("a/b", POLYFS_MKDIR_PARENTS));
    ASSERT_EQ(POLYFS_OK, fs.put("f", "1"));
    EXPECT_EQ(POLYFS_NOT_EMPTY, fs.rmdir("a"));
    EXPECT_EQ(POLYFS_NOT_DIR, fs.rmdir("f"));
    EXPECT_EQ(POLYFS_NOT_DIR, fs.rmdir("f/x"));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.rmdir("x"));
    EXPECT_EQ(POLYFS_INVALID, fs.rmdir(""));
    EXPECT_EQ(POLYFS_OK, fs.rmdir("a/b/"));
    EXPECT_EQ(POLYFS_OK, fs.rmdir("a"));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.info("a"));
}

TEST_F(RealFolderTest, ObjectsAndFoldersAreToldApart)
{
    ASSERT_EQ(POLYFS_OK, fs.mkdir("d"));
    ASSERT_EQ(POLYFS_OK, fs.put("f", "1"));
    EXPECT_EQ(POLYFS_IS_DIR, fs.put("d", "1"));
    EXPECT_EQ(POLYFS_IS_DIR, fs.put("d/", "1"));
    EXPECT_EQ(POLYFS_EXISTS, fs.put("d", "1", Put().createOnly()));
    EXPECT_EQ(POLYFS_IS_DIR, fs.get("d"));
    EXPECT_EQ(POLYFS_IS_DIR, fs.remove("d"));
    EXPECT_EQ(POLYFS_NOT_DIR, fs.put("f/", "1"));
    EXPECT_EQ(POLYFS_NOT_DIR, fs.info("f/"));
    EXPECT_EQ(POLYFS_NOT_DIR, fs.get("f/"));
    EXPECT_EQ(POLYFS_NOT_DIR, fs.remove("f/"));
    EXPECT_EQ(POLYFS_NOT_DIR, fs.put("f/x", "1"));
    EXPECT_EQ(POLYFS_NOT_DIR, fs.info("f/x"));
    EXPECT_EQ(POLYFS_NOT_DIR, fs.removeTree("f"));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.put("x/y", "1"));
    EXPECT_EQ(POLYFS_IS_DIR, fs.put("x/", "1"));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.put("x/y/", "1"));
    EXPECT_EQ(POLYFS_NOT_DIR, fs.put("f/y/", "1"));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.info("x/"));
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.removeTree("x"));
    EXPECT_EQ(POLYFS_OK, fs.put("d/x", "1"));
    EXPECT_EQ(POLYFS_OK, fs.removeTree("d"));
    EXPECT_EQ("f", fs.names("", POLYFS_LIST_FLAT));
}
