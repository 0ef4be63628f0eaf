/* Folders of volumes: the Files API (/api/2.0/fs/directories). */
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "databricks/client.h"
#include "databricks/fs_path.h"
#include "databricks/json.h"
#include "databricks/url.h"

/* More entries than this in one folder are refused: the list is held in memory. */
enum { MOST_ENTRIES = 1000 * 1000, LONGEST_QUERY = 64 * 1024 };

static const char directories_api[] = "/api/2.0/fs/directories";

typedef struct listing {
  dbx_file_info *infos;
  size_t count;
  size_t capacity;
  char *page_token; /* of the next page; NULL: there is none */
} listing;

br_status dbx_directories_create(dbx_client *client, const char *path, br_cancel *cancel,
                                 br_error *err) {
  return dbx_fs_simple(client, "PUT", "Making of folder", directories_api, path, cancel, err);
}

br_status dbx_directories_head(dbx_client *client, const char *path, br_cancel *cancel,
                               br_error *err) {
  return dbx_fs_simple(client, "HEAD", "Look at folder", directories_api, path, cancel, err);
}

br_status dbx_directories_delete(dbx_client *client, const char *path, br_cancel *cancel,
                                 br_error *err) {
  return dbx_fs_simple(client, "DELETE", "Deletion of folder", directories_api, path, cancel, err);
}

void dbx_file_info_done(dbx_file_info *info) {
  br_free(info->path);
  br_free(info->name);
  info->path = NULL;
  info->name = NULL;
}

void dbx_file_infos_free(dbx_file_info *infos, size_t count) {
  for (size_t i = 0; i < count; i++) {
    dbx_file_info_done(&infos[i]);
  }
  br_free(infos);
}

static br_status grow(listing *list, br_error *err) {
  if (list->count < list->capacity) {
    return BR_OK;
  }
  if (list->count >= MOST_ENTRIES) {
    return br_error_set(err, BR_ERR_LIMIT, "The folder has more than %d entries", MOST_ENTRIES);
  }
  size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
  dbx_file_info *infos = br_realloc_array(list->infos, capacity, sizeof *infos);
  if (infos == NULL) {
    return br_error_nomem(err);
  }
  list->infos = infos;
  list->capacity = capacity;
  return BR_OK;
}

static br_status add_entry(listing *list, const json_t *entry, br_error *err) {
  const char *path = dbx_json_text(entry, "path");
  const char *name = dbx_json_text(entry, "name");
  if (path == NULL) {
    return br_error_set(err, BR_ERR_PROTOCOL, "An entry of the folder has no path");
  }
  br_status st = grow(list, err);
  if (st != BR_OK) {
    return st;
  }
  dbx_file_info info = {.is_directory = json_is_true(json_object_get(entry, "is_directory"))};
  uint64_t modified = 0;
  if (dbx_json_u64(entry, "last_modified", &modified) && modified <= INT64_MAX) {
    info.modified_ms = (int64_t)modified;
  }
  if (!info.is_directory && !dbx_json_u64(entry, "file_size", &info.size)) {
    return br_error_set(err, BR_ERR_PROTOCOL, "An entry of the folder has no file_size");
  }
  const char *slash = strrchr(path, '/');
  info.path = br_strdup(path);
  info.name = br_strdup(name != NULL ? name : slash == NULL ? path : slash + 1);
  if (info.path == NULL || info.name == NULL) {
    dbx_file_info_done(&info);
    return br_error_nomem(err);
  }
  list->infos[list->count++] = info;
  return BR_OK;
}

/* The page's entries, and the token of the next page. A folder without entries has no contents
 * member; only a missing or empty token ends the list, whatever the page's size. */
static br_status take_page(listing *list, const dbx_http_response *response, br_error *err) {
  json_t *root = NULL;
  br_status st = dbx_json_load(response->body.data, response->body.len, &root, err);
  if (st != BR_OK) {
    return st;
  }
  const json_t *contents = dbx_json_array(root, "contents");
  for (size_t i = 0; i < json_array_size(contents) && st == BR_OK; i++) {
    st = add_entry(list, json_array_get(contents, i), err);
  }
  const char *token = dbx_json_text(root, "next_page_token");
  char *next = NULL;
  if (st == BR_OK && token != NULL && token[0] != '\0') {
    if (list->page_token != NULL && strcmp(list->page_token, token) == 0) {
      st = br_error_set(err, BR_ERR_PROTOCOL, "The server gives the same page again");
    } else if ((next = br_strdup(token)) == NULL) {
      st = br_error_nomem(err);
    }
  }
  br_free(list->page_token);
  list->page_token = next;
  json_decref(root);
  return st;
}

static br_status read_page(dbx_client *client, const char *path, listing *list, br_cancel *cancel,
                           br_error *err) {
  br_buf query;
  br_buf_init(&query, LONGEST_QUERY);
  br_status st = BR_OK;
  if (list->page_token != NULL) {
    st = br_buf_text(&query, "?page_token=", err);
    if (st == BR_OK) {
      st = dbx_url_append_encoded(&query, list->page_token, "", err);
    }
  }
  const char *text = st == BR_OK ? br_buf_cstr(&query) : NULL;
  dbx_fs_request fs;
  if (st == BR_OK) {
    st = text == NULL ? br_error_nomem(err)
                      : dbx_fs_request_init(&fs, "List of", directories_api, path, text, err);
  }
  br_buf_done(&query);
  if (st != BR_OK) {
    return st;
  }
  fs.request.method = "GET";
  fs.request.plain = false;
  dbx_http_response response;
  st = dbx_request_send(client, &fs.request, cancel, &response, err);
  if (st == BR_OK) {
    st = take_page(list, &response, err);
    dbx_http_response_done(&response);
    st = st == BR_OK ? st : br_error_context(err, st, "%s", fs.what);
  }
  dbx_fs_request_done(&fs);
  return st;
}

br_status dbx_directories_list(dbx_client *client, const char *path, dbx_file_info **ret_infos,
                               size_t *ret_count, br_cancel *cancel, br_error *err) {
  listing list = {0};
  br_status st = BR_OK;
  do {
    st = read_page(client, path, &list, cancel, err);
  } while (st == BR_OK && list.page_token != NULL);
  br_free(list.page_token);
  if (st != BR_OK) {
    dbx_file_infos_free(list.infos, list.count);
    return st;
  }
  *ret_infos = list.infos;
  *ret_count = list.count;
  return BR_OK;
}
