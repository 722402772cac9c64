/* SPDX-License-Identifier: Apache-2.0 */
/* Conformance of onefile://, the example plugin in C, in a temporary folder: $TMPDIR, else /tmp. */
#include "conformance.h"

int main(int argc, char **argv)
{
    conformance::TempFolder folder;
    return conformance::Run(argc, argv, [&folder] {
        conformance::Store store;
        store.name = "onefile";
        store.url = "onefile://conformance";
        store.options = {"folder=" + folder.Path()};
        return std::vector<conformance::Store>{store};
    });
}
