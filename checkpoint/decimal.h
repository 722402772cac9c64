/* SPDX-License-Identifier: Apache-2.0 */
/* Decimal digits of doubles that are finite and not negative. */
#ifndef CKPT_DECIMAL_H
#define CKPT_DECIMAL_H

#define CKPT_DECIMAL_ROOM 600 /* the largest double with 255 digits behind the point, the most that is asked for */

/* 0.DIGITS times ten to the power of @point. */
struct ckpt_decimal {
    int count, point;
    char digits[CKPT_DECIMAL_ROOM];
};

/* @precision digits behind the point. */
void ckpt_decimal_fixed(double x, int precision, struct ckpt_decimal *d);
/* So many digits in all. */
void ckpt_decimal_digits(double x, int digits, struct ckpt_decimal *d);
/* The fewest digits that read back as @x; of several such numbers the nearest. */
void ckpt_decimal_shortest(double x, struct ckpt_decimal *d);
/* Takes zeros at the end away. */
void ckpt_decimal_strip(struct ckpt_decimal *d);

#endif
