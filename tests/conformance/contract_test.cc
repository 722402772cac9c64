/* SPDX-License-Identifier: Apache-2.0 */
/* Conformance of a store that was compiled from the contract as it was frozen (tests/contract-v1). */
#include "conformance.h"

int main(int argc, char **argv)
{
    return conformance::Run(argc, argv, [] {
        conformance::Store store;
        store.name = "contract_v1";
        store.url = "contract-v1://conformance";
        store.same_process = true;
        return std::vector<conformance::Store>{store};
    });
}
