/*
 * parameters.h: the parameters of a country: common_params.yaml overlaid with <Country>.yaml.
 *
 *   common_params.yaml ─┐
 *                       ├─ deep merge, the country wins ──▶ path ▶ value, file     tables:
 * {bookings: dbo.b} Northland.yaml ─────┘                                   "tables_bookings", also
 * usable as "bookings" where no other has that name
 *
 * Values are text as YAML wrote it. {country} is the country's name unless a file defines it.
 */
#ifndef EXTRACT_PARAMETERS_H
#define EXTRACT_PARAMETERS_H

#include "base/buf.h"

typedef struct extract_parameter {
  char *path; /* keys joined by _ */
  char *last; /* the last key */
  char *value;
  const char *file; /* "common_params.yaml", "Northland.yaml", "" for {country} */
} extract_parameter;

typedef struct extract_parameters extract_parameters;

/* BR_ERR_NOT_FOUND "Config path not found: …" or an unknown country with the list of those there
 * are; BR_ERR_DATA for broken YAML with file, line and column. */
br_status extract_parameters_load(const char *folder, const char *country,
                                  extract_parameters **ret_parameters, br_error *err) BR_CHECKED;
void extract_parameters_free(extract_parameters *parameters);

/* All, sorted by path. */
size_t extract_parameters_count(const extract_parameters *parameters);
const extract_parameter *extract_parameters_at(const extract_parameters *parameters, size_t index);

/* By path, else by last key. BR_ERR_NOT_FOUND; BR_ERR_USAGE for an ambiguous last key, naming the
 * paths. *ret_parameter is borrowed. */
br_status extract_parameters_find(const extract_parameters *parameters, const char *name,
                                  const extract_parameter **ret_parameter,
                                  br_error *err) BR_CHECKED;

/* Fills the placeholders of a query's text. "Missing parameters for query 'q': a, b" with the
 * nearest names (BR_ERR_USAGE). out is appended to. */
br_status extract_parameters_expand(const extract_parameters *parameters, const char *query,
                                    const char *sql, br_buf *out, br_error *err) BR_CHECKED;

#endif
