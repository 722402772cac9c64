/* SPDX-License-Identifier: Apache-2.0 */
/* Conformance of what core makes itself of a store that has the required slots alone, with and without its own copy,
 * and where the shapes that it prefers for large objects honour no conditions. */
#include "conformance.h"

static conformance::Store Bare(const std::string &name, const std::vector<std::string> &options)
{
    conformance::Store store;
    store.name = name;
    store.url = "bare://conformance";
    store.options = options;
    store.options.push_back("store=" + name);
    store.same_process = true;
    return store;
}

int main(int argc, char **argv)
{
    return conformance::Run(argc, argv, [] {
        return std::vector<conformance::Store>{Bare("bare", {}),
                                               Bare("bare_copies", {"copies=true", "condition_shapes=9"})};
    });
}
