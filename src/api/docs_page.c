/* /docs: the table of routes as a page that loads nothing. */
#include <string.h>

#include "api/routes.h"
#include "base/limits.h"

static const char top[] =
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
    "content=\"width=device-width,initial-scale=1\"><title>SQL-Databricks Bridge: API</title>"
    "<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;"
    "margin:2rem auto;padding:0 1rem}code{font:14px ui-monospace,monospace}details{border:1px "
    "solid "
    "#8885;border-radius:6px;margin:.5rem 0;padding:.5rem "
    ".8rem}summary{cursor:pointer}table{border-"
    "collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.2rem .6rem "
    ".2rem 0;border-bottom:1px solid "
    "#8883}.m{display:inline-block;min-width:4.5rem;font-weight:600}"
    "</style></head><body><h1>SQL-Databricks Bridge</h1><p>Every route is also there below "
    "<code>/api/v1</code>. A token goes into <code>Authorization: Bearer …</code>. The same as a "
    "document: <a href=\"openapi.json\">openapi.json</a>.</p>";
static const char csp[] = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

typedef struct page {
  br_buf text;
  br_status st;
  br_error *err;
} page;

static void add(page *p, const char *html) {
  p->st = p->st == BR_OK ? br_buf_text(&p->text, html, p->err) : p->st;
}

static void add_text(page *p, const char *text) {
  for (; p->st == BR_OK && *text != '\0'; text++) {
    const char *entity = *text == '<'   ? "&lt;"
                         : *text == '>' ? "&gt;"
                         : *text == '&' ? "&amp;"
                                        : NULL;
    p->st = entity != NULL ? br_buf_text(&p->text, entity, p->err)
                           : br_buf_append(&p->text, text, 1, p->err);
  }
}

static const char *kind_name(const api_field *field) {
  static const char *const names[] = {
      [API_TEXT] = "text",       [API_UUID] = "UUID",      [API_TIME] = "time",
      [API_INTEGER] = "integer", [API_NUMBER] = "number",  [API_BOOL] = "boolean",
      [API_TEXTS] = "texts",     [API_OBJECT] = "object",  [API_COUNTS] = "counts",
      [API_MODEL] = "object",    [API_MODELS] = "objects",
  };
  return field->words != NULL ? field->words : names[field->kind];
}

static void add_fields(page *p, const char *title, const api_field *fields, size_t count) {
  add(p, "<h4>");
  add_text(p, title);
  add(p, "</h4><table>");
  for (size_t i = 0; i < count; i++) {
    add(p, "<tr><td><code>");
    add_text(p, fields[i].name);
    add(p, "</code></td><td>");
    add_text(p, kind_name(&fields[i]));
    add(p, (fields[i].flags & API_NULLABLE) != 0 ? " or null</td><td>" : "</td><td>");
    add_text(p, fields[i].help);
    if (fields[i].initial != NULL) {
      add(p, "; default <code>");
      add_text(p, fields[i].initial);
      add(p, "</code>");
    }
    add(p, "</td></tr>");
  }
  add(p, "</table>");
}

static void add_route(page *p, const api_route *route) {
  add(p, "<details><summary><span class=\"m\">");
  add_text(p, http_method_name(route->method));
  add(p, "</span><code>");
  add_text(p, route->path);
  add(p, "</code> — ");
  add_text(p, route->summary);
  add(p, "</summary><p>Needs: ");
  add_text(p, route->rights == NULL ? "nothing" : route->rights);
  add(p, "</p>");
  if (route->query_count > 0) {
    add_fields(p, "Parameters", route->query, route->query_count);
  }
  if (route->body != NULL) {
    add_fields(p, "Body", route->body->fields, route->body->count);
  }
  const api_model *answer = route->answers[0].model;
  if (answer != NULL) {
    add_fields(p, route->answers[0].list ? "Answer: a list of" : "Answer", answer->fields,
               answer->count);
  }
  add(p, "</details>");
}

br_status api_get_docs(api_request *r, http_reply *reply, br_error *err) {
  page p = {.st = BR_OK, .err = err};
  br_buf_init(&p.text, BR_MIB(1));
  add(&p, top);
  for (size_t i = 0; i < api_route_count; i++) {
    add_route(&p, &api_routes[i]);
  }
  add(&p, "</body></html>\n");
  br_status st = p.st;
  if (st == BR_OK) {
    r->csp = csp;
    st = http_reply_bytes(reply, "text/html; charset=utf-8", p.text.data, p.text.len, err);
  }
  br_buf_done(&p.text);
  return st;
}
