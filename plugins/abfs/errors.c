/* SPDX-License-Identifier: Apache-2.0 */
/* What a refusal means: (status, the store's own code) -> code, retry class, what to do. One table, no state. */
#include "abfs.h"

#define KEYS "; is AZURE_STORAGE_ACCOUNT_KEY this account's? See: az storage account keys list -n ACCOUNT"
#define NEW_SAS "az storage container generate-sas -n CONTAINER"
#define ROLE "; grant it, for example the role \"Storage Blob Data Contributor\": az role assignment create"

/* What it means, unless it is what it means everywhere. */
static const struct ps_refusal rows[] = {
    {0, "ContainerNotFound", POLYFS_NOT_FOUND, POLYFS_RETRY_NEVER, "; make it with: polyfs mb abfs://NAME"},
    {0, "BlobNotFound", POLYFS_NOT_FOUND, POLYFS_RETRY_NEVER, ""},
    {0, "ResourceNotFound", POLYFS_NOT_FOUND, POLYFS_RETRY_NEVER, ""},
    {0, "PathNotFound", POLYFS_NOT_FOUND, POLYFS_RETRY_NEVER, ""},
    {0, "ContainerAlreadyExists", POLYFS_EXISTS, POLYFS_RETRY_NEVER, ""},
    {0, "BlobAlreadyExists", POLYFS_EXISTS, POLYFS_RETRY_NEVER, ""},
    {0, "ContainerBeingDeleted", POLYFS_BUSY, POLYFS_RETRY_TRANSIENT, ""},
    {0, "ContainerDisabled", POLYFS_PERMISSION, POLYFS_RETRY_NEVER, ""},
    {0, "AuthenticationFailed", POLYFS_AUTH, POLYFS_RETRY_NEVER, ""},
    {0, "InvalidAuthenticationInfo", POLYFS_AUTH, POLYFS_RETRY_NEVER, ""},
    {0, "NoAuthenticationInformation", POLYFS_AUTH, POLYFS_RETRY_NEVER, ""},
    {0, "PublicAccessNotPermitted", POLYFS_AUTH, POLYFS_RETRY_NEVER, "; the account takes no anonymous requests"},
    {0, "KeyBasedAuthenticationNotPermitted", POLYFS_AUTH, POLYFS_RETRY_NEVER,
     "; this account takes no keys: log in with az login instead"},
    {0, "AuthorizationFailure", POLYFS_PERMISSION, POLYFS_RETRY_NEVER,
     "; does the account's firewall let this machine in?"},
    {0, "AuthorizationPermissionMismatch", POLYFS_PERMISSION, POLYFS_RETRY_NEVER, ROLE},
    {0, "InsufficientAccountPermissions", POLYFS_PERMISSION, POLYFS_RETRY_NEVER, ""},
    {0, "AuthorizationProtocolMismatch", POLYFS_PERMISSION, POLYFS_RETRY_NEVER, "; use https://"},
    {0, "AuthorizationServiceMismatch", POLYFS_PERMISSION, POLYFS_RETRY_NEVER,
     "; the SAS is not for blobs: its ss= has no b"},
    {0, "AuthorizationResourceTypeMismatch", POLYFS_PERMISSION, POLYFS_RETRY_NEVER,
     "; the SAS lacks this kind of resource in its srt="},
    {0, "AccountIsDisabled", POLYFS_PERMISSION, POLYFS_RETRY_NEVER, ""},
    {0, "BlobImmutableDueToPolicy", POLYFS_PERMISSION, POLYFS_RETRY_NEVER, ""},
    {0, "BlobArchived", POLYFS_PERMISSION, POLYFS_RETRY_NEVER,
     "; it is archived: az storage blob set-tier --tier Hot brings it back, within hours"},
    {0, "BlobBeingRehydrated", POLYFS_BUSY, POLYFS_RETRY_NEVER, ""},
    {0, "LeaseIdMissing", POLYFS_BUSY, POLYFS_RETRY_NEVER,
     "; somebody holds a lease on it, see: az storage blob lease break"},
    {0, "LeaseIdMismatchWithBlobOperation", POLYFS_BUSY, POLYFS_RETRY_NEVER, ""},
    {0, "PendingCopyOperation", POLYFS_BUSY, POLYFS_RETRY_TRANSIENT, ""},
    {0, "SnapshotsPresent", POLYFS_BUSY, POLYFS_RETRY_NEVER, ""},
    {0, "InvalidBlobType", POLYFS_INVALID, POLYFS_RETRY_NEVER, "; it is no block blob, so remove it first"},
    {0, "BlobTypeNotSupported", POLYFS_INVALID, POLYFS_RETRY_NEVER, ""},
    {0, "DirectoryIsNotEmpty", POLYFS_NOT_EMPTY, POLYFS_RETRY_NEVER, ""},
    {0, "DirectoryNotEmpty", POLYFS_NOT_EMPTY, POLYFS_RETRY_NEVER, ""},
    {0, "PathAlreadyExists", POLYFS_EXISTS, POLYFS_RETRY_NEVER, ""},
    {0, "FilesystemNotFound", POLYFS_NOT_FOUND, POLYFS_RETRY_NEVER, "; make it with: polyfs mb abfs://NAME"},
    {0, "RenameDestinationParentPathNotFound", POLYFS_NOT_FOUND, POLYFS_RETRY_NEVER, ""},
    {0, "SourcePathNotFound", POLYFS_NOT_FOUND, POLYFS_RETRY_NEVER, ""},
    {0, "ResourceTypeMismatch", POLYFS_IS_DIR, POLYFS_RETRY_NEVER, ""},
    {0, "InvalidSourceOrDestinationResourceType", POLYFS_IS_DIR, POLYFS_RETRY_NEVER,
     "; one is a blob, the other a folder"},
    {0, "InvalidRenameSourcePath", POLYFS_INVALID, POLYFS_RETRY_NEVER, "; a folder cannot be moved into itself"},
    {0, "InvalidDestinationPath", POLYFS_NOT_DIR, POLYFS_RETRY_NEVER,
     "; a part of the path is a blob, not a folder"},
    {0, "SourcePathIsBeingDeleted", POLYFS_BUSY, POLYFS_RETRY_TRANSIENT, ""},
    {0, "DestinationPathIsBeingDeleted", POLYFS_BUSY, POLYFS_RETRY_TRANSIENT, ""},
    {0, "FilesystemBeingDeleted", POLYFS_BUSY, POLYFS_RETRY_TRANSIENT, ""},
    {0, "PathConflict", POLYFS_NOT_DIR, POLYFS_RETRY_NEVER, "; a part of the path is a blob, not a folder"},
    {0, "Md5Mismatch", POLYFS_CORRUPT, POLYFS_RETRY_TRANSIENT, ""},
    {0, "Crc64Mismatch", POLYFS_CORRUPT, POLYFS_RETRY_TRANSIENT, ""},
    {0, "InvalidMd5", POLYFS_INVALID, POLYFS_RETRY_NEVER, ""},
    {0, "RequestBodyTooLarge", POLYFS_TOO_LARGE, POLYFS_RETRY_NEVER, ""},
    {0, "BlockCountExceedsLimit", POLYFS_TOO_LARGE, POLYFS_RETRY_NEVER, ""},
    {0, "MetadataTooLarge", POLYFS_TOO_LARGE, POLYFS_RETRY_NEVER, ""},
    {0, "InvalidRange", POLYFS_RANGE, POLYFS_RETRY_NEVER, ""},
    {0, "CannotVerifyCopySource", POLYFS_NOT_FOUND, POLYFS_RETRY_NEVER, "; the source cannot be read"},
    {0, "OperationTimedOut", POLYFS_TIMEOUT, POLYFS_RETRY_TRANSIENT, ""},
    {0, "ServerBusy", POLYFS_BUSY, POLYFS_RETRY_THROTTLED, ""},
    {0, "InternalError", POLYFS_BUSY, POLYFS_RETRY_TRANSIENT, ""},
    {0, "FeatureNotSupported", POLYFS_UNSUPPORTED, POLYFS_RETRY_NEVER, ""},
    {0, "FeatureVersionMismatch", POLYFS_UNSUPPORTED, POLYFS_RETRY_NEVER, ""},
    {0, "UnsupportedHeader", POLYFS_UNSUPPORTED, POLYFS_RETRY_NEVER, ""},
    {0, "APINotImplemented", POLYFS_UNSUPPORTED, POLYFS_RETRY_NEVER, ""},
    {401, NULL, POLYFS_AUTH, POLYFS_RETRY_NEVER, ""},
    {507, NULL, POLYFS_NO_SPACE, POLYFS_RETRY_NEVER, ""},
};

struct document {
    char code[64], message[384], detail[160];
};

/* The first line, without the dot at its end. */
static void keep(char *to, size_t room, const char *text)
{
    snprintf(to, room, "%.*s", (int)strcspn(text, "\r\n"), text);
    ps_tame(to);
    for (size_t n = strlen(to); n && (to[n - 1] == '.' || to[n - 1] == ' ');)
        to[--n] = '\0';
}

static int element(void *arg, const char *path, char *text, uint64_t size, struct polyfs_error *err)
{
    struct document *document = arg;
    (void)size;
    (void)err;
    if (strcmp(path, "Error/Code") == 0)
        snprintf(document->code, sizeof(document->code), "%s", text);
    if (strcmp(path, "Error/Message") == 0)
        keep(document->message, sizeof(document->message), text);
    if (strcmp(path, "Error/AuthenticationErrorDetail") == 0)
        keep(document->detail, sizeof(document->detail), text);
    return POLYFS_OK;
}

/* Milliseconds, or Retry-After in seconds; what is neither is no wish. */
static uint32_t wish_ms(const struct ps_http_connection *answer)
{
    const char *text = ps_http_header(answer, "x-ms-retry-after-ms");
    uint64_t ms = text ? ps_number(text) : UINT64_MAX;
    if (ms == UINT64_MAX && (text = ps_http_header(answer, "retry-after"))) {
        ms = ps_number(text);
        ms = ms > UINT32_MAX ? UINT64_MAX : ms * 1000;
    }
    return ms == UINT64_MAX ? 0 : ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

/* What to do when it is about who we are depends on who we said that we are. */
static const char *todo_of(const struct abfs_fs *fs, const struct ps_refusal *row, char room[200])
{
    char end[64];
    if (fs->auth.kind == ABFS_SAS && row->native && strcmp(row->native, "AuthorizationPermissionMismatch") == 0)
        return "; the SAS lacks this right in its sp=";
    if (*row->todo || row->code != POLYFS_AUTH)
        return row->todo;
    switch (fs->auth.kind) {
    case ABFS_KEY: return KEYS;
    case ABFS_SAS:
        if (!abfs_sas_is_over(fs, end))
            return "; is the SAS whole, and of this account? Make another with: " NEW_SAS;
        ps_tame(end);
        snprintf(room, 200, "; the SAS ended at %s; make another with: " NEW_SAS, end);
        return room;
    case ABFS_TOKEN: return "; log in again with: az login";
    default: return "; give a key, a SAS or a token: polyfs options abfs";
    }
}

/* Who asks without a name is told that what is private is not there: that is no absence. Azurite says that it may not be. */
static int is_hidden(const struct abfs_fs *fs, const char *native)
{
    return fs->auth.kind == ABFS_ANON &&
           (strcmp(native, "ResourceNotFound") == 0 || strcmp(native, "AuthorizationFailure") == 0);
}

static const struct ps_refusal *row_of(const struct abfs_fs *fs, int status, const struct document *document)
{
    static const struct ps_refusal hidden = {0, NULL, POLYFS_AUTH, POLYFS_RETRY_NEVER,
                                             "; it may be private: give a key, a SAS or a token"};
    static const struct ps_refusal unknown = {0, NULL, POLYFS_AUTH, POLYFS_RETRY_NEVER, ""};
    static const struct ps_refusal damaged = {400, NULL, POLYFS_CORRUPT, POLYFS_RETRY_TRANSIENT, ""};
    if (is_hidden(fs, document->code))
        return &hidden;
    if (status == 400 && strstr(document->message, "contentMD5 doesn't match")) /* Azurite's Md5Mismatch */
        return &damaged;
    if (strstr(document->message, "Server failed to authenticate the request")) /* Azurite: AuthorizationFailure */
        return &unknown;
    return ps_refusal_find(rows, sizeof(rows) / sizeof(rows[0]), status, document->code);
}

/* What is wrong with a token, in words of the service that quote nothing; of a signature it quotes what was signed. */
static int is_told(const char *detail)
{
    return strstr(detail, "validation failed") || strstr(detail, "Authentication scheme");
}

static int fill(const struct abfs_fs *fs, int status, struct document *document, struct polyfs_error *err)
{
    char room[200];
    const struct ps_refusal *row = row_of(fs, status, document);
    int more = fs->auth.kind == ABFS_TOKEN && is_told(document->detail);
    const char *todo = todo_of(fs, row, room);
    ps_tame(document->code);
    if (*document->message)
        polyfs_fail(err, row->code, "the store says: %s%s%s%s%s", document->message, more ? " (" : "",
                    more ? document->detail : "", more ? ")" : "", todo);
    else
        polyfs_fail(err, row->code, "the store answers %s%s%s%s", document->code, *document->code ? ", " : "",
                    ps_refusal_words(status), todo);
    if (err) {
        err->retry = row->retry;
        err->http_status = status;
        snprintf(err->native_code, sizeof(err->native_code), "%s", document->code);
    }
    return row->code;
}

int abfs_refused(const struct abfs_fs *fs, const struct ps_http_connection *answer, struct polyfs_error *err)
{
    struct document document = {{0}, {0}, {0}};
    uint64_t size = 0;
    const char *body = ps_http_error_body(answer, &size), *id = ps_http_header(answer, "x-ms-request-id");
    const char *native = ps_http_header(answer, "x-ms-error-code"); /* HEAD has no other way to tell it */
    if (size)
        ps_xml_read(body, size, element, &document, NULL);
    if (!*document.code && native)
        snprintf(document.code, sizeof(document.code), "%s", native);
    int code = fill(fs, ps_http_status(answer), &document, err);
    if (err) {
        err->after_ms = wish_ms(answer);
        snprintf(err->request_id, sizeof(err->request_id), "%s", id ? id : "");
        ps_tame(err->request_id);
    }
    return code;
}

int abfs_refused_part(const struct abfs_fs *fs, int status, const char *native, struct polyfs_error *err)
{
    struct document document = {{0}, {0}, {0}};
    snprintf(document.code, sizeof(document.code), "%s", native);
    return fill(fs, status, &document, err);
}
