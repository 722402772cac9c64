/* SPDX-License-Identifier: Apache-2.0 */
/* Files as torch.save() writes them, byte by byte, and such as it never would. */
#ifndef POLYFS_UNIT_CHECKPOINT_TORCH_FILE_H
#define POLYFS_UNIT_CHECKPOINT_TORCH_FILE_H

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "internal.h"

/* A number, lowest byte first. */
inline std::string Le(uint64_t value, size_t width)
{
    std::string bytes;
    for (; width > 0; width--, value >>= 8)
        bytes += static_cast<char>(value & 0xff);
    return bytes;
}

/* The same bytes over those at @at. */
inline void Patch(std::string &bytes, size_t at, const std::string &with)
{
    bytes.replace(at, with.size(), with);
}

/* Python's pickles, one operation after the other. */
class Pickle
{
  public:
    explicit Pickle(int protocol = 2) : bytes_("\x80" + Le(static_cast<uint64_t>(protocol), 1))
    {
    }

    Pickle &Op(const std::string &bytes)
    {
        bytes_ += bytes;
        return *this;
    }

    Pickle &Text(const std::string &text)
    {
        return Op("X" + Le(text.size(), 4) + text);
    }

    Pickle &Int(uint64_t value)
    {
        return value < 256        ? Op("K" + Le(value, 1))
               : value < 65536    ? Op("M" + Le(value, 2))
               : value < 1u << 31 ? Op("J" + Le(value, 4))
                                  : Op("\x8a\x08" + Le(value, 8));
    }

    Pickle &Global(const std::string &module, const std::string &name)
    {
        return Op("c" + module + "\n" + name + "\n");
    }

    Pickle &Ints(const std::vector<uint64_t> &values)
    {
        Op("(");
        for (uint64_t value : values)
            Int(value);
        return Op("t");
    }

    /* A dictionary that is to be filled, an OrderedDict. */
    Pickle &Ordered()
    {
        return Global("collections", "OrderedDict").Op(")R");
    }

    Pickle &Storage(const std::string &type, const std::string &key, uint64_t numel)
    {
        size_t dot = type.rfind('.');
        Op("(").Text("storage");
        if (dot == std::string::npos)
            Global("torch", type);
        else
            Global(type.substr(0, dot), type.substr(dot + 1));
        return Text(key).Text("cpu").Int(numel).Op("tQ");
    }

    /* As torch does for a tensor of a type that it has a class of storages for. */
    Pickle &Tensor(const std::string &type, const std::string &key, uint64_t numel, uint64_t offset,
                   const std::vector<uint64_t> &shape, const std::vector<uint64_t> &stride)
    {
        Global("torch._utils", "_rebuild_tensor_v2").Op("(").Storage(type, key, numel).Int(offset);
        return Ints(shape).Ints(stride).Op("\x89").Ordered().Op("tR");
    }

    std::string Stop() const
    {
        return bytes_ + ".";
    }

  private:
    std::string bytes_;
};

/* A zip file as torch's writer lays it out, unless told otherwise. */
class Zip
{
  public:
    struct Record {
        std::string name, data;
        size_t header = 0, at = 0;
        uint32_t crc = 0;
        uint16_t flags = 0, method = 0;
    };

    Zip &Add(const std::string &name, const std::string &data, uint32_t crc = 0x12345678)
    {
        Record record{name, data, bytes_.size(), 0, crc, flags, method};
        std::string local = "PK\3\4" + Le(0, 2) + Le(flags, 2) + Le(method, 2) + Le(0, 8);
        uint64_t told = flags & 8 ? 0 : data.size();
        local += Le(told, 4) + Le(told, 4) + Le(name.size(), 2);
        size_t padded = bytes_.size() + local.size() + 2 + name.size() + 4;
        size_t padding = aligned ? (64 - padded % 64) % 64 : 0;
        std::string extra = aligned ? "FB" + Le(padding, 2) + std::string(padding, 'Z') : "";
        bytes_ += local + Le(extra.size(), 2) + name + extra;
        record.at = bytes_.size();
        bytes_ += data;
        if (!data.empty() && flags & 8)
            bytes_ += "PK\7\10" + Le(crc, 4) + Le(data.size(), 4) + Le(data.size(), 4);
        records.push_back(record);
        return *this;
    }

    /* Directory and ends. */
    std::string Finish(const std::string &comment = "") const
    {
        std::string directory, end;
        size_t at = bytes_.size();
        for (const Record &record : records)
            directory += Entry(record);
        uint64_t behind = at + directory.size();
        if (wide_end)
            end += "PK\6\6" + Le(44, 8) + Le(45, 2) + Le(45, 2) + Le(0, 8) + Le(records.size(), 8) +
                   Le(records.size(), 8) + Le(directory.size(), 8) + Le(at, 8) + "PK\6\7" + Le(0, 4) +
                   Le(behind, 8) + Le(1, 4);
        end += "PK\5\6" + Le(0, 4) + Le(records.size(), 2) + Le(records.size(), 2) + Le(directory.size(), 4) +
               Le(at, 4) + Le(comment.size(), 2) + comment;
        return bytes_ + directory + end;
    }

    uint16_t flags = 0x808, method = 0;
    bool aligned = true, wide_end = true, wide_entries = false;
    std::vector<Record> records;

  private:
    std::string Entry(const Record &record) const
    {
        std::string sizes = Le(record.data.size(), 4) + Le(record.data.size(), 4), header = Le(record.header, 4),
                    extra;
        if (wide_entries) {
            sizes = Le(UINT32_MAX, 4) + Le(UINT32_MAX, 4);
            header = Le(UINT32_MAX, 4);
            extra = "ab" + Le(1, 2) + "x" + Le(1, 2) + Le(24, 2) + Le(record.data.size(), 8) +
                    Le(record.data.size(), 8) + Le(record.header, 8);
        }
        return "PK\1\2" + Le(0, 4) + Le(record.flags, 2) + Le(record.method, 2) + Le(0, 4) + Le(record.crc, 4) +
               sizes + Le(record.name.size(), 2) + Le(extra.size(), 2) + Le(0, 12).substr(0, 6) + Le(0, 4) +
               header + record.name + extra;
    }

    std::string bytes_;
};

/* All that torch.save() puts beside the pickle and the storages. */
inline std::string TorchFile(const std::string &pickle, const std::vector<std::string> &storages)
{
    Zip zip;
    zip.Add("model/data.pkl", pickle).Add("model/.format_version", "1").Add("model/.storage_alignment", "64");
    zip.Add("model/byteorder", "little", 0x19e33d85);
    for (size_t i = 0; i < storages.size(); i++)
        zip.Add("model/data/" + std::to_string(i), storages[i]);
    zip.Add("model/version", "3\n").Add("model/.data/serialization_id", "0636457737946401051300000027264370494161");
    return zip.Finish();
}

/* A file in memory://, opened as tensors.c opens one. */
class TorchFixture : public testing::Test
{
  protected:
    TorchFixture()
    {
        static int number;
        std::string url = "memory://torch-" + std::to_string(number++) + "/x.pt";
        EXPECT_EQ(POLYFS_OK, polyfs_fs_open(url.c_str(), nullptr, &fs_, &path_, &err_)) << err_.message;
    }

    ~TorchFixture() override
    {
        polyfs_tensors_close(tensors_);
        polyfs_free(path_);
        polyfs_fs_close(fs_);
    }

    /* The shard of a new file of these bytes, or nullptr. */
    const ckpt_shard *Shard(const std::string &bytes)
    {
        polyfs_tensors_close(tensors_);
        tensors_ = nullptr;
        err_ = POLYFS_ERROR_INIT;
        polyfs_reader *reader = nullptr;
        if (ckpt_tensors_new(fs_, nullptr, 1, &tensors_) != POLYFS_OK ||
            ckpt_tensors_shard(tensors_, "x.pt", strdup(path_), bytes.size()) != POLYFS_OK ||
            polyfs_put(fs_, path_, bytes.data(), bytes.size(), nullptr, nullptr, &err_) != POLYFS_OK ||
            ckpt_shard_reader(tensors_, 0, &reader, &err_) != POLYFS_OK)
            ADD_FAILURE() << err_.message;
        return tensors_->shards;
    }

    int Index(const std::string &bytes)
    {
        Shard(bytes);
        return ckpt_torch_index(tensors_, &err_);
    }

    polyfs_error err_ = POLYFS_ERROR_INIT;
    polyfs_fs *fs_ = nullptr;
    char *path_ = nullptr;
    polyfs_tensors *tensors_ = nullptr;
};

inline std::string Floats(const std::vector<float> &values)
{
    return std::string(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float));
}

/* A torch file of one pickle, and what is told of it. */
class TorchLoad : public TorchFixture
{
  protected:
    /* Reads a file of this pickle and these storages. */
    int Load(const Pickle &pickle, const std::vector<std::string> &storages)
    {
        bytes_ = TorchFile(pickle.Stop(), storages);
        return Index(bytes_);
    }

    /* The same; what was told of it, or "!" and why not. */
    std::string Tell(const Pickle &pickle, const std::vector<std::string> &storages = {})
    {
        return Load(pickle, storages) == POLYFS_OK ? tensors_->state : std::string("!") + err_.message;
    }

    /* A file of {"w": a tensor that this pickle makes}. */
    std::string TellOne(const Pickle &tensor, const std::vector<std::string> &storages)
    {
        Pickle pickle;
        return Tell(pickle.Op("}").Text("w").Op(tensor.Stop().substr(2, tensor.Stop().size() - 3)).Op("s"),
                    storages);
    }

    /* NAME DTYPE[SHAPE]: ELEMENTS, as the row says where to find them; elements are told as float or by first bytes. */
    std::string Row(size_t index) const
    {
        const ckpt_tensor &row = *tensors_->rows.at[index];
        std::string text = std::string(row.told.name) + " " + row.told.dtype + "[";
        for (uint32_t i = 0; i < row.told.rank; i++)
            text += (i ? "," : "") + std::to_string(row.told.shape[i]);
        text += row.stride ? "]~" : "]";
        std::vector<int64_t> stride(row.told.rank, 1);
        for (uint32_t i = row.told.rank; i-- > 0;)
            stride[i] = row.stride               ? row.stride[i]
                        : i + 1 == row.told.rank ? 1
                                                 : stride[i + 1] * static_cast<int64_t>(row.told.shape[i + 1]);
        if (row.told.bytes)
            Elements(row, stride, 0, row.offset, text);
        return text;
    }

    std::string Rows() const
    {
        std::string text;
        for (size_t i = 0; i < tensors_->rows.count; i++)
            text += (i ? "; " : "") + Row(i);
        return text;
    }

    std::string bytes_;

  private:
    void Elements(const ckpt_tensor &row, const std::vector<int64_t> &stride, uint32_t level, uint64_t at,
                  std::string &text) const
    {
        unsigned width = ckpt_dtype_bits(row.told.dtype) / 8;
        if (level == row.told.rank) {
            float real = 0;
            ASSERT_LE(at + width, bytes_.size());
            memcpy(&real, &bytes_[at], sizeof(real));
            text +=
                width == 4 ? " " + std::to_string(static_cast<int>(real)) : " '" + bytes_.substr(at, width) + "'";
            return;
        }
        for (uint64_t i = 0; i < row.told.shape[level]; i++)
            Elements(row, stride, level + 1, at + i * static_cast<uint64_t>(stride[level]) * width, text);
    }
};

#endif
