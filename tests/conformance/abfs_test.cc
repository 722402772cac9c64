/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conformance of abfs:// on the server that the environment names (tests/servers/servers.py run azurite -- ...). The
 * container is made first, if it is not there.
 */
#include <cstdlib>
#include <sstream>

#include "conformance.h"

static void MakeContainer(const char *url)
{
    struct polyfs_error error = POLYFS_ERROR_INIT;
    struct polyfs_fs *fs = nullptr;
    char *path = nullptr;
    if (polyfs_fs_open(url, nullptr, &fs, &path, &error) != POLYFS_OK ||
        polyfs_mkdir(fs, path, POLYFS_MKDIR_BUCKET | POLYFS_MKDIR_EXIST_OK, nullptr, &error) != POLYFS_OK) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
    polyfs_free(path);
    polyfs_fs_close(fs);
}

int main(int argc, char **argv)
{
    return conformance::Run(argc, argv, [] {
        const char *server = getenv("POLYFS_TEST_SERVER"), *url = "abfs://polyfs-conformance";
        conformance::Store store;
        store.name = std::string("abfs_") + (server ? server : "unnamed");
        store.url = std::string(url) + "/cases";
        store.writers_collide = true;
        if (const char *options = getenv("POLYFS_TEST_OPTIONS")) {
            std::istringstream words(options);
            for (std::string word; words >> word;)
                store.options.push_back(word);
        }
        MakeContainer(url);
        return std::vector<conformance::Store>{store};
    });
}
