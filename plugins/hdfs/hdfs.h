/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the hdfs plugin share. library.c finds libjvm and libhdfs, jvm.c calls Java and turns exceptions into
 * errors, client.c has the calls of Hadoop's file system; the slots are made of those and see no Java.
 * docs/adr/0001-slots.md says for each slot which calls it is.
 */
#ifndef HDFS_H
#define HDFS_H

#include <jni.h>
#include <pthread.h>

#include "plugins/support/texts.h"

#define HDFS_SLICE (UINT64_C(1) << 20) /* no call of Java moves more, so that a cancel is seen in time */
#define HDFS_CONF_MAX 32
#define HDFS_XATTRS_MAX 32 /* names a file (dfs.namenode.fs-limits.max-xattrs-per-inode) */
#define HDFS_XATTR_BYTES 16384

struct hdfs_fs {
    /* immutable after open */
    const char *name_node; /* host, host:port, nameservice or "default" */
    uint16_t port;         /* 0: that of name_node */
    const char *user, *ticket_cache;
    const char *conf; /* name=value;name=value */
    int replication;  /* 0: the cluster's */
    int64_t block_bytes;
    /* of the environment, for the first that starts Java; NULL where unset */
    const char *libhdfs, *java_home, *hadoop_home, *class_path, *conf_dir, *jvm_options;
    struct ps_texts texts; /* what the members above point to */

    pthread_mutex_t mu;
    /* guarded by mu */
    void *
        handle; /* hdfsFS, or NULL until the first call. In every libhdfs it is a global reference to the FileSystem */
    jobject client; /* its DFSClient, a global reference */
    int no_xattrs;  /* atomic: the name node said that extended attributes are off */
};

/* One stretch of Java within a slot: hdfs_enter() makes it, hdfs_leave() ends it and drops its local references. */
struct hdfs_java {
    struct hdfs_fs *fs;
    struct polyfs_call *call;
    struct polyfs_error *err;
    JNIEnv *env;
    int changes; /* a failure from here on leaves it open whether the change was made */
};

/* ---- config.c ---- */
extern const struct polyfs_option hdfs_options[];
extern const uint32_t hdfs_option_count;
int hdfs_open(struct polyfs_call *call, const struct polyfs_options *options, const struct polyfs_inner *inner,
              void **out, struct polyfs_error *err);
void hdfs_close(void *fs);

/* ---- auth.c ---- */
/* The user that the URL names in front of '@', else that of the options; the ticket cache of Kerberos. */
void hdfs_auth_load(struct hdfs_fs *fs, const struct polyfs_options *options, int *failed);

/* ---- library.c: libjvm and libhdfs, once a process ---- */
struct hdfs_library {
    jint (*create_vm)(JavaVM **, void **, void *);
    jint (*created_vms)(JavaVM **, jsize, jsize *);
    void *(*new_builder)(void);
    void (*set_new_instance)(void *builder);
    void (*set_name_node)(void *builder, const char *host);
    void (*set_port)(void *builder, uint16_t port);
    void (*set_user)(void *builder, const char *user);
    void (*set_ticket_cache)(void *builder, const char *path);
    int (*set_conf)(void *builder, const char *key, const char *value);
    void *(*connect)(void *builder);
    int (*disconnect)(void *fs);
    int (*exists)(void *fs, const char *path);
    char *(*root_cause)(void); /* of the last failure on this thread; NULL in a libhdfs before 3.0 */
};
/* Looks for both and loads them; CONFIG names what is missing. A failure may be tried again. */
int hdfs_library_load(const struct hdfs_fs *fs, struct hdfs_library *out, struct polyfs_error *err);
/* The class path to start Java with, malloc'ed: of the environment, or what `hadoop classpath --glob` says. */
int hdfs_class_path(const struct hdfs_fs *fs, char **out, struct polyfs_error *err);

/* ---- jvm.c ---- */
/* Connects on the first call of all. FORKED in a child of the process that Java runs in. @call may be stopped. */
int hdfs_enter(struct hdfs_java *j, struct hdfs_fs *fs, struct polyfs_call *call, struct polyfs_error *err);
/* The same for what has to be tidied up though the call is stopped. */
int hdfs_enter_to_tidy(struct hdfs_java *j, struct hdfs_fs *fs, struct polyfs_call *call, struct polyfs_error *err);
void hdfs_leave(struct hdfs_java *j);
void hdfs_disconnect(struct hdfs_fs *fs);

enum hdfs_class {
    HDFS_C_THROWABLE,
    HDFS_C_CLASS,
    HDFS_C_REMOTE,
    HDFS_C_PATH,
    HDFS_C_DFS,
    HDFS_C_CLIENT,
    HDFS_C_DEFAULTS,
    HDFS_C_STATUS,
    HDFS_C_LISTING,
    HDFS_C_PERMISSION,
    HDFS_C_INPUT,
    HDFS_C_OUTPUT,
    HDFS_C_CREATE_FLAG,
    HDFS_C_XATTR_FLAG,
    HDFS_C_RENAME,
    HDFS_C_ENUM_SET,
    HDFS_C_MAP,
    HDFS_C_SET,
    HDFS_C_ENTRY,
    HDFS_C_BUFFER,
    HDFS_CLASSES
};

enum hdfs_method {
    HDFS_M_THROWABLE_MESSAGE,
    HDFS_M_CLASS_NAME,
    HDFS_M_REMOTE_CLASS,
    HDFS_M_PATH_NEW,
    HDFS_M_DFS_CLIENT,
    HDFS_M_DFS_DEFAULTS,
    HDFS_M_DEFAULTS_REPLICATION,
    HDFS_M_DEFAULTS_BLOCK_BYTES,
    HDFS_M_DFS_CREATE,
    HDFS_M_DFS_APPEND,
    HDFS_M_DFS_OPEN,
    HDFS_M_DFS_RENAME,
    HDFS_M_DFS_DELETE,
    HDFS_M_DFS_MKDIR,
    HDFS_M_DFS_MKDIRS,
    HDFS_M_DFS_SET_TIMES,
    HDFS_M_DFS_SET_XATTR,
    HDFS_M_DFS_GET_XATTRS,
    HDFS_M_DFS_REMOVE_XATTR,
    HDFS_M_CLIENT_INFO,
    HDFS_M_CLIENT_LIST,
    HDFS_M_STATUS_ID,
    HDFS_M_STATUS_NAME,
    HDFS_M_STATUS_LENGTH,
    HDFS_M_STATUS_IS_DIR,
    HDFS_M_STATUS_MTIME,
    HDFS_M_STATUS_PERMISSION,
    HDFS_M_PERMISSION_BITS,
    HDFS_M_PERMISSION_FILE,
    HDFS_M_PERMISSION_DIR,
    HDFS_M_LISTING_ROWS,
    HDFS_M_LISTING_MORE,
    HDFS_M_LISTING_LAST,
    HDFS_M_INPUT_READ,
    HDFS_M_INPUT_SEEK,
    HDFS_M_INPUT_READ_FULLY,
    HDFS_M_INPUT_CLOSE,
    HDFS_M_OUTPUT_WRITE,
    HDFS_M_OUTPUT_SYNC,
    HDFS_M_OUTPUT_CLOSE,
    HDFS_M_ENUM_SET_ONE,
    HDFS_M_ENUM_SET_TWO,
    HDFS_M_MAP_ENTRIES,
    HDFS_M_SET_ARRAY,
    HDFS_M_ENTRY_KEY,
    HDFS_M_ENTRY_VALUE,
    HDFS_METHODS
};

/* Calls a method (static ones and constructors take any @object). An exception becomes the error. @out may be NULL. */
int hdfs_invoke(struct hdfs_java *j, enum hdfs_method method, jobject object, const jvalue *args, jvalue *out);
/* The constant of an enum. */
int hdfs_constant(struct hdfs_java *j, enum hdfs_class class, const char *name, jobject *out);
jclass hdfs_class_of(enum hdfs_class class);
/* POLYFS_OK, or the pending exception as an error. */
int hdfs_check(struct hdfs_java *j);
/* UTF-8 → String; INVALID for other bytes. */
int hdfs_string(struct hdfs_java *j, const char *text, uint64_t length, jstring *out);
/* String → UTF-8, malloc'ed; NULL without memory and for null. */
char *hdfs_text(JNIEnv *env, jstring string);
int hdfs_bytes(struct hdfs_java *j, const void *data, uint64_t length, jbyteArray *out);

/* ---- errors.c ---- */
/* What an exception means, by the name of its class and its message. Fills the error, gives its code. */
int hdfs_exception(const char *class, const char *message, int changes, struct polyfs_error *err);
/* What hdfsBuilderConnect failed of. */
int hdfs_connect_failed(const struct hdfs_fs *fs, const char *cause, struct polyfs_error *err);

/* ---- client.c: the calls of DistributedFileSystem and DFSClient ---- */
struct hdfs_info {
    int is_there, is_dir;
    uint64_t id, size;
    int64_t mtime_ms;
    uint32_t mode;
};

/* What is at a path of ours, as the name node spells it: "/…", without a '/' behind. malloc'ed. */
int hdfs_path(struct hdfs_java *j, const char *path, uint64_t path_len, char **out);
/* Not there is OK, with is_there 0. */
int hdfs_info(struct hdfs_java *j, const char *path, struct hdfs_info *out);
/* Is something there, as far as can be told? For who has an error already, which stays as it is. */
int hdfs_info_if_there(struct hdfs_java *j, const char *path, struct hdfs_info *out);
int hdfs_delete(struct hdfs_java *j, const char *path, int recursive, int *out_was_there);
int hdfs_rename_path(struct hdfs_java *j, const char *from, const char *to, int overwrite);
int hdfs_make_folder(struct hdfs_java *j, const char *path, int parents);
int hdfs_touch(struct hdfs_java *j, const char *path, int64_t mtime_ms, int64_t atime_ms); /* -1: not that one */
int hdfs_attribute_set(struct hdfs_java *j, const char *path, const char *name, const char *value);
int hdfs_attribute_remove(struct hdfs_java *j, const char *path, const char *name);
/* Calls @row for each attribute; what it returns ends the calls when it is not POLYFS_OK. */
typedef int hdfs_attribute_row(void *arg, const char *name, const char *value);
int hdfs_attributes(struct hdfs_java *j, const char *path, hdfs_attribute_row *row, void *arg);
/* New file; EXISTS if it is there, NOT_FOUND if its folder is not. A global reference, due to hdfs_output_close(). */
int hdfs_create(struct hdfs_java *j, const char *path, jobject *out);
int hdfs_append(struct hdfs_java *j, const char *path, jobject *out);
int hdfs_output_write(struct hdfs_java *j, jobject output, const void *data, uint64_t size);
int hdfs_output_sync(struct hdfs_java *j, jobject output);
int hdfs_output_close(struct hdfs_java *j, jobject output);
/* The inode, whatever name it has by now: NOT_FOUND once it is removed. */
int hdfs_input_open(struct hdfs_java *j, uint64_t id, jobject *out);
int hdfs_input_read(struct hdfs_java *j, jobject input, uint64_t offset, void *buffer, uint64_t length,
                    uint64_t *out_n);
void hdfs_input_close(struct hdfs_java *j, jobject input);
/* One getListing behind @after. @row as above; *out_last is malloc'ed and NULL when there is no more. */
typedef int hdfs_list_row(void *arg, const char *name, const struct hdfs_info *info, struct polyfs_error *err);
int hdfs_list(struct hdfs_java *j, const char *folder, const char *after, hdfs_list_row *row, void *arg,
              char **out_last);

/* ---- facts.c, read.c, manage.c, remove.c, write.c ---- */
void hdfs_stat_fill(const struct hdfs_info *info, struct polyfs_stat *out);
/* Metadata and content type into @meta (may be NULL) and @out. */
int hdfs_meta_read(struct hdfs_java *j, const char *path, struct polyfs_stat *out, struct polyfs_pairs *meta);
/* Does a write carry nothing but what core marks it with? */
int hdfs_meta_is_nonce(const struct polyfs_put_request *request);
int hdfs_meta_check(const struct hdfs_fs *fs, const struct polyfs_put_request *request, struct polyfs_error *err);
int hdfs_meta_write(struct hdfs_java *j, const char *path, const struct polyfs_put_request *request);

/* The slots, by file. */
extern const struct polyfs_fs_ops hdfs_fs_ops;
extern const struct polyfs_lister_ops hdfs_lister_ops;
extern const struct polyfs_reader_ops hdfs_reader_ops;
extern const struct polyfs_stream_ops hdfs_stream_ops;
#define HDFS_SLOT(slot) __typeof__(*((struct polyfs_fs_ops *)0)->slot) hdfs_##slot
HDFS_SLOT(caps);
HDFS_SLOT(stat);
HDFS_SLOT(get);
HDFS_SLOT(put);
HDFS_SLOT(remove);
HDFS_SLOT(remove_tree);
HDFS_SLOT(rmdir);
HDFS_SLOT(set_metadata);
HDFS_SLOT(set_times);

#endif
