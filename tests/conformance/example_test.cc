/* SPDX-License-Identifier: Apache-2.0 */
/* Conformance of an example plugin, EXAMPLE, in a temporary folder: $TMPDIR, else /tmp. */
#include "conformance.h"

int main(int argc, char **argv)
{
    conformance::TempFolder folder;
    return conformance::Run(argc, argv, [&folder] {
        conformance::Store store;
        store.name = EXAMPLE;
        store.url = EXAMPLE "://conformance";
        store.options = {"folder=" + folder.Path()};
        store.streams_resume = false;
        return std::vector<conformance::Store>{store};
    });
}
