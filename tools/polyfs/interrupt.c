/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ^C, and SIGTERM the same: the first turns the switch that every call was given, so that what is under way ends
 * cleanly and nothing of it remains; the second leaves at once. A closed output is told by write(), not by a signal.
 */
#include <signal.h>
#include <unistd.h>

#include "cli.h"

static volatile sig_atomic_t stopped;

/* Only async-signal-safe calls: polyfs_cancel_now() says it is one. */
static void on_signal(int number)
{
    if (stopped)
        _exit(128 + number);
    stopped = number;
    polyfs_cancel_now(cli.cancel);
}

int cli_interrupt_start(void)
{
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: a read of standard input must end */
    cli.cancel = polyfs_cancel_new();
    if (!cli.cancel)
        return cli_fail(POLYFS_NOMEM, NULL, "no memory is left");
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    return POLYFS_OK;
}

int cli_interrupted(void)
{
    return stopped;
}
