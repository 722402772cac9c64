/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are: a name that the cluster believes, or a ticket of Kerberos, which Hadoop's own login reads. No secret is kept. */
#include "hdfs.h"

void hdfs_auth_load(struct hdfs_fs *fs, const struct polyfs_options *options, int *failed)
{
    const char *authority = ps_host->authority(options), *at = strrchr(authority, '@');
    const char *ticket = ps_option(options, "kerb_ticket");
    char user[256];
    if (ticket && strncmp(ticket, "FILE:", 5) == 0)
        ticket += 5; /* as KRB5CCNAME has it */
    fs->ticket_cache = ps_texts_keep(&fs->texts, ticket, failed);
    snprintf(user, sizeof(user), "%.*s", at ? (int)(at - authority) : 0, authority);
    fs->user = ps_texts_keep(&fs->texts, *user ? user : ps_option(options, "user"), failed);
}
