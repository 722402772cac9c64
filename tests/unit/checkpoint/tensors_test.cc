/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors in files: what safetensors allows is read and written, what it refuses is refused, before anything is believed. */
#include <cstring>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "polyfs/checkpoint.h"
#include "polyfs/polyfs.h"

namespace
{

class Tensors : public testing::Test
{
  protected:
    Tensors()
    {
        static int number;
        url_ = "memory://tensors-" + std::to_string(number++);
        EXPECT_EQ(POLYFS_OK, polyfs_fs_open((url_ + "/f").c_str(), nullptr, &fs_, nullptr, &err_)) << err_.message;
    }

    ~Tensors() override
    {
        Close();
        polyfs_fs_close(fs_);
    }

    void Close()
    {
        polyfs_tensors_close(tensors_);
        tensors_ = nullptr;
    }

    std::string Path() const
    {
        return url_.substr(strlen("memory://")) + "/f";
    }

    /* A file of this header and these bytes, opened. */
    int Open(const std::string &header, const std::string &data)
    {
        std::string bytes(8, '\0');
        for (int i = 0; i < 8; i++)
            bytes[static_cast<size_t>(i)] = static_cast<char>(header.size() >> (8 * i));
        return OpenBytes(bytes + header + data);
    }

    int OpenBytes(const std::string &bytes)
    {
        Close();
        EXPECT_EQ(POLYFS_OK,
                  polyfs_put(fs_, Path().c_str(), bytes.data(), bytes.size(), nullptr, nullptr, nullptr));
        err_ = POLYFS_ERROR_INIT;
        return polyfs_tensors_open(fs_, Path().c_str(), nullptr, &tensors_, &err_);
    }

    std::string Read(const char *name)
    {
        const polyfs_tensor *tensor = polyfs_tensors_find(tensors_, name);
        if (!tensor)
            return "none";
        std::string bytes(tensor->bytes, '?');
        polyfs_tensor_read read = {tensor, bytes.data(), POLYFS_OK, 0};
        EXPECT_EQ(POLYFS_OK, polyfs_tensors_read(tensors_, &read, 1, &err_)) << err_.message;
        return bytes;
    }

    static polyfs_tensor Tensor(const char *name, const char *dtype, const std::vector<uint64_t> &shape,
                                std::string &data)
    {
        polyfs_tensor tensor = POLYFS_TENSOR_INIT;
        tensor.name = name;
        tensor.dtype = dtype;
        tensor.shape = shape.data();
        tensor.rank = static_cast<uint32_t>(shape.size());
        tensor.data = data.data();
        tensor.bytes = data.size();
        return tensor;
    }

    int Write(const std::vector<polyfs_tensor> &tensors, const char *state)
    {
        polyfs_writer *writer = nullptr;
        EXPECT_EQ(POLYFS_OK, polyfs_writer_open(fs_, Path().c_str(), nullptr, &writer, &err_)) << err_.message;
        int rc = polyfs_tensors_write(writer, tensors.data(), tensors.size(), state, &err_);
        if (rc == POLYFS_OK)
            rc = polyfs_writer_commit(writer, nullptr, &err_);
        polyfs_writer_close(writer);
        Close();
        return rc == POLYFS_OK ? polyfs_tensors_open(fs_, Path().c_str(), nullptr, &tensors_, &err_) : rc;
    }

    std::string url_;
    polyfs_fs *fs_ = nullptr;
    polyfs_tensors *tensors_ = nullptr;
    polyfs_error err_ = POLYFS_ERROR_INIT;
};

TEST_F(Tensors, ReadsWhatTheFormatSays)
{
    ASSERT_EQ(POLYFS_OK, Open(R"({"a":{"dtype":"U8","shape":[2,2],"data_offsets":[0,4]},)"
                              R"("b.c":{"dtype":"F16","shape":[],"data_offsets":[4,6]},)"
                              R"("none":{"dtype":"F32","shape":[3,0],"data_offsets":[6,6]},)"
                              R"("__metadata__":{"format":"pt"}}   )",
                              "abcdXY"))
        << err_.message;
    EXPECT_EQ(3u, polyfs_tensors_count(tensors_));
    EXPECT_EQ("abcd", Read("a"));
    EXPECT_EQ("XY", Read("b.c"));
    EXPECT_EQ("", Read("none"));
    EXPECT_EQ("none", Read("c"));
    EXPECT_STREQ(R"({"format":"pt"})", polyfs_tensors_state(tensors_));
    const polyfs_tensor *a = polyfs_tensors_find(tensors_, "a");
    EXPECT_STREQ("U8", a->dtype);
    EXPECT_EQ(2u, a->rank);
    EXPECT_EQ(2u, a->shape[1]);
    EXPECT_EQ(Path(), a->file);
    EXPECT_EQ(0u, polyfs_tensors_find(tensors_, "b.c")->rank);
}

TEST_F(Tensors, AnEmptyFileOfTensorsIsOne)
{
    ASSERT_EQ(POLYFS_OK, Open("{}", "")) << err_.message;
    EXPECT_EQ(0u, polyfs_tensors_count(tensors_));
    EXPECT_STREQ("{}", polyfs_tensors_state(tensors_));
}

TEST_F(Tensors, WhatIsNoFileOfTensorsIsUnsupported)
{
    for (const char *bytes : {"", "x", "12345678", "12345678[", "GIF89a and so on"})
        EXPECT_EQ(POLYFS_UNSUPPORTED, OpenBytes(bytes)) << bytes;
    EXPECT_EQ(nullptr, tensors_);
}

struct Bad {
    const char *header;
    const char *says;
};

TEST_F(Tensors, WhatTheFormatForbidsIsRefused)
{
    const Bad rows[] = {
        {R"({"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]}})", "outside the file"},
        {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[-1,3]}})", "outside the file"},
        {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}})", "outside the file"},
        {R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,4]}})", "more or fewer bytes"},
        {R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}})", "behind its last tensor"},
        {R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}})", "a hole"},
        {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
         "overlaps"},
        {R"({"a":{"dtype":"F64","shape":[2305843009213693952,8],"data_offsets":[0,4]}})", "more or fewer bytes"},
        {R"({"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,4]}})", "big integer"},
        {R"({"a":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}})", "lacks"},
        {R"({"a":{"dtype":"U8","shape":[4.0],"data_offsets":[0,4]}})", "lacks"},
        {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4,4]}})", "lacks"},
        {R"({"a":{"dtype":"U8","shape":[4]}})", "lacks"},
        {R"({"a":{"dtype":7,"shape":[4],"data_offsets":[0,4]}})", "lacks"},
        {R"({"":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", "lacks"},
        {R"({"a":[]})", "lacks"},
        {R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,4]}})", "more or fewer bytes"},
        {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
         "duplicate"},
        {R"({"__metadata__":{"a":1},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", "no text"},
        {R"({"__metadata__":[],"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", "no object"},
        {"{\"a\":", "end of file"},
        {"{} x", "end of file"},
    };
    for (const Bad &bad : rows) {
        EXPECT_EQ(POLYFS_CORRUPT, Open(bad.header, "abcd")) << bad.header;
        EXPECT_NE(nullptr, strstr(err_.message, bad.says)) << bad.header << ": " << err_.message;
        EXPECT_EQ(nullptr, tensors_);
    }
}

TEST_F(Tensors, AnUnknownTypeIsNotTakenForDamage)
{
    EXPECT_EQ(POLYFS_UNSUPPORTED, Open(R"({"a":{"dtype":"F3","shape":[4],"data_offsets":[0,4]}})", "abcd"));
    EXPECT_NE(nullptr, strstr(err_.message, "does not know")) << err_.message;
}

TEST_F(Tensors, ALyingLengthIsRefusedBeforeMemoryIsTaken)
{
    std::string huge = std::string("\xff\xff\xff\xff\xff\xff\xff\x7f", 8) + "{}";
    EXPECT_EQ(POLYFS_CORRUPT, OpenBytes(huge));
    std::string more = std::string("\x03\0\0\0\0\0\0\0", 8) + "{}";
    EXPECT_EQ(POLYFS_CORRUPT, OpenBytes(more));
    EXPECT_NE(nullptr, strstr(err_.message, "more than the file has")) << err_.message;
}

TEST_F(Tensors, EveryCutFileIsRefused)
{
    std::string header = R"({"a":{"dtype":"U8","shape":[2,2],"data_offsets":[0,4]}})";
    ASSERT_EQ(POLYFS_OK, Open(header, "abcd"));
    void *all = nullptr;
    size_t n = 0;
    ASSERT_EQ(POLYFS_OK, polyfs_get_all(fs_, Path().c_str(), nullptr, &all, &n, nullptr, &err_));
    std::string whole(static_cast<char *>(all), n);
    polyfs_free(all);
    for (size_t cut = 0; cut < n; cut++)
        EXPECT_GT(0, OpenBytes(whole.substr(0, cut))) << cut;
    for (size_t at = 0; at < n - 4; at++) {
        std::string flipped = whole;
        flipped[at] = static_cast<char>(flipped[at] ^ 0x08);
        OpenBytes(flipped); /* well or not, but never a crash or a leak */
    }
}

TEST_F(Tensors, WhatIsWrittenIsReadBack)
{
    std::string w(24, 'w'), b(2, 'b'), i(8, 'i'), e;
    const std::vector<uint64_t> s23{2, 3}, s2{2}, s0, s30{3, 0};
    std::vector<polyfs_tensor> tensors{Tensor("net.b", "U8", s2, b), Tensor("net.w", "F32", s23, w),
                                       Tensor("step", "I64", s0, i), Tensor("é\"\n", "F32", s30, e)};
    ASSERT_EQ(POLYFS_OK, Write(tensors, R"({"by":"test"})")) << err_.message;
    EXPECT_EQ(4u, polyfs_tensors_count(tensors_));
    EXPECT_EQ(w, Read("net.w"));
    EXPECT_EQ(b, Read("net.b"));
    EXPECT_EQ(i, Read("step"));
    EXPECT_EQ("", Read("é\"\n"));
    EXPECT_STREQ("step", polyfs_tensors_at(tensors_, 0)->name) << "wide types first";
    EXPECT_STREQ(R"({"by":"test"})", polyfs_tensors_state(tensors_));
}

TEST_F(Tensors, WhatCannotBeWrittenIsRefused)
{
    std::string w(24, 'w'), b(2, 'b');
    const std::vector<uint64_t> s23{2, 3}, s2{2};
    EXPECT_EQ(POLYFS_EXISTS,
              Write({Tensor("a", "U8", s2, b), Tensor("b", "F32", s23, w), Tensor("a", "U8", s2, b)}, nullptr));
    EXPECT_EQ(POLYFS_INVALID, Write({Tensor("a", "U8", s23, b)}, nullptr));
    EXPECT_EQ(POLYFS_INVALID, Write({Tensor("a", "float", s23, w)}, nullptr));
    EXPECT_EQ(POLYFS_INVALID, Write({Tensor("", "U8", s2, b)}, nullptr));
    EXPECT_EQ(POLYFS_INVALID, Write({Tensor("\xff", "U8", s2, b)}, nullptr));
    EXPECT_EQ(POLYFS_INVALID, Write({Tensor("__metadata__", "U8", s2, b)}, nullptr));
    EXPECT_EQ(POLYFS_INVALID, Write({Tensor("a", "U8", s2, b)}, "[]"));
    EXPECT_EQ(POLYFS_INVALID, Write({Tensor("a", "U8", s2, b)}, "{\"a\":1}"));
    EXPECT_EQ(POLYFS_INVALID, Write({Tensor("a", "U8", s2, b)}, "{"));
    EXPECT_EQ(POLYFS_OK, Write({}, nullptr)) << err_.message;
}

TEST_F(Tensors, ManyAreReadAtOnceIntoPlace)
{
    std::vector<std::string> names(300), data(300);
    std::vector<std::vector<uint64_t>> shapes(300);
    std::vector<polyfs_tensor> tensors;
    for (size_t t = 0; t < names.size(); t++) {
        names[t] = "t" + std::to_string(t);
        data[t].resize(t == 7 ? (20u << 20) + 12 : 4 * (t * 97 % 1000));
        for (size_t at = 0; at < data[t].size(); at++)
            data[t][at] = static_cast<char>(at * 31 + t);
        shapes[t] = {data[t].size() / 4};
        tensors.push_back(Tensor(names[t].c_str(), "F32", shapes[t], data[t]));
    }
    ASSERT_EQ(POLYFS_OK, Write(tensors, nullptr)) << err_.message;
    std::vector<std::string> got(names.size());
    std::vector<polyfs_tensor_read> reads;
    for (size_t t = 0; t < names.size(); t += 1 + t % 3) {
        const polyfs_tensor *tensor = polyfs_tensors_find(tensors_, names[t].c_str());
        got[t].resize(tensor->bytes);
        reads.push_back({tensor, got[t].data(), POLYFS_OK, 0});
    }
    ASSERT_EQ(POLYFS_OK, polyfs_tensors_read(tensors_, reads.data(), reads.size(), &err_)) << err_.message;
    for (size_t t = 0; t < names.size(); t += 1 + t % 3)
        EXPECT_TRUE(got[t] == data[t]) << t;
}

/* The counter of bytes is the filesystem's own. */
TEST_F(Tensors, FewBytesAreFetchedBeside)
{
    std::vector<std::string> names(2000), data(2000);
    const std::vector<uint64_t> shape{25};
    std::vector<polyfs_tensor> tensors;
    for (size_t t = 0; t < names.size(); t++) {
        names[t] = "layer." + std::to_string(t);
        data[t].assign(100, static_cast<char>(t));
        tensors.push_back(Tensor(names[t].c_str(), "F32", shape, data[t]));
    }
    ASSERT_EQ(POLYFS_OK, Write(tensors, nullptr)) << err_.message;
    struct polyfs_fs_stats before = {}, after = {};
    before.struct_size = after.struct_size = sizeof(before);
    std::vector<polyfs_tensor_read> reads;
    std::string got(100 * names.size(), '?');
    for (size_t t = 0; t < names.size(); t += 2)
        reads.push_back({polyfs_tensors_find(tensors_, names[t].c_str()), &got[100 * t], POLYFS_OK, 0});
    polyfs_fs_stats(fs_, &before);
    ASSERT_EQ(POLYFS_OK, polyfs_tensors_read(tensors_, reads.data(), reads.size(), &err_)) << err_.message;
    polyfs_fs_stats(fs_, &after);
    EXPECT_LE(after.bytes_read - before.bytes_read, 100 * reads.size() + (64u << 10));
    for (size_t t = 0; t < names.size(); t += 2)
        EXPECT_EQ(data[t], got.substr(100 * t, 100));
}

TEST_F(Tensors, PatternsFitNames)
{
    const struct {
        const char *pattern, *name;
        int fits;
    } rows[] = {{"", "", 1},
                {"", "a", 0},
                {"*", "", 1},
                {"*", "a.b", 1},
                {"a.*.w", "a.1.w", 1},
                {"a.*.w", "a..w", 1},
                {"a.*.w", "a.1.b", 0},
                {"?", "", 0},
                {"?", "a", 1},
                {"\\*", "*", 1},
                {"\\*", "a", 0},
                {"\\?", "?", 1},
                {"a\\", "a\\", 1},
                {"**a", "bba", 1},
                {"*a*b*c", "xaybzc", 1},
                {"*a*b*c", "xaybz", 0},
                {"a*a", "a", 0},
                {"*ab", "aab", 1},
                {"[a]", "a", 0},
                {"[a]", "[a]", 1}};
    for (const auto &row : rows)
        EXPECT_EQ(row.fits, polyfs_tensor_matches(row.pattern, row.name)) << row.pattern << " " << row.name;
    std::string stars, name(20000, 'a');
    for (int i = 0; i < 50; i++)
        stars += "*a";
    EXPECT_EQ(0, polyfs_tensor_matches((stars + "b").c_str(), name.c_str()));
}

TEST_F(Tensors, AModelIsFilledByNames)
{
    std::string w(24, 'w'), b(2, 'b'), x(2, 'x'), w2(24, '-'), c2(2, '-');
    const std::vector<uint64_t> s23{2, 3}, s32{3, 2}, s2{2};
    ASSERT_EQ(POLYFS_OK, Write({Tensor("b", "U8", s2, b), Tensor("w", "F32", s23, w)}, nullptr)) << err_.message;
    std::map<std::string, int> told;
    auto differ = [](const char *name, int unexpected, void *user) {
        (*static_cast<std::map<std::string, int> *>(user))[name] = unexpected;
    };
    std::vector<polyfs_tensor> into{Tensor("w", "F32", s23, w2), Tensor("c", "U8", s2, c2)};
    EXPECT_EQ(POLYFS_NOT_FOUND,
              polyfs_tensors_load(tensors_, into.data(), 2, POLYFS_TENSORS_STRICT, differ, &told, &err_));
    EXPECT_EQ(std::string(24, '-'), w2) << "nothing is filled in part";
    EXPECT_EQ((std::map<std::string, int>{{"b", 1}, {"c", 0}}), told);
    EXPECT_EQ(POLYFS_OK, polyfs_tensors_load(tensors_, into.data(), 2, 0, nullptr, nullptr, &err_)) << err_.message;
    EXPECT_EQ(w, w2);
    EXPECT_EQ("--", c2);
    EXPECT_EQ(POLYFS_EXISTS,
              polyfs_tensors_load(tensors_, into.data(), 1, POLYFS_TENSORS_STRICT, nullptr, nullptr, &err_));
    into[0] = Tensor("w", "F32", s32, w2);
    EXPECT_EQ(POLYFS_INVALID, polyfs_tensors_load(tensors_, into.data(), 1, 0, nullptr, nullptr, &err_));
    into[0] = Tensor("w", "I32", s23, w2);
    EXPECT_EQ(POLYFS_INVALID, polyfs_tensors_load(tensors_, into.data(), 1, 0, nullptr, nullptr, &err_));
}

TEST_F(Tensors, SomeAreWrittenToAFileOfTheirOwn)
{
    std::string w(24, 'w'), b(2, 'b');
    const std::vector<uint64_t> s23{2, 3}, s2{2};
    ASSERT_EQ(POLYFS_OK, Write({Tensor("e.b", "U8", s2, b), Tensor("d.w", "F32", s23, w)}, nullptr));
    polyfs_writer *writer = nullptr;
    ASSERT_EQ(POLYFS_OK, polyfs_writer_open(fs_, (Path() + "2").c_str(), nullptr, &writer, &err_));
    EXPECT_EQ(POLYFS_NOT_FOUND, polyfs_tensors_export(tensors_, "z*", writer, &err_));
    EXPECT_EQ(POLYFS_OK, polyfs_tensors_export(tensors_, "e.*", writer, &err_)) << err_.message;
    EXPECT_EQ(POLYFS_OK, polyfs_writer_commit(writer, nullptr, &err_));
    polyfs_writer_close(writer);
    Close();
    ASSERT_EQ(POLYFS_OK, polyfs_tensors_open(fs_, (Path() + "2").c_str(), nullptr, &tensors_, &err_));
    EXPECT_EQ(1u, polyfs_tensors_count(tensors_));
    EXPECT_EQ(b, Read("e.b"));
}

} // namespace
