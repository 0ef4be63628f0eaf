/*
 * internal.h: what settings.c (reading) and problems.c (judging) share.
 */
#ifndef SETTINGS_INTERNAL_H
#define SETTINGS_INTERNAL_H

#include "settings/table.h"

/* Where a value came from; the higher one wins. */
typedef enum setting_rank {
  SETTING_RANK_DEFAULT,
  SETTING_RANK_PUT,
  SETTING_RANK_ENV_FILE,
  SETTING_RANK_ENVIRONMENT,
} setting_rank;

typedef struct setting_value {
  char *text;        /* NULL = not set, or a secret */
  br_secret *secret; /* NULL = not set, or no secret */
  char *origin;      /* NULL = "default" */
  char *file;        /* that the secret came from; NULL = none */
  bool is_stale;     /* the file could not be read again */
  setting_rank rank;
} setting_value;

typedef enum problem_kind {
  PROBLEM_ERROR,       /* wrong in any mode */
  PROBLEM_STRICT_ONLY, /* an error in strict mode, else a warning */
  PROBLEM_WARNING,
} problem_kind;

typedef struct settings_problem {
  problem_kind kind;
  char *text;
} settings_problem;

struct settings {
  setting_value values[SETTING_COUNT];
  unsigned configured_sides; /* sides of which any name, known or not, is set */
  settings_problem *problems;
  size_t problem_count;
};

br_status settings_add_problem(settings *s, problem_kind kind, br_error *err, const char *format,
                               ...) BR_PRINTF(4, 5) BR_CHECKED;
/* Registers passwords inside of a value that is no secret itself with the redaction. */
br_status settings_hide_embedded(const char *text, br_error *err) BR_CHECKED;
bool settings_value_is_set(const setting_value *value);
/* SETTING_COUNT: none of this name. */
setting settings_find(const char *name, size_t length);

/* The table of what comes of which settings, for the page. */
br_status settings_document_cases(br_buf *out, br_error *err) BR_CHECKED;

#endif
