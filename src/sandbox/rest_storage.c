/*
 * Presigned addresses: downloads, and uploads in parts.
 *
 *   create-download-url ─▶ GET  /storage/files/Volumes/…?expires=…&signature=…
 *   initiate-upload ─▶ session ─ create-upload-part-urls ─▶ PUT /storage/uploads/<session>/<part>…
 *                              ─ complete-upload: the parts joined, then published as one file
 *                              ─ create-abort-upload-url ─▶ DELETE /storage/uploads/<session>
 *
 * Like a cloud's storage these addresses take a signature instead of a token, and refuse a request
 * that sends its token along. A session is a folder in uploads_folder with the target's path in the
 * file "target" and a file for each part.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/text.h"
#include "http/uri.h"
#include "sandbox/rest_answer.h"
#include "sandbox/rest_upload.h"

enum {
  LIFE_SECONDS = 900,
  PARTS_MAX = 10000,
  TARGET_MAX = 8192,
  COPY_BLOCK = 256 * 1024,
};

/* What is signed: method, path, end of life, by the server's key. */
static br_status sign(const rest_server *server, const char *method, const char *path,
                      uint64_t expires, char *hex, br_error *err) {
  br_buf text;
  br_buf_init(&text, BR_KIB(32));
  br_status st = br_buf_append(&text, server->key, sizeof server->key, err);
  if (st == BR_OK) {
    st = br_buf_printf(&text, err, "%s\n%s\n%" PRIu64, method, path, expires);
  }
  if (st == BR_OK) {
    st = br_sha256_hex(text.data, text.len, hex, err);
  }
  br_buf_done(&text);
  return st;
}

static br_status append_escaped(br_buf *out, const char *path, br_error *err) {
  br_status st = BR_OK;
  for (const char *p = path; *p != '\0' && st == BR_OK; p++) {
    const bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                       (*p >= '0' && *p <= '9') || strchr("_.-~/", *p) != NULL;
    st = plain ? br_buf_u8(out, (uint8_t)*p, err)
               : br_buf_printf(out, err, "%%%02X", (unsigned)(uint8_t)*p);
  }
  return st;
}

br_status rest_sign_url(const http_request *request, const char *method, const char *path,
                        uint64_t expires, br_buf *url, br_error *err) {
  char hex[BR_SHA256_HEX_MAX];
  br_status st = sign(rest_of(request), method, path, expires, hex, err);
  if (st == BR_OK) {
    st = rest_base_address(request, url, err);
  }
  if (st == BR_OK) {
    st = append_escaped(url, path, err);
  }
  return st == BR_OK ? br_buf_printf(url, err, "?expires=%" PRIu64 "&signature=%s", expires, hex)
                     : st;
}

/* {"url", "headers": []}. */
static br_status make_url(const http_request *request, const char *method, const char *path,
                          uint64_t expires, json_t **ret_object, br_error *err) {
  br_buf url;
  br_buf_init(&url, BR_KIB(32));
  br_status st = rest_sign_url(request, method, path, expires, &url, err);
  const char *text = st == BR_OK ? br_buf_cstr(&url) : NULL;
  json_t *object = text != NULL ? json_pack("{s:s, s:[]}", "url", text, "headers") : NULL;
  br_buf_done(&url);
  if (st == BR_OK && object == NULL) {
    st = br_error_nomem(err);
  }
  if (st == BR_OK) {
    *ret_object = object;
  }
  return st;
}

/* RFC 3339 in UTC; what is missing or not understood becomes LIFE_SECONDS from now. */
static uint64_t life_end(const char *expire_time) {
  const uint64_t now = (uint64_t)(br_clock_wall_us() / 1000000);
  struct tm utc = {0};
  if (expire_time == NULL || strptime(expire_time, "%Y-%m-%dT%H:%M:%S", &utc) == NULL) {
    return now + LIFE_SECONDS;
  }
  time_t end = timegm(&utc);
  return end < 0 ? 0 : (uint64_t)end;
}

static br_status storage_error(http_reply *reply, unsigned status, const char *code,
                               const char *message, br_error *err) {
  char text[512];
  int length = snprintf(text, sizeof text,
                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code>"
                        "<Message>%s</Message></Error>",
                        code, message);
  http_reply_status(reply, status);
  return http_reply_bytes(reply, "application/xml", text, (size_t)length, err);
}

br_status rest_check_signature(http_request *request, const char *method, http_reply *reply,
                               bool *ret_ok, br_error *err) {
  const char *expires = http_request_query(request, "expires");
  const char *signature = http_request_query(request, "signature");
  char hex[BR_SHA256_HEX_MAX];
  uint64_t end = 0;
  *ret_ok = false;
  if (http_request_header(request, "Authorization") != NULL) {
    return storage_error(reply, 400, "InvalidArgument",
                         "Only one auth mechanism allowed: signature or Authorization header", err);
  }
  if (expires == NULL || signature == NULL ||
      br_text_u64(expires, UINT64_MAX, &end, NULL) != BR_OK) {
    return storage_error(reply, 403, "AccessDenied", "Access Denied", err);
  }
  br_status st = sign(rest_of(request), method, http_request_path(request), end, hex, err);
  if (st != BR_OK) {
    return st;
  }
  if (strcmp(hex, signature) != 0) {
    return storage_error(reply, 403, "SignatureDoesNotMatch",
                         "The request signature does not match the one provided", err);
  }
  if (end <= (uint64_t)(br_clock_wall_us() / 1000000)) {
    return storage_error(reply, 403, "AccessDenied", "Request has expired", err);
  }
  *ret_ok = true;
  return BR_OK;
}

/* Path and expire_time of a request: databricks-sdk has them in the query, the JDBC driver in the
 * body. */
static const char *asked(const http_request *request, const json_t *body, const char *name) {
  const char *text = http_request_query(request, name);
  return text != NULL ? text : json_string_value(json_object_get(body, name));
}

static br_status reply_download_url(http_request *request, const json_t *body, http_reply *reply,
                                    br_error *err) {
  volume_path path;
  bool ok = false;
  struct stat info;
  json_t *object = NULL;
  br_status st = rest_parse_path(request, asked(request, body, "path"), reply, &path, &ok, err);
  if (st != BR_OK || !ok) {
    return st;
  }
  if (br_sys.stat(path.disk, &info) != 0 || !S_ISREG(info.st_mode)) {
    st = rest_reply_error(reply, 404, "NOT_FOUND", "FILES_API_FILE_NOT_FOUND", err,
                          "The file %s does not exist.", path.shown);
    volume_path_done(&path);
    return st;
  }
  char *address = br_asprintf("/storage/files%s", path.shown);
  st = address == NULL ? br_error_nomem(err)
                       : make_url(request, "GET", address,
                                  life_end(asked(request, body, "expire_time")), &object, err);
  br_free(address);
  volume_path_done(&path);
  return st != BR_OK ? st : rest_reply_json(reply, 200, object, err);
}

br_status rest_post_download_url(http_request *request, http_reply *reply, br_error *err) {
  json_t *body = NULL;
  br_status st = rest_request_json(request, reply, &body, err);
  if (st == BR_OK && body != NULL) {
    st = reply_download_url(request, body, reply, err);
  }
  json_decref(body);
  return st;
}

br_status rest_get_stored(http_request *request, http_reply *reply, br_error *err) {
  bool ok = false;
  br_status st = rest_check_signature(request, "GET", reply, &ok, err);
  return st != BR_OK || !ok ? st : rest_get_file(request, reply, err);
}

/* Sessions. */

static bool session_is_good(const char *token) {
  return token != NULL && strlen(token) == BR_UUID_MAX - 1 &&
         strspn(token, "0123456789abcdef-") == BR_UUID_MAX - 1;
}

static char *session_file(const rest_server *server, const char *token, const char *name) {
  return br_asprintf("%s/%s/%s", server->uploads_folder, token, name);
}

/* The folder and the note that says where the upload goes. */
static br_status make_session(const rest_server *server, const char *token, const char *target,
                              bool overwrite, br_error *err) {
  char *folder = br_path_join(server->uploads_folder, token);
  char *note = session_file(server, token, "target");
  char *text = br_asprintf("%c%s", overwrite ? 'Y' : 'N', target);
  br_status st = folder == NULL || note == NULL || text == NULL ? br_error_nomem(err)
                                                                : br_dir_make(folder, 0700, err);
  if (st == BR_OK) {
    st = br_file_write_atomic(note, text, strlen(text), 0600, err);
  }
  br_free(folder);
  br_free(note);
  br_free(text);
  return st;
}

static br_status initiate(http_request *request, http_reply *reply, br_error *err) {
  volume_path path;
  bool ok = false, overwrite = true;
  char token[BR_UUID_MAX];
  br_status st = rest_overwrites(request, reply, &overwrite, &ok, err);
  if (st == BR_OK && ok) {
    st = rest_parse_path(request, http_request_capture(request, 0), reply, &path, &ok, err);
  }
  if (st != BR_OK || !ok) {
    return st;
  }
  st = br_uuid(token, err);
  if (st == BR_OK) {
    st = make_session(rest_of(request), token, path.shown, overwrite, err);
  }
  volume_path_done(&path);
  return st != BR_OK
             ? st
             : rest_reply_json(reply, 200,
                               json_pack("{s:{s:s}}", "multipart_upload", "session_token", token),
                               err);
}

/* The note of a session; *ret_note empty: there is no such session, and the reply has been made. */
static br_status read_session(const rest_server *server, const char *token, http_reply *reply,
                              br_buf *ret_note, br_error *err) {
  br_buf_init(ret_note, TARGET_MAX);
  char *note = session_is_good(token) ? session_file(server, token, "target") : NULL;
  br_status st = note == NULL ? BR_ERR_NOT_FOUND : br_file_read(note, TARGET_MAX, ret_note, err);
  br_free(note);
  if (st == BR_ERR_NOT_FOUND) {
    return rest_reply_error(reply, 404, "NOT_FOUND", "FILES_API_UPLOAD_SESSION_NOT_FOUND", err,
                            "The upload session does not exist.");
  }
  return st;
}

static void remove_session(const rest_server *server, const char *token) {
  char *folder = br_path_join(server->uploads_folder, token);
  char **names = NULL;
  size_t count = 0;
  if (folder != NULL && br_dir_list(folder, &names, &count, NULL) == BR_OK) {
    for (size_t i = 0; i < count; i++) {
      char *name = br_path_join(folder, names[i]);
      if (name != NULL) {
        (void)br_sys.unlink(name);
      }
      br_free(name);
    }
    br_names_free(names, count);
    (void)br_sys.rmdir(folder);
  }
  br_free(folder);
}

static br_status add_part_urls(http_request *request, const char *token, json_int_t first,
                               json_int_t count, const char *expire_time, json_t *urls,
                               br_error *err) {
  for (json_int_t part = first; part < first + count; part++) {
    char *address = br_asprintf("/storage/uploads/%s/%" PRId64, token, (int64_t)part);
    json_t *object = NULL;
    br_status st = address == NULL
                       ? br_error_nomem(err)
                       : make_url(request, "PUT", address, life_end(expire_time), &object, err);
    br_free(address);
    if (st != BR_OK) {
      return st;
    }
    if (json_object_set_new(object, "part_number", json_integer(part)) != 0) {
      json_decref(object);
      return br_error_nomem(err);
    }
    if (json_array_append_new(urls, object) != 0) {
      return br_error_nomem(err);
    }
  }
  return BR_OK;
}

static br_status give_part_urls(http_request *request, const json_t *body, http_reply *reply,
                                br_error *err) {
  const char *token = json_string_value(json_object_get(body, "session_token"));
  json_int_t first = json_integer_value(json_object_get(body, "start_part_number"));
  json_int_t count = json_integer_value(json_object_get(body, "count"));
  if (first < 1 || count < 1 || first > PARTS_MAX || count > PARTS_MAX - first + 1) {
    return rest_reply_error(reply, 400, "INVALID_PARAMETER_VALUE", NULL, err,
                            "start_part_number and count must name parts 1 to %d.", PARTS_MAX);
  }
  br_buf note;
  br_status st = read_session(rest_of(request), token, reply, &note, err);
  bool found = note.len > 0;
  br_buf_done(&note);
  if (st != BR_OK || !found) {
    return st;
  }
  json_t *urls = json_array();
  st = urls == NULL
           ? br_error_nomem(err)
           : add_part_urls(request, token, first, count,
                           json_string_value(json_object_get(body, "expire_time")), urls, err);
  if (st != BR_OK) {
    json_decref(urls);
    return st;
  }
  return rest_reply_json(reply, 200, json_pack("{s:o}", "upload_part_urls", urls), err);
}

br_status rest_post_part_urls(http_request *request, http_reply *reply, br_error *err) {
  json_t *body = NULL;
  br_status st = rest_request_json(request, reply, &body, err);
  if (st == BR_OK && body != NULL) {
    st = give_part_urls(request, body, reply, err);
  }
  json_decref(body);
  return st;
}

static br_status give_abort_url(http_request *request, const json_t *body, http_reply *reply,
                                br_error *err) {
  const char *token = json_string_value(json_object_get(body, "session_token"));
  if (!session_is_good(token)) {
    return rest_reply_error(reply, 404, "NOT_FOUND", "FILES_API_UPLOAD_SESSION_NOT_FOUND", err,
                            "The upload session does not exist.");
  }
  json_t *object = NULL;
  char *address = br_asprintf("/storage/uploads/%s", token);
  br_status st = address == NULL
                     ? br_error_nomem(err)
                     : make_url(request, "DELETE", address,
                                life_end(json_string_value(json_object_get(body, "expire_time"))),
                                &object, err);
  br_free(address);
  return st != BR_OK
             ? st
             : rest_reply_json(reply, 200, json_pack("{s:o}", "abort_upload_url", object), err);
}

br_status rest_post_abort_url(http_request *request, http_reply *reply, br_error *err) {
  json_t *body = NULL;
  br_status st = rest_request_json(request, reply, &body, err);
  if (st == BR_OK && body != NULL) {
    st = give_abort_url(request, body, reply, err);
  }
  json_decref(body);
  return st;
}

br_status rest_delete_upload(http_request *request, http_reply *reply, br_error *err) {
  bool ok = false;
  const char *token = http_request_capture(request, 0);
  br_status st = rest_check_signature(request, "DELETE", reply, &ok, err);
  if (st != BR_OK || !ok) {
    return st;
  }
  if (session_is_good(token)) {
    remove_session(rest_of(request), token);
  }
  return BR_OK;
}

/* The number of a part in an address; 0: none. */
static uint64_t part_number(const char *text) {
  uint64_t part = 0;
  return text != NULL && br_text_u64(text, PARTS_MAX, &part, NULL) == BR_OK ? part : 0;
}

static char *part_file(const rest_server *server, const char *token, uint64_t part,
                       const char *suffix) {
  return br_asprintf("%s/%s/part-%" PRIu64 "%s", server->uploads_folder, token, part, suffix);
}

br_status rest_put_part_begin(http_request *request, http_reply *reply, br_error *err) {
  const char *token = http_request_capture(request, 0);
  uint64_t part = part_number(http_request_capture(request, 1));
  char id[BR_UUID_MAX];
  bool ok = false;
  br_status st = rest_check_signature(request, "PUT", reply, &ok, err);
  if (st != BR_OK || !ok) {
    return st;
  }
  if (!session_is_good(token) || part == 0) {
    return storage_error(reply, 404, "NoSuchUpload", "The upload does not exist", err);
  }
  st = br_uuid(id, err);
  if (st != BR_OK) {
    return st;
  }
  /* Under a name of its own: the same part may be sent twice at a time. */
  char *temporary = part_file(rest_of(request), token, part, id);
  rest_upload *upload = NULL;
  br_error why = BR_ERROR_INIT;
  st = temporary == NULL ? br_error_nomem(&why) : rest_upload_new(temporary, &upload, &why);
  br_free(temporary);
  if (st == BR_ERR_NOT_FOUND) {
    return storage_error(reply, 404, "NoSuchUpload", "The upload does not exist", err);
  }
  if (st != BR_OK) {
    return br_error_set(err, st, "%s", why.message);
  }
  rest_upload_arm(request, upload);
  http_request_set_state(request, upload);
  return BR_OK;
}

static void part_etag(uint64_t part, uint64_t size, char *text, size_t text_size) {
  (void)snprintf(text, text_size, "\"%" PRIu64 "-%" PRIu64 "\"", part, size);
}

br_status rest_put_part(http_request *request, http_reply *reply, br_error *err) {
  rest_upload *upload = http_request_state(request);
  uint64_t part = part_number(http_request_capture(request, 1));
  char etag[64];
  br_status st = rest_upload_close(upload, err);
  char *name = part_file(rest_of(request), http_request_capture(request, 0), part, "");
  if (st == BR_OK && name == NULL) {
    st = br_error_nomem(err);
  }
  if (st == BR_OK && br_sys.rename(upload->temporary, name) != 0) {
    st = br_error_errno(err, errno, "%s", name);
  }
  br_free(name);
  if (st != BR_OK) {
    return st;
  }
  upload->kept = true;
  part_etag(part, upload->received, etag, sizeof etag);
  return http_reply_header(reply, "ETag", etag, err);
}

/* Appends a part; *ret_ok false: it is not there, or not the one that the ETag names. */
static br_status append_part(const char *name, uint64_t part, const char *etag, rest_upload *upload,
                             uint8_t *block, bool *ret_ok, br_error *err) {
  struct stat info;
  char expected[64];
  *ret_ok = false;
  int fd = br_sys.open(name, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) {
    return errno == ENOENT ? BR_OK : br_error_errno(err, errno, "%s", name);
  }
  br_status st = br_sys.fstat(fd, &info) == 0 ? BR_OK : br_error_errno(err, errno, "%s", name);
  if (st == BR_OK) {
    part_etag(part, (uint64_t)info.st_size, expected, sizeof expected);
    *ret_ok = etag != NULL && strcmp(etag, expected) == 0;
  }
  while (st == BR_OK && *ret_ok) {
    ssize_t got = br_sys.read(fd, block, COPY_BLOCK);
    if (got < 0) {
      st = errno == EINTR ? BR_OK : br_error_errno(err, errno, "%s", name);
      continue;
    }
    if (got == 0) {
      break;
    }
    st = rest_upload_write(upload, block, (size_t)got, err);
  }
  (void)br_sys.close(fd);
  return st;
}

static br_status join_parts(const rest_server *server, const char *token, const json_t *parts,
                            rest_upload *upload, bool *ret_ok, br_error *err) {
  uint8_t *block = br_malloc(COPY_BLOCK);
  br_status st = block == NULL ? br_error_nomem(err) : BR_OK;
  *ret_ok = json_array_size(parts) > 0;
  for (size_t i = 0; st == BR_OK && *ret_ok && i < json_array_size(parts); i++) {
    const json_t *item = json_array_get(parts, i);
    json_int_t number = json_integer_value(json_object_get(item, "part_number"));
    if (number != (json_int_t)i + 1) {
      *ret_ok = false;
      break;
    }
    char *name = part_file(server, token, (uint64_t)number, "");
    st = name == NULL
             ? br_error_nomem(err)
             : append_part(name, (uint64_t)number, json_string_value(json_object_get(item, "etag")),
                           upload, block, ret_ok, err);
    br_free(name);
  }
  br_free(block);
  return st;
}

static br_status publish_session(http_request *request, const char *token, const br_buf *note,
                                 const json_t *parts, http_reply *reply, br_error *err) {
  rest_upload *upload = NULL;
  bool ok = false;
  char id[BR_UUID_MAX];
  br_status st = br_uuid(id, err);
  if (st != BR_OK) {
    return st;
  }
  /* Under a name of its own: a client that heard nothing may complete the upload again meanwhile.
   */
  char *temporary = session_file(rest_of(request), token, id);
  st = temporary == NULL ? br_error_nomem(err) : rest_upload_new(temporary, &upload, err);
  br_free(temporary);
  if (st != BR_OK) {
    return st;
  }
  st = volume_path_parse(rest_of(request)->volumes_folder, (const char *)note->data + 1,
                         &upload->target, err);
  if (st == BR_OK) {
    st = join_parts(rest_of(request), token, parts, upload, &ok, err);
  }
  if (st == BR_OK && !ok) {
    st = rest_reply_error(reply, 400, "INVALID_PARAMETER_VALUE", NULL, err,
                          "The parts are not those that were uploaded.");
  } else if (st == BR_OK) {
    st = rest_upload_close(upload, err);
    if (st == BR_OK) {
      st = rest_upload_publish(upload, note->data[0] == 'Y', reply, err);
    }
    if (st == BR_OK && http_reply_get_status(reply) == 204) {
      http_reply_status(reply, 200);
    }
  }
  rest_upload_free(upload);
  if (st == BR_OK && ok) {
    remove_session(rest_of(request), token);
  }
  return st;
}

static br_status complete(http_request *request, http_reply *reply, br_error *err) {
  const char *token = http_request_query(request, "session_token");
  json_t *body = NULL;
  br_buf note;
  br_status st = rest_request_json(request, reply, &body, err);
  if (st != BR_OK || body == NULL) {
    return st;
  }
  st = read_session(rest_of(request), token, reply, &note, err);
  if (st == BR_OK && note.len > 0) {
    st = br_buf_cstr(&note) == NULL
             ? br_error_nomem(err)
             : publish_session(request, token, &note, json_object_get(body, "parts"), reply, err);
  }
  br_buf_done(&note);
  json_decref(body);
  return st;
}

br_status rest_post_file(http_request *request, http_reply *reply, br_error *err) {
  const char *action = http_request_query(request, "action");
  if (action != NULL && strcmp(action, "initiate-upload") == 0) {
    return initiate(request, reply, err);
  }
  if (action != NULL && strcmp(action, "complete-upload") == 0) {
    return complete(request, reply, err);
  }
  return rest_reply_error(reply, 400, "INVALID_PARAMETER_VALUE", NULL, err,
                          "action must be initiate-upload or complete-upload.");
}
