/* SPDX-License-Identifier: Apache-2.0 */
/* What a checkpoint holds: tensors whose places the manifest tells, state, files taken as they are. */
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "polyfs/checkpoint.h"
#include "polyfs/polyfs.h"
#include "store.h"

namespace
{

class Content : public testing::Test
{
  protected:
    Content()
    {
        url_ = NewRun("content");
        EXPECT_EQ(POLYFS_OK, polyfs_ckpt_open(url_.c_str(), nullptr, &ckpt_, &err_)) << err_.message;
        EXPECT_EQ(POLYFS_OK, polyfs_ckpt_begin(ckpt_, nullptr, &saver_, &err_)) << err_.message;
    }

    ~Content() override
    {
        polyfs_ckpt_abort(saver_);
        polyfs_tensors_close(tensors_);
        polyfs_ckpt_view_close(view_);
        polyfs_ckpt_close(ckpt_);
    }

    int WriteTensor(const char *file, const char *name, std::string data)
    {
        uint64_t shape = data.size();
        polyfs_tensor tensor = POLYFS_TENSOR_INIT;
        tensor.name = name;
        tensor.dtype = "U8";
        tensor.shape = &shape;
        tensor.rank = 1;
        tensor.bytes = data.size();
        tensor.data = data.data();
        return polyfs_ckpt_write_tensors(saver_, file, &tensor, 1, &err_);
    }

    void Reopen()
    {
        ASSERT_EQ(POLYFS_OK, polyfs_ckpt_commit(saver_, nullptr, &err_)) << err_.message;
        saver_ = nullptr;
        ASSERT_EQ(POLYFS_OK, polyfs_ckpt_load(ckpt_, "latest", POLYFS_CKPT_CHECK_BYTES, &view_, &err_))
            << err_.message;
        ASSERT_EQ(POLYFS_OK, polyfs_ckpt_tensors(view_, &tensors_, &err_)) << err_.message;
    }

    int Read(const char *name, std::string *out)
    {
        const polyfs_tensor *tensor = polyfs_tensors_find(tensors_, name);
        out->assign(tensor ? tensor->bytes : 0, '?');
        polyfs_tensor_read read = {tensor, out->data(), POLYFS_OK, 0};
        return tensor ? polyfs_tensors_read(tensors_, &read, 1, &err_) : POLYFS_NOT_FOUND;
    }

    std::string url_;
    polyfs_error err_ = POLYFS_ERROR_INIT;
    polyfs_ckpt *ckpt_ = nullptr;
    polyfs_ckpt_saver *saver_ = nullptr;
    polyfs_ckpt_view *view_ = nullptr;
    polyfs_tensors *tensors_ = nullptr;
};

TEST_F(Content, TensorsOfAllFilesAreOne)
{
    std::string bytes;
    ASSERT_EQ(POLYFS_OK, WriteTensor("model.safetensors", "w", "weights")) << err_.message;
    ASSERT_EQ(POLYFS_OK, WriteTensor("optimizer.safetensors", "m", "moments")) << err_.message;
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_write_json(saver_, "loop.json", "{\"epoch\":3}", &err_)) << err_.message;
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_write(saver_, "notes.txt", "as they are", 11, &err_));
    Reopen();
    EXPECT_EQ(4u, polyfs_ckpt_view_count(view_));
    ASSERT_EQ(2u, polyfs_tensors_count(tensors_));
    EXPECT_EQ(POLYFS_OK, Read("w", &bytes)) << err_.message;
    EXPECT_EQ("weights", bytes);
    EXPECT_EQ(POLYFS_OK, Read("m", &bytes)) << err_.message;
    EXPECT_EQ("moments", bytes);
    EXPECT_STREQ("optimizer.safetensors", polyfs_tensors_find(tensors_, "m")->file);
}

TEST_F(Content, AFlippedByteOfATensorIsFound)
{
    std::string bytes;
    ASSERT_EQ(POLYFS_OK, WriteTensor("model.safetensors", "w", "weights"));
    Reopen();
    const polyfs_ckpt_info *info = polyfs_ckpt_view_info(view_);
    polyfs_fs *fs = nullptr;
    char *root = nullptr;
    ASSERT_EQ(POLYFS_OK, polyfs_fs_open(url_.c_str(), nullptr, &fs, &root, &err_));
    const std::string path = std::string(root) + "/save=2/" + info->attempt + "/model.safetensors";
    polyfs_free(root);
    void *all = nullptr;
    size_t n = 0;
    ASSERT_EQ(POLYFS_OK, polyfs_get_all(fs, path.c_str(), nullptr, &all, &n, nullptr, &err_)) << err_.message;
    static_cast<char *>(all)[n - 1] ^= 1;
    ASSERT_EQ(POLYFS_OK, polyfs_put(fs, path.c_str(), all, n, nullptr, nullptr, &err_));
    polyfs_free(all);
    polyfs_fs_close(fs);
    polyfs_tensors_close(tensors_);
    tensors_ = nullptr;
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_tensors(view_, &tensors_, &err_)) << err_.message;
    EXPECT_EQ(POLYFS_CORRUPT, Read("w", &bytes));
    EXPECT_NE(nullptr, strstr(err_.message, "checksum")) << err_.message;
}

TEST_F(Content, OneFileNeedsNoManifest)
{
    std::string bytes;
    ASSERT_EQ(POLYFS_OK, WriteTensor("model.safetensors", "w", "weights"));
    Reopen();
    int there = 1;
    polyfs_fs *fs = nullptr;
    char *path = nullptr;
    std::string manifest = url_ + "/save=2/" + polyfs_ckpt_view_info(view_)->attempt + "/manifest.json";
    ASSERT_EQ(POLYFS_OK, polyfs_fs_open(manifest.c_str(), nullptr, &fs, &path, &err_)) << err_.message;
    EXPECT_EQ(POLYFS_OK, polyfs_exists(fs, path, nullptr, &there, &err_)) << err_.message;
    EXPECT_EQ(0, there);
    polyfs_free(path);
    polyfs_fs_close(fs);
    EXPECT_EQ(1u, polyfs_ckpt_view_count(view_));
    EXPECT_STREQ("model.safetensors", polyfs_ckpt_view_at(view_, 0)->name);
    EXPECT_EQ(POLYFS_OK, Read("w", &bytes)) << err_.message;
    EXPECT_EQ("weights", bytes);
    EXPECT_STREQ("{}", polyfs_tensors_state(tensors_)) << "our checksums are no state";
}

TEST_F(Content, AFileIsWrittenOnce)
{
    ASSERT_EQ(POLYFS_OK, WriteTensor("model.safetensors", "w", "weights"));
    EXPECT_EQ(POLYFS_EXISTS, WriteTensor("model.safetensors", "x", "more"));
}

TEST_F(Content, StateIsJson)
{
    EXPECT_EQ(POLYFS_INVALID, polyfs_ckpt_write_json(saver_, "loop.json", "{\"epoch\":", &err_));
    EXPECT_EQ(POLYFS_INVALID, polyfs_ckpt_write_json(saver_, "loop.json", "{\"a\":1,\"a\":2}", &err_));
    EXPECT_EQ(POLYFS_OK, polyfs_ckpt_write_json(saver_, "loop.json", "{}", &err_));
}

TEST_F(Content, AFileTakenAsItIsTellsItsTensors)
{
    std::string bytes, header = R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"__metadata__":{"k":"v"}})";
    std::string file = std::string(1, static_cast<char>(header.size())) + std::string(7, '\0') + header + "XY";
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_write(saver_, "other.safetensors", file.data(), file.size(), &err_));
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_write(saver_, "no.pt", "no tensors", 10, &err_));
    Reopen();
    EXPECT_EQ(POLYFS_OK, Read("a", &bytes)) << err_.message;
    EXPECT_EQ("XY", bytes);
    EXPECT_STREQ(R"({"other.safetensors":{"k":"v"}})", polyfs_tensors_state(tensors_));
}

/* As a framework's own deserialiser reads: on, back, and from the end. */
TEST_F(Content, AFileIsReadAsAStream)
{
    std::string bytes(300000, '?'), got(bytes.size(), 'x');
    for (size_t i = 0; i < bytes.size(); i++)
        bytes[i] = static_cast<char>('a' + i % 23);
    for (size_t at = 0; at < bytes.size(); at += 70000)
        ASSERT_EQ(POLYFS_OK, polyfs_ckpt_write(saver_, "state.pkl", bytes.data() + at,
                                               std::min<size_t>(70000, bytes.size() - at), &err_));
    Reopen();
    polyfs_reader *reader = nullptr;
    EXPECT_EQ(POLYFS_NOT_FOUND, polyfs_ckpt_reader(view_, "other.pkl", &reader, &err_));
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_reader(view_, "state.pkl", &reader, &err_)) << err_.message;
    size_t n = 0, total = 0;
    do {
        ASSERT_EQ(POLYFS_OK, polyfs_reader_read(reader, got.data() + total, 4096, &n, &err_)) << err_.message;
        total += n;
    } while (n && total < got.size());
    EXPECT_EQ(bytes, got);
    ASSERT_EQ(POLYFS_OK, polyfs_reader_seek(reader, 299990, &err_));
    ASSERT_EQ(POLYFS_OK, polyfs_reader_read(reader, got.data(), 100, &n, &err_));
    EXPECT_EQ(bytes.substr(299990), got.substr(0, n));
    polyfs_reader_close(reader);
}

} // namespace
