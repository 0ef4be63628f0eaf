#include "databricks/links.h"

#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/secret.h"
#include "batch/value.h"
#include "databricks/error.h"
#include "databricks/json.h"
#include "databricks/url.h"

enum { MOST_LINKS = 4096, MOST_HEADERS = 64 };
/* A link whose end is this near is not used: the download's start, and clocks that differ. */
static const int64_t stale_before_us = INT64_C(60) * 1000 * 1000;

static void link_done(dbx_link *link) {
  br_free(link->url);
  br_free(link->headers);
  json_decref(link->http_headers);
  *link = (dbx_link){0};
}

void dbx_links_done(dbx_links *links) {
  for (size_t i = 0; i < links->count; i++) {
    link_done(&links->items[i]);
  }
  br_free(links->items);
  *links = (dbx_links){0};
}

static size_t index_of(const dbx_links *links, uint64_t chunk) {
  size_t i = 0;
  while (i < links->count && links->items[i].chunk != chunk) {
    i++;
  }
  return i;
}

const dbx_link *dbx_links_find(const dbx_links *links, uint64_t chunk) {
  size_t i = index_of(links, chunk);
  return i < links->count ? &links->items[i] : NULL;
}

void dbx_links_drop(dbx_links *links, uint64_t chunk) {
  size_t i = index_of(links, chunk);
  if (i < links->count) {
    link_done(&links->items[i]);
    links->items[i] = links->items[--links->count];
  }
}

bool dbx_link_is_stale(const dbx_link *link, int64_t now_us) {
  return link->expires_us != INT64_MAX && now_us > link->expires_us - stale_before_us;
}

/* ---- one link ---- */

static bool is_token(const char *text) {
  static const char others[] = "!#$%&'*+-.^_`|~";
  for (const char *p = text; *p != '\0'; p++) {
    bool alnum = (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z');
    if (!alnum && strchr(others, *p) == NULL) {
      return false;
    }
  }
  return text[0] != '\0';
}

/* Headers that would be credentials, or change what the request is. */
static bool may_be_sent(const char *name) {
  static const char *const refused[] = {"Authorization",       "Host",   "Content-Length",
                                        "Transfer-Encoding",   "Expect", "Connection",
                                        "Proxy-Authorization", "Cookie"};
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    if (strcasecmp(refused[i], name) == 0) {
      return false;
    }
  }
  return is_token(name);
}

static bool is_header_value(const char *text) {
  for (const char *p = text; *p != '\0'; p++) {
    if ((unsigned char)*p < ' ' || *p == 0x7F) {
      return false;
    }
  }
  return true;
}

static br_status take_headers(json_t *object, dbx_link *link, br_error *err) {
  size_t count = json_object_size(object);
  if (count == 0) {
    return BR_OK;
  }
  if (count > MOST_HEADERS) {
    return br_error_set(err, BR_ERR_PROTOCOL, "A link to the result wants %zu headers", count);
  }
  link->headers = br_calloc(count, sizeof *link->headers);
  if (link->headers == NULL) {
    return br_error_nomem(err);
  }
  link->http_headers = json_incref(object);
  const char *name = NULL;
  json_t *value = NULL;
  json_object_foreach(object, name, value) {
    const char *text = json_string_value(value);
    if (text == NULL || !may_be_sent(name) || !is_header_value(text)) {
      return br_error_set(err, BR_ERR_PROTOCOL,
                          "A link to the result wants a header that can't be sent");
    }
    link->headers[link->header_count++] = (dbx_header){.name = name, .value = text};
  }
  return BR_OK;
}

static br_status take_expiration(const json_t *object, dbx_link *link, br_error *err) {
  const char *text = dbx_json_text(object, "expiration");
  link->expires_us = INT64_MAX;
  if (text == NULL) {
    return BR_OK;
  }
  br_status st = batch_timestamp_parse(text, strlen(text), &link->expires_us, NULL, err);
  return st == BR_OK ? st
                     : br_error_set(err, BR_ERR_PROTOCOL,
                                    "A link to the result expires at no time that can be read");
}

static br_status take_link(const json_t *object, const char *base, dbx_link *link, br_error *err) {
  const char *url = dbx_json_text(object, "external_link");
  if (url == NULL || !dbx_json_u64(object, "chunk_index", &link->chunk) ||
      !dbx_json_u64(object, "row_offset", &link->row_offset) ||
      !dbx_json_u64(object, "row_count", &link->row_count)) {
    return br_error_set(err, BR_ERR_PROTOCOL, "A link to the result lacks its parts");
  }
  if (!dbx_url_may_be_followed(url, base)) {
    return br_error_set(err, BR_ERR_PROTOCOL,
                        "A link to the result is refused: it is no https:// address");
  }
  if ((link->url = br_strdup(url)) == NULL) {
    return br_error_nomem(err);
  }
  br_status st = take_expiration(object, link, err);
  return st == BR_OK ? take_headers(dbx_json_object(object, "http_headers"), link, err) : st;
}

/* ---- a reply ---- */

static br_status add_link(dbx_links *links, const json_t *object, const char *base, br_error *err) {
  dbx_link link = {0};
  br_status st = take_link(object, base, &link, err);
  if (st == BR_OK) {
    dbx_links_drop(links, link.chunk);
    if (links->count == MOST_LINKS) {
      st = br_error_set(err, BR_ERR_LIMIT, "The result has more than %d links", MOST_LINKS);
    }
  }
  dbx_link *items = NULL;
  if (st == BR_OK) {
    items = br_realloc_array(links->items, links->count + 1, sizeof *items);
    st = items == NULL ? br_error_nomem(err) : BR_OK;
  }
  if (st != BR_OK) {
    link_done(&link);
    return st;
  }
  links->items = items;
  links->items[links->count++] = link;
  return BR_OK;
}

br_status dbx_links_add(dbx_links *links, const dbx_reply *reply, const char *base, br_error *err) {
  const json_t *nested = dbx_json_object(reply->root, "result");
  const json_t *list = dbx_json_array(nested != NULL ? nested : reply->root, "external_links");
  br_status st = BR_OK;
  for (size_t i = 0; i < json_array_size(list) && st == BR_OK; i++) {
    st = add_link(links, json_array_get(list, i), base, err);
  }
  return st;
}

/* ---- refusals ---- */

enum { SHOWN = 200 };

static bool starts_at(const br_buf *body, size_t at, const char *text) {
  size_t length = strlen(text);
  return length <= body->len - at && memcmp(body->data + at, text, length) == 0;
}

/* The text of the first element that opens so; empty: none. */
static void element_text(const br_buf *body, const char *opening, char text[SHOWN + 1]) {
  size_t at = 0;
  text[0] = '\0';
  while (at < body->len && !starts_at(body, at, opening)) {
    at++;
  }
  if (at == body->len) {
    return;
  }
  at += strlen(opening);
  size_t length = 0;
  while (length < SHOWN && at + length < body->len && body->data[at + length] != '<') {
    length++;
  }
  memcpy(text, body->data + at, length);
  text[length] = '\0';
  dbx_text_clean(text);
}

enum { SHORTEST_SIGNATURE = 8 };

/* %XX become bytes, in place. */
static void decode(char *text) {
  char *to = text;
  for (const char *from = text; *from != '\0'; to++) {
    const int high = from[0] == '%' ? br_hex_digit(from[1]) : -1;
    const int low = high < 0 ? -1 : br_hex_digit(from[2]);
    const bool escape = low >= 0 && high + low > 0;
    *to = (char)(escape ? high * 16 + low : *from);
    from += escape ? 3 : 1;
  }
  *to = '\0';
}

/* Whoever has the link may read the rows: what opens it stays out of messages. */
static void hide_link(const dbx_link *link, char *text) {
  const char *query = strchr(link->url, '?');
  while (query != NULL && *query != '\0') {
    query++; /* the ? or & */
    const size_t length = strcspn(query, "&");
    const char *value = memchr(query, '=', length);
    char *copy = value == NULL ? NULL : br_strndup(value + 1, length - (size_t)(value + 1 - query));
    if (copy != NULL) {
      decode(copy);
    }
    if (copy != NULL && strlen(copy) >= SHORTEST_SIGNATURE) {
      br_secret_redact_also(text, copy);
    } else if (copy == NULL && value != NULL) {
      text[0] = '\0'; /* no memory */
    }
    br_free(copy);
    query += length;
  }
  for (size_t i = 0; i < link->header_count; i++) {
    if (strlen(link->headers[i].value) >= SHORTEST_SIGNATURE) {
      br_secret_redact_also(text, link->headers[i].value);
    }
  }
}

br_status dbx_links_refusal(const dbx_http_response *response, const dbx_link *link,
                            br_error *err) {
  char code[SHOWN + 1];
  char message[SHOWN + 1];
  element_text(&response->body, "<Code>", code);
  element_text(&response->body, "<Message>", message);
  hide_link(link, code);
  hide_link(link, message);
  bool moved = response->status >= 300 && response->status < 400;
  br_status st = response->status == 401 || response->status == 403 ? BR_ERR_AUTH : BR_ERR_REMOTE;
  br_error_set(err, st, "The storage behind a link answers HTTP %ld%s%s%s%s%s", response->status,
               code[0] != '\0' ? " " : "", code, message[0] != '\0' ? ": " : "", message,
               moved ? ", a redirect, which is not followed" : "");
  if (err != NULL) {
    err->native_code = response->status;
    /* Only the workspace says where rows lie. */
    err->retriable = !moved;
  }
  return st;
}
