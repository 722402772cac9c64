/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token of the az command, for who has logged in with it. It runs with nothing on its standard input, what it says to
 * its own user is dropped but for the last line of a failure, and it is ended with the call that waits for it.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abfs.h"
#include "plugins/support/token.h"

#define OUTPUT_MAX (64 << 10)
#define LONGEST_NS (INT64_C(20) * 1000000000)

/* Its file in one of the folders of PATH; relative ones are nobody's. */
static int find(const char *path, char out[512])
{
    for (const char *at = path; at && *at;) {
        size_t n = strcspn(at, ":");
        struct stat st;
        if (*at == '/' && n < 500 && snprintf(out, 512, "%.*s/az", (int)n, at) > 0 && stat(out, &st) == 0 &&
            S_ISREG(st.st_mode) && access(out, X_OK) == 0)
            return 1;
        at += n + (at[n] == ':');
    }
    return 0;
}

static int start(const struct abfs_auth *auth, const char *program, int out_fd, int err_fd, pid_t *out_pid)
{
    char *const words[] = {(char *)(uintptr_t)program,
                           "account",
                           "get-access-token",
                           "--resource",
                           "https://storage.azure.com/",
                           "--output",
                           "json",
                           NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    if (posix_spawn_file_actions_init(&actions) != 0)
        return -1;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return -1;
    }
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out_fd, 1);
    posix_spawn_file_actions_adddup2(&actions, err_fd, 2);
    int rc =
        posix_spawn(out_pid, program, &actions, &attributes, words, (char *const *)(uintptr_t)auth->environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return rc == 0 ? 0 : -1;
}

/* Reads to the end, a cancel, or for too long; what does not fit is dropped. */
static int drain(struct polyfs_call *call, int fd, char *text, uint64_t room, uint64_t *out_n,
                 struct polyfs_error *err)
{
    const int64_t until = ps_host->clock_ns(0) + LONGEST_NS;
    char rest[512];
    *out_n = 0;
    for (;;) {
        struct pollfd fds[2] = {{.fd = fd, .events = POLLIN},
                                {.fd = call ? ps_host->stop_fd(call) : -1, .events = POLLIN}};
        int rc = call ? polyfs_go_on(ps_host, call, err) : POLYFS_OK;
        if (rc != POLYFS_OK)
            return rc;
        if (ps_host->clock_ns(0) > until)
            return polyfs_fail(err, POLYFS_TIMEOUT, "the az command gives no token within 20 seconds");
        if (poll(fds, 2, 50) <= 0 || !fds[0].revents)
            continue;
        ssize_t n = *out_n + 1 < room ? read(fd, text + *out_n, room - 1 - *out_n) : read(fd, rest, sizeof(rest));
        if (n == 0 || (n < 0 && errno != EINTR))
            break;
        if (n > 0 && *out_n + 1 < room)
            *out_n += (uint64_t)n;
    }
    text[*out_n] = '\0';
    return POLYFS_OK;
}

static int failed(int said, struct polyfs_error *err)
{
    char text[1024], *last = text;
    ssize_t n = pread(said, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        text[--n] = '\0';
    if (strrchr(text, '\n'))
        last = strrchr(text, '\n') + 1;
    ps_tame(last);
    return polyfs_fail(err, POLYFS_AUTH, "the az command gives no token; log in with: az login%s%.300s%s",
                       *last ? " (" : "", last, *last ? ")" : "");
}

/* Runs it to its end: its output, and whether it succeeded. */
static int run(const struct abfs_auth *auth, struct polyfs_call *call, const char *program, int said, char *text,
               uint64_t *out_n, int *out_status, struct polyfs_error *err)
{
    int ends[2];
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return polyfs_fail_errno(err, "running the az command");
    int started = start(auth, program, ends[1], said, &pid);
    close(ends[1]);
    if (started != 0) {
        close(ends[0]);
        return polyfs_fail_errno(err, "running the az command");
    }
    int rc = drain(call, ends[0], text, OUTPUT_MAX, out_n, err);
    close(ends[0]);
    if (rc != POLYFS_OK)
        kill(-pid, SIGKILL);
    *out_status = -1;
    while (waitpid(pid, out_status, 0) < 0 && errno == EINTR)
        ;
    return rc;
}

int abfs_token_of_command(void *arg, struct polyfs_call *call, struct ps_keys *out, struct polyfs_error *err)
{
    const struct abfs_fs *fs = arg;
    char program[512];
    int status = -1;
    uint64_t n = 0;
    if (!abfs_token_is_chosen(fs, "az_cli"))
        return 0;
    if (!find(fs->auth.path, program))
        return fs->auth.chosen ? polyfs_fail(err, POLYFS_AUTH, "the az command is not in PATH") : 0;
    int said = memfd_create("polyfs-az", MFD_CLOEXEC);
    char *text = ps_host->alloc(OUTPUT_MAX);
    int rc = text && said >= 0 ? run(&fs->auth, call, program, said, text, &n, &status, err)
                               : polyfs_fail(err, POLYFS_NOMEM, "no memory to run the az command");
    if (rc == POLYFS_OK && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        rc = failed(said, err);
    else if (rc == POLYFS_OK)
        rc = ps_token_read(text, n, "the az command", out, err);
    if (text)
        explicit_bzero(text, OUTPUT_MAX);
    ps_host->free(text);
    if (said >= 0)
        close(said);
    return rc;
}
