/* The lock of a result folder in a volume, against a workspace that loses answers and refuses. */
#include "extract/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/databricks/support.h"

#define ROOT   "/Volumes/main/sales/landing"
#define FOLDER "C/q"

enum { LOCK_MAX = 4096 };

/* A folder of one file, the lock: as it was found, or as the last PUT made it. */
typedef struct workspace {
  const char *found;         /* NULL = not there */
  const script_request *put; /* its body has come when the next request does */
  size_t puts, gets;
  size_t lost_put;      /* the n-th PUT is done and its answer lost */
  size_t refused_get;   /* the n-th GET is refused */
  size_t cancelled_put; /* the n-th PUT is done, and its answer comes too late for the caller */
  br_cancel *cancel;    /* the caller's; NULL = none */
  char reply[8192];
  const extract_spool *spool; /* of the run that wants the lock; NULL = none */
} workspace;

static void lock_text(const workspace *w, char *text) {
  text[0] = '\0';
  if (w->found != NULL) {
    (void)snprintf(text, LOCK_MAX, "%s", w->found);
  } else if (w->put != NULL) {
    (void)snprintf(text, LOCK_MAX, "%.*s", (int)w->put->body_length, (const char *)w->put->body);
  }
}

static script_step put(workspace *w, const script_request *request) {
  bool lost = ++w->puts == w->lost_put;
  if (w->found != NULL || w->put != NULL) {
    return (script_step){.reply = script_json(409, NULL,
                                              "{\"error_code\":\"ALREADY_EXISTS\","
                                              "\"message\":\"The file exists already.\"}")};
  }
  w->put = request;
  if (w->puts == w->cancelled_put) {
    br_cancel_request(w->cancel);
    return (script_step){.reply = "HTTP/1.1 204 ", .then = SCRIPT_STALL};
  }
  return lost ? (script_step){.reply = "HTTP/1.1 204 ", .then = SCRIPT_CLOSE}
              : (script_step){.reply = "HTTP/1.1 204 No Content\r\n\r\n"};
}

static script_step get(workspace *w) {
  if (++w->gets == w->refused_get) {
    return (script_step){
        .reply =
            script_json(403, NULL, "{\"error_code\":\"PERMISSION_DENIED\",\"message\":\"no\"}")};
  }
  char text[LOCK_MAX];
  lock_text(w, text);
  (void)snprintf(w->reply, sizeof w->reply,
                 "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
                 "Content-Length: %zu\r\n\r\n%s",
                 strlen(text), text);
  return (script_step){.reply = w->reply};
}

static script_step choose(void *context, const script_request *request, size_t nth) {
  (void)nth;
  workspace *w = context;
  if (strcmp(request->method, "PUT") == 0) {
    return put(w, request);
  }
  if (strcmp(request->method, "GET") == 0) {
    return get(w);
  }
  w->found = NULL;
  w->put = NULL;
  return (script_step){.reply = "HTTP/1.1 204 No Content\r\n\r\n"};
}

/* Takes the lock as run "mine" and gives it up. ret_held, ret_left: its content in between, and
 * then. */
static br_status lock_and_unlock(workspace *w, char *ret_held, char *ret_left, br_error *err) {
  script_server *server = script_start_routed(choose, w);
  dbx_client *client = test_client(script_base(server));
  extract_place *place = NULL;
  assert_int_equal(extract_place_open(ROOT, client, w->spool, w->cancel, &place, NULL), BR_OK);
  br_status st = extract_place_lock(place, FOLDER, "mine", err);
  lock_text(w, ret_held);
  extract_place_close(place);
  lock_text(w, ret_left);
  dbx_client_free(client);
  script_stop(server);
  return st;
}

#define OLD "{\"run\":\"theirs\",\"host\":\"elsewhere\",\"pid\":7,\"since_us\":1}"
/* Since a time that has not come yet: never old. */
#define NEW "{\"run\":\"theirs\",\"host\":\"elsewhere\",\"pid\":7,\"since_us\":9000000000000000000}"

static void a_lock_whose_answer_was_lost_is_our_own(void **state) {
  (void)state;
  workspace w = {.lost_put = 1};
  char held[LOCK_MAX];
  char left[LOCK_MAX];
  br_error err = BR_ERROR_INIT;
  br_status st = lock_and_unlock(&w, held, left, &err);
  assert_string_equal(err.message, "");
  assert_int_equal(st, BR_OK);
  assert_int_equal(w.puts, 2);
  assert_non_null(strstr(held, "\"run\":\"mine\""));
  assert_string_equal(left, "");
}

/* A first lock, and one that takes over an old one: its PUT is the second. */
static void a_lock_that_a_cancel_cut_off_does_not_stay(void **state) {
  (void)state;
  for (size_t nth = 1; nth <= 2; nth++) {
    workspace w = {.found = nth == 2 ? OLD : NULL, .cancelled_put = nth};
    char held[LOCK_MAX];
    char left[LOCK_MAX];
    br_error err = BR_ERROR_INIT;
    assert_int_equal(br_cancel_new(&w.cancel, NULL), BR_OK);
    assert_int_equal(lock_and_unlock(&w, held, left, &err), BR_ERR_CANCELLED);
    assert_int_equal(w.puts, nth);
    assert_string_equal(left, "");
    br_cancel_free(w.cancel);
  }
}

static void a_living_run_keeps_its_lock(void **state) {
  (void)state;
  workspace w = {.found = NEW};
  char held[LOCK_MAX];
  char left[LOCK_MAX];
  br_error err = BR_ERROR_INIT;
  assert_int_equal(lock_and_unlock(&w, held, left, &err), BR_ERR_CONFLICT);
  assert_non_null(strstr(err.message, "Another run (theirs on elsewhere, process 7) is writing"));
  assert_string_equal(left, NEW);
}

static void an_old_lock_is_taken_over(void **state) {
  (void)state;
  workspace w = {.found = OLD};
  char held[LOCK_MAX];
  char left[LOCK_MAX];
  assert_int_equal(lock_and_unlock(&w, held, left, NULL), BR_OK);
  assert_non_null(strstr(held, "\"run\":\"mine\""));
  assert_string_equal(left, "");
}

static void a_lock_taken_over_is_given_up_where_it_can_not_be_checked(void **state) {
  (void)state;
  workspace w = {.found = OLD, .refused_get = 2};
  char held[LOCK_MAX];
  char left[LOCK_MAX];
  br_error err = BR_ERROR_INIT;
  assert_int_equal(lock_and_unlock(&w, held, left, &err), BR_ERR_AUTH);
  assert_int_equal(w.puts, 2);
  assert_string_equal(left, "");
}

/* A container that was started again: other process ids, perhaps another host, the same folder. */
static void a_lock_of_a_run_that_died_in_our_spool_folder_is_taken_over(void **state) {
  (void)state;
  static char folder[] = "/tmp/bridge-spool-XXXXXX";
  extract_spool living = EXTRACT_SPOOL_INIT;
  extract_spool ours = EXTRACT_SPOOL_INIT;
  char theirs[LOCK_MAX];
  char held[LOCK_MAX];
  char left[LOCK_MAX];
  assert_non_null(mkdtemp(folder));
  assert_int_equal(extract_spool_open(&living, folder, "20130101T050000Z-1a2b3c4d", NULL), BR_OK);
  assert_int_equal(extract_spool_open(&ours, folder, "20130101T060000Z-00ff00ff", NULL), BR_OK);
  (void)snprintf(
      theirs, sizeof theirs,
      "{\"run\":\"20130101T050000Z-1a2b3c4d\",\"spool\":\"%s\",\"host\":\"elsewhere\",\"pid\":7,"
      "\"boot\":\"b\",\"pid_space\":\"p\",\"since_us\":9000000000000000000}",
      ours.id);
  workspace w = {.found = theirs, .spool = &ours};
  assert_int_equal(lock_and_unlock(&w, held, left, NULL), BR_ERR_CONFLICT);
  assert_string_equal(left, theirs);
  extract_spool_close(&living);
  w = (workspace){.found = theirs, .spool = &ours};
  assert_int_equal(lock_and_unlock(&w, held, left, NULL), BR_OK);
  assert_non_null(strstr(held, "\"run\":\"mine\""));
  assert_non_null(strstr(held, ours.id));
  assert_string_equal(left, "");
  extract_spool_close(&ours);
  char command[64] = "rm -rf ";
  assert_int_equal(system(strcat(command, folder)), 0);
}

static void a_lock_that_another_run_took_over_is_noticed_and_left_to_it(void **state) {
  (void)state;
  workspace w = {0};
  script_server *server = script_start_routed(choose, &w);
  dbx_client *client = test_client(script_base(server));
  extract_place *place = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(extract_place_open(ROOT, client, NULL, NULL, &place, NULL), BR_OK);
  assert_int_equal(extract_place_lock(place, FOLDER, "mine", &err), BR_OK);
  assert_int_equal(extract_place_still_locked(place, &err), BR_OK);
  w.found = NEW;
  assert_int_equal(extract_place_still_locked(place, &err), BR_ERR_CONFLICT);
  assert_non_null(strstr(err.message, "Another run took over the lock"));
  extract_place_close(place);
  assert_string_equal(w.found, NEW);
  dbx_client_free(client);
  script_stop(server);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_lock_whose_answer_was_lost_is_our_own),
      cmocka_unit_test(a_lock_that_a_cancel_cut_off_does_not_stay),
      cmocka_unit_test(a_living_run_keeps_its_lock),
      cmocka_unit_test(an_old_lock_is_taken_over),
      cmocka_unit_test(a_lock_of_a_run_that_died_in_our_spool_folder_is_taken_over),
      cmocka_unit_test(a_lock_that_another_run_took_over_is_noticed_and_left_to_it),
      cmocka_unit_test(a_lock_taken_over_is_given_up_where_it_can_not_be_checked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
