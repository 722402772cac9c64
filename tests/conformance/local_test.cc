/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conformance of file://, in a temporary folder: $TMPDIR, else /tmp. What the mount below it cannot do (attributes,
 * say) its facts tell, and the cases prove.
 */
#include <unistd.h>

#include "conformance.h"

static int MakeLink(const std::string &target, const std::string &link)
{
    const size_t scheme = std::string("file://").size();
    return symlink(target.c_str() + scheme, link.c_str() + scheme);
}

int main(int argc, char **argv)
{
    conformance::TempFolder folder;
    return conformance::Run(argc, argv, [&folder] {
        conformance::Store store;
        store.name = "local";
        store.url = "file://" + folder.Path();
        store.dots_resolved = true;
        store.make_link = MakeLink;
        return std::vector<conformance::Store>{store};
    });
}
