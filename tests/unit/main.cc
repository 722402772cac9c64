/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main() of the unit tests: in the locale of the environment, as a program of somebody else is. POLYFS_TEST_LOCALE
 * says which one it must be.
 */
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <gtest/gtest.h>

int main(int argc, char **argv)
{
    const char *is = setlocale(LC_ALL, ""), *wanted = getenv("POLYFS_TEST_LOCALE");
    testing::InitGoogleTest(&argc, argv);
    if (wanted && (!is || strcmp(is, wanted) != 0)) {
        fprintf(stderr, "the locale %s cannot be set\n", wanted);
        return 1;
    }
    return RUN_ALL_TESTS();
}
