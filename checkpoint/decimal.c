/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decimal digits of doubles. Of what printf writes only digits and the exponent are taken, so that no locale's point
 * or grouping gets in.
 */
#include "decimal.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>

static void decimal_read(const char *raw, struct ckpt_decimal *d)
{
    d->count = 0;
    for (; g_ascii_isdigit(*raw); raw++)
        d->digits[d->count++] = *raw;
    d->point = d->count;
    for (; *raw && *raw != 'e'; raw++)
        if (g_ascii_isdigit(*raw))
            d->digits[d->count++] = *raw;
    if (*raw == 'e')
        d->point += (int)strtol(raw + 1, NULL, 10);
    d->digits[d->count] = '\0';
}

void ckpt_decimal_fixed(double x, int precision, struct ckpt_decimal *d)
{
    char raw[CKPT_DECIMAL_ROOM];
    snprintf(raw, sizeof(raw), "%.*f", precision, x);
    decimal_read(raw, d);
}

void ckpt_decimal_digits(double x, int digits, struct ckpt_decimal *d)
{
    char raw[CKPT_DECIMAL_ROOM];
    snprintf(raw, sizeof(raw), "%.*e", digits - 1, x);
    decimal_read(raw, d);
}

void ckpt_decimal_strip(struct ckpt_decimal *d)
{
    while (d->count > 1 && d->digits[d->count - 1] == '0')
        d->count--;
    d->digits[d->count] = '\0';
}

static int decimal_is(const struct ckpt_decimal *d, double x)
{
    char text[CKPT_DECIMAL_ROOM];
    snprintf(text, sizeof(text), "%se%d", d->digits, d->point - d->count);
    return g_ascii_strtod(text, NULL) == x;
}

/*
 * Below a power of two doubles lie denser than above it, so of the decimals of one length the nearest may read back as
 * another double, and the next one up as this.
 */
static int decimal_next_is(struct ckpt_decimal *d, double x)
{
    char *last = &d->digits[d->count - 1];
    if (*last == '9')
        return 0;
    ++*last;
    if (decimal_is(d, x))
        return 1;
    --*last;
    return 0;
}

void ckpt_decimal_shortest(double x, struct ckpt_decimal *d)
{
    for (int digits = 1; digits <= 17; digits++) {
        ckpt_decimal_digits(x, digits, d);
        if (decimal_is(d, x) || decimal_next_is(d, x))
            return;
    }
}
