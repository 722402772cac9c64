/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conformance of s3:// on the server that the environment names (tests/servers/servers.py run NAME -- ...). The bucket is
 * made first, if it is not there.
 */
#include <cstdlib>
#include <cstring>

#include "conformance.h"

int main(int argc, char **argv)
{
    return conformance::Run(argc, argv, [] {
        const char *server = getenv("POLYFS_TEST_SERVER"), *url = "s3://polyfs-conformance";
        const char *kind = getenv("POLYFS_TEST_KIND"); /* of bucket */
        conformance::Store store;
        store.name = std::string("s3_") + (server ? server : "unnamed") + (kind ? kind : "");
        store.url = std::string(url) + "/cases";
        store.tells_absent = false;
        store.nested_names = false; /* of the servers here; Amazon's own knows no folders */
        store.options = conformance::OptionsOfEnvironment();
        store.etags_race = server && !strcmp(server, "versitygw"); /* boto3 sees it too: 1 of 2,000 reads */
        store.folders_linger =
            kind || (server && !strcmp(server, "seaweedfs")); /* MinIO: those of deleted versions */
        conformance::MakeBucket(url);
        return std::vector<conformance::Store>{store};
    });
}
