/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Java: started once a process, by the first call that needs it; classes and methods by number; exceptions as errors.
 * libhdfs attaches each thread and detaches it when it ends, so nothing here does: its destructor would be left with an
 * environment that is gone.
 */
#include <netdb.h>
#include <stdlib.h>

#include "hdfs.h"

#define FS "org/apache/hadoop/fs/"
#define HDFS "org/apache/hadoop/hdfs/"
#define L_PATH "L" FS "Path;"
#define L_PERMISSION "L" FS "permission/FsPermission;"
#define L_STRING "Ljava/lang/String;"
#define L_OUTPUT "L" FS "FSDataOutputStream;"
#define L_PROGRESS "Lorg/apache/hadoop/util/Progressable;"
#define L_STATUS "L" HDFS "protocol/HdfsFileStatus;"

static const char *const class_names[HDFS_CLASSES] = {
    [HDFS_C_THROWABLE] = "java/lang/Throwable",
    [HDFS_C_CLASS] = "java/lang/Class",
    [HDFS_C_REMOTE] = "org/apache/hadoop/ipc/RemoteException",
    [HDFS_C_PATH] = FS "Path",
    [HDFS_C_DFS] = HDFS "DistributedFileSystem",
    [HDFS_C_CLIENT] = HDFS "DFSClient",
    [HDFS_C_DEFAULTS] = FS "FsServerDefaults",
    [HDFS_C_STATUS] = HDFS "protocol/HdfsFileStatus",
    [HDFS_C_LISTING] = HDFS "protocol/DirectoryListing",
    [HDFS_C_PERMISSION] = FS "permission/FsPermission",
    [HDFS_C_INPUT] = FS "FSDataInputStream",
    [HDFS_C_OUTPUT] = FS "FSDataOutputStream",
    [HDFS_C_CREATE_FLAG] = FS "CreateFlag",
    [HDFS_C_XATTR_FLAG] = FS "XAttrSetFlag",
    [HDFS_C_RENAME] = FS "Options$Rename",
    [HDFS_C_ENUM_SET] = "java/util/EnumSet",
    [HDFS_C_MAP] = "java/util/Map",
    [HDFS_C_SET] = "java/util/Set",
    [HDFS_C_ENTRY] = "java/util/Map$Entry",
    [HDFS_C_BUFFER] = "java/nio/ByteBuffer",
};

static const struct method {
    enum hdfs_class class;
    int is_static;
    const char *name, *signature;
} method_rows[HDFS_METHODS] = {
    [HDFS_M_THROWABLE_MESSAGE] = {HDFS_C_THROWABLE, 0, "getLocalizedMessage", "()" L_STRING},
    [HDFS_M_CLASS_NAME] = {HDFS_C_CLASS, 0, "getName", "()" L_STRING},
    [HDFS_M_REMOTE_CLASS] = {HDFS_C_REMOTE, 0, "getClassName", "()" L_STRING},
    [HDFS_M_PATH_NEW] = {HDFS_C_PATH, 0, "<init>", "(" L_STRING L_STRING L_STRING ")V"},
    [HDFS_M_DFS_CLIENT] = {HDFS_C_DFS, 0, "getClient", "()L" HDFS "DFSClient;"},
    [HDFS_M_DFS_DEFAULTS] = {HDFS_C_DFS, 0, "getServerDefaults", "()L" FS "FsServerDefaults;"},
    [HDFS_M_DEFAULTS_REPLICATION] = {HDFS_C_DEFAULTS, 0, "getReplication", "()S"},
    [HDFS_M_DEFAULTS_BLOCK_BYTES] = {HDFS_C_DEFAULTS, 0, "getBlockSize", "()J"},
    [HDFS_M_DFS_CREATE] = {HDFS_C_DFS, 0, "createNonRecursive",
                           "(" L_PATH L_PERMISSION "Ljava/util/EnumSet;ISJ" L_PROGRESS ")" L_OUTPUT},
    [HDFS_M_DFS_APPEND] = {HDFS_C_DFS, 0, "append", "(" L_PATH "I" L_PROGRESS ")" L_OUTPUT},
    [HDFS_M_DFS_OPEN] = {HDFS_C_DFS, 0, "open", "(" L_PATH "I)L" FS "FSDataInputStream;"},
    [HDFS_M_DFS_RENAME] = {HDFS_C_DFS, 0, "rename", "(" L_PATH L_PATH "[L" FS "Options$Rename;)V"},
    [HDFS_M_DFS_DELETE] = {HDFS_C_DFS, 0, "delete", "(" L_PATH "Z)Z"},
    [HDFS_M_DFS_MKDIR] = {HDFS_C_DFS, 0, "mkdir", "(" L_PATH L_PERMISSION ")Z"},
    [HDFS_M_DFS_MKDIRS] = {HDFS_C_DFS, 0, "mkdirs", "(" L_PATH L_PERMISSION ")Z"},
    [HDFS_M_DFS_SET_TIMES] = {HDFS_C_DFS, 0, "setTimes", "(" L_PATH "JJ)V"},
    [HDFS_M_DFS_SET_XATTR] = {HDFS_C_DFS, 0, "setXAttr", "(" L_PATH L_STRING "[BLjava/util/EnumSet;)V"},
    [HDFS_M_DFS_GET_XATTRS] = {HDFS_C_DFS, 0, "getXAttrs", "(" L_PATH ")Ljava/util/Map;"},
    [HDFS_M_DFS_REMOVE_XATTR] = {HDFS_C_DFS, 0, "removeXAttr", "(" L_PATH L_STRING ")V"},
    [HDFS_M_CLIENT_INFO] = {HDFS_C_CLIENT, 0, "getFileInfo", "(" L_STRING ")" L_STATUS},
    [HDFS_M_CLIENT_LIST] = {HDFS_C_CLIENT, 0, "listPaths", "(" L_STRING "[B)L" HDFS "protocol/DirectoryListing;"},
    [HDFS_M_STATUS_ID] = {HDFS_C_STATUS, 0, "getFileId", "()J"},
    [HDFS_M_STATUS_NAME] = {HDFS_C_STATUS, 0, "getLocalNameInBytes", "()[B"},
    [HDFS_M_STATUS_LENGTH] = {HDFS_C_STATUS, 0, "getLen", "()J"},
    [HDFS_M_STATUS_IS_DIR] = {HDFS_C_STATUS, 0, "isDirectory", "()Z"},
    [HDFS_M_STATUS_MTIME] = {HDFS_C_STATUS, 0, "getModificationTime", "()J"},
    [HDFS_M_STATUS_PERMISSION] = {HDFS_C_STATUS, 0, "getPermission", "()" L_PERMISSION},
    [HDFS_M_PERMISSION_BITS] = {HDFS_C_PERMISSION, 0, "toShort", "()S"},
    [HDFS_M_PERMISSION_FILE] = {HDFS_C_PERMISSION, 1, "getFileDefault", "()" L_PERMISSION},
    [HDFS_M_PERMISSION_DIR] = {HDFS_C_PERMISSION, 1, "getDirDefault", "()" L_PERMISSION},
    [HDFS_M_LISTING_ROWS] = {HDFS_C_LISTING, 0, "getPartialListing", "()[" L_STATUS},
    [HDFS_M_LISTING_MORE] = {HDFS_C_LISTING, 0, "hasMore", "()Z"},
    [HDFS_M_LISTING_LAST] = {HDFS_C_LISTING, 0, "getLastName", "()[B"},
    [HDFS_M_INPUT_READ] = {HDFS_C_INPUT, 0, "read", "(JLjava/nio/ByteBuffer;)I"},
    [HDFS_M_INPUT_SEEK] = {HDFS_C_INPUT, 0, "seek", "(J)V"},
    [HDFS_M_INPUT_READ_FULLY] = {HDFS_C_INPUT, 0, "readFully", "([B)V"},
    [HDFS_M_INPUT_CLOSE] = {HDFS_C_INPUT, 0, "close", "()V"},
    [HDFS_M_OUTPUT_WRITE] = {HDFS_C_OUTPUT, 0, "write", "([BII)V"},
    [HDFS_M_OUTPUT_SYNC] = {HDFS_C_OUTPUT, 0, "hsync", "()V"},
    [HDFS_M_OUTPUT_CLOSE] = {HDFS_C_OUTPUT, 0, "close", "()V"},
    [HDFS_M_ENUM_SET_ONE] = {HDFS_C_ENUM_SET, 1, "of", "(Ljava/lang/Enum;)Ljava/util/EnumSet;"},
    [HDFS_M_ENUM_SET_TWO] = {HDFS_C_ENUM_SET, 1, "of", "(Ljava/lang/Enum;Ljava/lang/Enum;)Ljava/util/EnumSet;"},
    [HDFS_M_MAP_ENTRIES] = {HDFS_C_MAP, 0, "entrySet", "()Ljava/util/Set;"},
    [HDFS_M_SET_ARRAY] = {HDFS_C_SET, 0, "toArray", "()[Ljava/lang/Object;"},
    [HDFS_M_ENTRY_KEY] = {HDFS_C_ENTRY, 0, "getKey", "()Ljava/lang/Object;"},
    [HDFS_M_ENTRY_VALUE] = {HDFS_C_ENTRY, 0, "getValue", "()Ljava/lang/Object;"},
};

/* Of the process. Written once, under the lock; read without it by whoever saw READY. */
enum { NOT_STARTED, STARTING, READY };
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static int state;           /* atomic: NOT_STARTED, STARTING, READY */
static uint64_t generation; /* of the process that Java was started in */
static JavaVM *vm;
static struct hdfs_library library;
static jclass classes[HDFS_CLASSES];
static jmethodID methods[HDFS_METHODS];

/* Was the process forked since Java was started in it? */
static int is_forked(void)
{
    return __atomic_load_n(&state, __ATOMIC_ACQUIRE) != NOT_STARTED && generation != ps_host->fork_generation();
}

jclass hdfs_class_of(enum hdfs_class class)
{
    return classes[class];
}

/* ---- texts ------------------------------------------------------------------------------------------------------- */

int hdfs_string(struct hdfs_java *j, const char *text, uint64_t length, jstring *out)
{
    const unsigned char *at = (const unsigned char *)text;
    jchar *units = length < INT32_MAX ? malloc((length + 1) * sizeof(*units)) : NULL;
    jsize count = 0;
    if (!units)
        return polyfs_fail(j->err, POLYFS_NOMEM, "no memory for a text");
    for (uint64_t i = 0; i < length;) {
        uint32_t value;
        unsigned n = ps_utf8_next(at + i, length - i, &value);
        if (!n) {
            free(units);
            return polyfs_fail(j->err, POLYFS_INVALID, "it is not UTF-8, and HDFS keeps no other text");
        }
        if (value >= 0x10000) {
            units[count++] = (jchar)(0xd800 + ((value - 0x10000) >> 10));
            value = 0xdc00 + ((value - 0x10000) & 0x3ff);
        }
        units[count++] = (jchar)value;
        i += n;
    }
    *out = (*j->env)->NewString(j->env, units, count);
    free(units);
    return hdfs_check(j);
}

static char *put_character(char *to, uint32_t value)
{
    if (value < 0x80) {
        *to++ = (char)value;
    } else if (value < 0x800) {
        *to++ = (char)(0xc0 | value >> 6);
        *to++ = (char)(0x80 | (value & 0x3f));
    } else if (value < 0x10000) {
        *to++ = (char)(0xe0 | value >> 12);
        *to++ = (char)(0x80 | (value >> 6 & 0x3f));
        *to++ = (char)(0x80 | (value & 0x3f));
    } else {
        *to++ = (char)(0xf0 | value >> 18);
        *to++ = (char)(0x80 | (value >> 12 & 0x3f));
        *to++ = (char)(0x80 | (value >> 6 & 0x3f));
        *to++ = (char)(0x80 | (value & 0x3f));
    }
    return to;
}

char *hdfs_text(JNIEnv *env, jstring string)
{
    jsize count = string ? (*env)->GetStringLength(env, string) : 0;
    jchar *units = malloc(((size_t)count + 1) * sizeof(*units));
    char *out = string ? malloc((size_t)count * 3 + 1) : NULL, *to = out;
    if (units && out) {
        (*env)->GetStringRegion(env, string, 0, count, units);
        for (jsize i = 0; i < count; i++) {
            uint32_t value = units[i];
            if (value >= 0xd800 && value < 0xdc00 && i + 1 < count)
                value = 0x10000 + ((value - 0xd800) << 10) + (units[++i] - 0xdc00u);
            to = put_character(to, value);
        }
        *to = '\0';
    }
    free(units);
    return out;
}

int hdfs_bytes(struct hdfs_java *j, const void *data, uint64_t length, jbyteArray *out)
{
    *out = (*j->env)->NewByteArray(j->env, (jsize)length);
    if (*out)
        (*j->env)->SetByteArrayRegion(j->env, *out, 0, (jsize)length, data);
    return hdfs_check(j);
}

/* ---- exceptions ---------------------------------------------------------------------------------------------------- */

static jobject ask(JNIEnv *env, jobject object, enum hdfs_method method)
{
    jobject out = (*env)->CallObjectMethod(env, object, methods[method]);
    if ((*env)->ExceptionCheck(env)) {
        (*env)->ExceptionClear(env);
        return NULL;
    }
    return out;
}

/* The class of an exception: the name node's own where it travelled. */
static char *name_of(JNIEnv *env, jthrowable thrown)
{
    if ((*env)->IsInstanceOf(env, thrown, classes[HDFS_C_REMOTE]))
        return hdfs_text(env, ask(env, thrown, HDFS_M_REMOTE_CLASS));
    return hdfs_text(env, ask(env, (*env)->GetObjectClass(env, thrown), HDFS_M_CLASS_NAME));
}

int hdfs_check(struct hdfs_java *j)
{
    JNIEnv *env = j->env;
    jthrowable thrown = (*env)->ExceptionOccurred(env);
    if (!thrown)
        return POLYFS_OK;
    (*env)->ExceptionClear(env);
    char *name = name_of(env, thrown), *message = hdfs_text(env, ask(env, thrown, HDFS_M_THROWABLE_MESSAGE));
    int rc = hdfs_exception(name ? name : "", message ? message : "", j->changes, j->err);
    free(name);
    free(message);
    (*env)->DeleteLocalRef(env, thrown);
    return rc;
}

/* ---- calls ---------------------------------------------------------------------------------------------------------- */

static jvalue call_static(JNIEnv *env, jclass class, jmethodID method, const jvalue *args)
{
    return (jvalue){.l = (*env)->CallStaticObjectMethodA(env, class, method, args)};
}

static jvalue call_object(JNIEnv *env, jobject object, char type, jmethodID method, const jvalue *args)
{
    jvalue out = {.j = 0};
    switch (type) {
    case 'V': (*env)->CallVoidMethodA(env, object, method, args); break;
    case 'Z': out.z = (*env)->CallBooleanMethodA(env, object, method, args); break;
    case 'S': out.s = (*env)->CallShortMethodA(env, object, method, args); break;
    case 'I': out.i = (*env)->CallIntMethodA(env, object, method, args); break;
    case 'J': out.j = (*env)->CallLongMethodA(env, object, method, args); break;
    default: out.l = (*env)->CallObjectMethodA(env, object, method, args); break;
    }
    return out;
}

int hdfs_invoke(struct hdfs_java *j, enum hdfs_method method, jobject object, const jvalue *args, jvalue *out)
{
    const struct method *row = &method_rows[method];
    jvalue result;
    if (row->name[0] == '<')
        result.l = (*j->env)->NewObjectA(j->env, classes[row->class], methods[method], args);
    else if (row->is_static)
        result = call_static(j->env, classes[row->class], methods[method], args);
    else
        result = call_object(j->env, object, strchr(row->signature, ')')[1], methods[method], args);
    int rc = hdfs_check(j);
    if (rc == POLYFS_OK && out)
        *out = result;
    return rc;
}

int hdfs_constant(struct hdfs_java *j, enum hdfs_class class, const char *name, jobject *out)
{
    char type[128];
    snprintf(type, sizeof(type), "L%s;", class_names[class]);
    jfieldID field = (*j->env)->GetStaticFieldID(j->env, classes[class], name, type);
    *out = field ? (*j->env)->GetStaticObjectField(j->env, classes[class], field) : NULL;
    return hdfs_check(j);
}

/* ---- starting ------------------------------------------------------------------------------------------------------- */

/* -Xrs: signals stay the program's. What the user says in LIBHDFS_OPTS comes behind, and wins. */
static int make_vm(const char *class_path, const char *more, struct polyfs_error *err)
{
    JavaVMOption options[34] = {{0}};
    JavaVMInitArgs args = {.version = JNI_VERSION_1_8, .options = options, .ignoreUnrecognized = JNI_TRUE};
    void *env = NULL;
    char *rest = NULL, *words = strdup(more ? more : "");
    char *path = malloc(strlen(class_path) + 32);
    int rc = words && path ? POLYFS_OK : polyfs_fail(err, POLYFS_NOMEM, "no memory to start Java");
    if (rc == POLYFS_OK) {
        snprintf(path, strlen(class_path) + 32, "-Djava.class.path=%s", class_path);
        options[args.nOptions++].optionString = path;
        options[args.nOptions++].optionString = (char *)(uintptr_t) "-Xrs";
        for (char *word = strtok_r(words, " ", &rest); word && args.nOptions < 34;
             word = strtok_r(NULL, " ", &rest))
            options[args.nOptions++].optionString = word;
        jint code = library.create_vm(&vm, &env, &args);
        if (code != JNI_OK)
            rc = polyfs_fail(err, POLYFS_CONFIG,
                             "Java does not start (JNI_CreateJavaVM says %d); are the words of LIBHDFS_OPTS right?",
                             (int)code);
    }
    /* This thread is given back, so that libhdfs attaches it, and detaches it at its end. */
    if (rc == POLYFS_OK)
        (*vm)->DetachCurrentThread(vm);
    free(path);
    free(words);
    return rc;
}

static int find_class(JNIEnv *env, const char *name, jclass *out, struct polyfs_error *err)
{
    jclass local = (*env)->FindClass(env, name);
    if (!local) {
        (*env)->ExceptionClear(env);
        return polyfs_fail(
            err, POLYFS_CONFIG,
            "CLASSPATH lacks a jar: there is no class %s; set it to what this prints: hadoop classpath "
            "--glob",
            name);
    }
    if (out)
        *out = (*env)->NewGlobalRef(env, local);
    (*env)->DeleteLocalRef(env, local);
    return POLYFS_OK;
}

/* Before libhdfs sees this Java: without these classes it prints, and ends the process on the first exception. */
static int check_classes(struct polyfs_error *err)
{
    static const char *const needed[] = {"org/apache/commons/lang3/exception/ExceptionUtils",
                                         "org/apache/hadoop/conf/Configuration"};
    void *env = NULL;
    int rc = POLYFS_OK, attached = (*vm)->GetEnv(vm, &env, JNI_VERSION_1_8) == JNI_OK;
    if (!attached && (*vm)->AttachCurrentThread(vm, &env, NULL) != JNI_OK)
        return polyfs_fail(err, POLYFS_NOMEM, "this thread cannot be attached to Java");
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]) && rc == POLYFS_OK; i++)
        rc = find_class(env, needed[i], NULL, err);
    for (int i = 0; i < HDFS_CLASSES && rc == POLYFS_OK; i++)
        rc = find_class(env, class_names[i], NULL, err);
    if (!attached)
        (*vm)->DetachCurrentThread(vm);
    return rc;
}

static int find_classes(JNIEnv *env, struct polyfs_error *err)
{
    for (int i = 0; i < HDFS_CLASSES; i++) {
        int rc = find_class(env, class_names[i], &classes[i], err);
        if (rc != POLYFS_OK)
            return rc;
    }
    for (int i = 0; i < HDFS_METHODS; i++) {
        const struct method *row = &method_rows[i];
        jclass class = classes[row->class];
        methods[i] = row->is_static ? (*env)->GetStaticMethodID(env, class, row->name, row->signature)
                                    : (*env)->GetMethodID(env, class, row->name, row->signature);
        if (!methods[i]) {
            (*env)->ExceptionClear(env);
            return polyfs_fail(err, POLYFS_CONFIG, "this Hadoop is too old: %s has no %s", class_names[row->class],
                               row->name);
        }
    }
    return POLYFS_OK;
}

/* hdfsExists without a path asks nothing: it attaches this thread, and no other call of libhdfs does only that. */
static int attach(JNIEnv **out, struct polyfs_error *err)
{
    void *env = NULL;
    if ((*vm)->GetEnv(vm, &env, JNI_VERSION_1_8) != JNI_OK) {
        library.exists(NULL, NULL);
        if ((*vm)->GetEnv(vm, &env, JNI_VERSION_1_8) != JNI_OK)
            return polyfs_fail(err, POLYFS_NOMEM, "this thread cannot be attached to Java");
    }
    *out = env;
    return POLYFS_OK;
}

/* Java of this process: somebody else's, where it is there already. */
static int start(const struct hdfs_fs *fs, struct polyfs_error *err)
{
    jsize count = 0;
    char *class_path = NULL;
    JNIEnv *env;
    int rc = hdfs_library_load(fs, &library, err);
    if (rc == POLYFS_OK && (library.created_vms(&vm, 1, &count) != JNI_OK || !count)) {
        rc = hdfs_class_path(fs, &class_path, err);
        if (rc == POLYFS_OK)
            rc = make_vm(class_path, fs->jvm_options, err);
    }
    free(class_path);
    if (rc == POLYFS_OK)
        rc = check_classes(err);
    if (rc == POLYFS_OK)
        rc = attach(&env, err);
    return rc == POLYFS_OK ? find_classes(env, err) : rc;
}

/* A child that was forked meanwhile finds STARTING, and never waits for the lock. */
static int start_once(const struct hdfs_fs *fs, struct polyfs_error *err)
{
    int rc = POLYFS_OK;
    if (__atomic_load_n(&state, __ATOMIC_ACQUIRE) == READY)
        return rc;
    pthread_mutex_lock(&mu);
    if (state != READY) {
        generation = ps_host->fork_generation();
        __atomic_store_n(&state, STARTING, __ATOMIC_RELEASE);
        rc = start(fs, err);
        __atomic_store_n(&state, rc == POLYFS_OK ? READY : NOT_STARTED, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&mu);
    return rc;
}

/* ---- connecting ----------------------------------------------------------------------------------------------------- */

/* A call may last ten seconds and not the minutes that these are otherwise; what the user says comes behind, and wins. */
static const char *const bounds[][2] = {
    {"ipc.client.connect.timeout", "5000"},
    {"ipc.client.connect.max.retries", "1"},
    {"ipc.client.connect.retry.interval", "200"},
    {"ipc.client.connect.max.retries.on.timeouts", "0"},
    {"ipc.client.rpc-timeout.ms", "8000"},
    {"dfs.client.socket-timeout", "8000"},
    {"dfs.client.retry.window.base", "100"},
    /* A file is complete when the name node has heard of its last block; asked again in 10, 20, 40 ms, and not in 400 first. */
    {"dfs.client.block.write.locateFollowingBlock.initial.delay.ms", "10"},
    {"dfs.client.block.write.locateFollowingBlock.retries", "10"},
    {"dfs.client.failover.max.attempts", "9"},
    {"dfs.client.failover.sleep.base.millis", "200"},
    {"dfs.client.failover.sleep.max.millis", "1000"},
};

/* @own is cut up, and has to be there until the builder is gone. */
static int configure(void *builder, char *own)
{
    int failed = 0;
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
        failed |= library.set_conf(builder, bounds[i][0], bounds[i][1]);
    char *rest = NULL;
    for (char *pair = strtok_r(own, ";", &rest); pair; pair = strtok_r(NULL, ";", &rest)) {
        char *value = strchr(pair, '=');
        if (value) {
            *value++ = '\0';
            failed |= library.set_conf(builder, pair, value);
        }
    }
    return failed;
}

/* libhdfs prints a page of Java for a host that nobody knows. A name without a port may be one of core-site.xml. */
static int check_host(const struct hdfs_fs *fs, struct polyfs_error *err)
{
    struct addrinfo *found = NULL;
    int rc = fs->port ? getaddrinfo(fs->name_node, NULL, NULL, &found) : 0;
    if (found)
        freeaddrinfo(found);
    if (rc == 0)
        return POLYFS_OK;
    polyfs_fail(err, rc == EAI_AGAIN ? POLYFS_NETWORK : POLYFS_CONFIG,
                "the host \"%.100s\" is not to be found (%s); is it right? write hdfs://HOST:PORT/path",
                fs->name_node, gai_strerror(rc));
    if (err && rc == EAI_AGAIN)
        err->retry = POLYFS_RETRY_TRANSIENT;
    return rc == EAI_AGAIN ? POLYFS_NETWORK : POLYFS_CONFIG;
}

static int connect_fs(struct hdfs_java *j)
{
    struct hdfs_fs *fs = j->fs;
    jvalue client;
    int host = check_host(fs, j->err);
    if (host != POLYFS_OK)
        return host;
    void *builder = library.new_builder();
    char *conf = strdup(fs->conf ? fs->conf : "");
    if (!builder || !conf || configure(builder, conf)) {
        free(conf);
        return polyfs_fail(j->err, POLYFS_NOMEM, "no memory to connect");
    }
    library.set_new_instance(builder);
    library.set_name_node(builder, fs->name_node); /* never NULL: that would be the local file system */
    if (fs->port)
        library.set_port(builder, fs->port);
    if (fs->user)
        library.set_user(builder, fs->user);
    if (fs->ticket_cache)
        library.set_ticket_cache(builder, fs->ticket_cache);
    void *handle = library.connect(builder); /* the builder is gone */
    free(conf);
    if (!handle)
        return hdfs_connect_failed(fs, library.root_cause ? library.root_cause() : NULL, j->err);
    int rc = POLYFS_OK;
    if (!(*j->env)->IsInstanceOf(j->env, handle, classes[HDFS_C_DFS]))
        rc = polyfs_fail(j->err, POLYFS_CONFIG,
                         "fs.defaultFS of core-site.xml is no HDFS; write hdfs://HOST:PORT/path, or set "
                         "HADOOP_CONF_DIR");
    if (rc == POLYFS_OK)
        rc = hdfs_invoke(j, HDFS_M_DFS_CLIENT, handle, NULL, &client);
    if (rc == POLYFS_OK && !(fs->client = (*j->env)->NewGlobalRef(j->env, client.l)))
        rc = polyfs_fail(j->err, POLYFS_NOMEM, "no memory to connect");
    if (rc == POLYFS_OK)
        __atomic_store_n(&fs->handle, handle, __ATOMIC_RELEASE);
    else
        library.disconnect(handle);
    return rc;
}

static int connect_once(struct hdfs_java *j)
{
    int rc = POLYFS_OK;
    if (__atomic_load_n(&j->fs->handle, __ATOMIC_ACQUIRE))
        return rc;
    pthread_mutex_lock(&j->fs->mu);
    if (!j->fs->handle)
        rc = connect_fs(j);
    pthread_mutex_unlock(&j->fs->mu);
    return rc;
}

int hdfs_enter_to_tidy(struct hdfs_java *j, struct hdfs_fs *fs, struct polyfs_call *call, struct polyfs_error *err)
{
    *j = (struct hdfs_java){.fs = fs, .call = call, .err = err};
    if (is_forked())
        return polyfs_fail(err, POLYFS_FORKED,
                           "this process was forked, and Java does not survive that; open hdfs:// in the child "
                           "only, or start the child with exec");
    int rc = start_once(fs, err);
    if (rc == POLYFS_OK)
        rc = attach(&j->env, err);
    if (rc == POLYFS_OK && (*j->env)->PushLocalFrame(j->env, 64) < 0) {
        (*j->env)->ExceptionClear(j->env);
        rc = polyfs_fail(err, POLYFS_NOMEM, "Java has no memory left; see -Xmx in LIBHDFS_OPTS");
        j->env = NULL;
    } else if (rc == POLYFS_OK) {
        rc = connect_once(j);
        if (rc != POLYFS_OK)
            hdfs_leave(j);
    }
    return rc;
}

int hdfs_enter(struct hdfs_java *j, struct hdfs_fs *fs, struct polyfs_call *call, struct polyfs_error *err)
{
    int rc = polyfs_go_on(ps_host, call, err);
    return rc == POLYFS_OK ? hdfs_enter_to_tidy(j, fs, call, err) : rc;
}

void hdfs_leave(struct hdfs_java *j)
{
    (*j->env)->PopLocalFrame(j->env, NULL);
}

void hdfs_disconnect(struct hdfs_fs *fs)
{
    JNIEnv *env;
    if (!fs->handle || is_forked() || attach(&env, NULL) != POLYFS_OK)
        return;
    if (fs->client)
        (*env)->DeleteGlobalRef(env, fs->client);
    library.disconnect(fs->handle);
}
