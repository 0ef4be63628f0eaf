/* YAML: values keep their spelling, everything has its place, what could surprise is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "settings/yaml.h"

static settings_yaml *parse(const char *text) {
  settings_yaml *root = NULL;
  br_error err = BR_ERROR_INIT;
  br_status st = settings_yaml_parse(text, strlen(text), "f.yaml", &root, &err);
  if (st != BR_OK) {
    print_error("%s\n", err.message);
  }
  assert_int_equal(st, BR_OK);
  return root;
}

static void assert_fails(const char *text, const char *message) {
  settings_yaml *root = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(settings_yaml_parse(text, strlen(text), "f.yaml", &root, &err), BR_ERR_DATA);
  assert_string_equal(err.message, message);
  assert_null(root);
}

static void values_keep_the_text_that_was_written(void **state) {
  (void)state;
  static const char *const spellings[] = {
      "1.0", "NO",   "yes", "007", "0x1F", "1e3",  "1_000", "2013-01-01", "12:30:00",
      "on",  "True", "+1",  ".5",  "0o17", ".inf", "=",     "a  b",       "J_Flights_CO"};
  for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
    char text[64];
    (void)snprintf(text, sizeof text, "k: %s", spellings[i]);
    settings_yaml *root = parse(text);
    assert_string_equal(settings_yaml_find(root, "k")->text, spellings[i]);
    assert_false(settings_yaml_find(root, "k")->is_null);
    settings_yaml_free(root);
  }
}

static void only_plain_null_words_are_no_value(void **state) {
  (void)state;
  settings_yaml *root = parse("a: null\nb: ~\nc:\nd: NULL\ne: Null\nf: !!null x\n");
  for (size_t i = 0; i < root->count; i++) {
    assert_true(root->children[i].is_null);
    assert_string_equal(root->children[i].text, "");
  }
  assert_int_equal(root->count, 6);
  settings_yaml_free(root);
  root = parse("a: 'null'\nb: \"~\"\nc: ''\nd: nULL\ne: !!str null\n");
  static const char *const texts[] = {"null", "~", "", "nULL", "null"};
  for (size_t i = 0; i < root->count; i++) {
    assert_false(root->children[i].is_null);
    assert_string_equal(root->children[i].text, texts[i]);
  }
  settings_yaml_free(root);
}

static void nodes_know_their_place(void **state) {
  (void)state;
  settings_yaml *root = parse("a: 1\nb:\n  c: [x, 'y']\n  d: >-\n    two\n    words\n");
  const settings_yaml *b = settings_yaml_find(root, "b");
  const settings_yaml *c = settings_yaml_find(b, "c");
  assert_int_equal(c->kind, SETTINGS_YAML_LIST);
  assert_int_equal(c->key_line, 3);
  assert_int_equal(c->key_column, 3);
  assert_int_equal(c->count, 2);
  assert_string_equal(c->children[1].text, "y");
  assert_int_equal(c->children[1].line, 3);
  assert_int_equal(c->children[1].column, 10);
  assert_string_equal(settings_yaml_find(b, "d")->text, "two words");
  assert_null(settings_yaml_find(b, "e"));
  settings_yaml_free(root);
}

static void an_empty_file_is_an_empty_map(void **state) {
  (void)state;
  static const char *const empty[] = {"", "# nothing\n", "---\n", "~", "\xEF\xBB\xBF", "{}"};
  for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
    settings_yaml *root = parse(empty[i]);
    assert_int_equal(root->kind, SETTINGS_YAML_MAP);
    assert_int_equal(root->count, 0);
    settings_yaml_free(root);
  }
}

static void what_could_surprise_is_refused_with_its_place(void **state) {
  (void)state;
  assert_fails("a: 1\nb: 2\na: 3\n",
               "f.yaml, line 3, column 1: the key 'a' stands already in line 1");
  assert_fails("x:\n  a: 1\n  'a': 3\n",
               "f.yaml, line 3, column 3: the key 'a' stands already in line 2");
  assert_fails("a: &x 1\n",
               "f.yaml, line 1, column 4: anchors (&name) are not supported; write the value out");
  assert_fails("a: *x\n",
               "f.yaml, line 1, column 4: aliases (*name) are not supported; write the value out");
  assert_fails("a: 1\n<<: {b: 2}\n",
               "f.yaml, line 2, column 1: merge keys (<<) are not supported; write the keys out");
  assert_fails("a: !mine 1\n",
               "f.yaml, line 1, column 4: this tag (!…) is not supported; write a plain value");
  assert_fails("? [a]\n: 1\n", "f.yaml, line 1, column 3: a key must be a plain name");
  assert_fails("a: 1\n---\nb: 2\n",
               "f.yaml, line 2, column 1: a second document (---) begins here");
  assert_fails("a: \"x\\0y\"\n", "f.yaml, line 1, column 4: a value holds a NUL byte");
}

static void broken_files_name_line_and_column(void **state) {
  (void)state;
  assert_fails("a: 1\n b: 2\n",
               "f.yaml, line 2, column 3: mapping values are not allowed in this context");
  assert_fails("a: [1, 2\nb: 3\n",
               "f.yaml, line 2, column 2: did not find expected ',' or ']' (while parsing a flow "
               "sequence from line 1 on)");
  assert_fails("a:\n\tb: 1\n",
               "f.yaml, line 2, column 1: found character that cannot start any token");
  assert_fails("a: 'x\n",
               "f.yaml, line 2, column 1: found unexpected end of stream (while scanning "
               "a quoted scalar from line 1 on)");
  assert_fails("a: \xFF\n", "f.yaml, byte 3: invalid leading UTF-8 octet; save the file as UTF-8");
}

static void depth_is_bounded(void **state) {
  (void)state;
  char text[2 * 65 + 1];
  memset(text, '[', 65);
  memset(text + 65, ']', 65);
  text[sizeof text - 1] = '\0';
  assert_fails(text, "f.yaml, line 1, column 65: nested too deep");
  settings_yaml *root = NULL;
  assert_int_equal(settings_yaml_parse(text + 1, 128, "f.yaml", &root, NULL), BR_OK);
  settings_yaml_free(root);
}

static const char sample[] = "a: 1\nb:\n  c: [x, 'y', ~]\n  d: {e: f, g: [h]}\ni: |\n  text\n";

static void every_cut_of_a_file_is_read_or_refused(void **state) {
  (void)state;
  for (size_t length = 0; length < sizeof sample; length++) {
    settings_yaml *root = NULL;
    br_status st = settings_yaml_parse(sample, length, "f.yaml", &root, NULL);
    assert_true(st == BR_OK || st == BR_ERR_DATA);
    settings_yaml_free(root);
  }
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state) {
  (void)state;
  for (long n = 0;; n++) {
    settings_yaml *root = NULL;
    br_mem_fail_after(n);
    br_status st = settings_yaml_parse(sample, sizeof sample - 1, "f.yaml", &root, NULL);
    br_mem_fail_after(-1);
    if (st == BR_OK) {
      assert_true(n > 15);
      settings_yaml_free(root);
      break;
    }
    assert_int_equal(st, BR_ERR_NOMEM);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_keep_the_text_that_was_written),
      cmocka_unit_test(only_plain_null_words_are_no_value),
      cmocka_unit_test(nodes_know_their_place),
      cmocka_unit_test(an_empty_file_is_an_empty_map),
      cmocka_unit_test(what_could_surprise_is_refused_with_its_place),
      cmocka_unit_test(broken_files_name_line_and_column),
      cmocka_unit_test(depth_is_bounded),
      cmocka_unit_test(every_cut_of_a_file_is_read_or_refused),
      cmocka_unit_test(every_failing_allocation_is_reported_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
