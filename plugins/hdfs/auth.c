/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are: a name that the cluster believes, or a ticket of Kerberos, which Hadoop's own login reads. No secret is kept. */
#include "hdfs.h"

static const char *keep_text(struct hdfs_fs *fs, const char *text, int *failed)
{
    return hdfs_keep(fs, text, text ? strlen(text) : 0, failed);
}

void hdfs_auth_load(struct hdfs_fs *fs, const struct polyfs_options *options, int *failed)
{
    const char *authority = hdfs_host->authority(options), *at = strrchr(authority, '@');
    const char *ticket = hdfs_host->option(options, "kerb_ticket");
    if (ticket && strncmp(ticket, "FILE:", 5) == 0)
        ticket += 5; /* as KRB5CCNAME has it */
    fs->ticket_cache = keep_text(fs, ticket, failed);
    fs->user = at ? hdfs_keep(fs, authority, (size_t)(at - authority), failed)
                  : keep_text(fs, hdfs_host->option(options, "user"), failed);
}
