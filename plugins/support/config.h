/* SPDX-License-Identifier: Apache-2.0 */
/* How a plugin over HTTP begins, and what its filesystems are made of: options, texts that stay, a client. */
#ifndef PS_CONFIG_H
#define PS_CONFIG_H

#include "http.h"
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

/* Texts that stay as long as a filesystem; they may be secret, and are wiped. */
#define PS_TEXTS_MAX 32
struct ps_texts {
    char *at[PS_TEXTS_MAX]; /* owned */
    unsigned count;
};
/* A copy of a text, until ps_texts_clear(); NULL and "" give NULL. Sets *failed when there is no memory. */
const char *ps_texts_keep(struct ps_texts *texts, const char *text, int *failed);
void ps_texts_clear(struct ps_texts *texts);

/* An option's text, or NULL when it has none or "". */
const char *ps_option(const struct polyfs_options *options, const char *name);
/* Is it what this variable of the environment says? */
int ps_is_of_env(const struct polyfs_options *options, const char *value, const char *variable);

/* What options say of the client of an endpoint; texts are borrowed of them. @plugin: its name, in warnings. */
struct ps_http_config ps_http_options(const struct polyfs_options *options, const struct ps_endpoint *endpoint,
                                      const char *plugin, const char *user_agent);
/* The user wrote http://, which is consent to send bytes in the clear; told once as long as *warned stands. */
void ps_warn_of_http(const struct ps_endpoint *endpoint, const char *plugin, int *warned);

#endif
