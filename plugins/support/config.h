/* SPDX-License-Identifier: Apache-2.0 */
/* How a plugin over HTTP begins, and the options of its client. */
#ifndef PS_CONFIG_H
#define PS_CONFIG_H

#include "http.h"
#include "texts.h"
#include "url.h"

/* Rows of options that all such stores have; ps_http_options() reads them, with ca_bundle and stall_timeout. */
#define PS_OPTION_VERIFY                                                                                           \
    {                                                                                                              \
        "verify", "", "", POLYFS_OPTION_BOOL, 0, "true", NULL, "verify certificates; false is for tests alone"     \
    }
#define PS_OPTION_PROXY                                                                                            \
    {                                                                                                              \
        "proxy", "", "HTTPS_PROXY https_proxy", POLYFS_OPTION_STRING, POLYFS_OPTION_SECRET, NULL, NULL,            \
            "proxy for https:// endpoints; for http:// ones say it as an option"                                   \
    }
#define PS_OPTION_NO_PROXY                                                                                         \
    {                                                                                                              \
        "no_proxy", "", "NO_PROXY no_proxy", POLYFS_OPTION_STRING, 0, NULL, NULL,                                  \
            "hosts that no proxy is used for"                                                                      \
    }
#define PS_OPTION_CONNECT_TIMEOUT                                                                                  \
    {                                                                                                              \
        "connect_timeout", "", "", POLYFS_OPTION_DURATION, 0, "5s", NULL, "longest time to connect"                \
    }

/* The entry of a plugin: takes the host's services, and begins libcurl. In a static program the first to come does it. */
int ps_begin(const struct polyfs_host *host, struct polyfs_error *err);

/* What options say of the client of an endpoint; texts are borrowed of them. @plugin: its name, in warnings. */
struct ps_http_config ps_http_options(const struct polyfs_options *options, const struct ps_endpoint *endpoint,
                                      const char *plugin, const char *user_agent);
/* The user wrote http://, which is consent to send bytes in the clear; told once as long as *warned stands. */
void ps_warn_of_http(const struct ps_endpoint *endpoint, const char *plugin, int *warned);

#endif
