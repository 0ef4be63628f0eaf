/*
 * manifest.h: `_manifest.json`, what a result folder holds and where it came from.
 *
 * State "complete": `files` are the result. State "writing": a run has begun to put the files in
 * `pending` into the folder; `files` are the result before it (none at first). A reader that finds
 * "writing" may read `files` as long as their checksums hold. docs/EXTRACT.md describes every
 * member.
 */
#ifndef EXTRACT_MANIFEST_H
#define EXTRACT_MANIFEST_H

#include "base/buf.h"
#include "base/hash.h"
#include "batch/batch.h"

#define EXTRACT_MANIFEST_NAME "_manifest.json"
/* The same text, written before it where a place may not replace a file at once: one of the two is
 * whole at any moment. Gone when a run ends well. */
#define EXTRACT_MANIFEST_NEXT "_manifest.json.next"

typedef struct extract_file {
  char *name; /* in the result folder */
  uint64_t rows, bytes;
  uint32_t row_groups;
  char sha256[BR_SHA256_HEX_MAX];
} extract_file;

typedef struct extract_files {
  extract_file *items;
  size_t count;
} extract_files;

/* Appends a copy. */
br_status extract_files_add(extract_files *files, const extract_file *file,
                            br_error *err) BR_CHECKED;
const extract_file *extract_files_find(const extract_files *files,
                                       const char *name); /* NULL = none */
void extract_files_done(extract_files *files);

typedef struct extract_pair {
  const char *name, *value;
} extract_pair;

/* Where a result comes from; texts are borrowed. */
typedef struct extract_origin {
  const char *run;
  const char *query, *country;
  char query_sha256[BR_SHA256_HEX_MAX]; /* of the SQL as it was sent */
  const extract_pair *parameters;       /* sorted by name */
  size_t parameter_count;
  uint64_t row_limit;            /* --limit; 0 = all rows */
  batch_type_options types;      /* what columns the result gets */
  const char *server, *database; /* as configured and as the server named it */
  bool sandbox;
} extract_origin;

/* What a manifest says; made by the writer or by reading one. */
typedef struct extract_manifest extract_manifest;

/* Text of a manifest. schema NULL: not known yet. pending NULL: state "complete". */
typedef struct extract_manifest_content {
  const extract_origin *origin;
  const batch_schema *schema;
  const extract_files *files;
  const extract_files *pending;
  const extract_files *superseded;  /* NULL: none */
  int64_t started_us, completed_us; /* completed 0 = not yet */
  uint64_t lossy_values;            /* values that lost digits, as counted */
} extract_manifest_content;
/* The parameters as a JSON object, appended to out. */
br_status extract_origin_parameters(const extract_origin *origin, br_buf *out,
                                    br_error *err) BR_CHECKED;
br_status extract_manifest_write(const extract_manifest_content *content, br_buf *out,
                                 br_error *err) BR_CHECKED;

/* Parses a manifest; BR_ERR_DATA where it is none. */
br_status extract_manifest_read(const char *text, size_t length, extract_manifest **ret_manifest,
                                br_error *err) BR_CHECKED;
void extract_manifest_free(extract_manifest *manifest);
bool extract_manifest_complete(const extract_manifest *manifest);
const extract_files *extract_manifest_files(const extract_manifest *manifest);
const extract_files *extract_manifest_pending(const extract_manifest *manifest);
const extract_files *extract_manifest_superseded(const extract_manifest *manifest);
/* Same query text, parameters, row limit and source. ret_difference (may be NULL): the words for
 * the first that differs, "a result of another query". */
bool extract_manifest_same_origin(const extract_manifest *manifest, const extract_origin *origin,
                                  const char **ret_difference);

#endif
