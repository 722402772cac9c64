/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conformance of memory://: as an object store with versions, as one without, with folders of its own, and as if
 * it lay across a network (nonces, windows, limits). It is the
 * model of the contract, so nothing is n/a here.
 */
#include "conformance.h"

static conformance::Store Memory(const std::string &name, const std::vector<std::string> &options)
{
    conformance::Store store;
    store.name = name;
    store.url = "memory://conformance";
    store.options = options;
    store.options.push_back("store=" + name);
    store.same_process = true;
    return store;
}

int main(int argc, char **argv)
{
    return conformance::Run(argc, argv, [] {
        return std::vector<conformance::Store>{Memory("memory", {"versioning=true"}), Memory("memory_plain", {}),
                                               Memory("memory_real", {"folders=real"}),
                                               Memory("memory_network", {"network=true"})};
    });
}
