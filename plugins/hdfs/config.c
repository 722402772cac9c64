/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options and what a filesystem is made of. Names are those that users of pyarrow and fsspec pass. What decides which
 * code is loaded comes from the environment alone: an option can stand in a URL, and a URL may come from anywhere.
 * Invariant: open loads nothing, starts nothing and sends nothing.
 */
#include <stdlib.h>

#include "hdfs.h"

const struct polyfs_option hdfs_options[] = {
    {"host", "namenode", "", POLYFS_OPTION_STRING, 0, NULL, NULL,
     "name node or nameservice where the URL has none; default: fs.defaultFS of core-site.xml"},
    {"port", "", "", POLYFS_OPTION_INT, 0, NULL, NULL, "port of the name node; none for a nameservice"},
    {"user", "username", "HADOOP_USER_NAME", POLYFS_OPTION_STRING, 0, NULL, NULL,
     "who to be, where the cluster believes what it is told"},
    {"kerb_ticket", "kerberos_ticket", "KRB5CCNAME", POLYFS_OPTION_PATH, 0, NULL, NULL, "ticket cache of Kerberos"},
    {"replication", "", "", POLYFS_OPTION_INT, 0, NULL, NULL, "copies of each block; default: the cluster's"},
    {"block_size", "default_block_size", "", POLYFS_OPTION_SIZE, 0, NULL, NULL,
     "size of blocks of new files; default: the cluster's"},
    {"extra_conf", "", "", POLYFS_OPTION_STRING, 0, NULL, NULL,
     "more of Hadoop's configuration, as dfs.a=1;dfs.b=2"},
};
const uint32_t hdfs_option_count = sizeof(hdfs_options) / sizeof(hdfs_options[0]);

static int port_of(const char *text, uint16_t *out)
{
    size_t n = strlen(text);
    unsigned long value = n && n <= 5 && strspn(text, "0123456789") == n ? strtoul(text, NULL, 10) : 0;
    *out = (uint16_t)value;
    return value && value <= 65535 ? POLYFS_OK : POLYFS_CONFIG;
}

/* host:port of the URL; what it does not say comes from options. */
static int where_load(struct hdfs_fs *fs, const struct polyfs_options *options, int *failed,
                      struct polyfs_error *err)
{
    const char *authority = ps_host->authority(options), *at = strrchr(authority, '@');
    const char *where = at ? at + 1 : authority, *colon = strrchr(where, ':');
    char host[256];
    snprintf(host, sizeof(host), "%.*s", (int)(colon ? (size_t)(colon - where) : strlen(where)), where);
    fs->name_node = ps_texts_keep(&fs->texts, *host ? host : ps_option(options, "host"), failed);
    if (colon && port_of(colon + 1, &fs->port) != POLYFS_OK)
        return polyfs_fail(err, POLYFS_CONFIG, "\"%.20s\" is no port; write hdfs://HOST:PORT/path", colon + 1);
    int64_t port = ps_host->option_number(options, "port");
    if (port < 0 || port > 65535)
        return polyfs_fail(err, POLYFS_CONFIG, "port %lld is none", (long long)port);
    if (!fs->port)
        fs->port = (uint16_t)port;
    if (!fs->name_node) {
        fs->name_node = "default";
        fs->port = 0;
    }
    return POLYFS_OK;
}

/* Each must be name=value, so that a slip of the pen is not passed over. */
static int conf_check(const char *conf, struct polyfs_error *err)
{
    unsigned count = 0;
    for (const char *at = conf; at && *at; count++) {
        size_t n = strcspn(at, ";"), name = strcspn(at, "=;");
        if (n && (name == n || !name))
            return polyfs_fail(err, POLYFS_CONFIG, "extra_conf has \"%.*s\" where name=value is expected",
                               (int)(n < 60 ? n : 60), at);
        at += n + (at[n] == ';');
    }
    return count <= HDFS_CONF_MAX ? POLYFS_OK
                                  : polyfs_fail(err, POLYFS_CONFIG, "extra_conf takes %d values", HDFS_CONF_MAX);
}

static int manners_load(struct hdfs_fs *fs, const struct polyfs_options *options, int *failed,
                        struct polyfs_error *err)
{
    int64_t replication = ps_host->option_number(options, "replication");
    fs->conf = ps_texts_keep(&fs->texts, ps_option(options, "extra_conf"), failed);
    fs->block_bytes = ps_host->option_number(options, "block_size");
    if (replication < 0 || replication > 512)
        return polyfs_fail(err, POLYFS_CONFIG, "replication is 1 to 512");
    fs->replication = (int)replication;
    if (fs->block_bytes % 512)
        return polyfs_fail(err, POLYFS_CONFIG, "block_size is a multiple of 512 bytes");
    return conf_check(fs->conf, err);
}

static void environment_load(struct hdfs_fs *fs, const struct polyfs_options *options, int *failed)
{
    const struct {
        const char **to, *name;
    } rows[] = {
        {&fs->libhdfs, "POLYFS_LIBHDFS"}, {&fs->java_home, "JAVA_HOME"},      {&fs->hadoop_home, "HADOOP_HOME"},
        {&fs->class_path, "CLASSPATH"},   {&fs->conf_dir, "HADOOP_CONF_DIR"}, {&fs->jvm_options, "LIBHDFS_OPTS"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        *rows[i].to = ps_texts_keep(&fs->texts, ps_host->env(options, rows[i].name), failed);
}

int hdfs_open(struct polyfs_call *call, const struct polyfs_options *options, const struct polyfs_inner *inner,
              void **out, struct polyfs_error *err)
{
    int failed = 0;
    (void)call;
    (void)inner;
    struct hdfs_fs *fs = ps_host->alloc(sizeof(*fs));
    if (!fs)
        return polyfs_fail(err, POLYFS_NOMEM, "no memory for a filesystem");
    memset(fs, 0, sizeof(*fs));
    pthread_mutex_init(&fs->mu, NULL);
    int rc = where_load(fs, options, &failed, err);
    if (rc == POLYFS_OK)
        rc = manners_load(fs, options, &failed, err);
    hdfs_auth_load(fs, options, &failed);
    environment_load(fs, options, &failed);
    if (rc == POLYFS_OK && failed)
        rc = polyfs_fail(err, POLYFS_NOMEM, "no memory for a filesystem");
    if (rc == POLYFS_OK)
        *out = fs;
    else
        hdfs_close(fs);
    return rc;
}

void hdfs_close(void *self)
{
    struct hdfs_fs *fs = self;
    hdfs_disconnect(fs);
    ps_texts_clear(&fs->texts);
    pthread_mutex_destroy(&fs->mu);
    ps_host->free(fs);
}
