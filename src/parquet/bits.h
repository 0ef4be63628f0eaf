/*
 * bits.h: bitmaps, least significant bit first, as Arrow's validity and Parquet's booleans are.
 */
#ifndef PARQUET_BITS_H
#define PARQUET_BITS_H

#include "base/status.h"

/* Copies count bits. Bits of to before at stay; those behind the last one in its byte become 0. */
void parquet_bits_copy(uint8_t *to, size_t at, const uint8_t *from, size_t start, size_t count);
void parquet_bits_set(uint8_t *to, size_t at, size_t count);                /* to 1; the same */
size_t parquet_bits_count(const uint8_t *bits, size_t start, size_t count); /* ones */

#endif
