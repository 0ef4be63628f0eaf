/* One event against a SQL Server whose answers were written before: what makes it wait, and what
 * becomes of the session. */
#include "sync/apply.h"

#include <string.h>

#include "base/mem.h"
#include "canned.h"
#include "support/cmocka.h"

typedef struct fixture {
  canned server;
  sync_ledger ledger;
  sync_session session;
  sync_shelf shelf;
  sync_losses losses;
  sync_event *event;
  sync_rights rights;
  long allocations; /* after the rights are asked, so many succeed; -1 = all */
  sync_applied applied;
  br_status status;
  br_error err;
} fixture;

static void rights_of(void *context, const sync_actor *actor, const char *table,
                      sync_rights *ret_rights) {
  fixture *f = context;
  (void)table;
  assert_string_equal(actor->name, "tests");
  assert_false(actor->asked);
  *ret_rights = f->rights;
  br_mem_fail_after(f->allocations);
}

/* A DELETE by a condition. */
static void begin(fixture *f, const char *target) {
  memset(f, 0, sizeof *f);
  canned_init(&f->server);
  sync_losses_init(&f->losses);
  const sync_event_row row = {.event_id = "e1",
                              .operation = "DELETE",
                              .target_table = target,
                              .primary_keys = "[\"id\"]",
                              .filter_conditions = "{\"id\": 1}"};
  assert_int_equal(sync_event_make("c.s.events", &row, &f->event, NULL), BR_OK);
  assert_null(f->event->problem);
  assert_int_equal(sync_ledger_init(&f->ledger, "dbo.bridge_ledger", NULL), BR_OK);
  f->rights = (sync_rights){.may_write = true, .max_delete_rows = 10};
  f->allocations = -1;
}

/* The locks are granted, and the ledger knows nothing of the event. */
static void locked_and_new(fixture *f) {
  static const char *const lock[] = {"code", "name"}, *const granted[] = {"0", "bridge:table:1:2"};
  static const char *const row[] = {"status",  "event_hash",    "principal", "rows_affected",
                                    "warning", "error_message", "reported"};
  canned_table(&f->server, 2, lock, 1, granted);
  canned_table(&f->server, 7, row, 0, NULL);
}

static void apply(fixture *f) {
  canned_connect(&f->server);
  f->session = (sync_session){.conn = f->server.conn, .connections = 1};
  f->server.conn = NULL; /* the session's from here on */
  const sync_apply_options options = {.ledger = &f->ledger,
                                      .losses = &f->losses,
                                      .principal = "tests",
                                      .rights = rights_of,
                                      .rights_context = f};
  f->status = sync_apply(&options, &f->session, &f->shelf, f->event, &f->applied, &f->err);
  br_mem_fail_after(-1);
}

static void end(fixture *f) {
  sync_shelf_done(&f->shelf, &f->session);
  sync_report_done(&f->applied.report);
  sync_session_close(&f->session);
  sync_event_free(f->event);
  sync_losses_done(&f->losses);
  canned_done(&f->server);
}

static bool ledger_was_written(const fixture *f) {
  return canned_was_sent(&f->server, "INSERT INTO [dbo].[bridge_ledger]");
}

/* No audit can be written, say: that passes, and a failure would not. */
static void an_event_waits_while_rights_can_not_be_told(void **state) {
  (void)state;
  fixture f;
  begin(&f, "dbo.T");
  locked_and_new(&f);
  canned_nothing(&f.server); /* the locks are given back */
  f.rights = (sync_rights){.not_now = true, .reason = "The audit can't be written"};
  apply(&f);
  assert_int_equal(f.status, BR_OK);
  assert_int_equal(f.applied.verdict, SYNC_VERDICT_BUSY);
  assert_false(ledger_was_written(&f));
  assert_true(sync_session_is_usable(&f.session));
  end(&f);
}

/* The failure is written down (the answer counts no row: another worker was there before), and the
 * locks are given back. */
static void refused(fixture *f) {
  canned_nothing(&f->server);
  canned_nothing(&f->server);
}

static void what_may_not_be_written_fails(void **state) {
  (void)state;
  fixture f;
  begin(&f, "dbo.T");
  locked_and_new(&f);
  f.rights = (sync_rights){.reason = "no"};
  refused(&f);
  apply(&f);
  assert_true(ledger_was_written(&f));
  end(&f);
}

/* Sessions broke three times, in this process's memory: the ledger is asked, and nothing tried.
 * Those that broke before the event's row became what it is say nothing of this try. */
static void what_broke_its_sessions_fails(void **state) {
  (void)state;
  static const sync_ledger_row now = {.state = SYNC_LEDGER_NONE},
                               before = {.state = SYNC_LEDGER_FAILED, .changed_at = "then"};
  static const struct {
    const sync_ledger_row *row;
    int losses;
  } cases[] = {{&now, 2}, {&now, 3}, {&before, 3}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    fixture f;
    begin(&f, "dbo.T");
    for (int k = 0; k < cases[i].losses; k++) {
      sync_losses_add(&f.losses, f.event->fingerprint, cases[i].row, "gone");
    }
    locked_and_new(&f);
    f.rights = (sync_rights){.reason = "no"};
    canned_one_row(&f.server); /* in the ledger */
    canned_nothing(&f.server); /* the locks are given back */
    apply(&f);
    assert_int_equal(f.status, BR_OK);
    assert_int_equal(f.applied.report.status, SYNC_FAILED);
    assert_int_equal(strstr(f.applied.report.error_message, "in each of 3 attempts") != NULL,
                     i == 1);
    assert_true(ledger_was_written(&f));
    char last[SYNC_LOSS_MESSAGE_MAX];
    assert_int_equal(sync_losses_count(&f.losses, f.event->fingerprint, cases[i].row, last), 0);
    end(&f);
  }
}

/* A name that the server takes for the ledger's is refused, whatever its letters; another one with
 * such letters goes on to its rights. */
static void the_server_says_what_is_the_ledger(void **state) {
  (void)state;
  for (int64_t same = 0; same < 2; same++) {
    fixture f;
    begin(&f, "dbo.br\xC3\xAD"
              "dge_ledger");
    locked_and_new(&f);
    canned_number(&f.server, same);
    f.rights = (sync_rights){.reason = "no"};
    refused(&f);
    apply(&f);
    assert_true(canned_was_sent(&f.server, "OBJECT_ID(@a) = OBJECT_ID(@b)"));
    assert_true(ledger_was_written(&f));
    assert_int_equal(
        canned_was_sent(&f.server, "The ledger dbo.bridge_ledger is changed by no event"), same);
    end(&f);
  }
}

/* Our own lack of memory is not the event's fault. */
static void an_event_waits_while_there_is_no_memory(void **state) {
  (void)state;
  fixture f;
  begin(&f, "dbo.T");
  locked_and_new(&f);
  canned_nothing(&f.server); /* the locks are given back */
  f.allocations = 0;
  apply(&f);
  assert_int_equal(f.status, BR_ERR_NOMEM);
  assert_string_equal(f.err.message, "Out of memory");
  assert_false(ledger_was_written(&f));
  end(&f);
}

/* One of the two locks may have been granted before the statement failed. */
static void a_session_whose_locks_are_not_known_is_given_up(void **state) {
  (void)state;
  fixture f;
  begin(&f, "dbo.T");
  canned_error(&f.server, 50000, "no");
  apply(&f);
  assert_int_equal(f.status, BR_ERR_REMOTE);
  assert_false(sync_session_is_usable(&f.session));
  end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_event_waits_while_rights_can_not_be_told),
      cmocka_unit_test(what_may_not_be_written_fails),
      cmocka_unit_test(what_broke_its_sessions_fails),
      cmocka_unit_test(the_server_says_what_is_the_ledger),
      cmocka_unit_test(an_event_waits_while_there_is_no_memory),
      cmocka_unit_test(a_session_whose_locks_are_not_known_is_given_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
