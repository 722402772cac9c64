/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds libjvm and libhdfs, the first before the second, which is linked against it, and the class path to start Java
 * with. What the user named is looked at first; a failure says what to install and which variable to set, and the next
 * call looks again.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hdfs.h"

#define CLASS_PATH_MAX (1u << 20)

/* ---- libraries ---------------------------------------------------------------------------------------------------- */

static void *load(const char *format, const char *folder)
{
    char path[4096];
    if (!folder || (size_t)snprintf(path, sizeof(path), format, folder) >= sizeof(path))
        return NULL;
    return dlopen(path, RTLD_NOW | RTLD_GLOBAL); /* libhdfs leaves libjvm's functions undefined */
}

/* The first of /usr/lib/jvm, in whichever order; default-java leads where Debian's packages made it. */
static void *load_usual_jvm(void)
{
    glob_t found;
    void *jvm = load("%s/lib/server/libjvm.so", "/usr/lib/jvm/default-java");
    if (!jvm && glob("/usr/lib/jvm/*/lib/server/libjvm.so", 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc && !jvm; i++)
            jvm = load("%s", found.gl_pathv[i]);
        globfree(&found);
    }
    return jvm ? jvm : load("%s", "libjvm.so");
}

static void *load_jvm(const struct hdfs_fs *fs)
{
    void *jvm = load("%s/lib/server/libjvm.so", fs->java_home);
    if (!jvm)
        jvm = load("%s/jre/lib/amd64/server/libjvm.so", fs->java_home);
    return jvm ? jvm : load_usual_jvm();
}

static void *load_libhdfs(const struct hdfs_fs *fs)
{
    static const char *const usual[] = {"/usr/lib/hadoop/lib/native/libhdfs.so",
                                        "/opt/hadoop/lib/native/libhdfs.so",
                                        "/usr/local/hadoop/lib/native/libhdfs.so", "libhdfs.so.0.0.0",
                                        "libhdfs.so"};
    void *library = load("%s/libhdfs.so", fs->libhdfs);
    if (!library)
        library = load("%s", fs->libhdfs);
    if (fs->libhdfs)
        return library; /* what the user named, or nothing */
    library = load("%s/lib/native/libhdfs.so", fs->hadoop_home);
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]) && !library; i++)
        library = load("%s", usual[i]);
    return library;
}

static int find(void *library, const char *name, void *out, struct polyfs_error *err)
{
    void *address = dlsym(library, name);
    memcpy(out, &address, sizeof(address)); /* ISO C has no cast from a pointer to a function */
    return address ? POLYFS_OK : polyfs_fail(err, POLYFS_CONFIG, "libhdfs has no %s; it is too old", name);
}

static int find_all(void *jvm, void *library, struct hdfs_library *out, struct polyfs_error *err)
{
    const struct {
        void *from, *to;
        const char *name;
    } rows[] = {
        {jvm, &out->create_vm, "JNI_CreateJavaVM"},
        {jvm, &out->created_vms, "JNI_GetCreatedJavaVMs"},
        {library, &out->new_builder, "hdfsNewBuilder"},
        {library, &out->set_new_instance, "hdfsBuilderSetForceNewInstance"},
        {library, &out->set_name_node, "hdfsBuilderSetNameNode"},
        {library, &out->set_port, "hdfsBuilderSetNameNodePort"},
        {library, &out->set_user, "hdfsBuilderSetUserName"},
        {library, &out->set_ticket_cache, "hdfsBuilderSetKerbTicketCachePath"},
        {library, &out->set_conf, "hdfsBuilderConfSetStr"},
        {library, &out->connect, "hdfsBuilderConnect"},
        {library, &out->disconnect, "hdfsDisconnect"},
        {library, &out->exists, "hdfsExists"},
    };
    int rc = POLYFS_OK;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && rc == POLYFS_OK; i++)
        rc = find(rows[i].from, rows[i].name, rows[i].to, err);
    find(library, "hdfsGetLastExceptionRootCause", &out->root_cause, NULL);
    return rc;
}

int hdfs_library_load(const struct hdfs_fs *fs, struct hdfs_library *out, struct polyfs_error *err)
{
    void *jvm = load_jvm(fs);
    if (!jvm)
        return polyfs_fail(err, POLYFS_CONFIG,
                           "hdfs:// needs Java, and there is no libjvm.so; install the package "
                           "default-jre-headless, or set JAVA_HOME");
    void *library = load_libhdfs(fs);
    if (!library)
        return polyfs_fail(err, POLYFS_CONFIG,
                           "hdfs:// needs libhdfs.so of Apache Hadoop, and it is not %s; install Hadoop and set "
                           "HADOOP_HOME, or set POLYFS_LIBHDFS to the file",
                           fs->libhdfs       ? "where POLYFS_LIBHDFS says"
                           : fs->hadoop_home ? "in HADOOP_HOME/lib/native"
                                             : "in any of the usual places");
    return find_all(jvm, library, out, err);
}

/* ---- the class path ---------------------------------------------------------------------------------------------- */

static int read_all(int fd, char *out, size_t room)
{
    size_t have = 0;
    for (ssize_t n; have < room - 1;) {
        n = read(fd, out + have, room - 1 - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        have += (size_t)n;
    }
    out[have] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return have > 0;
}

/* Name and value for a child's environment, in @out; the next free place. */
static char **put_variable(char **to, char *out, size_t room, const char *name, const char *value)
{
    if (value && (size_t)snprintf(out, room, "%s=%s", name, value) < room)
        *to++ = out;
    return to;
}

/* What `hadoop classpath --glob` prints, in an environment of what it needs; NULL when it cannot be run or fails. */
static char *ask_hadoop(const struct hdfs_fs *fs, const char *program)
{
    char variables[3][4200], *environment[5] = {NULL}, **to = environment;
    char *const argv[] = {(char *)(uintptr_t)program, (char *)(uintptr_t) "classpath", (char *)(uintptr_t) "--glob",
                          NULL};
    static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
    posix_spawn_file_actions_t actions;
    *to++ = path;
    to = put_variable(to, variables[0], sizeof(variables[0]), "HADOOP_HOME", fs->hadoop_home);
    to = put_variable(to, variables[1], sizeof(variables[1]), "JAVA_HOME", fs->java_home);
    put_variable(to, variables[2], sizeof(variables[2]), "HADOOP_CONF_DIR", fs->conf_dir);
    char *out = malloc(CLASS_PATH_MAX);
    int ends[2], status = -1;
    pid_t child;
    if (!out || pipe2(ends, O_CLOEXEC) < 0) {
        free(out);
        return NULL;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    int failed = posix_spawn(&child, program, &actions, NULL, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    int has_text = !failed && read_all(ends[0], out, CLASS_PATH_MAX);
    close(ends[0]);
    while (!failed && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (has_text && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return out;
    free(out);
    return NULL;
}

/* Appends one entry, "folder/" with a star as the jars that it means, since JNI knows no stars. An empty one is left out:
 * it would be the working folder. */
static void add_entry(char *out, size_t room, const char *entry, size_t length)
{
    char pattern[4096];
    glob_t found;
    int stars = length > 1 && entry[length - 1] == '*' && entry[length - 2] == '/';
    size_t have = strlen(out);
    if (!length || length + 8 > sizeof(pattern))
        return;
    snprintf(pattern, sizeof(pattern), "%.*s%s", (int)length, entry, stars ? ".jar" : "");
    if (!stars) {
        snprintf(out + have, room - have, "%s%s", have ? ":" : "", pattern);
    } else if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++, have = strlen(out))
            snprintf(out + have, room - have, "%s%s", have ? ":" : "", found.gl_pathv[i]);
        globfree(&found);
    }
}

static int has_jar(const char *path, const char *name)
{
    for (const char *at = path; (at = strstr(at, name)); at++)
        if (at > path && at[-1] == '/')
            return 1;
    return 0;
}

/* Java dies without a word on the first exception when commons-lang3 is missing, so it is looked for before it starts. */
static int check_jars(const char *path, struct polyfs_error *err)
{
    const char *missing = NULL;
    if (!has_jar(path, "hadoop-client-api") && !has_jar(path, "hadoop-hdfs-client") &&
        !has_jar(path, "hadoop-client"))
        missing = "hadoop-client-api";
    else if (!has_jar(path, "commons-lang3"))
        missing = "commons-lang3";
    if (!missing)
        return POLYFS_OK;
    return polyfs_fail(err, POLYFS_CONFIG,
                       "CLASSPATH has no %s jar; set it to what this prints: hadoop classpath --glob", missing);
}

int hdfs_class_path(const struct hdfs_fs *fs, char **out, struct polyfs_error *err)
{
    char program[4096], *asked = NULL;
    const char *path = fs->class_path;
    if (!path && fs->hadoop_home) {
        snprintf(program, sizeof(program), "%s/bin/hadoop", fs->hadoop_home);
        path = asked = ask_hadoop(fs, program);
    }
    if (!path)
        return polyfs_fail(err, POLYFS_CONFIG,
                           "Hadoop's jars are not to be found; set HADOOP_HOME, or set CLASSPATH to what this "
                           "prints: hadoop classpath --glob");
    char *made = calloc(1, CLASS_PATH_MAX);
    if (made && fs->conf_dir)
        add_entry(made, CLASS_PATH_MAX, fs->conf_dir, strlen(fs->conf_dir));
    for (const char *at = path; made && *at;) {
        size_t n = strcspn(at, ":");
        add_entry(made, CLASS_PATH_MAX, at, n);
        at += n + (at[n] == ':');
    }
    free(asked);
    int rc = made ? check_jars(made, err) : polyfs_fail(err, POLYFS_NOMEM, "no memory for a class path");
    if (rc == POLYFS_OK)
        *out = made;
    else
        free(made);
    return rc;
}
