/* SPDX-License-Identifier: Apache-2.0 */
/* What a checkpoint holds: tensors whose places the manifest tells, state, files taken as they are. */
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
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

    /* Files "0", "1", …, each with one tensor of that name, and nine bytes of it. */
    void SaveFiles(size_t count)
    {
        for (size_t i = 0; i < count; i++)
            ASSERT_EQ(POLYFS_OK, WriteTensor(std::to_string(i).c_str(), std::to_string(i).c_str(),
                                             std::string(9, static_cast<char>('a' + i))))
                << err_.message;
        Reopen();
        bytes_.assign(count, std::string(9, '?'));
        for (size_t i = 0; i < count; i++)
            reads_.push_back(
                {polyfs_tensors_find(tensors_, std::to_string(i).c_str()), bytes_[i].data(), POLYFS_OK, 0});
    }

    std::string url_;
    polyfs_error err_ = POLYFS_ERROR_INIT;
    polyfs_ckpt *ckpt_ = nullptr;
    polyfs_ckpt_saver *saver_ = nullptr;
    polyfs_ckpt_view *view_ = nullptr;
    polyfs_tensors *tensors_ = nullptr;
    std::vector<std::string> bytes_;
    std::vector<polyfs_tensor_read> reads_;
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

/* So much that several threads sum it up. */
TEST_F(Content, LargeTensorsHaveTheirChecksums)
{
    const uint64_t shape = 40u << 20;
    std::string data[3], names[] = {"a", "b", "c"}, got(shape, '?');
    polyfs_tensor tensors[3];
    for (size_t i = 0; i < 3; i++) {
        data[i].assign(shape, static_cast<char>('a' + i));
        tensors[i] = POLYFS_TENSOR_INIT;
        tensors[i].name = names[i].c_str();
        tensors[i].dtype = "U8";
        tensors[i].shape = &shape;
        tensors[i].rank = 1;
        tensors[i].bytes = shape;
        tensors[i].data = data[i].data();
    }
    ASSERT_EQ(POLYFS_OK, polyfs_ckpt_write_tensors(saver_, "large.safetensors", tensors, 3, &err_)) << err_.message;
    Reopen();
    for (size_t i = 0; i < 3; i++) {
        ASSERT_EQ(POLYFS_OK, Read(names[i].c_str(), &got)) << err_.message;
        EXPECT_TRUE(got == data[i]) << i;
    }
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

/* Where reads stop at their log line until enough others are there. */
struct Gate {
    std::mutex lock;
    std::condition_variable more;
    unsigned inside = 0, most = 0;
};

void Stop(uint32_t, const char *line, void *user)
{
    const unsigned enough = 4;
    if (strncmp(line, "get ", 4) != 0 && strncmp(line, "reader_pread ", 13) != 0)
        return;
    auto *gate = static_cast<Gate *>(user);
    std::unique_lock<std::mutex> held(gate->lock);
    gate->most = std::max(gate->most, ++gate->inside);
    gate->more.notify_all();
    gate->more.wait_for(held, std::chrono::seconds(10), [gate] { return gate->most >= enough; });
    gate->inside--;
}

TEST_F(Content, FilesAreReadSideBySide)
{
    SaveFiles(6);
    Gate gate;
    polyfs_set_log(POLYFS_LOG_DEBUG, Stop, &gate);
    EXPECT_EQ(POLYFS_OK, polyfs_tensors_read(tensors_, reads_.data(), reads_.size(), &err_)) << err_.message;
    polyfs_set_log(POLYFS_LOG_ERROR, nullptr, nullptr);
    EXPECT_LE(4u, gate.most);
    for (size_t i = 0; i < reads_.size(); i++)
        EXPECT_EQ(std::string(9, static_cast<char>('a' + i)), bytes_[i]);
}

/* Whether it is read beside or by the caller's own thread, which has the last. */
TEST_F(Content, AFileThatIsGoneSpoilsItsOwnTensors)
{
    SaveFiles(7);
    polyfs_fs *fs = nullptr;
    char *root = nullptr;
    ASSERT_EQ(POLYFS_OK, polyfs_fs_open(url_.c_str(), nullptr, &fs, &root, &err_)) << err_.message;
    for (size_t gone : {2, 6}) {
        std::string path = std::string(root) + "/save=2/" + polyfs_ckpt_view_info(view_)->attempt + "/";
        EXPECT_EQ(POLYFS_OK, polyfs_remove(fs, (path + std::to_string(gone)).c_str(), nullptr, &err_))
            << err_.message;
    }
    polyfs_free(root);
    polyfs_fs_close(fs);
    EXPECT_EQ(POLYFS_CORRUPT, polyfs_tensors_read(tensors_, reads_.data(), reads_.size(), &err_));
    EXPECT_NE(nullptr, strstr(err_.message, "2: it is missing")) << err_.message;
    for (size_t i = 0; i < reads_.size(); i++) {
        EXPECT_EQ(i == 2 || i == 6 ? POLYFS_CORRUPT : POLYFS_OK, reads_[i].code) << i;
        EXPECT_EQ(std::string(9, i == 2 || i == 6 ? '?' : static_cast<char>('a' + i)), bytes_[i]);
    }
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
