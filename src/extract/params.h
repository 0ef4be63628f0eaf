/*
 * params.h: the parameters of a country: common_params.yaml, and <Country>.yaml merged over it.
 *
 *   tables:                        {tables_purchases_table}   by its path, joined with _
 *     purchases_table: J_Orders    {purchases_table}          by its last part, where only one has
 * it
 *
 * `country` is the name of the country itself unless a file says otherwise.
 */
#ifndef EXTRACT_PARAMS_H
#define EXTRACT_PARAMS_H

#include "base/status.h"
#include "settings/yaml.h"

#define EXTRACT_COMMON_PARAMS "common_params.yaml"

typedef struct extract_param {
  char *name;       /* the path joined with _ */
  char *path;       /* joined with dots, for messages */
  const char *last; /* the last part; borrowed from path */
  char *value;
  char *file;  /* "Northland.yaml"; "--country" for the built-in one */
  size_t line; /* 0 for the built-in one */
} extract_param;

typedef struct extract_params extract_params;

/* country NULL: common parameters only; guard NULL: none, else it lets each file be read. A missing
 * common_params.yaml is fine. BR_ERR_NOT_FOUND for a missing folder, or a missing country (the
 * message lists those there are); BR_ERR_DATA for broken files, with line and column, and for links
 * that lead nowhere. */
br_status extract_params_load(const char *folder, const char *country, const br_file_guard *guard,
                              extract_params **ret_params, br_error *err) BR_CHECKED;
/* The same from two maps that have been read; either may be NULL, as may country. */
br_status extract_params_merge(const settings_yaml *common, const settings_yaml *own,
                               const char *country, extract_params **ret_params,
                               br_error *err) BR_CHECKED;
void extract_params_free(extract_params *params); /* NULL is fine */

/* All of them, sorted by name. */
size_t extract_params_count(const extract_params *params);
const extract_param *extract_params_at(const extract_params *params, size_t index);

/* By full name or last part. BR_ERR_NOT_FOUND: none; BR_ERR_USAGE: more than one, both named. */
br_status extract_params_find(const extract_params *params, const char *name,
                              const extract_param **ret_param, br_error *err) BR_CHECKED;
/* The name that may have been meant; NULL = none near. Borrowed. */
const char *extract_params_nearest(const extract_params *params, const char *name);

#endif
