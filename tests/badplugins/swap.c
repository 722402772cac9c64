/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded by a test: at the very moment between core's check of a plugin and its dlopen, another file takes the
 * plugin's name, as an attacker would have it.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *dlopen(const char *path, int flags)
{
    void *(*real)(const char *, int) = NULL;
    void *symbol = dlsym(RTLD_NEXT, "dlopen");
    const char *other = getenv("BADPLUGINS_OTHER"), *wanted = getenv("BADPLUGINS_SWAP");
    memcpy(&real, &symbol, sizeof(real));
    if (path && wanted && other && strcmp(path, wanted) == 0 && rename(other, path) != 0)
        perror("swap");
    return real(path, flags);
}
