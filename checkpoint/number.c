/* SPDX-License-Identifier: Apache-2.0 */
/* Python's format mini-language for numbers: [[fill]align][sign][#][0][width][,|_][.precision][type]. */
#include "number.h"

#include "decimal.h"

#include <glib.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPEC_MAX 64
#define ROOM CKPT_DECIMAL_ROOM

struct spec {
    char text[SPEC_MAX];
    char fill[8]; /* one character */
    char align, sign, group, type;
    int alternate, width, precision; /* -1: no precision */
};

/* What is laid out: sign, prefix, digits that are grouped, and the rest. */
struct parts {
    char sign[2];
    char prefix[3];
    char digits[ROOM], rest[ROOM];
};

static int refuse(char why[CKPT_WHY], const char *format, ...) POLYFS_PRINTF(2, 3);

static int refuse(char why[CKPT_WHY], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, CKPT_WHY, format, args);
    va_end(args);
    return POLYFS_INVALID;
}

/* ---- the specification ------------------------------------------------------------------------------------------ */

static int is_one_of(char c, const char *set)
{
    return c && strchr(set, c) != NULL;
}

static const char *take_fill(const char *at, struct spec *s)
{
    size_t n = *at ? (size_t)(g_utf8_next_char(at) - at) : 0;
    if (n && n < sizeof(s->fill) && is_one_of(at[n], "<>=^")) {
        memcpy(s->fill, at, n);
        s->align = at[n];
        return at + n + 1;
    }
    if (is_one_of(*at, "<>=^"))
        s->align = *at++;
    return at;
}

/* A number of at most CKPT_NUMBER_WIDTH, into @out; NULL when it is greater. */
static const char *take_count(const char *at, int *out)
{
    int count = 0;
    for (; g_ascii_isdigit(*at); at++) {
        count = count * 10 + (*at - '0');
        if (count > CKPT_NUMBER_WIDTH)
            return NULL;
    }
    *out = count;
    return at;
}

static const char *take_precision(const char *at, struct spec *s, char why[CKPT_WHY])
{
    if (*at != '.')
        return at;
    if (!g_ascii_isdigit(at[1])) {
        refuse(why, "the format \"%s\" has no precision behind its point", s->text);
        return NULL;
    }
    at = take_count(at + 1, &s->precision);
    if (!at)
        refuse(why, "the format \"%s\" wants a precision of more than %d", s->text, CKPT_NUMBER_WIDTH);
    return at;
}

static int spec_read(const char *text, size_t n, struct spec *s, char why[CKPT_WHY])
{
    memset(s, 0, sizeof(*s));
    s->precision = -1;
    if (n >= sizeof(s->text) || !g_utf8_validate(text, (gssize)n, NULL))
        return refuse(why, "a format is longer than %d bytes or no UTF-8", SPEC_MAX - 1);
    memcpy(s->text, text, n);
    const char *at = take_fill(s->text, s);
    if (is_one_of(*at, "+- "))
        s->sign = *at++;
    if (*at == '#' && at++)
        s->alternate = 1;
    if (*at == '0' && !*s->fill) {
        s->fill[0] = *at++;
        s->align = s->align ? s->align : '=';
    }
    at = take_count(at, &s->width);
    if (!at)
        return refuse(why, "the format \"%s\" wants a width of more than %d", s->text, CKPT_NUMBER_WIDTH);
    if (is_one_of(*at, ",_"))
        s->group = *at++;
    at = take_precision(at, s, why);
    if (!at)
        return POLYFS_INVALID;
    if (*at && at[1])
        return refuse(why, "the format \"%s\" cannot be read from \"%s\" on", s->text, at);
    s->type = *at;
    if (s->group && !is_one_of(s->type ? s->type : 'd', s->group == '_' ? "deEfFgG%boxX" : "deEfFgG%"))
        return refuse(why, "the format \"%s\" groups digits by '%c', which '%c' has none of", s->text, s->group,
                      s->type);
    s->fill[0] = *s->fill ? *s->fill : ' ';
    s->align = s->align ? s->align : '>';
    return POLYFS_OK;
}

/* ---- layout ----------------------------------------------------------------------------------------------------- */

/* Digits with zeros in front up to @width, separators counted, and a separator before every @size of them. */
static void group_digits(const char *digits, size_t width, char separator, size_t size, struct ckpt_text *out)
{
    size_t n = strlen(digits), all = n;
    while (separator && n && all + (all - 1) / size < width)
        all++;
    for (size_t i = 0; i < all; i++) {
        if (separator && i && (all - i) % size == 0)
            ckpt_text_add(out, &separator, 1);
        ckpt_text_add(out, i < all - n ? "0" : digits + (i - (all - n)), 1);
    }
}

static void lay_out(const struct spec *s, const struct parts *p, struct ckpt_text *out)
{
    struct ckpt_text grouped;
    size_t width = (size_t)s->width;
    size_t fixed = strlen(p->sign) + strlen(p->prefix) + (size_t)g_utf8_strlen(p->rest, -1);
    int zeros = s->align == '=' && strcmp(s->fill, "0") == 0 && width > fixed;
    ckpt_text_init(&grouped);
    group_digits(p->digits, zeros ? width - fixed : 0, s->group, is_one_of(s->type, "boxX") ? 4 : 3, &grouped);
    size_t pad = width > fixed + grouped.n ? width - fixed - grouped.n : 0;
    size_t left = s->align == '>' ? pad : s->align == '^' ? pad / 2 : 0;
    ckpt_text_repeat(out, s->fill, left);
    ckpt_text_put(out, p->sign);
    ckpt_text_put(out, p->prefix);
    ckpt_text_repeat(out, s->fill, s->align == '=' ? pad : 0);
    ckpt_text_add(out, grouped.data, grouped.n);
    ckpt_text_put(out, p->rest);
    ckpt_text_repeat(out, s->fill, s->align == '=' ? 0 : pad - left);
}

static void set_sign(const struct spec *s, int negative, struct parts *p)
{
    p->sign[0] = negative ? '-' : s->sign == '-' ? '\0' : s->sign;
}

/* ---- real numbers ----------------------------------------------------------------------------------------------- */

static void add_n(char *text, const char *bytes, int n)
{
    size_t have = strlen(text);
    if (n > 0)
        snprintf(text + have, ROOM - have, "%.*s", n, bytes);
}

static void add_zeros(char *text, int n)
{
    while (n-- > 0)
        add_n(text, "0", 1);
}

static void lay_fixed(const struct ckpt_decimal *d, int point_zero, int alternate, struct parts *p)
{
    int whole = d->point < 0 ? 0 : d->point < d->count ? d->point : d->count;
    int fraction = d->count > d->point;
    add_n(p->digits, d->digits, whole);
    add_zeros(p->digits, d->point > 0 ? d->point - whole : 1);
    if (fraction || point_zero || alternate)
        add_n(p->rest, ".", 1);
    add_zeros(p->rest, -d->point);
    add_n(p->rest, d->digits + whole, d->count - whole);
    add_zeros(p->rest, !fraction && point_zero);
}

static void lay_exponent(const struct ckpt_decimal *d, int alternate, char e, struct parts *p)
{
    char exponent[16];
    add_n(p->digits, d->digits, 1);
    if (d->count > 1 || alternate)
        add_n(p->rest, ".", 1);
    add_n(p->rest, d->digits + 1, d->count - 1);
    snprintf(exponent, sizeof(exponent), "%c%+03d", e, d->point - 1);
    add_n(p->rest, exponent, 15);
}

/* Types g and none: as many digits as count, fixed or with an exponent, whichever is shorter. */
static void lay_general(const struct spec *s, double x, struct parts *p)
{
    struct ckpt_decimal d;
    int plain = !s->type, limit = 16;
    if (plain && s->precision < 0) {
        ckpt_decimal_shortest(x, &d);
    } else {
        int digits = s->precision < 0 ? 6 : s->precision ? s->precision : 1;
        ckpt_decimal_digits(x, digits, &d);
        limit = digits - plain;
        if (!s->alternate)
            ckpt_decimal_strip(&d);
    }
    if (d.point <= -4 || d.point > limit)
        lay_exponent(&d, s->alternate, s->type == 'G' ? 'E' : 'e', p);
    else
        lay_fixed(&d, plain, s->alternate, p);
}

static void lay_real(const struct spec *s, double x, struct parts *p)
{
    struct ckpt_decimal d;
    int precision = s->precision < 0 ? 6 : s->precision;
    int upper = is_one_of(s->type, "EFG");
    if (!isfinite(x)) {
        add_n(p->rest, isnan(x) ? (upper ? "NAN" : "nan") : (upper ? "INF" : "inf"), 3);
    } else if (is_one_of(s->type, "fF%")) {
        ckpt_decimal_fixed(x, precision, &d);
        lay_fixed(&d, 0, s->alternate, p);
    } else if (is_one_of(s->type, "eE")) {
        ckpt_decimal_digits(x, precision + 1, &d);
        lay_exponent(&d, s->alternate, s->type, p);
    } else {
        lay_general(s, x, p);
    }
    if (s->type == '%')
        add_n(p->rest, "%", 1);
}

static int real_format(const struct spec *s, double x, struct ckpt_text *out, char why[CKPT_WHY])
{
    struct parts p = {0};
    if (s->type && !is_one_of(s->type, "eEfFgGn%"))
        return refuse(why, "the format \"%s\" does not fit a real number", s->text);
    if (s->type == '%')
        x *= 100;
    set_sign(s, signbit(x) && !isnan(x), &p);
    lay_real(s, fabs(x), &p);
    lay_out(s, &p, out);
    return POLYFS_OK;
}

/* ---- whole numbers ---------------------------------------------------------------------------------------------- */

static void lay_base(const struct spec *s, uint64_t value, struct parts *p)
{
    unsigned base = s->type == 'b' ? 2 : s->type == 'o' ? 8 : is_one_of(s->type, "xX") ? 16 : 10;
    const char *names = s->type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    char reversed[65];
    int n = 0;
    do
        reversed[n++] = names[value % base];
    while (value /= base);
    while (n > 0)
        add_n(p->digits, &reversed[--n], 1);
    if (s->alternate && base != 10)
        snprintf(p->prefix, sizeof(p->prefix), "0%c", s->type);
}

static int lay_character(const struct spec *s, int64_t value, struct parts *p, char why[CKPT_WHY])
{
    if (s->sign || s->alternate)
        return refuse(why, "the format \"%s\" has a sign or '#', which 'c' has none of", s->text);
    if (value <= 0 || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        return refuse(why, "%lld is no character for the format \"%s\"", (long long)value, s->text);
    p->rest[g_unichar_to_utf8((gunichar)value, p->rest)] = '\0';
    return POLYFS_OK;
}

static int integer_format(const struct spec *s, int64_t value, struct ckpt_text *out, char why[CKPT_WHY])
{
    struct parts p = {0};
    if (is_one_of(s->type, "eEfFgG%"))
        return real_format(s, (double)value, out, why);
    if (s->type && !is_one_of(s->type, "bcdnoxX"))
        return refuse(why, "the format \"%s\" does not fit a whole number", s->text);
    if (s->precision >= 0)
        return refuse(why, "the format \"%s\" has a precision, which a whole number has none of", s->text);
    if (s->type == 'c') {
        int rc = lay_character(s, value, &p, why);
        if (rc != POLYFS_OK)
            return rc;
    } else {
        set_sign(s, value < 0, &p);
        lay_base(s, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, &p);
    }
    lay_out(s, &p, out);
    return POLYFS_OK;
}

int ckpt_number_format(const struct polyfs_policy_metric *value, const char *spec, size_t spec_n,
                       struct ckpt_text *out, char why[CKPT_WHY])
{
    struct spec s;
    int rc = spec_read(spec, spec_n, &s, why);
    if (rc != POLYFS_OK)
        return rc;
    if (value->kind == POLYFS_POLICY_REAL)
        return real_format(&s, value->real, out, why);
    if (value->kind == POLYFS_POLICY_BOOL && !spec_n) {
        ckpt_text_put(out, value->integer ? "True" : "False");
        return POLYFS_OK;
    }
    return integer_format(&s, value->kind == POLYFS_POLICY_BOOL ? value->integer != 0 : value->integer, out, why);
}
