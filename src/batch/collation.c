/*
 * The code page of a collation: MS-TDS 2.2.5.1.2 for the five bytes; sort ids and locales as SQL
 * Server's drivers list them.
 */
#include "base/buf.h"
#include "batch/charset.h"

typedef struct sort_id_range {
  uint8_t first;
  uint8_t last;
  uint16_t code_page;
} sort_id_range;

static const sort_id_range sort_ids[] = {
    {30, 35, 437},    {40, 45, 850},    {49, 49, 850},    {50, 54, 1252},   {55, 61, 850},
    {71, 75, 1252},   {80, 98, 1250},   {104, 108, 1251}, {112, 114, 1253}, {120, 122, 1253},
    {124, 124, 1253}, {128, 130, 1254}, {136, 138, 1255}, {144, 146, 1256}, {152, 160, 1257},
    {183, 186, 1252}, {192, 193, 932},  {194, 195, 949},  {196, 197, 950},  {198, 199, 936},
    {200, 200, 932},  {201, 201, 949},  {202, 202, 950},  {203, 203, 936},  {204, 206, 874},
    {210, 217, 1252},
};

typedef struct locale_page {
  uint16_t locale;
  uint16_t code_page; /* BATCH_CP_NONE: Unicode only */
} locale_page;

/* Locales whose code page isn't 1252; Arabic ones are told by their language. */
static const locale_page locales[] = {
    {0x0402, 1251}, {0x0404, 950},  {0x0405, 1250}, {0x0408, 1253}, {0x040D, 1255}, {0x040E, 1250},
    {0x0411, 932},  {0x0412, 949},  {0x0415, 1250}, {0x0418, 1250}, {0x0419, 1251}, {0x041A, 1250},
    {0x041B, 1250}, {0x041C, 1250}, {0x041E, 874},  {0x041F, 1254}, {0x0420, 1256}, {0x0422, 1251},
    {0x0423, 1251}, {0x0424, 1250}, {0x0425, 1257}, {0x0426, 1257}, {0x0427, 1257}, {0x0428, 1251},
    {0x0429, 1256}, {0x042A, 1258}, {0x042C, 1254}, {0x042F, 1251}, {0x0439, 0},    {0x043A, 0},
    {0x043F, 1251}, {0x0440, 1251}, {0x0442, 1250}, {0x0443, 1254}, {0x0444, 1251}, {0x0445, 0},
    {0x0446, 0},    {0x0447, 0},    {0x0448, 0},    {0x0449, 0},    {0x044A, 0},    {0x044B, 0},
    {0x044C, 0},    {0x044D, 0},    {0x044E, 0},    {0x044F, 0},    {0x0450, 1251}, {0x0451, 0},
    {0x0453, 0},    {0x0454, 0},    {0x0457, 0},    {0x045A, 0},    {0x045B, 0},    {0x0461, 0},
    {0x0463, 0},    {0x0465, 0},    {0x046D, 1251}, {0x0480, 1256}, {0x0481, 0},    {0x0485, 1251},
    {0x048C, 1256}, {0x0804, 936},  {0x0827, 1257}, {0x082C, 1251}, {0x0843, 1251}, {0x0845, 0},
    {0x0850, 1251}, {0x0C04, 950},  {0x0C1A, 1251}, {0x1004, 936},  {0x101A, 1250}, {0x081A, 1250},
    {0x1404, 950},  {0x141A, 1250}, {0x181A, 1250}, {0x1C1A, 1251}, {0x201A, 1251},
};

#define UTF8_FLAG        UINT32_C(0x04000000)
#define LANGUAGE_OF(lc)  ((lc)&0x3FFU)
#define LANGUAGE_ARABIC  0x01U
#define CODE_PAGE_ARABIC 1256U
#define CODE_PAGE_LATIN1 1252U

static unsigned page_of_locale(unsigned locale) {
  for (size_t i = 0; i < sizeof locales / sizeof locales[0]; i++) {
    if (locales[i].locale == locale) {
      return locales[i].code_page;
    }
  }
  return LANGUAGE_OF(locale) == LANGUAGE_ARABIC ? CODE_PAGE_ARABIC : CODE_PAGE_LATIN1;
}

unsigned batch_collation_code_page(const uint8_t collation[5]) {
  uint32_t info = br_load_u32le(collation);
  if ((info & UTF8_FLAG) != 0) {
    return BATCH_CP_UTF8;
  }
  uint8_t sort_id = collation[4];
  for (size_t i = 0; sort_id != 0 && i < sizeof sort_ids / sizeof sort_ids[0]; i++) {
    if (sort_id >= sort_ids[i].first && sort_id <= sort_ids[i].last) {
      return sort_ids[i].code_page;
    }
  }
  return page_of_locale(info & 0xFFFFU);
}
