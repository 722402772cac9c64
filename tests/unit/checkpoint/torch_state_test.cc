/* SPDX-License-Identifier: Apache-2.0 */
/* Files of torch.save(): what they hold as JSON, and the names that tensors get by the way to them. */
#include "torch_file.h"

namespace
{

const std::string kZero(1, '\0');

class TorchStateTest : public TorchLoad
{
};

} // namespace

/* As Lightning does: dictionaries, lists and numbers around the tensors. */
TEST_F(TorchStateTest, Checkpoint)
{
    Pickle pickle;
    pickle.Op("}(")
        .Text("epoch")
        .Int(3)
        .Text("global_step")
        .Int(100000)
        .Text("loss")
        .Op("G\x3f\xe0" + std::string(6, '\0'));
    pickle.Text("optimizer_states").Op("]}(").Text("state").Op("}").Int(0).Op("}").Text("exp_avg");
    pickle.Tensor("FloatStorage", "0", 2, 0, {2}, {1}).Op("ss").Text("param_groups").Op("]}(").Text("lr");
    pickle.Op("G\x7f\xf0" + std::string(6, '\0')).Text("betas").Int(1).Int(2).Op("\x86").Text("foreach").Op("N");
    pickle.Text("maximize").Op("\x88uauau");
    EXPECT_EQ(
        "{\"epoch\":3,\"global_step\":100000,\"loss\":0.5,\"optimizer_states\":[{\"state\":{\"0\":{\"exp_avg\":"
        "{\"tensor\":\"optimizer_states.0.state.0.exp_avg\"}}},\"param_groups\":[{\"lr\":\"inf\",\"betas\":[1,2],"
        "\"foreach\":null,\"maximize\":true}]}]}",
        Tell(pickle, {Floats({1, 2})}));
    EXPECT_EQ("optimizer_states.0.state.0.exp_avg F32[2] 1 2", Rows());
}

TEST_F(TorchStateTest, Alone)
{
    Pickle tensor, number, list, empty;
    EXPECT_EQ("{\"tensor\":\"tensor\"}", Tell(tensor.Tensor("FloatStorage", "0", 1, 0, {1}, {1}), {Floats({4})}));
    EXPECT_EQ("tensor F32[1] 4", Rows());
    EXPECT_EQ("{\"value\":5}", Tell(number.Int(5)));
    list.Op("](").Tensor("FloatStorage", "0", 1, 0, {1}, {1}).Int(1).Op("e");
    EXPECT_EQ("[{\"tensor\":\"0\"},1]", Tell(list, {Floats({4})}));
    EXPECT_EQ("{}", Tell(empty.Op("}")));
    Pickle nameless;
    nameless.Op("}").Text("").Tensor("FloatStorage", "0", 1, 0, {1}, {1}).Op("s");
    EXPECT_EQ("{\"\":{\"tensor\":\"tensor\"}}", Tell(nameless, {Floats({4})}));
}

TEST_F(TorchStateTest, Keys)
{
    Pickle pickle;
    pickle.Op("}(").Int(1).Op("N").Op("\x88N").Op("NN").Op("G\x3f\xf8" + std::string(6, '\0') + "N");
    pickle.Int(1)
        .Text("a")
        .Op("\x86N)N")
        .Global("torch", "float32")
        .Op("N")
        .Op("\x8f"
            "N");
    pickle.Op("\x8a\x09" + std::string(8, '\0') + "\x01N")
        .Op("\x8a\x09" + std::string(8, '\0') +
            "\xff"
            "N");
    pickle.Op("U\1\xffN").Op("U\3a" + kZero + "bN").Op("U\3\xed\xa0\x80Nu");
    EXPECT_EQ(
        "{\"1\":null,\"True\":null,\"None\":null,\"1.5\":null,\"(1, a)\":null,\"()\":null,\"torch.float32\":null,"
        "\"#7\":null,\"18446744073709551616\":null,\"-18446744073709551616\":null,\"?\":null,\"a?b\":null,"
        "\"???\":null}",
        Tell(pickle));
}

TEST_F(TorchStateTest, Values)
{
    Pickle pickle;
    pickle.Op("](").Op("G\x7f\xf8" + std::string(6, '\0')).Op("G\xff\xf0" + std::string(6, '\0')).Op("C\3abc");
    pickle.Global("_codecs", "encode").Text("a\xc3\xa9").Text("latin1").Op("\x86R");
    pickle.Global("__builtin__", "set").Op("](K\1K\2e\x85R").Op("\x8f(K\1\x90").Op("(K\1K\2t");
    pickle.Global("torch", "device").Text("cpu").Op("\x85R").Global("torch", "float32");
    pickle.Global("collections", "defaultdict").Global("builtins", "list").Op("\x85RK\1K\2s");
    pickle.Global("collections", "deque").Op(")R(K\1K\2e").Op("\x8a\x09" + std::string(8, '\xff') + kZero);
    EXPECT_EQ("[\"nan\",\"-inf\",{\"bytes\":3},{\"bytes\":2},[1,2],[1],[1,2],{\"object\":\"torch.device\",\"args\":"
              "[\"cpu\"]},"
              "{\"object\":\"torch.float32\"},{\"object\":\"collections.defaultdict\",\"args\":[{\"object\":"
              "\"builtins.list\"}],"
              "\"items\":{\"1\":2}},{\"object\":\"collections.deque\",\"items\":[1,2]},\"18446744073709551615\"]",
              Tell(pickle.Op("e")));
}

TEST_F(TorchStateTest, BytesOfOldProtocols)
{
    Pickle pickle;
    pickle.Op("](")
        .Global("__builtin__", "bytes")
        .Op(")R")
        .Global("__builtin__", "bytearray")
        .Text("ab")
        .Text("latin-1");
    pickle.Op("\x86R").Global("builtins", "bytearray").Op("C\3abc\x85R").Global("builtins", "bytes").Op("]\x85R");
    EXPECT_EQ("[{\"bytes\":0},{\"bytes\":2},{\"bytes\":3},{\"object\":\"builtins.bytes\",\"args\":[[]]}]",
              Tell(pickle.Op("e")));
}

TEST_F(TorchStateTest, LongIntegers)
{
    Pickle pickle;
    std::string most(254, '\xff');
    pickle.Op("](").Op("\x8a\x10" + std::string(16, '\xff')).Op("\x8a\x10" + std::string(15, '\0') + "\x80");
    pickle.Op("\x8a\x11" + std::string(16, '\xff') + kZero).Op("\x8b" + Le(300, 4) + std::string(300, '\1'));
    EXPECT_EQ("[\"-1\",\"-170141183460469231731687303715884105728\",\"340282366920938463463374607431768211455\","
              "\"(an integer of more than 255 bytes)\"]",
              Tell(pickle.Op("e")));
    Pickle large;
    std::string told = Tell(large.Op("]\x8a\xff" + most +
                                     "\x7f"
                                     "a"));
    EXPECT_EQ(614u + 4, told.size()) << "2 ** 2039 - 1";
    EXPECT_EQ("[\"", told.substr(0, 2));
}

/* What refers to itself ends where it would begin again. */
TEST_F(TorchStateTest, Circles)
{
    Pickle list, dictionary, object;
    EXPECT_EQ("[{\"cycle\":true}]", Tell(list.Op("]q\1h\1a")));
    EXPECT_EQ("{\"a\":{\"cycle\":true},\"b\":[{\"cycle\":true}]}",
              Tell(dictionary.Op("}q\1(").Text("a").Op("h\1").Text("b").Op("]h\1au")));
    EXPECT_EQ("{\"object\":\"a.B\",\"state\":{\"self\":{\"cycle\":true}}}",
              Tell(object.Global("a", "B").Op(")\x81q\1}").Text("self").Op("h\1sb")));
}

/* A call whose inner call is the same again, without end. */
TEST_F(TorchStateTest, CirclesOfCalls)
{
    Pickle pickle;
    pickle.Global("torch._tensor", "_rebuild_from_type_v2")
        .Op("q\1]q\2(h\1Nh\2Ne0"
            "0h\1(h\1Nh\2NtR");
    std::string told = Tell(pickle);
    EXPECT_EQ(0u, told.find("{\"object\":\"torch._tensor._rebuild_from_type_v2\"")) << told;
}

TEST_F(TorchStateTest, DeepAndWide)
{
    Pickle deep;
    EXPECT_EQ("!cannot read x.pt: what it holds is nested more than 200 levels deep",
              Tell(deep.Op(std::string(201, ']') + std::string(200, 'a'))));
    Pickle fits;
    EXPECT_EQ('[', Tell(fits.Op(std::string(200, ']') + std::string(199, 'a')))[0]);
    Pickle laughs; /* each list holds the one before ten times */
    laughs.Op("]q" + kZero);
    for (uint64_t i = 1; i < 12; i++)
        laughs.Op("0](" +
                  [i] {
                      std::string ten;
                      for (int k = 0; k < 10; k++)
                          ten += "h" + Le(i - 1, 1);
                      return ten;
                  }() +
                  "eq" + Le(i, 1));
    std::string told = Tell(laughs);
    EXPECT_EQ(
        "!cannot read x.pt: what it holds beside tensors would be more than 256 MiB of JSON; save tensors alone",
        told);
}

TEST_F(TorchStateTest, LongNames)
{
    std::string part(2047, 'n');
    for (bool fits : {true, false}) {
        Pickle pickle;
        pickle.Op("}").Text(part).Op("}").Text(fits ? part : part + "n");
        pickle.Tensor("FloatStorage", "0", 1, 0, {1}, {1}).Op("ss");
        EXPECT_EQ(fits ? POLYFS_OK : POLYFS_TOO_LARGE, Load(pickle, {Floats({1})})) << err_.message;
    }
    Pickle text;
    text.Op("}").Text(part + part + part).Op("}").Text("a").Int(1).Op("ss");
    EXPECT_EQ("{\"" + part + part + part + "\":{\"a\":1}}", Tell(text)) << "what is no tensor may have any name";
}
