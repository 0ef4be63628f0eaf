/*
 * table.h: the row that describes a setting; everything else in this room is driven by it.
 */
#ifndef SETTINGS_TABLE_H
#define SETTINGS_TABLE_H

#include "settings/settings.h"

typedef enum setting_kind {
  SETTING_KIND_TEXT,
  SETTING_KIND_BOOL,   /* true, false, yes, no, on, off, 1, 0 */
  SETTING_KIND_NUMBER, /* minimum to maximum */
  SETTING_KIND_CHOICE, /* one of choices, whatever its case */
  SETTING_KIND_URL,    /* https://host, host, or http:// to loopback */
} setting_kind;

typedef enum setting_group {
  SETTING_GROUP_SERVICE,
  SETTING_GROUP_SYNC,
  SETTING_GROUP_SQLSERVER,
  SETTING_GROUP_DATABRICKS,
  SETTING_GROUP_COUNT
} setting_group;

typedef struct setting_row {
  const char *name;
  setting_kind kind;
  setting_group group;
  bool secret;         /* masked everywhere; can come from NAME_FILE */
  const char *initial; /* the default; NULL = none */
  const char *choices; /* "a|b|c" */
  uint64_t minimum, maximum;
  const char *alias_of; /* the name of the setting that this one stands for; NULL = none */
  const char *help;     /* one sentence */
} setting_row;

extern const setting_row settings_table[SETTING_COUNT];

/* The side that a setting's group belongs to; 0 = none. */
unsigned settings_side_of(setting which);

/* Checks a value by its row. The message of BR_ERR_USAGE names the setting and, unless it is
 * secret, the value. */
br_status settings_check_value(const setting_row *row, const char *text, br_error *err) BR_CHECKED;
/* Brings a checked value into the table's spelling, in place. */
void settings_canonical(const setting_row *row, char *text);
bool settings_parse_bool(const char *text, bool *ret_value);

#endif
