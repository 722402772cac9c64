/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a store near or far? Each request costs one that is near more than the bytes do (MinIO: as much as half a MiB), so there
 * reads ahead are few and large. Of one that is far each connection is slow: there they are many. The time until its first
 * answer tells; how much is on its way at once is the same for both.
 */
#ifndef PFS_NEAR_H
#define PFS_NEAR_H

#include <stdint.h>

#define PFS_WINDOW_BYTES (UINT64_C(24) << 20) /* a process that reads on, or downloads, stays within 40 MiB */

/* Said of the store whose first answer comes now. @asked_ns: when it was asked, by pfs_now_ns(). */
int pfs_is_near(int64_t asked_ns);

#endif
