/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conformance of abfs:// on the server that the environment names (tests/servers/servers.py run azurite -- ..., or lake: an
 * account with a hierarchical namespace). The container is made first, if it is not there.
 */
#include <cstdlib>

#include "conformance.h"

int main(int argc, char **argv)
{
    return conformance::Run(argc, argv, [] {
        const char *server = getenv("POLYFS_TEST_SERVER"), *url = "abfs://polyfs-conformance";
        conformance::Store store;
        store.name = std::string("abfs_") + (server ? server : "unnamed");
        store.url = std::string(url) + "/cases";
        store.writers_collide = true;
        store.makes_folders = store.name == "abfs_lake";
        store.options = conformance::OptionsOfEnvironment();
        conformance::MakeBucket(url);
        return std::vector<conformance::Store>{store};
    });
}
