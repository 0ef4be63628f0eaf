/* The first twenty rejected rows are named by their keys, however long, the others are counted. */
#include "sync/rejects.h"

#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "base/text.h"
#include "support/cmocka.h"
#include "support/torture.h"

static void twenty_rows_are_named_and_all_are_counted(void **state) {
  (void)state;
  batch_schema *schema = NULL;
  batch *b = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(batch_schema_new(2, &schema, NULL), BR_OK);
  assert_int_equal(
      batch_schema_set(schema, 0, "id", (batch_type){.layout = BATCH_INT32}, false, NULL), BR_OK);
  assert_int_equal(
      batch_schema_set(schema, 1, "name", (batch_type){.layout = BATCH_STRING}, true, NULL), BR_OK);
  assert_int_equal(batch_new(schema, 30, &b, NULL), BR_OK);
  for (size_t row = 0; row < 30; row++) {
    ((int32_t *)b->columns[0].values)[row] = (int32_t)row + 100;
    assert_int_equal(batch_column_append_bytes(&b->columns[1], row, "x", 1, NULL), BR_OK);
    b->rows++;
  }
  const size_t keys[] = {0};
  sync_rejects rejects;
  sync_rejects_init(&rejects, keys, 1);
  for (size_t row = 0; row < 30; row++) {
    assert_int_equal(sync_rejects_add(&rejects, b, row, "price", "'x' is no int", &err), BR_OK);
  }
  assert_int_equal(sync_rejects_fail(&rejects, &err), BR_ERR_DATA);
  assert_non_null(strstr(err.message, "30 rows can't be taken; nothing was changed: id=100, "
                                      "column 'price': 'x' is no int; id=101"));
  assert_non_null(strstr(err.message, "id=119, column"));
  assert_null(strstr(err.message, "id=120"));
  assert_non_null(strstr(err.message, "; and 10 more. Mend these values in the source"));
  sync_rejects_done(&rejects);

  sync_rejects_init(&rejects, NULL, 0);
  b->first_row = 1000;
  assert_int_equal(sync_rejects_add(&rejects, b, 4, "price", "NULL", &err), BR_OK);
  assert_int_equal(sync_rejects_fail(&rejects, &err), BR_ERR_DATA);
  assert_string_equal(err.message, "1 row can't be taken; nothing was changed: row 1005, column "
                                   "'price': NULL. Mend this value in the source");
  sync_rejects_done(&rejects);
  batch_free(b);
  batch_schema_free(schema);
}

/* What the tests' rows look like: text keys that begin with the row's number. */
typedef struct look {
  size_t rows, keys;
  const char *name, *name_letter; /* names: that and the key's number, then so many letters */
  size_t name_letters;
  const char *letter; /* values: the number, then so many letters */
  size_t letters;
  const char *column, *reason;
  size_t reason_times;
} look;

enum { KEYS_MAX = 64, TEXT_BYTES = 4096 };

static size_t repeat(char *text, size_t used, const char *letter, size_t times) {
  for (size_t i = 0; i < times; i++) {
    used += (size_t)snprintf(text + used, TEXT_BYTES - used, "%s", letter);
  }
  return used;
}

static batch *rows_like(const look *l, batch_schema **ret_schema) {
  char text[TEXT_BYTES];
  batch *b = NULL;
  assert_int_equal(batch_schema_new(l->keys, ret_schema, NULL), BR_OK);
  for (size_t i = 0; i < l->keys; i++) {
    size_t used = (size_t)snprintf(text, sizeof text, "%s%02zu", l->name, i);
    (void)repeat(text, used, l->name_letter, l->name_letters);
    const batch_type type = {.layout = BATCH_STRING};
    assert_int_equal(batch_schema_set(*ret_schema, i, text, type, true, NULL), BR_OK);
  }
  assert_int_equal(batch_new(*ret_schema, l->rows, &b, NULL), BR_OK);
  for (size_t row = 0; row < l->rows; row++) {
    size_t used = (size_t)snprintf(text, sizeof text, "%03zu", row);
    used = repeat(text, used, l->letter, l->letters);
    for (size_t i = 0; i < l->keys; i++) {
      assert_int_equal(batch_column_append_bytes(&b->columns[i], row, text, used, NULL), BR_OK);
    }
    b->rows++;
  }
  return b;
}

/* All rows are refused, as a load does it. */
static br_status refuse_all(const look *l, const batch *b, br_error *err) {
  char column[TEXT_BYTES], reason[TEXT_BYTES] = "";
  size_t keys[KEYS_MAX];
  sync_rejects rejects;
  for (size_t i = 0; i < l->keys; i++) {
    keys[i] = i;
  }
  (void)snprintf(column, sizeof column, "%s", l->column);
  (void)repeat(column, strlen(column), l->name_letter, l->name_letters);
  (void)repeat(reason, 0, l->reason, l->reason_times);
  sync_rejects_init(&rejects, keys, l->keys);
  br_status st = BR_OK;
  for (size_t row = 0; row < b->rows && st == BR_OK; row++) {
    st = sync_rejects_add(&rejects, b, row, column, reason, err);
  }
  st = st == BR_OK ? sync_rejects_fail(&rejects, err) : st;
  sync_rejects_done(&rejects);
  return st;
}

static size_t count_of(const char *text, const char *word, const char *end) {
  size_t count = 0;
  for (const char *at = strstr(text, word); at != NULL && at < end; at = strstr(at + 1, word)) {
    count++;
  }
  return count;
}

/* Each of the first twenty rows has its number in each key that is shown, its column and what is
 * wrong with it; the message ends with how many more there are. */
static void expect_twenty(const look *l, size_t keys_shown) {
  static const char words[] = "nothing was changed: ";
  char begin[64], column[64], more[64];
  batch_schema *schema = NULL;
  batch *b = rows_like(l, &schema);
  br_error err = BR_ERROR_INIT;
  assert_int_equal(refuse_all(l, b, &err), BR_ERR_DATA);
  assert_true(br_utf8_valid(err.message, strlen(err.message), NULL));
  (void)snprintf(more, sizeof more, "; and %zu more. Mend these values in the source",
                 l->rows - SYNC_LISTING_ENTRIES);
  (void)snprintf(column, sizeof column, ", column '%s", l->column);
  const char *at = strstr(err.message, words);
  assert_non_null(at);
  at += strlen(words);
  for (size_t row = 0; row < SYNC_LISTING_ENTRIES; row++) {
    const char *end = strstr(at, "; ");
    const char *told = strstr(at, column), *why = strstr(at, "': ");
    assert_true(told != NULL && why != NULL && end != NULL && told < why && why < end);
    (void)snprintf(begin, sizeof begin, "%s00", l->name);
    assert_int_equal(strncmp(at, begin, strlen(begin)), 0);
    (void)snprintf(begin, sizeof begin, "=%03zu", row);
    assert_int_equal(count_of(at, begin, told), keys_shown);
    const size_t whole = strlen(l->reason), sure = l->reason_times == 1 ? whole : 20;
    assert_int_equal(strncmp(why + 3, l->reason, sure), 0);
    at = end + 2;
  }
  assert_string_equal(at - 2, more);
  batch_free(b);
  batch_schema_free(schema);
}

static const look worst = {.rows = 1000,
                           .keys = 16,
                           .name = "k",
                           .name_letter = "€",
                           .name_letters = 125,
                           .letter = "€",
                           .letters = 40,
                           .column = "price",
                           .reason = "12 characters, the column takes 10",
                           .reason_times = 1};

/* Keys, names and reasons of all lengths: twenty rows are always shown. */
static void twenty_rows_are_shown_however_long_their_keys(void **state) {
  (void)state;
  static const char reason[] = "12 characters, the column takes 10";
  static const look cases[] = {
      {25, 2, "customer_", "n", 4, "x", 50, "price", reason, 1},
      {25, 2, "customer_", "n", 4, "x", 200, "price", reason, 1},
      {200, 4, "customer_", "ñ", 40, "é", 200, "price", reason, 1},
      {1000, 8, "k", "😀", 64, "😀", 200, "price", reason, 60},
      {1000, 16, "k", "€", 125, "€", 40, "price", reason, 1},
      {1000, 16, "k", "😀", 62, "😀", 40, "price", reason, 60},
      {1000, 16, "k", "n", 125, "n", 400, "price", reason, 60},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    expect_twenty(&cases[i], cases[i].keys);
  }
}

/* More keys than can be told apart in the room: the first and the last ones are shown. */
static void very_many_keys_leave_some_in_the_middle_out(void **state) {
  (void)state;
  const look l = {30, 64, "k", "€", 125, "€", 40, "price", "NULL", 1};
  batch_schema *schema = NULL;
  batch *b = rows_like(&l, &schema);
  br_error err = BR_ERROR_INIT;
  assert_int_equal(refuse_all(&l, b, &err), BR_ERR_DATA);
  const char *second = strstr(err.message, "; k00");
  assert_non_null(second);
  const char *left_out = strstr(second, ", …, k"),
             *last = strstr(second, ", k63…=001…, column 'price");
  assert_true(left_out != NULL && last != NULL && left_out < last);
  assert_in_range(count_of(second, "=001", last + 16), 14, 20);
  assert_int_equal(count_of(err.message, "; k00", strchr(err.message, '\0')), 19);
  assert_non_null(strstr(err.message, "; and 10 more"));
  batch_free(b);
  batch_schema_free(schema);
}

static void add_entry(sync_listing *list, const char *value) {
  sync_listing_begin(list);
  assert_int_equal(sync_listing_value(list, "id", value, strlen(value), NULL), BR_OK);
  sync_listing_end(list);
}

/* What short entries don't need is there for a long one, which gives way in its middle. */
static void short_entries_leave_their_room_to_long_ones(void **state) {
  (void)state;
  sync_listing list;
  sync_listing_init(&list, 2 * 6 + 22);
  add_entry(&list, "1");
  add_entry(&list, "beginning-of-it-and-end");
  add_entry(&list, "2");
  assert_int_equal(sync_listing_close(&list, 3, NULL), BR_OK);
  assert_string_equal((const char *)list.text.data, "id=1; id=beginning-…-end; id=2");
  sync_listing_done(&list);

  const size_t wanted[] = {5, 100, 7, 300};
  assert_int_equal(sync_fair_share(wanted, 4, 412), SIZE_MAX);
  assert_int_equal(sync_fair_share(wanted, 4, 411), 299);
  assert_int_equal(sync_fair_share(wanted, 4, 112), 50);
  assert_int_equal(sync_fair_share(wanted, 4, 0), 0);
}

/* Even where a listing has no room for anything, each entry is there, and whole characters. */
static void something_is_always_shown(void **state) {
  (void)state;
  static const struct {
    size_t room;
    const char *text;
  } cases[] = {{30, "a=€…; a=€…; and 5 more"}, {6, "…; …; and 5 more"}, {0, "…; …; and 5 more"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    sync_listing list;
    sync_listing_init(&list, i == 0 ? 2 * 11 : cases[i].room);
    for (int n = 0; n < 2; n++) {
      sync_listing_begin(&list);
      assert_int_equal(sync_listing_words(&list, "a=€€€", NULL), BR_OK);
      sync_listing_end(&list);
    }
    assert_int_equal(sync_listing_close(&list, 7, NULL), BR_OK);
    assert_string_equal((const char *)list.text.data, cases[i].text);
    sync_listing_done(&list);
  }
}

/* A secret that a cut would tear is gone before the cut; so are bytes that end or break a text. */
static void what_is_cut_holds_no_secret_and_is_utf8(void **state) {
  (void)state;
  static const char secret[] = "swordfish-and-chips";
  char value[200] = "";
  br_secret *kept = NULL;
  assert_int_equal(br_secret_new(secret, &kept, NULL), BR_OK);
  for (size_t before = 0; before < 70; before++) {
    sync_listing list;
    sync_listing_init(&list, 30);
    (void)snprintf(value + repeat(value, 0, "x", before), sizeof value - before, "%s and so on",
                   secret);
    add_entry(&list, value);
    add_entry(&list, value);
    assert_int_equal(sync_listing_close(&list, 2, NULL), BR_OK);
    const char *text = (const char *)list.text.data;
    assert_null(strstr(text, "sword"));
    assert_null(strstr(text, "chips"));
    sync_listing_done(&list);
  }
  br_secret_free(kept);
  br_secret_forget_all();

  sync_listing list;
  sync_listing_init(&list, 100);
  sync_listing_begin(&list);
  assert_int_equal(sync_listing_value(&list, "a", "x\0y\xFFz", 5, NULL), BR_OK);
  assert_int_equal(sync_listing_value(&list, "b", NULL, 0, NULL), BR_OK);
  assert_int_equal(sync_listing_value(&list, "c", "", 0, NULL), BR_OK);
  sync_listing_end(&list);
  assert_int_equal(sync_listing_close(&list, 1, NULL), BR_OK);
  assert_string_equal((const char *)list.text.data, "a=x?y?z, b=NULL, c=");
  sync_listing_done(&list);
}

static br_status refuse_worst(void *context, br_error *err) {
  br_status st = refuse_all(&worst, context, err);
  return st == BR_ERR_DATA ? BR_OK : st;
}

static void each_allocation_may_fail(void **state) {
  (void)state;
  batch_schema *schema = NULL;
  batch *b = rows_like(&worst, &schema);
  torture_allocations(refuse_worst, b);
  batch_free(b);
  batch_schema_free(schema);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(twenty_rows_are_named_and_all_are_counted),
      cmocka_unit_test(twenty_rows_are_shown_however_long_their_keys),
      cmocka_unit_test(very_many_keys_leave_some_in_the_middle_out),
      cmocka_unit_test(short_entries_leave_their_room_to_long_ones),
      cmocka_unit_test(something_is_always_shown),
      cmocka_unit_test(what_is_cut_holds_no_secret_and_is_utf8),
      cmocka_unit_test(each_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
