/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conformance of hdfs:// on the mini cluster that the environment names (tests/servers/servers.py run hdfs -- ...).
 */
#include <cstdlib>

#include "conformance.h"

int main(int argc, char **argv)
{
    return conformance::Run(argc, argv, [] {
        const char *url = getenv("POLYFS_TEST_URL");
        conformance::Store store;
        store.name = "hdfs";
        store.url = std::string(url ? url : "hdfs://127.0.0.1:8020") + "/cases";
        store.options = conformance::OptionsOfEnvironment();
        store.get_requests = 3;
        store.survives_fork = false;
        store.has_early_times = false;
        conformance::MakeBucket(store.url.c_str(), 0);
        return std::vector<conformance::Store>{store};
    });
}
