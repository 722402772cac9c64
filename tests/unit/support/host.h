/* SPDX-License-Identifier: Apache-2.0 */
/* What plugins/support needs of a host, where there is no core: memory, and nothing that waits. */
#ifndef POLYFS_SUPPORT_HOST_H
#define POLYFS_SUPPORT_HOST_H

#include <string>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#include "plugins/support/creds.h"
#include "plugins/support/ini.h"
#include "plugins/support/json.h"
#include "plugins/support/pager.h"
#include "plugins/support/sigv4.h"
#include "plugins/support/token.h"
#include "plugins/support/url.h"
#include "plugins/support/xml.h"
/* The wall clock, which stands still but for this. */
void SetTestTime(int64_t seconds);
int64_t TestTime(void);
}
#pragma GCC diagnostic pop

/* A text that is built up in a ps_buf by a function of the library. */
template <typename Fill> std::string Built(Fill fill)
{
    ps_buf buf = {};
    fill(&buf);
    EXPECT_EQ(0, buf.failed);
    std::string text(buf.data ? buf.data : "", buf.size);
    ps_buf_clear(&buf);
    return text;
}

#endif
