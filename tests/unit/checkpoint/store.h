/* SPDX-License-Identifier: Apache-2.0 */
/* On which store the cases save: memory://, or where POLYFS_TEST_STORE says, e.g. "s3://checkpoints/". */
#ifndef POLYFS_UNIT_CHECKPOINT_STORE_H
#define POLYFS_UNIT_CHECKPOINT_STORE_H

#include <string>

/* URL of a run that nobody had before. */
std::string NewRun(const char *suite);

#endif
