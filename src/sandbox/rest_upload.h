/*
 * rest_upload.h: what the handlers of files, folders and presigned storage share.
 */
#ifndef SANDBOX_REST_UPLOAD_H
#define SANDBOX_REST_UPLOAD_H

#include "sandbox/rest.h"
#include "sandbox/volume.h"

/* Bytes on their way into a temporary file; freeing removes it unless it was kept. */
typedef struct rest_upload {
  int fd;          /* -1: closed */
  char *temporary; /* owned */
  bool kept;       /* the temporary file has become what it was for */
  uint64_t received;
  uint64_t cut_at;    /* a fault hangs up from here on; UINT64_MAX: none */
  volume_path target; /* owned; empty for a part */
} rest_upload;

br_status rest_upload_new(const char *temporary, rest_upload **ret_upload,
                          br_error *err) BR_CHECKED;
void rest_upload_free(rest_upload *upload);
/* Asks the faults whether this upload is to be cut. */
void rest_upload_arm(http_request *request, rest_upload *upload);
br_status rest_upload_write(rest_upload *upload, const void *bytes, size_t length,
                            br_error *err) BR_CHECKED;
br_status rest_upload_close(rest_upload *upload, br_error *err) BR_CHECKED;
/* Puts the temporary file in its place and makes the reply: 204, 404 or 409. */
br_status rest_upload_publish(rest_upload *upload, bool overwrite, http_reply *reply,
                              br_error *err) BR_CHECKED;

/* *ret_ok false: the reply has been made. */
br_status rest_parse_path(http_request *request, const char *path, http_reply *reply,
                          volume_path *ret_path, bool *ret_ok, br_error *err) BR_CHECKED;
br_status rest_overwrites(const http_request *request, http_reply *reply, bool *ret_overwrite,
                          bool *ret_ok, br_error *err) BR_CHECKED;
/* Sends a file as the request's headers ask (Range, If-Unmodified-Since). */
br_status rest_send_file(http_request *request, const char *path, const char *name,
                         http_reply *reply, br_error *err) BR_CHECKED;

#endif
