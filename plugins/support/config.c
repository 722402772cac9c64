/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning, and options of the client (config.h). */
#include "config.h"

int ps_begin(const struct polyfs_host *host, struct polyfs_error *err)
{
    static int has_http; /* under core's lock, as all entries */
    if (!POLYFS_HAS(struct polyfs_host, host->struct_size, crc))
        return polyfs_fail(err, POLYFS_PLUGIN, "this polyfs is older than the plugin; update it");
    ps_host = host;
    int rc = has_http ? POLYFS_OK : ps_http_global(err);
    has_http = rc == POLYFS_OK;
    return rc;
}

static void warn_of_tls(const char *plugin)
{
    char text[200];
    snprintf(text, sizeof(text),
             "%s: certificates are not verified (verify=false): anybody can pretend to be the store", plugin);
    ps_host->log(NULL, 1, text);
}

struct ps_http_config ps_http_options(const struct polyfs_options *options, const struct ps_endpoint *endpoint,
                                      const char *plugin, const char *user_agent)
{
    const char *proxy = ps_option(options, "proxy");
    if (proxy && !endpoint->tls &&
        (ps_is_of_env(options, proxy, "HTTPS_PROXY") || ps_is_of_env(options, proxy, "https_proxy")))
        proxy = NULL; /* that one is for https */
    const struct ps_http_config config = {
        .user_agent = user_agent,
        .proxy = proxy,
        .no_proxy = ps_option(options, "no_proxy"),
        .ca_bundle = ps_option(options, "ca_bundle"),
        .insecure = !ps_host->option_number(options, "verify"),
        .connect_ms = (uint32_t)ps_host->option_number(options, "connect_timeout"),
        .stall_ms = (uint32_t)ps_host->option_number(options, "stall_timeout"),
    };
    if (config.insecure && endpoint->tls)
        warn_of_tls(plugin);
    return config;
}

void ps_warn_of_http(const struct ps_endpoint *endpoint, const char *plugin, int *warned)
{
    char text[400];
    if (endpoint->tls || ps_host_is_loopback(endpoint->host) || __atomic_exchange_n(warned, 1, __ATOMIC_RELAXED))
        return;
    snprintf(text, sizeof(text), "%s: %s is reached over http://: everybody on the way can read what is moved",
             plugin, endpoint->authority);
    ps_host->log(NULL, 1, text);
}
