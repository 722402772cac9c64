/* SPDX-License-Identifier: Apache-2.0 */
/* What an exception of Hadoop means: (class, words of its message) -> code, retry class, what to do. No state. */
#include "hdfs.h"

#define THROTTLED_MS 2000

static const struct row {
    const char *class; /* how its name ends; "": any */
    const char *says;  /* what its message has in it, or NULL */
    int code;
    uint32_t retry;
    const char *todo; /* behind Hadoop's own words, or where it does not begin with ';' instead of them */
} rows[] = {
    {"SafeModeException", NULL, POLYFS_BUSY, POLYFS_RETRY_TRANSIENT,
     "the name node is in safe mode and lets nobody write yet; see: hdfs dfsadmin -safemode get"},
    {"", "Name node is in safe mode", POLYFS_BUSY, POLYFS_RETRY_TRANSIENT,
     "the name node is in safe mode and lets nobody write yet; see: hdfs dfsadmin -safemode get"},
    {"StandbyException", NULL, POLYFS_BUSY, POLYFS_RETRY_TRANSIENT,
     "; name the nameservice, as hdfs://NAMESERVICE/path, not one of its name nodes"},
    {"RetriableException", NULL, POLYFS_BUSY, POLYFS_RETRY_THROTTLED, ""},
    {"AlreadyBeingCreatedException", NULL, POLYFS_BUSY, POLYFS_RETRY_TRANSIENT,
     "; another writer has it open; of one that died the name node takes it back after a minute"},
    {"RecoveryInProgressException", NULL, POLYFS_BUSY, POLYFS_RETRY_TRANSIENT, ""},
    {"NotReplicatedYetException", NULL, POLYFS_BUSY, POLYFS_RETRY_TRANSIENT, ""},
    {"", "Lease timeout of", POLYFS_NETWORK, POLYFS_RETRY_TRANSIENT, "; the name node did not answer meanwhile"},
    {"LeaseExpiredException", NULL, POLYFS_CHANGED, POLYFS_RETRY_NEVER, ""},
    {"FileNotFoundException", NULL, POLYFS_NOT_FOUND, POLYFS_RETRY_NEVER, ""},
    {"ParentNotDirectoryException", NULL, POLYFS_NOT_DIR, POLYFS_RETRY_NEVER, ""},
    {"FileAlreadyExistsException", "is not a directory", POLYFS_NOT_DIR, POLYFS_RETRY_NEVER, ""},
    {"FileAlreadyExistsException", NULL, POLYFS_EXISTS, POLYFS_RETRY_NEVER, ""},
    {"PathIsNotEmptyDirectoryException", NULL, POLYFS_NOT_EMPTY, POLYFS_RETRY_NEVER, ""},
    {"AccessControlException", "is not a directory", POLYFS_NOT_DIR, POLYFS_RETRY_NEVER, ""},
    {"AccessControlException", "SIMPLE authentication is not enabled", POLYFS_AUTH, POLYFS_RETRY_NEVER,
     "; get a ticket with: kinit"},
    {"AccessControlException", "Client cannot authenticate", POLYFS_AUTH, POLYFS_RETRY_NEVER,
     "; get a ticket with: kinit"},
    {"AccessControlException", NULL, POLYFS_PERMISSION, POLYFS_RETRY_NEVER,
     "; see who may with: hdfs dfs -ls, and who you are with option user"},
    {"KerberosAuthException", NULL, POLYFS_AUTH, POLYFS_RETRY_NEVER, "; get a ticket with: kinit"},
    {"SaslException", NULL, POLYFS_AUTH, POLYFS_RETRY_NEVER, "; get a ticket with: kinit"},
    {"", "Client cannot authenticate", POLYFS_AUTH, POLYFS_RETRY_NEVER, "; get a ticket with: kinit"},
    {"QuotaExceededException", NULL, POLYFS_NO_SPACE, POLYFS_RETRY_NEVER, "; see: hdfs dfs -count -q"},
    {"PathComponentTooLongException", NULL, POLYFS_INVALID, POLYFS_RETRY_NEVER, ""},
    {"MaxDirectoryItemsExceededException", NULL, POLYFS_NO_SPACE, POLYFS_RETRY_NEVER, ""},
    {"InvalidPathException", NULL, POLYFS_INVALID, POLYFS_RETRY_NEVER, ""},
    {"", "is not a valid DFS filename", POLYFS_INVALID, POLYFS_RETRY_NEVER, "; names have no ':'"},
    {"", "Invalid path name", POLYFS_INVALID, POLYFS_RETRY_NEVER, "; names have no ':'"},
    {"", "Invalid file name", POLYFS_INVALID, POLYFS_RETRY_NEVER, "; names have no ':'"},
    {"", "Pathname too long", POLYFS_INVALID, POLYFS_RETRY_NEVER, ""},
    {"", "XAttr is too big", POLYFS_TOO_LARGE, POLYFS_RETRY_NEVER, ""},
    {"", "Cannot add additional XAttr", POLYFS_TOO_LARGE, POLYFS_RETRY_NEVER, ""},
    {"", "XAttrs has been disabled", POLYFS_UNSUPPORTED, POLYFS_RETRY_NEVER, ""},
    {"", "support for XAttrs", POLYFS_UNSUPPORTED, POLYFS_RETRY_NEVER, ""},
    {"", "destination must not be inside source", POLYFS_INVALID, POLYFS_RETRY_NEVER, ""},
    {"", "is a directory under source", POLYFS_INVALID, POLYFS_RETRY_NEVER, ""},
    {"", "replicated to 0 nodes", POLYFS_BUSY, POLYFS_RETRY_TRANSIENT,
     "; no data node takes it: full or down? see: hdfs dfsadmin -report"},
    {"", "could only be written to 0 of", POLYFS_BUSY, POLYFS_RETRY_TRANSIENT,
     "; no data node takes it: full or down? see: hdfs dfsadmin -report"},
    {"", "Failed to replace a bad datanode", POLYFS_NETWORK, POLYFS_RETRY_TRANSIENT,
     "; too few data nodes are left; see: hdfs dfsadmin -report"},
    {"", "All datanodes", POLYFS_NETWORK, POLYFS_RETRY_TRANSIENT, "; see: hdfs dfsadmin -report"},
    {"ChecksumException", NULL, POLYFS_CORRUPT, POLYFS_RETRY_NEVER, "; see: hdfs fsck PATH -files -blocks"},
    {"BlockMissingException", NULL, POLYFS_NETWORK, POLYFS_RETRY_TRANSIENT,
     "; no data node that has the block answers; see: hdfs fsck PATH -files -blocks"},
    {"UnknownHostException", NULL, POLYFS_CONFIG, POLYFS_RETRY_NEVER, "; is the host of hdfs://HOST:PORT/ right?"},
    {"ConnectException", NULL, POLYFS_NETWORK, POLYFS_RETRY_TRANSIENT,
     "; is the name node running, and is this its port? see: hdfs getconf -confKey fs.defaultFS"},
    {"NoRouteToHostException", NULL, POLYFS_NETWORK, POLYFS_RETRY_TRANSIENT, ""},
    {"TimeoutException", NULL, POLYFS_TIMEOUT, POLYFS_RETRY_TRANSIENT, ""},
    {"RpcException", NULL, POLYFS_CONFIG, POLYFS_RETRY_NEVER,
     "; is this the name node's port for clients (fs.defaultFS), and not its web page's?"},
    {"RpcNoSuchProtocolException", NULL, POLYFS_CONFIG, POLYFS_RETRY_NEVER,
     "; is this the name node's port for clients (fs.defaultFS)?"},
    {"EOFException", NULL, POLYFS_NETWORK, POLYFS_RETRY_TRANSIENT, ""},
    {"SocketException", NULL, POLYFS_NETWORK, POLYFS_RETRY_TRANSIENT, ""},
    {"ClosedChannelException", NULL, POLYFS_NETWORK, POLYFS_RETRY_TRANSIENT, ""},
    {"UnsupportedOperationException", NULL, POLYFS_UNSUPPORTED, POLYFS_RETRY_NEVER, ""},
    {"OutOfMemoryError", NULL, POLYFS_NOMEM, POLYFS_RETRY_NEVER, "; see -Xmx in LIBHDFS_OPTS"},
    {"StackOverflowError", NULL, POLYFS_NOMEM, POLYFS_RETRY_NEVER, ""},
    {"NoClassDefFoundError", NULL, POLYFS_CONFIG, POLYFS_RETRY_NEVER,
     "; CLASSPATH lacks a jar; set it to what this prints: hadoop classpath --glob"},
    {"IllegalArgumentException", NULL, POLYFS_INVALID, POLYFS_RETRY_NEVER, ""},
    {"", "Failed on local exception", POLYFS_NETWORK, POLYFS_RETRY_TRANSIENT, ""},
};

static int ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static const struct row *row_of(const char *class, const char *message)
{
    static const struct row other = {"", NULL, POLYFS_IO, POLYFS_RETRY_NEVER, ""};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (ends_with(class, rows[i].class) && (!rows[i].says || strstr(message, rows[i].says)))
            return &rows[i];
    return &other;
}

/* "Call From HERE to HOST:PORT failed on ...": who called is known, and differs from machine to machine. */
static const char *skip_caller(const char *message)
{
    const char *to = strncmp(message, "Call From ", 10) == 0 ? strstr(message, " to ") : NULL;
    return to ? to + 4 : message;
}

/* The first line, without the wiki's address and control characters. */
static void first_line(char *out, size_t room, const char *message)
{
    message = skip_caller(message);
    const char *more = strstr(message, "; For more details see");
    size_t n = strcspn(message, "\r\n");
    if (more && (size_t)(more - message) < n)
        n = (size_t)(more - message);
    snprintf(out, room, "%.*s", (int)(n < room ? n : room - 1), message);
    for (char *at = out; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = ' ';
    for (n = strlen(out); n && (out[n - 1] == '.' || out[n - 1] == ' ');)
        out[--n] = '\0';
}

int hdfs_exception(const char *class, const char *message, int changes, struct polyfs_error *err)
{
    const struct row *row = row_of(class, message);
    const char *dot = strrchr(class, '.');
    char line[600];
    first_line(line, sizeof(line), message);
    if (*row->todo && *row->todo != ';')
        polyfs_fail(err, row->code, "%s", row->todo);
    else
        polyfs_fail(err, row->code, "Hadoop says: %s%s", *line ? line : dot ? dot + 1 : class, row->todo);
    if (!err)
        return row->code;
    err->retry = row->retry;
    snprintf(err->native_code, sizeof(err->native_code), "%s", dot ? dot + 1 : class);
    if (row->retry == POLYFS_RETRY_THROTTLED)
        err->after_ms = THROTTLED_MS;
    /* The name node may have done it before the connection went. */
    if (changes && (row->code == POLYFS_NETWORK || row->code == POLYFS_TIMEOUT) &&
        !ends_with(class, "ConnectException"))
        err->commit_state = POLYFS_COMMIT_UNKNOWN;
    return row->code;
}

int hdfs_connect_failed(const struct hdfs_fs *fs, const char *cause, struct polyfs_error *err)
{
    char class[128] = "", line[400];
    if (!cause)
        return polyfs_fail(err, POLYFS_CONFIG, "no connection to \"%.80s\" can be made; is its name right?",
                           fs->name_node);
    snprintf(class, sizeof(class), "%.*s", (int)strcspn(cause, ": \r\n"), cause);
    first_line(line, sizeof(line), cause);
    int rc = hdfs_exception(class, line, 0, err);
    return rc == POLYFS_IO || rc == POLYFS_INVALID
               ? polyfs_fail(err, POLYFS_CONFIG, "\"%.80s\" is no name node: %s", fs->name_node, line)
               : rc;
}
