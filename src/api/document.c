#include "api/document.h"

#include <string.h>

#include "api/routes.h"

/* What the route takes: its body's model and its parameters. */
static br_status takes(const api_route *route, br_buf *out, br_error *err) {
  br_status st = route->body == NULL ? BR_OK : br_buf_printf(out, err, "%s", route->body->name);
  for (size_t i = 0; i < route->query_count && st == BR_OK; i++) {
    st = br_buf_printf(out, err, "%s`%s`", i == 0 && route->body == NULL ? "" : ", ",
                       route->query[i].name);
  }
  return st;
}

static br_status answers(const api_route *route, br_buf *out, br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; i < API_ANSWERS_MAX && route->answers[i].status != 0 && st == BR_OK; i++) {
    const api_answer *answer = &route->answers[i];
    st = br_buf_printf(out, err, "%s%u", i == 0 ? "" : ", ", answer->status);
    if (st == BR_OK && answer->model != NULL) {
      st = br_buf_printf(out, err, " %s%s", answer->list ? "list of " : "", answer->model->name);
    }
  }
  for (size_t i = 0; i < API_ERRORS_MAX && route->errors[i] != 0 && st == BR_OK; i++) {
    st = br_buf_printf(out, err, ", %u", route->errors[i]);
  }
  return st;
}

br_status api_document(br_buf *out, br_error *err) {
  br_status st = br_buf_text(out,
                             "| route | what it does | takes | answers | who may |\n"
                             "|---|---|---|---|---|\n",
                             err);
  for (size_t i = 0; i < api_route_count && st == BR_OK; i++) {
    const api_route *route = &api_routes[i];
    st = br_buf_printf(out, err, "| `%s %s` | %s | ", http_method_name(route->method), route->path,
                       route->summary);
    st = st == BR_OK ? takes(route, out, err) : st;
    st = st == BR_OK ? br_buf_text(out, " | ", err) : st;
    st = st == BR_OK ? answers(route, out, err) : st;
    st = st == BR_OK ? br_buf_printf(out, err, " | %s |\n",
                                     route->rights == NULL ? "everybody" : route->rights)
                     : st;
  }
  return st;
}
