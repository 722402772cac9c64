/* SPDX-License-Identifier: Apache-2.0 */
/* Files of torch.save(): tensors with their names and places, and what is refused. */
#include "torch_file.h"

namespace
{

const std::string kZero(1, '\0');

class TorchTest : public TorchLoad
{
};

} // namespace

TEST_F(TorchTest, StateDictionary)
{
    Pickle pickle;
    pickle.Ordered().Op("q" + kZero + "(").Text("layer.weight").Tensor("FloatStorage", "0", 6, 0, {2, 3}, {3, 1});
    pickle.Text("layer.bias")
        .Tensor("FloatStorage", "1", 2, 0, {2}, {1})
        .Op("u}")
        .Text("_metadata")
        .Ordered()
        .Op("sb");
    EXPECT_EQ("{\"layer.weight\":{\"tensor\":\"layer.weight\"},\"layer.bias\":{\"tensor\":\"layer.bias\"}}",
              Tell(pickle, {Floats({1, 2, 3, 4, 5, 6}), Floats({7, 8})}));
    EXPECT_EQ("layer.weight F32[2,3] 1 2 3 4 5 6; layer.bias F32[2] 7 8", Rows());
    EXPECT_EQ(24u, tensors_->rows.at[0]->told.bytes);
    EXPECT_EQ(0u, tensors_->rows.at[0]->offset % 64);
}

TEST_F(TorchTest, ViewsOfOneStorage)
{
    std::string storage = Floats({0, 1, 2, 3, 4, 5});
    Pickle pickle;
    pickle.Op("}(").Text("all").Tensor("FloatStorage", "0", 6, 0, {2, 3}, {3, 1});
    pickle.Text("turned").Tensor("FloatStorage", "0", 6, 0, {3, 2}, {1, 3});
    pickle.Text("part").Tensor("FloatStorage", "0", 6, 4, {2}, {1});
    pickle.Text("column").Tensor("FloatStorage", "0", 6, 2, {2, 1}, {3, 99});
    pickle.Text("wide").Tensor("FloatStorage", "0", 6, 5, {1, 2}, {7, 0});
    pickle.Text("one").Tensor("FloatStorage", "0", 6, 3, {}, {});
    pickle.Text("none").Tensor("FloatStorage", "0", 6, 1000, {0, 4}, {4, 1}).Op("u");
    ASSERT_EQ(POLYFS_OK, Load(pickle, {storage})) << err_.message;
    EXPECT_EQ("all F32[2,3] 0 1 2 3 4 5; turned F32[3,2]~ 0 3 1 4 2 5; part F32[2] 4 5; column F32[2,1]~ 2 5; "
              "wide F32[1,2]~ 5 5; one F32[] 3; none F32[0,4]",
              Rows());
    EXPECT_EQ(0, tensors_->rows.at[3]->stride[1]) << "a stride along one element says nothing";
    EXPECT_LE(tensors_->rows.at[6]->offset, bytes_.size());
}

TEST_F(TorchTest, PackedInSpiteOfOddStrides)
{
    Pickle pickle;
    pickle.Op("}").Text("w").Tensor("FloatStorage", "0", 4, 0, {1, 2, 1, 2}, {77, 2, 5, 1}).Op("s");
    ASSERT_EQ(POLYFS_OK, Load(pickle, {Floats({1, 2, 3, 4})}));
    EXPECT_EQ("w F32[1,2,1,2] 1 2 3 4", Rows());
}

TEST_F(TorchTest, TheSameTensorTwice)
{
    Pickle pickle;
    pickle.Op("}(").Text("a").Tensor("FloatStorage", "0", 1, 0, {1}, {1}).Op("q\1").Text("b").Op("h\1u");
    EXPECT_EQ("{\"a\":{\"tensor\":\"a\"},\"b\":{\"tensor\":\"b\"}}", Tell(pickle, {Floats({9})}));
    EXPECT_EQ("a F32[1] 9; b F32[1] 9", Rows());
}

TEST_F(TorchTest, Types)
{
    const struct {
        const char *storage, *dtype;
        size_t width;
    } rows[] = {{"DoubleStorage", "F64", 8},       {"FloatStorage", "F32", 4},
                {"HalfStorage", "F16", 2},         {"BFloat16Storage", "BF16", 2},
                {"LongStorage", "I64", 8},         {"IntStorage", "I32", 4},
                {"ShortStorage", "I16", 2},        {"CharStorage", "I8", 1},
                {"ByteStorage", "U8", 1},          {"BoolStorage", "BOOL", 1},
                {"ComplexFloatStorage", "C64", 8}, {"torch.cuda.FloatStorage", "F32", 4}};
    for (const auto &row : rows) {
        Pickle tensor;
        std::string storage = std::string(row.width, 'a') + std::string(row.width, 'b');
        EXPECT_EQ("{\"w\":{\"tensor\":\"w\"}}",
                  TellOne(tensor.Tensor(row.storage, "0", 2, 1, {1}, {1}), {storage}));
        ASSERT_EQ(1u, tensors_->rows.count);
        EXPECT_STREQ(row.dtype, tensors_->rows.at[0]->told.dtype);
        EXPECT_EQ(row.width, tensors_->rows.at[0]->told.bytes);
        EXPECT_EQ(std::string(row.width, 'b'), bytes_.substr(tensors_->rows.at[0]->offset, row.width));
    }
}

/* Types without a class of storages: the type is an argument, and the storage counts bytes. */
TEST_F(TorchTest, NewTypes)
{
    const struct {
        const char *name, *dtype;
        uint64_t width;
    } rows[] = {{"float8_e4m3fn", "F8_E4M3", 1},
                {"float8_e5m2", "F8_E5M2", 1},
                {"float8_e8m0fnu", "F8_E8M0", 1},
                {"float8_e4m3fnuz", "F8_E4M3FNUZ", 1},
                {"float8_e5m2fnuz", "F8_E5M2FNUZ", 1},
                {"uint16", "U16", 2},
                {"uint32", "U32", 4},
                {"uint64", "U64", 8},
                {"float32", "F32", 4}};
    for (const auto &row : rows) {
        Pickle tensor;
        tensor.Global("torch._utils", "_rebuild_tensor_v3").Op("(");
        tensor.Storage("torch.storage.UntypedStorage", "0", row.width * 3).Int(1).Ints({2}).Ints({1});
        tensor.Op("\x89").Ordered().Global("torch", row.name).Op("tR");
        EXPECT_EQ("{\"w\":{\"tensor\":\"w\"}}", TellOne(tensor, {std::string(row.width * 3, 'x')}));
        ASSERT_EQ(1u, tensors_->rows.count);
        EXPECT_STREQ(row.dtype, tensors_->rows.at[0]->told.dtype);
        EXPECT_EQ(row.width * 2, tensors_->rows.at[0]->told.bytes);
    }
}

TEST_F(TorchTest, ParametersAndSubclasses)
{
    std::string inner = "{\"w\":{\"tensor\":\"w\"}}";
    Pickle parameter, named, typed, sized;
    parameter.Global("torch._utils", "_rebuild_parameter").Op("(").Tensor("FloatStorage", "0", 1, 0, {1}, {1});
    EXPECT_EQ(inner, TellOne(parameter.Op("\x88").Ordered().Op("tR"), {Floats({5})}));
    EXPECT_EQ("w F32[1] 5", Rows());
    named.Global("torch._utils", "_rebuild_parameter_with_state")
        .Op("(")
        .Tensor("FloatStorage", "0", 1, 0, {1}, {1});
    named.Op("\x88").Ordered().Op("}").Text("tag").Int(7).Op("stR");
    EXPECT_EQ("{\"w\":{\"tensor\":\"w\",\"state\":{\"tag\":7}}}", TellOne(named, {Floats({5})}));
    typed.Global("torch._tensor", "_rebuild_from_type_v2").Op("(").Global("torch._utils", "_rebuild_tensor_v2");
    typed.Global("mine", "Class")
        .Op("(")
        .Storage("FloatStorage", "0", 1)
        .Int(0)
        .Ints({1})
        .Ints({1})
        .Op("\x89")
        .Ordered();
    EXPECT_EQ(inner, TellOne(typed.Op("t}tR"), {Floats({5})}));
    EXPECT_EQ("w F32[1] 5", Rows());
    sized.Global("torch._utils", "_rebuild_tensor").Op("(").Storage("FloatStorage", "0", 2).Int(0);
    sized.Global("torch", "Size").Ints({2}).Op("\x85R").Ints({1}).Op("tR");
    EXPECT_EQ(inner, TellOne(sized, {Floats({5, 6})}));
    EXPECT_EQ("w F32[2] 5 6", Rows());
}

TEST_F(TorchTest, WhatSafetensorsHasNoNameFor)
{
    Pickle complex;
    EXPECT_EQ(
        "{\"w\":{\"object\":\"torch._utils._rebuild_tensor_v2\",\"reason\":\"safetensors has no name for the type "
        "of its elements\",\"args\":[{\"object\":\"persistent\",\"args\":[\"storage\",{\"object\":"
        "\"torch.ComplexDoubleStorage\"},\"0\",\"cpu\",1]},0,[1],[1],false,{}]}}",
        TellOne(complex.Tensor("ComplexDoubleStorage", "0", 1, 0, {1}, {1}), {std::string(16, 'c')}));
    EXPECT_EQ(0u, tensors_->rows.count);
    Pickle conjugate;
    conjugate.Global("torch._utils", "_rebuild_tensor_v2").Op("(").Storage("ComplexFloatStorage", "0", 1).Int(0);
    conjugate.Ints({1}).Ints({1}).Op("\x89").Ordered().Op("}").Text("neg").Op("\x89s").Text("conj").Op("\x88stR");
    std::string told = TellOne(conjugate, {std::string(8, 'c')});
    EXPECT_NE(std::string::npos, told.find("\"reason\":\"its elements are to be negated or conjugated first\""))
        << told;
    EXPECT_EQ(0u, tensors_->rows.count);
    Pickle deep;
    std::vector<uint64_t> ones(65, 1);
    told = TellOne(deep.Tensor("FloatStorage", "0", 1, 0, ones, ones), {Floats({1})});
    EXPECT_NE(std::string::npos, told.find("\"reason\":\"it has more than 64 dimensions\"")) << told;
    Pickle most;
    ones.pop_back();
    TellOne(most.Tensor("FloatStorage", "0", 1, 0, ones, ones), {Floats({1})});
    EXPECT_EQ(1u, tensors_->rows.count);
}

TEST_F(TorchTest, TensorsInOtherObjects)
{
    Pickle sparse, model;
    sparse.Op("}")
        .Text("emb")
        .Global("torch._utils", "_rebuild_sparse_tensor")
        .Op("(")
        .Global("torch", "sparse_coo");
    sparse.Op("(").Tensor("LongStorage", "0", 1, 0, {1, 1}, {1, 1}).Tensor("FloatStorage", "1", 1, 0, {1}, {1});
    sparse.Global("torch", "Size").Ints({4}).Op("\x85R").Op("ttRs");
    EXPECT_EQ(
        "{\"emb\":{\"object\":\"torch._utils._rebuild_sparse_tensor\",\"args\":[{\"object\":\"torch.sparse_coo\"},"
        "[{\"tensor\":\"emb.1.0\"},{\"tensor\":\"emb.1.1\"},[4]]]}}",
        Tell(sparse, {std::string(8, '1'), Floats({2})}));
    model.Global("mine", "Model").Op(")\x81}(").Text("training").Op("\x89").Text("_parameters").Ordered().Op("(");
    model.Text("weight").Tensor("FloatStorage", "0", 1, 0, {1}, {1}).Op("uub");
    EXPECT_EQ("{\"object\":\"mine.Model\",\"state\":{\"training\":false,\"_parameters\":{\"weight\":{\"tensor\":"
              "\"_parameters.weight\"}}}}",
              Tell(model, {Floats({2})}));
}

/* Tensors that reach beyond what the file has of them. */
TEST_F(TorchTest, OutOfBounds)
{
    const struct {
        uint64_t numel, offset;
        std::vector<uint64_t> shape, stride;
    } rows[] = {
        {6, 0, {7}, {1}},
        {6, 6, {1}, {1}},
        {6, 1, {6}, {1}},
        {6, 0, {2}, {6}},
        {6, 0, {2, 2}, {5, 1}},
        {7, 0, {1}, {1}},
        {UINT64_MAX >> 1, 0, {1}, {1}},
        {(UINT64_MAX >> 2) + 2, 0, {1}, {1}},
        {6, INT64_MAX, {1}, {1}},
        {6, INT64_MAX, {2}, {INT64_MAX}},
        {6, 0, {3}, {INT64_MAX}},
        {6, 0, {INT64_MAX}, {0}},
        {6, 0, {INT64_MAX, INT64_MAX}, {0, 0}},
        {6, 0, {1u << 31, 1u << 31, 4}, {0, 0, 0}},
        {6, 2, {INT64_MAX, 2}, {2, INT64_MAX}},
        {6, 0, {2}, {UINT64_MAX}},
        {6, UINT64_MAX, {1}, {1}},
        {6, 0, {UINT64_MAX}, {1}},
        {UINT64_MAX, 0, {1}, {1}},
        {6, 0, {2}, {}},
        {6, 0, {}, {1}},
    };
    for (const auto &row : rows) {
        Pickle tensor;
        tensor.Tensor("FloatStorage", "0", row.numel, row.offset, row.shape, row.stride);
        EXPECT_EQ("!cannot read x.pt: it is damaged: the tensor w ",
                  TellOne(tensor, {Floats({1, 2, 3, 4, 5, 6})}).substr(0, 47))
            << &row - rows;
        EXPECT_EQ(POLYFS_CORRUPT, err_.code);
    }
}

TEST_F(TorchTest, ManyElementsOfOne)
{
    Pickle tensor;
    tensor.Tensor("FloatStorage", "0", 1, 0, {1u << 20, 1u << 20}, {0, 0});
    EXPECT_EQ("{\"w\":{\"tensor\":\"w\"}}", TellOne(tensor, {Floats({1})})) << "expand() makes such tensors";
    EXPECT_EQ(uint64_t{1} << 42, tensors_->rows.at[0]->told.bytes);
}

TEST_F(TorchTest, StoragesThatMakeNoSense)
{
    const char *const lost =
        "!cannot read x.pt: it is damaged: the tensor w has no record of its storage in the file; take "
        "another copy of it";
    const char *const none =
        "!cannot read x.pt: it is damaged: the tensor w has no storage; take another copy of it";
    Pickle other, far, text, short_id, number_key, typeless;
    EXPECT_EQ(lost, TellOne(other.Tensor("FloatStorage", "1", 1, 0, {1}, {1}), {Floats({1})}));
    EXPECT_EQ(lost, TellOne(far.Tensor("FloatStorage", std::string(5000, '0'), 1, 0, {1}, {1}), {Floats({1})}));
    text.Global("torch._utils", "_rebuild_tensor_v2")
        .Op("(")
        .Text("x")
        .Int(0)
        .Ints({1})
        .Ints({1})
        .Op("\x89")
        .Ordered();
    EXPECT_EQ(none, TellOne(text.Op("tR"), {}));
    short_id.Global("torch._utils", "_rebuild_tensor_v2")
        .Op("(")
        .Text("storage")
        .Op("QK" + kZero)
        .Ints({1})
        .Ints({1});
    EXPECT_EQ(none, TellOne(short_id.Op("tR"), {}));
    EXPECT_EQ(none, TellOne(typeless.Global("torch._utils", "_rebuild_tensor_v2").Op(")R"), {}));
    number_key.Global("torch._utils", "_rebuild_tensor_v2")
        .Op("((")
        .Text("storage")
        .Global("torch", "FloatStorage");
    number_key.Int(0).Text("cpu").Int(1).Op("tQ").Int(0).Ints({1}).Ints({1}).Op("tR");
    EXPECT_EQ(none, TellOne(number_key, {Floats({1})}));
}

TEST_F(TorchTest, OtherFiles)
{
    EXPECT_EQ(POLYFS_UNSUPPORTED, Index("")) << err_.message;
    EXPECT_EQ(POLYFS_UNSUPPORTED, Index("something else"));
    EXPECT_STREQ("cannot read x.pt: it is no file of torch.save()", err_.message);
    EXPECT_EQ(POLYFS_UNSUPPORTED,
              Index("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e" + std::string(100, '.')));
    EXPECT_NE(nullptr, strstr(err_.message, "before 1.6; load it and save it again with torch.save()"))
        << err_.message;
    std::string tar(10240, '\0');
    Patch(tar, 257, "ustar");
    EXPECT_EQ(POLYFS_UNSUPPORTED, Index(tar));
    EXPECT_NE(nullptr, strstr(err_.message, "before 1.6")) << err_.message;
    Zip document;
    document.Add("word/document.xml", "<x/>");
    EXPECT_EQ(POLYFS_UNSUPPORTED, Index(document.Finish()));
    EXPECT_NE(nullptr, strstr(err_.message, "not one of torch.save(): it has no data.pkl")) << err_.message;
    for (const char *name : {"m/constants.pkl", "m/code/__torch__.py"}) {
        Zip script;
        script.Add("m/data.pkl", "\x80\x02}.").Add(name, "");
        EXPECT_EQ(POLYFS_UNSUPPORTED, Index(script.Finish()));
        EXPECT_NE(nullptr, strstr(err_.message, "TorchScript; load it, and save its state_dict()")) << err_.message;
    }
    EXPECT_EQ(POLYFS_CORRUPT, Index("PK\3\4" + std::string(100000, 'x'))) << "a zip file that was cut off";
    EXPECT_EQ(0u, tensors_->rows.count);
    EXPECT_STREQ("{}", tensors_->state);
}

TEST_F(TorchTest, OrderOfBytes)
{
    const struct {
        const char *order;
        uint32_t crc;
        int code;
    } rows[] = {{"little", 0x19e33d85, POLYFS_OK},
                {"little", 0, POLYFS_OK},
                {"big", 1, POLYFS_UNSUPPORTED},
                {"middle", 2, POLYFS_UNSUPPORTED},
                {nullptr, 0, POLYFS_OK}};
    for (const auto &row : rows) {
        Zip zip;
        zip.Add("m/data.pkl", "\x80\x02}.");
        if (row.order)
            zip.Add("m/byteorder", row.order, row.crc);
        EXPECT_EQ(row.code, Index(zip.Finish())) << row.order;
    }
}

TEST_F(TorchTest, CompressedRecords)
{
    Zip pickle, storage;
    Pickle tensor;
    pickle.method = 8;
    pickle.Add("m/data.pkl", "\x80\x02}.");
    EXPECT_EQ(POLYFS_UNSUPPORTED, Index(pickle.Finish()));
    tensor.Tensor("FloatStorage", "0", 1, 0, {1}, {1});
    storage.Add("m/data.pkl", tensor.Stop());
    storage.method = 8;
    storage.Add("m/data/0", Floats({1}));
    EXPECT_EQ(POLYFS_UNSUPPORTED, Index(storage.Finish()));
    EXPECT_NE(nullptr, strstr(err_.message, "its record m/data/0 is compressed")) << err_.message;
}

/* Larger than what is read of its end, and 400 tensors. */
TEST_F(TorchTest, LargeFile)
{
    Pickle pickle;
    std::vector<std::string> storages;
    pickle.Op("}(");
    for (int i = 0; i < 400; i++) {
        pickle.Text("layer" + std::to_string(i)).Tensor("FloatStorage", std::to_string(i), 100, 0, {100}, {1});
        storages.push_back(Floats(std::vector<float>(100, static_cast<float>(i))));
    }
    ASSERT_EQ(POLYFS_OK, Load(pickle.Op("u"), storages)) << err_.message;
    ASSERT_GT(bytes_.size(), 200000u);
    ASSERT_EQ(400u, tensors_->rows.count);
    for (size_t i = 0; i < 400; i++) {
        EXPECT_EQ("layer" + std::to_string(i), tensors_->rows.at[i]->told.name);
        EXPECT_EQ(storages[i], bytes_.substr(tensors_->rows.at[i]->offset, 400));
    }
}

TEST_F(TorchTest, CutAnywhere)
{
    Pickle pickle;
    pickle.Op("}(").Text("a").Tensor("FloatStorage", "0", 2, 0, {2}, {1}).Text("b").Int(7).Op("u");
    ASSERT_EQ(POLYFS_OK, Load(pickle, {Floats({1, 2})}));
    for (size_t n = 0; n < bytes_.size(); n++) {
        int rc = Index(bytes_.substr(0, n));
        EXPECT_TRUE(rc == POLYFS_CORRUPT || (n < 4 && rc == POLYFS_UNSUPPORTED)) << n << " " << rc;
    }
}

TEST_F(TorchTest, FlippedAnywhere)
{
    Pickle pickle;
    pickle.Op("}(").Text("a").Tensor("FloatStorage", "0", 2, 0, {2}, {1}).Text("b").Int(7).Op("u");
    ASSERT_EQ(POLYFS_OK, Load(pickle, {Floats({1, 2})}));
    std::string good = bytes_;
    for (size_t at = 0; at < good.size(); at++)
        for (int flip : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
            bytes_ = good;
            bytes_[at] = static_cast<char>(bytes_[at] ^ flip);
            if (Index(bytes_) == POLYFS_OK)
                Rows(); /* whatever is told lies in the file */
        }
}
