/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conformance of hdfs:// on the mini cluster that the environment names (tests/servers/servers.py run hdfs -- ...).
 */
#include <cstdio>
#include <cstdlib>

#include "conformance.h"

static void MakeFolder(const std::string &url)
{
    struct polyfs_error error = POLYFS_ERROR_INIT;
    struct polyfs_fs *fs = nullptr;
    char *path = nullptr;
    if (polyfs_fs_open(url.c_str(), nullptr, &fs, &path, &error) != POLYFS_OK ||
        polyfs_mkdir(fs, path, POLYFS_MKDIR_EXIST_OK, nullptr, &error) != POLYFS_OK) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
    polyfs_free(path);
    polyfs_fs_close(fs);
}

int main(int argc, char **argv)
{
    return conformance::Run(argc, argv, [] {
        const char *url = getenv("POLYFS_TEST_URL");
        conformance::Store store;
        store.name = "hdfs";
        store.url = std::string(url ? url : "hdfs://127.0.0.1:8020") + "/cases";
        store.get_requests = 3;      /* status, block locations, bytes */
        store.survives_fork = false; /* a JVM is in the process */
        MakeFolder(store.url);
        return std::vector<conformance::Store>{store};
    });
}
