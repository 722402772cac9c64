/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that exit.cc starts: this very program again, told by the environment to open a store, to have transfers
 * under way, and to leave the process in one of the ways there are.
 */
#ifndef POLYFS_CONFORMANCE_CHILD_H
#define POLYFS_CONFORMANCE_CHILD_H

namespace conformance
{

/* Was this process started by RunChild() of exit.cc? Then ExitChildMain() is all that it does. */
bool IsExitChild();
int ExitChildMain();

} // namespace conformance

#endif
