#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/sys.h"
#include "http/internal.h"

enum { READER_BLOCK = 65536 };

void http_reply_init(http_reply *reply) {
  *reply = (http_reply){.status = 200, .fd = -1, .cut_after = UINT64_MAX};
}

static void drop_body(http_reply *reply) {
  br_free(reply->bytes);
  reply->bytes = NULL;
  if (reply->fd >= 0) {
    (void)br_sys.close(reply->fd);
    reply->fd = -1;
  }
  reply->content = HTTP_CONTENT_NONE;
  reply->offset = reply->length = 0;
}

void http_reply_done(http_reply *reply) {
  drop_body(reply);
  for (size_t i = 0; i < reply->header_count; i++) {
    br_free(reply->headers[i].name);
    br_free(reply->headers[i].value);
  }
  reply->header_count = 0;
}

void http_reply_reset(http_reply *reply) {
  http_reply_done(reply);
  http_reply_init(reply);
}

void http_reply_status(http_reply *reply, unsigned status) {
  reply->status = status;
}

unsigned http_reply_get_status(const http_reply *reply) {
  return reply->status;
}

br_status http_reply_header(http_reply *reply, const char *name, const char *value, br_error *err) {
  http_header *header = NULL;
  for (size_t i = 0; i < reply->header_count; i++) {
    if (strcmp(reply->headers[i].name, name) == 0) {
      header = &reply->headers[i];
    }
  }
  if (header == NULL && reply->header_count == HTTP_REPLY_HEADERS_MAX) {
    return br_error_set(err, BR_ERR_LIMIT, "More than %d headers in a reply",
                        HTTP_REPLY_HEADERS_MAX);
  }
  char *value_copy = br_strdup(value);
  char *name_copy = header == NULL ? br_strdup(name) : NULL;
  if (value_copy == NULL || (header == NULL && name_copy == NULL)) {
    br_free(value_copy);
    br_free(name_copy);
    return br_error_nomem(err);
  }
  if (header != NULL) {
    br_free(header->value);
    header->value = value_copy;
    return BR_OK;
  }
  reply->headers[reply->header_count++] = (http_header){.name = name_copy, .value = value_copy};
  return BR_OK;
}

br_status http_reply_take(http_reply *reply, const char *content_type, char *text, size_t length,
                          br_error *err) {
  br_status st = http_reply_header(reply, "Content-Type", content_type, err);
  if (st != BR_OK) {
    br_free(text);
    return st;
  }
  drop_body(reply);
  reply->content = HTTP_CONTENT_BYTES;
  reply->bytes = text;
  reply->length = length;
  return BR_OK;
}

br_status http_reply_bytes(http_reply *reply, const char *content_type, const void *bytes,
                           size_t length, br_error *err) {
  char *copy = br_malloc(length + 1);
  if (copy == NULL) {
    return br_error_nomem(err);
  }
  memcpy(copy, bytes, length);
  copy[length] = '\0';
  return http_reply_take(reply, content_type, copy, length, err);
}

br_status http_reply_file(http_reply *reply, const char *content_type, int fd, uint64_t offset,
                          uint64_t length, br_error *err) {
  br_status st = http_reply_header(reply, "Content-Type", content_type, err);
  if (st != BR_OK) {
    (void)br_sys.close(fd);
    return st;
  }
  drop_body(reply);
  reply->content = HTTP_CONTENT_FILE;
  reply->fd = fd;
  reply->offset = offset;
  reply->length = length;
  return BR_OK;
}

void http_reply_cut(http_reply *reply, uint64_t bytes) {
  reply->cut_after = bytes;
}

void http_reply_hang_up(http_reply *reply) {
  reply->hang_up = true;
}

/* A body that breaks off: announced whole, sent in part. */
static ssize_t read_cut(void *context, uint64_t position, char *buffer, size_t size) {
  http_reply *reply = context;
  if (position >= reply->cut_after) {
    return MHD_CONTENT_READER_END_WITH_ERROR;
  }
  uint64_t left = reply->cut_after - position;
  size_t length = left < size ? (size_t)left : size;
  if (reply->content == HTTP_CONTENT_BYTES) {
    memcpy(buffer, reply->bytes + position, length);
    return (ssize_t)length;
  }
  ssize_t got = br_sys.pread(reply->fd, buffer, length, (off_t)(reply->offset + position));
  return got <= 0 ? MHD_CONTENT_READER_END_WITH_ERROR : got;
}

static void free_cut(void *context) {
  http_reply *reply = context;
  http_reply_done(reply);
  br_free(reply);
}

static struct MHD_Response *make_cut(http_reply *reply) {
  http_reply *own = br_malloc(sizeof *own);
  if (own == NULL) {
    return NULL;
  }
  *own = *reply;
  own->header_count = 0; /* the headers stay here */
  reply->bytes = NULL;
  reply->fd = -1;
  struct MHD_Response *response =
      MHD_create_response_from_callback(own->length, READER_BLOCK, read_cut, own, free_cut);
  if (response == NULL) {
    free_cut(own);
  }
  return response;
}

static struct MHD_Response *make_response(http_reply *reply) {
  if (reply->cut_after < reply->length) {
    return make_cut(reply);
  }
  if (reply->content == HTTP_CONTENT_FILE) {
    struct MHD_Response *response =
        MHD_create_response_from_fd_at_offset64(reply->length, reply->fd, reply->offset);
    if (response != NULL) {
      reply->fd = -1;
    }
    return response;
  }
  if (reply->content == HTTP_CONTENT_BYTES) {
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback(
        (size_t)reply->length, reply->bytes, br_free);
    if (response != NULL) {
      reply->bytes = NULL;
    }
    return response;
  }
  return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
}

static bool has_header(const http_reply *reply, const char *name) {
  for (size_t i = 0; i < reply->header_count; i++) {
    if (strcasecmp(reply->headers[i].name, name) == 0) {
      return true;
    }
  }
  return false;
}

enum MHD_Result http_reply_queue(http_reply *reply, struct MHD_Connection *connection,
                                 const char *const *extra_headers, bool last) {
  if (reply->hang_up) {
    return MHD_NO;
  }
  struct MHD_Response *response = make_response(reply);
  if (response == NULL) {
    return MHD_NO;
  }
  enum MHD_Result result =
      last ? MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") : MHD_YES;
  for (size_t i = 0; extra_headers != NULL && extra_headers[i] != NULL; i += 2) {
    if (result == MHD_YES && !has_header(reply, extra_headers[i])) {
      result = MHD_add_response_header(response, extra_headers[i], extra_headers[i + 1]);
    }
  }
  for (size_t i = 0; i < reply->header_count; i++) {
    result = result == MHD_YES ? MHD_add_response_header(response, reply->headers[i].name,
                                                         reply->headers[i].value)
                               : MHD_NO;
  }
  if (result == MHD_YES) {
    result = MHD_queue_response(connection, reply->status, response);
  }
  MHD_destroy_response(response);
  return result;
}
