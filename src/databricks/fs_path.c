#include "databricks/fs_path.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "databricks/url.h"

enum { LONGEST_URL = 128 * 1024 };

br_status dbx_fs_request_init(dbx_fs_request *fs, const char *what, const char *api,
                              const char *path, const char *query, br_error *err) {
  static const char volumes[] = "/Volumes/";
  memset(fs, 0, sizeof *fs);
  if (!br_text_starts_with(path, volumes) || path[sizeof volumes - 1] == '\0') {
    return br_error_set(err, BR_ERR_USAGE, "\"%.200s\" is not a path in a volume (/Volumes/…)",
                        path);
  }
  br_buf_init(&fs->url, LONGEST_URL);
  br_status st = br_buf_text(&fs->url, api, err);
  if (st == BR_OK) {
    st = dbx_url_append_path(&fs->url, path, err);
  }
  if (st == BR_OK) {
    st = br_buf_text(&fs->url, query, err);
  }
  fs->what = st == BR_OK ? br_asprintf("%s %s", what, path) : NULL;
  fs->request.what = fs->what;
  fs->request.path = st == BR_OK ? br_buf_cstr(&fs->url) : NULL;
  fs->request.repeatable = true;
  fs->request.plain = true;
  if (st == BR_OK && (fs->request.what == NULL || fs->request.path == NULL)) {
    st = br_error_nomem(err);
  }
  if (st != BR_OK) {
    dbx_fs_request_done(fs);
  }
  return st;
}

void dbx_fs_request_done(dbx_fs_request *fs) {
  br_buf_done(&fs->url);
  br_free(fs->what);
  fs->what = NULL;
}

/* Whoever looks goes on without an answer, and asks for more with all patience. */
enum { LOOK_MS = 10000 };

br_status dbx_fs_simple(dbx_client *client, const char *method, const char *what, const char *api,
                        const char *path, br_cancel *cancel, br_error *err) {
  dbx_fs_request fs;
  br_status st = dbx_fs_request_init(&fs, what, api, path, "", err);
  if (st != BR_OK) {
    return st;
  }
  bool deletes = strcmp(method, "DELETE") == 0;
  bool uncertain = false;
  fs.request.method = method;
  fs.request.time_limit_ms = strcmp(method, "HEAD") == 0 ? LOOK_MS : 0;
  fs.request.uncertain = deletes ? &uncertain : NULL;
  dbx_http_response response;
  br_error failure = BR_ERROR_INIT;
  st = dbx_request_send(client, &fs.request, cancel, &response, &failure);
  if (st == BR_OK) {
    dbx_http_response_done(&response);
  } else if (st == BR_ERR_NOT_FOUND && uncertain) {
    st = BR_OK; /* an earlier try, whose answer was lost, has deleted it */
  } else if (err != NULL) {
    *err = failure;
  }
  dbx_fs_request_done(&fs);
  return st;
}
