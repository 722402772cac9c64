/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers by Python's format mini-language. What Python makes of 20,000 random ones is compared in tests/policy. */
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "internal.h"

namespace
{

polyfs_policy_metric Real(double value)
{
    return {"x", POLYFS_POLICY_REAL, 0, 0, value};
}

polyfs_policy_metric Integer(int64_t value)
{
    return {"x", POLYFS_POLICY_INTEGER, 0, value, 0};
}

polyfs_policy_metric Bool(bool value)
{
    return {"x", POLYFS_POLICY_BOOL, 0, value, 0};
}

/* The text, or "!" and the reason. */
std::string Format(const polyfs_policy_metric &value, const std::string &spec = "")
{
    ckpt_text out;
    char why[CKPT_WHY] = "";
    ckpt_text_init(&out);
    int rc = ckpt_number_format(&value, spec.data(), spec.size(), &out, why);
    EXPECT_TRUE(rc == POLYFS_OK || rc == POLYFS_INVALID);
    EXPECT_EQ(rc == POLYFS_INVALID, why[0] != '\0') << spec;
    return rc == POLYFS_OK ? out.data : std::string("!") + why;
}

bool Refused(const polyfs_policy_metric &value, const std::string &spec)
{
    return Format(value, spec)[0] == '!';
}

const double kNan = std::numeric_limits<double>::quiet_NaN();
const double kInf = std::numeric_limits<double>::infinity();

} // namespace

TEST(Number, ShortestReal)
{
    EXPECT_EQ("0.30000001192092896", Format(Real(0.3F)));
    EXPECT_EQ("0.3", Format(Real(0.3)));
    EXPECT_EQ("1.0", Format(Real(1)));
    EXPECT_EQ("-0.0", Format(Real(-0.0)));
    EXPECT_EQ("0.0001", Format(Real(1e-4)));
    EXPECT_EQ("1e-05", Format(Real(1e-5)));
    EXPECT_EQ("1000000000000000.0", Format(Real(1e15)));
    EXPECT_EQ("1e+16", Format(Real(1e16)));
    EXPECT_EQ("5e-324", Format(Real(5e-324)));
    EXPECT_EQ("1.7976931348623157e+308", Format(Real(std::numeric_limits<double>::max())));
    EXPECT_EQ("5.684341886080802e-14", Format(Real(std::ldexp(1, -44))))
        << "of the two at hand only this reads back";
    EXPECT_EQ("nan", Format(Real(-kNan)));
    EXPECT_EQ("-inf", Format(Real(-kInf)));
}

TEST(Number, RealTypes)
{
    EXPECT_EQ("0.12", Format(Real(0.125), ".2f")) << "half to even";
    EXPECT_EQ("0.38", Format(Real(0.375), ".2f"));
    EXPECT_EQ("0.2", Format(Real(0.25), ".1f"));
    EXPECT_EQ("1.23e+03", Format(Real(1234.5), ".3"));
    EXPECT_EQ("1.234e+03", Format(Real(1234.5), ".4"));
    EXPECT_EQ("1234", Format(Real(1234.5), ".4g")) << "half to even again";
    EXPECT_EQ("12.0", Format(Real(12), ".3"));
    EXPECT_EQ("1.500000E+00", Format(Real(1.5), "E"));
    EXPECT_EQ("150.000000%", Format(Real(1.5), "%"));
    EXPECT_EQ("inf%", Format(Real(1e307), ".1%")) << "a hundred times is too much";
    EXPECT_EQ("NAN", Format(Real(kNan), "F"));
    EXPECT_EQ("00000inf", Format(Real(kInf), "08.3f"));
    EXPECT_EQ("+nan", Format(Real(kNan), "+"));
    EXPECT_EQ("1.e+16", Format(Real(1e16), "#"));
    EXPECT_EQ("1.50000", Format(Real(1.5), "#g"));
    EXPECT_EQ("1.5", Format(Real(1.5), "n"));
    EXPECT_EQ("1,234,567.89", Format(Real(1234567.891), ",.2f"));
    for (const char *spec : {"d", "x", "c", "b", "s", "5.2d", "n,", ",n"})
        EXPECT_TRUE(Refused(Real(1.5), spec)) << spec;
}

TEST(Number, Integers)
{
    EXPECT_EQ("-9223372036854775808", Format(Integer(INT64_MIN)));
    EXPECT_EQ("-8000000000000000", Format(Integer(INT64_MIN), "x"));
    EXPECT_EQ("0b101", Format(Integer(5), "#b"));
    EXPECT_EQ("0o17", Format(Integer(15), "#o"));
    EXPECT_EQ("0X00FF", Format(Integer(255), "#06X"));
    EXPECT_EQ("1111_1111", Format(Integer(255), "_b"));
    EXPECT_EQ("1_000", Format(Integer(1000), "_"));
    EXPECT_EQ("0,000,123", Format(Integer(123), "08,d")) << "no separator stands in front";
    EXPECT_EQ("0.000", Format(Integer(0), ".3f"));
    EXPECT_EQ("7.0", Format(Real(7), ""));
    EXPECT_EQ("A", Format(Integer(65), "c"));
    EXPECT_EQ("\xf0\x9f\x98\x80  ", Format(Integer(0x1f600), "<3c")) << "width counts characters";
    EXPECT_EQ(" 5", Format(Integer(5), " n"));
    for (const char *spec : {".2", ".2d", "s", ",x", ",c", "_n", "+c", "#c", "c"})
        EXPECT_TRUE(Refused(Integer(0), spec)) << spec;
    for (int64_t value : {int64_t{0xd800}, int64_t{0x110000}, int64_t{-1}})
        EXPECT_TRUE(Refused(Integer(value), "c")) << value;
}

TEST(Number, Bools)
{
    EXPECT_EQ("True", Format(Bool(true)));
    EXPECT_EQ("False", Format(Bool(false)));
    EXPECT_EQ("1", Format(Bool(true), "d"));
    EXPECT_EQ("    0", Format(Bool(false), "5"));
    EXPECT_EQ("1.00", Format(Bool(true), ".2f"));
}

TEST(Number, Layout)
{
    EXPECT_EQ("***5", Format(Integer(5), "*>4"));
    EXPECT_EQ("5***", Format(Integer(5), "*<04")) << "a fill that is given stays";
    EXPECT_EQ("5000", Format(Integer(5), "<04")) << "else it is the zero's";
    EXPECT_EQ("*5**", Format(Integer(5), "*^4"));
    EXPECT_EQ("-**5", Format(Integer(-5), "*=4"));
    EXPECT_EQ("0x***5", Format(Integer(5), "*=#6x"));
    EXPECT_EQ("<<5", Format(Integer(5), "<>3")) << "an alignment can be the fill";
    EXPECT_EQ("\xc3\xa9\xc3\xa9"
              "5",
              Format(Integer(5), "\xc3\xa9>3"));
    EXPECT_EQ("-05", Format(Integer(-5), "03"));
    EXPECT_EQ("+5", Format(Integer(5), "+"));
    EXPECT_EQ("5", Format(Integer(5), "-"));
}

TEST(Number, WhatIsRefused)
{
    for (const char *spec :
         {"256", ".256f", "99999999999999999999", ".", ".f", "5 ", "dd", ",_", "_,d", "+-", "z", "é", "{"})
        EXPECT_TRUE(Refused(Real(1), spec)) << spec;
    EXPECT_EQ(255u, Format(Integer(1), "255").size());
    EXPECT_EQ(257u, Format(Real(1), ".255f").size());
    EXPECT_TRUE(Refused(Integer(1), std::string(64, '0')));
    EXPECT_TRUE(Refused(Integer(1), "\xff<5"));
    EXPECT_TRUE(Refused(Integer(1), std::string("5\0d", 3)));
}

TEST(Number, TextThatIsFull)
{
    ckpt_text text;
    ckpt_text_init(&text);
    ckpt_text_repeat(&text, "abc", CKPT_TEXT_MAX);
    EXPECT_TRUE(text.full);
    EXPECT_EQ(size_t{CKPT_TEXT_MAX - 1} / 3 * 3, text.n);
    ckpt_text_put(&text, "");
    EXPECT_EQ(text.n, strlen(text.data));
}
