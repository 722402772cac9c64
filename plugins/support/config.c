/* SPDX-License-Identifier: Apache-2.0 */
/* Options, texts, and the beginning (config.h). */
#include "config.h"

#include <openssl/crypto.h>

int ps_begin(const struct polyfs_host *host, struct polyfs_error *err)
{
    if (!POLYFS_HAS(struct polyfs_host, host->struct_size, crc))
        return polyfs_fail(err, POLYFS_PLUGIN, "this polyfs is older than the plugin; update it");
    if (ps_host)
        return POLYFS_OK;
    ps_host = host;
    int rc = ps_http_global(err);
    if (rc != POLYFS_OK)
        ps_host = NULL;
    return rc;
}

const char *ps_texts_keep(struct ps_texts *texts, const char *text, int *failed)
{
    if (!text || !*text)
        return NULL;
    char *made = texts->count < PS_TEXTS_MAX ? ps_copy(text, strlen(text)) : NULL;
    if (!made) {
        *failed = 1;
        return NULL;
    }
    texts->at[texts->count++] = made;
    return made;
}

void ps_texts_clear(struct ps_texts *texts)
{
    for (unsigned i = 0; i < texts->count; i++) {
        OPENSSL_cleanse(texts->at[i], strlen(texts->at[i]));
        ps_host->free(texts->at[i]);
    }
    texts->count = 0;
}

const char *ps_option(const struct polyfs_options *options, const char *name)
{
    const char *text = ps_host->option(options, name);
    return text && *text ? text : NULL;
}

int ps_is_of_env(const struct polyfs_options *options, const char *value, const char *variable)
{
    const char *env = ps_host->env(options, variable);
    return env && strcmp(env, value) == 0;
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
