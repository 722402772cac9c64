/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See alloc.h. Whose allocation it is is told by the return address: GLib's text is one range of addresses. The few
 * functions of the C library that allocate on behalf of somebody else (vasprintf of g_strdup_printf) note their own
 * caller first.
 */
#include "alloc.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <jansson.h>
#include <libintl.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

#ifdef __SANITIZE_ADDRESS__
#define REAL(name) __interceptor_##name
#else
#define REAL(name) __libc_##name
#endif
void *REAL(malloc)(size_t n);
void *REAL(calloc)(size_t n, size_t size);
void *REAL(realloc)(void *old, size_t n);
void *REAL(memalign)(size_t align, size_t n);
void REAL(free)(void *block);

int alloc_plant_leak;

static atomic_int armed;
static atomic_uint points, skipped, failed, forgotten;
static unsigned wanted;
static enum alloc_mode how;
static atomic_int first_inside;
static _Atomic(void *) first_caller;
static void *trace[ALLOC_TRACE + 2];
static atomic_int_fast64_t live;
static uintptr_t glib_begin, glib_end;
static _Thread_local enum alloc_inside inside;
static _Thread_local void *on_behalf;
static _Thread_local int translating; /* the C library keeps catalogues for good: they are not counted */

static int find_glib(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    if (!info->dlpi_name || !strstr(info->dlpi_name, "libglib-2.0"))
        return 0;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X))
            continue;
        glib_begin = info->dlpi_addr + part->p_vaddr;
        glib_end = glib_begin + part->p_memsz;
    }
    return 1;
}

void alloc_arm(unsigned nth, enum alloc_mode mode)
{
    if (!glib_begin) {
        dl_iterate_phdr(find_glib, NULL);
        backtrace(trace, 1); /* the first one allocates */
    }
    memset(trace, 0, sizeof(trace));
    wanted = nth;
    how = mode;
    points = skipped = failed = forgotten = 0;
    first_inside = INSIDE_NOTHING;
    first_caller = NULL;
    atomic_store(&armed, 1);
}

struct alloc_report alloc_disarm(void)
{
    atomic_store(&armed, 0);
    struct alloc_report report = {points, skipped, failed, (enum alloc_inside)first_inside, first_caller, {NULL}};
    memcpy(report.trace, trace + 2, sizeof(report.trace));
    return report;
}

void alloc_where(const struct alloc_report *report, char *out, size_t room)
{
    size_t n = 0;
    *out = '\0';
    for (unsigned i = 0; i < ALLOC_TRACE && report->trace[i]; i++) {
        Dl_info info;
        if (!dladdr(report->trace[i], &info) || !info.dli_fname || n + 40 > room)
            continue;
        n += (size_t)snprintf(out + n, room - n, "%s%s+0x%lx", n ? " " : " (", strrchr(info.dli_fname, '/') + 1,
                              (unsigned long)((char *)report->trace[i] - (char *)info.dli_fbase) - 1);
    }
    snprintf(out + n, room - n, "%s", n ? ")" : "");
}

int64_t alloc_live(void)
{
    return live;
}

/* Must this one fail? */
static int must_fail(void *caller)
{
    if (!atomic_load_explicit(&armed, memory_order_relaxed))
        return 0;
    uintptr_t at = (uintptr_t)(on_behalf ? on_behalf : caller);
    if (at >= glib_begin && at < glib_end) {
        atomic_fetch_add(&skipped, 1);
        return 0;
    }
    unsigned nth = atomic_fetch_add(&points, 1) + 1;
    if (how == ALLOC_COUNT || nth < wanted || (how == ALLOC_ONCE && nth > wanted))
        return 0;
    if (atomic_fetch_add(&failed, 1) == 0) {
        first_inside = (int)inside;
        first_caller = (void *)at;
        backtrace(trace, ALLOC_TRACE + 2);
    }
    errno = ENOMEM;
    return 1;
}

static void *counted(void *block)
{
    if (block && !translating)
        atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    return block;
}

#define CALLER __builtin_return_address(0)

EXPORT void *malloc(size_t n)
{
    return must_fail(CALLER) ? NULL : counted(REAL(malloc)(n));
}

EXPORT void *calloc(size_t n, size_t size)
{
    return must_fail(CALLER) ? NULL : counted(REAL(calloc)(n, size));
}

static void *resize(void *old, size_t n, void *caller)
{
    if (old && !n) {
        free(old);
        return NULL;
    }
    if (must_fail(caller))
        return NULL;
    void *block = REAL(realloc)(old, n);
    return old ? block : counted(block);
}

EXPORT void *realloc(void *old, size_t n)
{
    return resize(old, n, CALLER);
}

EXPORT void *reallocarray(void *old, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return resize(old, bytes, CALLER);
}

EXPORT void free(void *block)
{
    if (!block)
        return;
    if (alloc_plant_leak && atomic_load(&armed) && failed && atomic_fetch_add(&forgotten, 1) == 0)
        return;
    if (!translating)
        atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
    REAL(free)(block);
}

#ifndef __SANITIZE_ADDRESS__
EXPORT void *memalign(size_t align, size_t n)
{
    return must_fail(CALLER) ? NULL : counted(REAL(memalign)(align, n));
}

EXPORT void *aligned_alloc(size_t align, size_t n)
{
    return must_fail(CALLER) ? NULL : counted(REAL(memalign)(align, n));
}

EXPORT int posix_memalign(void **out, size_t align, size_t n)
{
    void *block = must_fail(CALLER) ? NULL : counted(REAL(memalign)(align, n));
    if (!block)
        return ENOMEM;
    *out = block;
    return 0;
}
#endif

/* ---- the C library on behalf of others -------------------------------------------------------------------------- */

static int formatted(char **out, const char *format, va_list args, void *caller)
{
    char small[256];
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(small, sizeof(small), format, args);
    on_behalf = caller;
    *out = n < 0 ? NULL : malloc((size_t)n + 1);
    on_behalf = NULL;
    if (*out)
        vsnprintf(*out, (size_t)n + 1, format, again);
    va_end(again);
    return *out ? n : -1;
}

EXPORT int vasprintf(char **out, const char *format, va_list args)
{
    return formatted(out, format, args, CALLER);
}

int __vasprintf_chk(char **out, int flag, const char *format, va_list args);
EXPORT int __vasprintf_chk(char **out, int flag, const char *format, va_list args)
{
    (void)flag;
    return formatted(out, format, args, CALLER);
}

static char *copied(const char *text, size_t n, void *caller)
{
    char *copy = must_fail(caller) ? NULL : counted(REAL(malloc)(n + 1));
    if (!copy)
        return NULL;
    memcpy(copy, text, n);
    copy[n] = '\0';
    return copy;
}

#undef strdup
#undef strndup
EXPORT char *strdup(const char *text)
{
    return copied(text, strlen(text), CALLER);
}

EXPORT char *strndup(const char *text, size_t n)
{
    return copied(text, strnlen(text, n), CALLER);
}

/* ---- the C library where it copes by itself ------------------------------------------------------------------------ */

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

EXPORT void qsort(void *rows, size_t count, size_t bytes, int (*compare)(const void *, const void *))
{
    inside = INSIDE_SORT;
    NEXT(qsort)(rows, count, bytes, compare);
    inside = INSIDE_NOTHING;
}

EXPORT int pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*run)(void *), void *user)
{
    inside = INSIDE_THREAD;
    int rc = NEXT(pthread_create)(out, attr, run, user);
    inside = INSIDE_NOTHING;
    return rc;
}

static void translate_begin(void *caller)
{
    on_behalf = caller;
    translating = 1;
}

static void translate_end(void)
{
    on_behalf = NULL;
    translating = 0;
}

/* GLib translates its own messages, and does without when it cannot. */
#undef dgettext
#undef dcgettext
EXPORT char *dgettext(const char *domain, const char *text)
{
    translate_begin(CALLER);
    char *rc = NEXT(dgettext)(domain, text);
    translate_end();
    return rc;
}

EXPORT char *dcgettext(const char *domain, const char *text, int category)
{
    translate_begin(CALLER);
    char *rc = NEXT(dcgettext)(domain, text, category);
    translate_end();
    return rc;
}

EXPORT char *bindtextdomain(const char *domain, const char *folder)
{
    translate_begin(CALLER);
    char *rc = NEXT(bindtextdomain)(domain, folder);
    translate_end();
    return rc;
}

EXPORT char *bind_textdomain_codeset(const char *domain, const char *codeset)
{
    translate_begin(CALLER);
    char *rc = NEXT(bind_textdomain_codeset)(domain, codeset);
    translate_end();
    return rc;
}

EXPORT void qsort_r(void *rows, size_t count, size_t bytes, int (*compare)(const void *, const void *, void *),
                    void *user)
{
    inside = INSIDE_SORT;
    NEXT(qsort_r)(rows, count, bytes, compare, user);
    inside = INSIDE_NOTHING;
}

EXPORT int json_vunpack_ex(json_t *value, json_error_t *error, size_t flags, const char *format, va_list args)
{
    inside = INSIDE_UNPACK;
    int rc = NEXT(json_vunpack_ex)(value, error, flags, format, args);
    inside = INSIDE_NOTHING;
    return rc;
}

EXPORT void *dlopen(const char *file, int mode)
{
    inside = INSIDE_LOAD;
    void *object = NEXT(dlopen)(file, mode);
    inside = INSIDE_NOTHING;
    return object;
}
