/*
 * job_work.h: what a job holds, and running it: the same extraction as on the command line.
 */
#ifndef API_JOB_WORK_H
#define API_JOB_WORK_H

#include "api/service.h"
#include "extract/prepare.h"

/* What a job's options hold, as JSON in the store. Owned texts. */
typedef struct api_job_options {
  char *queries_path, *config_path; /* real paths */
  char *source_ip;                  /* who asked */
  bool overwrite;
  uint64_t chunk_rows;
} api_job_options;

void api_job_options_done(api_job_options *options);
/* The caller frees. */
br_status api_job_options_text(const api_job_options *options, char **ret_text,
                               br_error *err) BR_CHECKED;

/* Release with api_job_options_done(). */
br_status api_job_options_parse(const char *text, api_job_options *ret_options,
                                br_error *err) BR_CHECKED;

/* Checks the caller's rights on every query and audits the outcome. BR_ERR_AUTH: denied; the
 * message names query and table. BR_ERR_IO: the audit can't be written. */
br_status api_job_check_rights(api *service, const api_caller *caller, const char *source_ip,
                               const extract_prepared *prepared, br_error *err) BR_CHECKED;

/* The job that the path's first capture names, where the caller may see it: what he may not is not
 * there, BR_ERR_NOT_FOUND. */
br_status api_job_find(const api_request *r, job *ret_job, br_error *err) BR_CHECKED;

/* For job_runner_options.run, .ended (jobs_witness.ended too) and .report; context is the service.
 */
br_status api_job_run(void *context, job_run *run, br_error *err);
void api_job_ended(void *context, const job *j, job_status status, const char *error);
void api_job_report(void *context, const char *id, const br_error *problem);

#endif
