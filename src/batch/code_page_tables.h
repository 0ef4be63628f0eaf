/*
 * code_page_tables.h: the data of Windows code pages, as code_page_tables.c (generated) has it.
 */
#ifndef BATCH_CODE_PAGE_TABLES_H
#define BATCH_CODE_PAGE_TABLES_H

#include <stdint.h>

/* In all pages bytes below 0x80 are ASCII. */
typedef struct batch_code_page {
  const uint16_t *high;      /* bytes 0x80..0xFF to Unicode; 0: lead byte or undefined */
  const uint8_t *rows;       /* bytes 0x80..0xFF: 1 + row of a lead byte, 0: none; NULL: no pairs */
  const uint16_t *pairs;     /* rows of trail_first..trail_last to Unicode; 0: undefined */
  const uint16_t *overrides; /* {Unicode, code} where the way back is not the lowest code that
                                decodes to it: best fit, and which of two equal codes it is */
  uint16_t override_count;   /* pairs in overrides */
  uint16_t number;
  uint8_t trail_first; /* pages with double bytes: the range of second bytes */
  uint8_t trail_last;
} batch_code_page;

enum { BATCH_CODE_PAGE_COUNT = 16 };

/* Ascending by number. */
extern const batch_code_page batch_code_pages[BATCH_CODE_PAGE_COUNT];

#endif
