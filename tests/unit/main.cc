/* SPDX-License-Identifier: Apache-2.0 */
/* main() of the unit tests: in the locale of the environment, as a program of somebody else is. */
#include <clocale>
#include <cstdio>

#include <gtest/gtest.h>

int main(int argc, char **argv)
{
    testing::InitGoogleTest(&argc, argv);
    if (!setlocale(LC_ALL, "")) {
        fprintf(stderr, "the locale of the environment is not there; it is made of Debian's package locales\n");
        return 1;
    }
    return RUN_ALL_TESTS();
}
