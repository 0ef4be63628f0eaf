/*
 * publish.h: brings a query's spooled files into its result folder so that the result switches at
 * one moment and a run that dies at any other loses nothing.
 *
 *   lock ▶ earlier manifest ▶ [ "writing" manifest ▶ file ]… ▶ "complete" manifest ▶ delete what
 * only the earlier one names
 *
 * Files are uploaded while later ones are still being written. The names of files to come always
 * stand in a manifest before the files do, so a later run knows what a dead one left.
 * docs/EXTRACT.md says what each kind of reader sees at each moment.
 */
#ifndef EXTRACT_PUBLISH_H
#define EXTRACT_PUBLISH_H

#include "extract/manifest.h"
#include "extract/place.h"
#include "flow/sink_parquet.h"

typedef struct extract_publish_options {
  extract_place *place;         /* borrowed; used by the publisher alone until it is freed */
  const extract_origin *origin; /* borrowed */
  const char *folder;           /* "Country/query" */
  bool overwrite;
} extract_publish_options;

typedef struct extract_publisher extract_publisher;

/* Makes and locks the folder and looks at what is there. BR_DONE: a complete result of the same
 * origin is there and is to be kept (no publisher is returned; ret_kept, initialised here, has its
 * files, the caller's to free). BR_ERR_EXISTS: another result is there and overwrite is not set. */
br_status extract_publish_begin(const extract_publish_options *options,
                                extract_publisher **ret_publisher, extract_files *ret_kept,
                                br_error *err) BR_CHECKED;
/* Rows of the complete result that is to be replaced; 0 = there is none. */
uint64_t extract_publish_rows_before(const extract_publisher *publisher);
/* Takes a spooled file over (flow_parquet_options.on_part). */
br_status extract_publish_part(void *publisher, const flow_part *spooled, br_error *err) BR_CHECKED;
/* All parts are there: switches the result. schema for the manifest. ret_files (may be NULL) is
 * initialised here. */
br_status extract_publish_finish(extract_publisher *publisher, const batch_schema *schema,
                                 uint64_t lossy_values, extract_files *ret_files,
                                 br_error *err) BR_CHECKED;
/* Before a successful finish: takes back what was put there, as far as it can. The place stays
 * locked until it is closed, so that spooled files can go first. NULL is fine. */
void extract_publish_end(extract_publisher *publisher);

#endif
