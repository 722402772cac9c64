/* SPDX-License-Identifier: Apache-2.0 */
/* Pickles as nodes: what each operation makes, and what is refused. */
#include <cmath>
#include <locale>
#include <sstream>

#include "torch_file.h"

namespace
{

/* A pickle that is read, written down again much as Python would. */
class Reading
{
  public:
    explicit Reading(const std::string &bytes)
    {
        /* Memory of its very size, so that a sanitizer sees each byte read behind it. */
        bytes_ = static_cast<uint8_t *>(malloc(bytes.size() + 1));
        memcpy(bytes_ + 1, bytes.data(), bytes.size());
        code = ckpt_pickle_read(bytes_ + 1, bytes.size(), &pickle_, why);
    }

    ~Reading()
    {
        ckpt_pickle_clear(&pickle_);
        free(bytes_);
    }

    Reading(const Reading &) = delete;
    Reading &operator=(const Reading &) = delete;

    std::string Text()
    {
        return code == POLYFS_OK ? Node(pickle_.root, 0) : "!" + std::to_string(code) + " " + why;
    }

    int code = 0;
    char why[CKPT_WHY] = "";

  private:
    /* With a point, whatever the locale of the process: std::to_string() asks it. */
    static std::string Real(double value)
    {
        std::ostringstream text;
        text.imbue(std::locale::classic());
        text << std::fixed << value;
        return text.str();
    }

    std::string Slice(ckpt_slice slice) const
    {
        return std::string(reinterpret_cast<const char *>(pickle_.bytes) + slice.at, slice.n);
    }

    std::string Items(const ckpt_node &node, int depth, bool pairs) const
    {
        std::string text;
        int index = 0;
        for (uint32_t at = node.first; at; at = pickle_.cells[at].next, index++)
            text += (!index ? "" : pairs && index % 2 ? ":" : ",") + Node(pickle_.cells[at].node, depth + 1);
        EXPECT_EQ(static_cast<uint32_t>(index), node.count);
        return text;
    }

    std::string Object(const ckpt_node &node, int depth) const
    {
        std::string text = Node(node.u.object.callable, depth + 1) + Node(node.u.object.args, depth + 1);
        if (node.first)
            text += (node.pairs ? "{" : "[") + Items(node, depth, node.pairs) + (node.pairs ? "}" : "]");
        return node.u.object.state ? text + "|" + Node(node.u.object.state, depth + 1) : text;
    }

    std::string Node(uint32_t id, int depth) const
    {
        const ckpt_node &node = pickle_.nodes[id];
        if (depth > 20)
            return "...";
        switch (node.kind) {
        case CKPT_NODE_NONE: return "None";
        case CKPT_NODE_BOOL: return node.u.integer ? "True" : "False";
        case CKPT_NODE_INTEGER: return std::to_string(node.u.integer);
        case CKPT_NODE_LONG: return "long" + std::to_string(node.u.text.n);
        case CKPT_NODE_REAL: return Real(node.u.real);
        case CKPT_NODE_TEXT: return "'" + Slice(node.u.text) + "'";
        case CKPT_NODE_BYTES: return "b'" + Slice(node.u.text) + "'";
        case CKPT_NODE_TUPLE: return "(" + Items(node, depth, false) + ")";
        case CKPT_NODE_LIST: return "[" + Items(node, depth, false) + "]";
        case CKPT_NODE_SET: return "{" + Items(node, depth, false) + "}";
        case CKPT_NODE_DICT: return "{" + Items(node, depth, true) + "}";
        case CKPT_NODE_GLOBAL: return Slice(node.u.global.module) + "." + Slice(node.u.global.name);
        case CKPT_NODE_PERSISTENT: return "@" + Node(node.u.object.args, depth + 1);
        default: return Object(node, depth);
        }
    }

    uint8_t *bytes_ = nullptr;
    ckpt_pickle pickle_ = {};
};

std::string Read(const std::string &operations)
{
    return Reading("\x80\x02" + operations).Text();
}

const std::string kZero(1, '\0');

const std::vector<std::string> kDamaged = {
    /* too early an end, or too late */
    "", "N", ".", "(", "(.", "NN.", "N.N", "K", "M\1", "J\1\1\1", "G1234567", "X\1", "ca\nb", "ca",
    /* no operations of these protocols */
    "I1\n.", "\xff", "\x97.", "P1\n.",
    /* more bytes than there are */
    "X" + Le(2, 4) + "a.", "X" + Le(UINT32_MAX, 4) + ".", "\x8d" + Le(UINT64_MAX, 8) + ".",
    "\x8e" + Le(UINT64_MAX - 20, 8) + ".", "\x8b" + Le(0x80000000, 4) + ".", "\x95" + Le(100, 8) + "N.",
    /* items: to nothing, to what has none of the kind, halves of pairs, across a mark */
    "a.", "Na.", "NNa.", "]e.", "](a.", "}K\1a.", "]K\1K\2s.", "}(K\1u.", "}K\1s.", "(K\1d.", "t.", "K\1\x86.",
    "(K\1\x86.", ")Na.", "\x8f(Ne.", "](N\x90.", "(N(e.",
    /* calls */
    "NNR.", "NR.", "ca\nb\n]R.", "NN\x93.", "Q.", "Nb.", "NNb.", "]Nb.", "(o.", "o.", "ia\nb\n.", "(ia\n.",
    /* memory and stack */
    "q\1.", "N(q" + kZero + ".", "h\1.", "r" + Le(1, 4) + ".", "j" + Le(1, 4) + ".", "Nr" + Le(UINT32_MAX, 4) + ".",
    "Nq\x09.", "0.", "1.", "2.", "(2.", "N\x94h\1\x86."};

} // namespace

TEST(PickleTest, Constants)
{
    EXPECT_EQ("None", Read("N."));
    EXPECT_EQ("True", Read("\x88."));
    EXPECT_EQ("False", Read("\x89."));
    EXPECT_EQ("255", Read("K\xff."));
    EXPECT_EQ("65535", Read("M\xff\xff."));
    EXPECT_EQ("-1", Read("J\xff\xff\xff\xff."));
    EXPECT_EQ("2147483647", Read("J\xff\xff\xff\x7f."));
    EXPECT_EQ("0", Read("\x8a" + kZero + "."));
    EXPECT_EQ("255", Read("\x8a\x02\xff" + kZero + "."));
    EXPECT_EQ("-1", Read("\x8a\x01\xff."));
    EXPECT_EQ("-129", Read("\x8a\x02\x7f\xff."));
    EXPECT_EQ("9223372036854775807", Read("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f."));
    EXPECT_EQ("-9223372036854775808", Read("\x8a\x08" + std::string(7, '\0') + "\x80."));
    EXPECT_EQ("long9", Read("\x8a\x09" + std::string(8, '\0') + "\x01."));
    EXPECT_EQ("7", Read("\x8b" + Le(1, 4) + "\x07."));
    EXPECT_EQ("0.500000", Read("G\x3f\xe0" + std::string(6, '\0') + "."));
    EXPECT_EQ("-inf", Read("G\xff\xf0" + std::string(6, '\0') + "."));
}

TEST(PickleTest, TextAndBytes)
{
    EXPECT_EQ("'abc'", Read("X" + Le(3, 4) + "abc."));
    EXPECT_EQ("'abc'", Read("\x8c\x03"
                            "abc."));
    EXPECT_EQ("'abc'", Read("\x8d" + Le(3, 8) + "abc."));
    EXPECT_EQ("'abc'", Read("U\x03"
                            "abc."));
    EXPECT_EQ("'abc'", Read("T" + Le(3, 4) + "abc."));
    EXPECT_EQ("''", Read("X" + Le(0, 4) + "."));
    EXPECT_EQ("b'abc'", Read("C\x03"
                             "abc."));
    EXPECT_EQ("b'abc'", Read("B" + Le(3, 4) + "abc."));
    EXPECT_EQ("b'abc'", Read("\x8e" + Le(3, 8) + "abc."));
    EXPECT_EQ("b'abc'", Read("\x96" + Le(3, 8) + "abc."));
}

TEST(PickleTest, Containers)
{
    EXPECT_EQ("()", Read(")."));
    EXPECT_EQ("[]", Read("]."));
    EXPECT_EQ("{}", Read("}."));
    EXPECT_EQ("{}", Read("\x8f."));
    EXPECT_EQ("(1)", Read("K\1\x85."));
    EXPECT_EQ("(1,2)", Read("K\1K\2\x86."));
    EXPECT_EQ("(1,2,3)", Read("K\1K\2K\3\x87."));
    EXPECT_EQ("(1,(),2)", Read("(K\1)K\2t."));
    EXPECT_EQ("()", Read("(t."));
    EXPECT_EQ("[1,2]", Read("(K\1K\2l."));
    EXPECT_EQ("{1:2}", Read("(K\1K\2d."));
    EXPECT_EQ("{1,2}", Read("(K\1K\2\x91."));
    EXPECT_EQ("[1,2,3]", Read("]K\1a(K\2K\3e."));
    EXPECT_EQ("{1,2}", Read("\x8f(K\1K\2\x90."));
    EXPECT_EQ("{1:2,3:4,5:6}", Read("}K\1K\2s(K\3K\4K\5K\6u."));
    EXPECT_EQ("[]", Read("](e."));
}

TEST(PickleTest, Memory)
{
    EXPECT_EQ("([],[])", Read("]q" + kZero + "h" + kZero + "\x86."));
    EXPECT_EQ("([7],[7])", Read("]q" + kZero + "h" + kZero + "K\7a\x86.")) << "both are the same list";
    EXPECT_EQ("(1,1)", Read("K\1r" + Le(1, 4) + "j" + Le(1, 4) + "\x86."));
    EXPECT_EQ("(1,2,1,2)", Read("(K\1\x94K\2\x94h" + kZero + "h\1t."));
    EXPECT_EQ("(1,1)", Read("K\1"
                            "2\x86."));
    EXPECT_EQ("1", Read("K\1K\2"
                        "0."));
    EXPECT_EQ("1", Read("K\1(K\2K\3"
                        "1."));
    EXPECT_EQ("1", Read("K\1(0.")) << "a mark can be dropped, too";
    EXPECT_EQ(std::string(21, '[') + "..." + std::string(21, ']'), Read("]q" + kZero + "h" + kZero + "a."));
}

TEST(PickleTest, NamesAndCalls)
{
    EXPECT_EQ("os.system", Read("cos\nsystem\n."));
    EXPECT_EQ("os.system('rm')", Read("cos\nsystem\nX" + Le(2, 4) + "rm\x85R.")) << "told, not run";
    EXPECT_EQ("os.system", Read("\x8c\2os\x8c\6system\x93."));
    EXPECT_EQ("a.B(1)|{}", Read("ca\nB\nK\1\x85\x81}b."));
    EXPECT_EQ("a.B((1),{})", Read("ca\nB\nK\1\x85}\x92."));
    EXPECT_EQ("a.B(1,2)", Read("(K\1K\2ia\nB\n."));
    EXPECT_EQ("a.B(1,2)", Read("(ca\nB\nK\1K\2o."));
    EXPECT_EQ("a.B()", Read("(ca\nB\no."));
    EXPECT_EQ("a.B(){1:2}", Read("ca\nB\n)\x81K\1K\2s."));
    EXPECT_EQ("a.B()[1,2]", Read("ca\nB\n)\x81(K\1K\2e."));
    EXPECT_EQ("a.B()[1]", Read("ca\nB\n)\x81(K\1\x90."));
    EXPECT_EQ("a.B()()", Read("ca\nB\n)R)R.")) << "what a call returns may be called";
    EXPECT_EQ("@('storage',1)", Read("X" + Le(7, 4) + "storageK\1\x86Q."));
    EXPECT_EQ("{1:2}", Read("ccollections\nOrderedDict\n)RK\1K\2s}b."));
    EXPECT_EQ("collections.OrderedDict([])", Read("ccollections\nOrderedDict\n]\x85R."));
}

TEST(PickleTest, Frames)
{
    EXPECT_EQ("[1]", Reading("\x80\x05\x95" + Le(5, 8) + "]\x94K\1a.").Text());
    EXPECT_EQ("[1]", Reading("]K\1a.").Text()) << "its protocol need not be said";
}

TEST(PickleTest, LaterProtocols)
{
    Reading reading("\x80\x06N.");
    EXPECT_EQ(POLYFS_UNSUPPORTED, reading.code);
    EXPECT_STREQ("its pickle is of protocol 6, and 5 is the last that can be read", reading.why);
}

TEST(PickleTest, Damaged)
{
    for (const std::string &operations : kDamaged) {
        Reading reading("\x80\x02" + operations);
        EXPECT_EQ(POLYFS_CORRUPT, reading.code) << operations;
        EXPECT_NE(nullptr, strstr(reading.why, "its pickle is damaged at byte ")) << reading.why;
    }
    EXPECT_EQ("!-20 its pickle is damaged at byte 3: there is no operation 0x49", Read("NI1\n."));
}

TEST(PickleTest, ObjectsTakeOneKindOfItems)
{
    EXPECT_EQ("a.B()[1]", Read("ca\nB\n)RK\1a."));
    EXPECT_EQ('!', Read("ca\nB\n)RK\1aK\2K\3s.")[0]);
    EXPECT_EQ('!', Read("ca\nB\n)RK\2K\3sK\1a.")[0]);
}

/* Circles, and depths that nothing recursive would survive. */
TEST(PickleTest, DeepAndRound)
{
    std::string tuples;
    for (int i = 0; i < 1000000; i++)
        tuples += "\x85";
    EXPECT_EQ(POLYFS_OK, Reading("\x80\x02N" + tuples + ".").code);
    std::string lists(1000000, ']');
    for (int i = 1; i < 1000000; i++)
        lists += "a";
    EXPECT_EQ(POLYFS_OK, Reading("\x80\x02" + lists + ".").code);
    EXPECT_EQ(POLYFS_OK, Reading("\x80\x02]q" + kZero + "h" + kZero + "a.").code);
    EXPECT_EQ(POLYFS_OK, Reading("\x80\x02}q" + kZero + "Nh" + kZero + "s.").code);
}

TEST(PickleTest, ManyMarks)
{
    std::string marks(300000, '('), drops(300000, '1');
    EXPECT_EQ("None", Read("N" + marks + drops + "."));
    EXPECT_EQ(POLYFS_CORRUPT, Reading("\x80\x02" + marks).code);
}

TEST(PickleTest, Limits)
{
    size_t most = CKPT_PICKLE_ITEMS_MAX;
    Reading nodes("(" + std::string(most, 'N') + "t.");
    EXPECT_EQ(POLYFS_TOO_LARGE, nodes.code);
    EXPECT_STREQ("its pickle holds more than 8388608 items, and so many are read at most", nodes.why);
    EXPECT_EQ(POLYFS_TOO_LARGE, Reading("N" + std::string(most, '2')).code) << "one node, at too many places";
}

TEST(PickleTest, CutOrFlippedAnywhere)
{
    Pickle pickle;
    pickle.Op("}q" + kZero + "(").Text("weight").Op("q\1").Tensor("FloatStorage", "0", 6, 0, {2, 3}, {3, 1});
    pickle.Op("q\2").Text("n").Op("h\2").Text("s").Op("ca\nB\n)\x81}Nh\1sb").Text("x").Op("G12345678u");
    std::string good = pickle.Stop();
    ASSERT_EQ(POLYFS_OK, Reading(good).code);
    for (size_t n = 0; n < good.size(); n++)
        EXPECT_EQ(POLYFS_CORRUPT, Reading(good.substr(0, n)).code) << n;
    for (size_t at = 0; at < good.size(); at++)
        for (int with = 0; with < 256; with++) {
            std::string bytes = good;
            bytes[at] = static_cast<char>(with);
            Reading(bytes).Text();
        }
}
