#include "base/secret.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "support/cmocka.h"
#include "support/torture.h"

static const char password[] = "pa ss/w+rd?\"\\é1";

static int forget(void **state) {
  (void)state;
  br_secret_forget_all();
  return 0;
}

static br_secret *make(const char *text) {
  br_secret *secret = NULL;
  assert_int_equal(br_secret_new(text, &secret, NULL), BR_OK);
  return secret;
}

static void assert_redacted(const char *text, const char *wanted) {
  char copy[1024];
  (void)snprintf(copy, sizeof copy, "%s", text);
  br_secret_redact(copy);
  assert_string_equal(copy, wanted);
}

static void the_text_comes_out_only_when_asked_for(void **state) {
  (void)state;
  br_secret *secret = make("abcdef");
  br_secret *copy = NULL;
  assert_int_equal(br_secret_copy(secret, &copy, NULL), BR_OK);
  br_secret_free(secret);
  assert_string_equal(br_secret_reveal(copy), "abcdef");
  assert_false(br_secret_empty(copy));
  br_secret_free(copy);
  assert_string_equal(br_secret_reveal(NULL), "");
  assert_true(br_secret_empty(NULL));
  br_secret *empty = make("");
  assert_true(br_secret_empty(empty));
  br_secret_free(empty);
}

static void a_new_text_is_seen_by_all_copies(void **state) {
  (void)state;
  br_secret *secret = make("abcdef");
  br_secret *copy = NULL;
  assert_int_equal(br_secret_copy(secret, &copy, NULL), BR_OK);
  const char *held = br_secret_reveal(copy);
  assert_int_equal(br_secret_version(copy), 0);
  assert_int_equal(br_secret_replace(secret, "ghijkl", NULL), BR_OK);
  assert_string_equal(br_secret_reveal(copy), "ghijkl");
  assert_string_equal(held, "abcdef"); /* who is using it goes on */
  assert_int_equal(br_secret_version(copy), 1);
  assert_redacted("abcdef ghijkl", "*** ***");
  br_secret_free(secret);
  assert_string_equal(br_secret_reveal(copy), "ghijkl");
  br_secret_free(copy);
  assert_int_equal(br_secret_version(NULL), 0);
}

static void raw_text_is_redacted_wherever_it_stands(void **state) {
  (void)state;
  br_secret_free(make("hunter2!"));
  assert_redacted("hunter2!", "***");
  assert_redacted("PWD=hunter2!;hunter2!x", "PWD=***;***x");
  assert_redacted("hunter2", "hunter2");
  assert_redacted("", "");
  assert_redacted("hunhunter2!ter2!", "hun***ter2!");
}

static void redaction_outlives_the_secret(void **state) {
  (void)state;
  br_secret_free(make("long gone"));
  assert_redacted("it was long gone.", "it was ***.");
}

static void url_encoded_forms_are_redacted(void **state) {
  (void)state;
  br_secret_free(make(password));
  assert_redacted("u=pa%20ss%2Fw%2Brd%3F%22%5C%C3%A91&x", "u=***&x");
  assert_redacted("u=pa+ss%2fw%2brd%3f%22%5c%c3%a91&x", "u=***&x");
  assert_redacted("u=pa%20ss/w%2Brd?%22%5C%C3%A91", "u=***");
  /* Everything encoded, letters too. */
  assert_redacted("%70%61%20%73%73%2F%77%2B%72%64%3F%22%5C%C3%A9%31", "***");
}

static void json_escaped_forms_are_redacted(void **state) {
  (void)state;
  br_secret_free(make(password));
  assert_redacted("{\"p\":\"pa ss\\/w+rd?\\\"\\\\é1\"}", "{\"p\":\"***\"}");
  assert_redacted("pa\\u0020ss/w\\u002Brd?\\u0022\\\\é1", "***");
}

static void a_secret_full_of_escapes_is_found_raw_too(void **state) {
  (void)state;
  br_secret_free(make("\\c\n\\\\\\"));
  br_secret_free(make("100%25 sure"));
  assert_redacted("x\\c\n\\\\\\c", "x***c");
  assert_redacted("x\\\\c\\n\\\\\\\\\\\\c", "x***c");
  assert_redacted("100%25 sure 100%2525+sure", "*** ***");
}

/* before + secret + behind in base64. */
static void encode_between(const char *before, const char *text, const char *behind, char *out,
                           size_t size) {
  char plain[256];
  (void)snprintf(plain, sizeof plain, "%s%s%s", before, text, behind);
  br_buf buf;
  br_buf_init(&buf, 1000);
  assert_int_equal(br_base64_encode((const uint8_t *)plain, strlen(plain), &buf, NULL), BR_OK);
  (void)snprintf(out, size, "%s", br_buf_cstr(&buf));
  br_buf_done(&buf);
}

/* No run of text may be left that decodes to four bytes of the secret, in whatever alignment. */
static void assert_nothing_to_decode(const char *text, const char *secret) {
  for (size_t skip = 0; skip < 4 && skip < strlen(text); skip++) {
    char digits[512];
    size_t count = 0;
    for (const char *p = text + skip; *p != '\0' && count < sizeof digits - 1; p++) {
      digits[count++] = *p == '*' || *p == '=' ? 'A' : *p;
    }
    count -= count % 4;
    br_buf buf;
    br_buf_init(&buf, 1000);
    assert_int_equal(br_base64_decode(digits, count, &buf, NULL), BR_OK);
    for (size_t i = 0; i + 4 <= strlen(secret); i++) {
      assert_null(buf.len == 0 ? NULL : memmem(buf.data, buf.len, secret + i, 4));
    }
    br_buf_done(&buf);
  }
}

static void base64_is_redacted_in_all_three_alignments(void **state) {
  (void)state;
  static const char *const secrets[] = {"abcd", "hunter2!", "dapi0123456789abcdef",
                                        "\xC3\xBF\xC3\xBE?>~~"};
  static const char *const around[] = {"", "u", "us", "use", "user:", "\xFF\xFF"};
  for (size_t s = 0; s < sizeof secrets / sizeof secrets[0]; s++) {
    br_secret_free(make(secrets[s]));
    for (size_t a = 0; a < sizeof around / sizeof around[0]; a++) {
      for (size_t b = 0; b < sizeof around / sizeof around[0]; b++) {
        char encoded[512];
        encode_between(around[a], secrets[s], around[b], encoded, sizeof encoded);
        br_secret_redact(encoded);
        assert_non_null(strstr(encoded, "***"));
        assert_nothing_to_decode(encoded, secrets[s]);
      }
    }
  }
}

static void the_url_alphabet_of_base64_is_redacted_too(void **state) {
  (void)state;
  br_secret_free(make("\xFB\xEF\xBE\xFF\xFF\xFF"));
  assert_redacted("x ++++//// y", "x *** y");
  assert_redacted("x ----____ y", "x *** y");
}

static void hex_is_redacted(void **state) {
  (void)state;
  br_secret_free(make("ab\xFFz"));
  assert_redacted("x 6162ff7a y", "x *** y");
  assert_redacted("0x6162FF7A", "0x***");
  assert_redacted("6162ff7", "6162ff7");
}

static void tokens_are_known_by_their_form(void **state) {
  (void)state;
  static const char token[] = "sdb_abcdefghijABCDEFGHIJ0123456789-_abcdefghijA";
  char text[128];
  (void)snprintf(text, sizeof text, "GET /jobs/%s 404", token);
  assert_redacted(text, "GET /jobs/*** 404");
  (void)snprintf(text, sizeof text, "%.*s 404", (int)sizeof token - 2, token);
  assert_redacted(text, text);
  assert_redacted("sdb_1", "sdb_1");
}

static void assert_cut(const char *text, const char *wanted) {
  char copy[256];
  (void)snprintf(copy, sizeof copy, "%s", text);
  br_secret_redact_cut(copy);
  assert_string_equal(copy, wanted);
}

static void the_end_of_a_cut_text_holds_no_beginning(void **state) {
  (void)state;
  br_secret_free(make("hunter2!?"));
  assert_cut("it is hunter2", "it is ***");
  assert_cut("it is %68unter2%2", "it is ***");
  assert_cut("it is %68unter2%", "it is ***");
  assert_cut("it is %68unter2%3", "it is %68unter2%3"); /* no "!" */
  assert_cut("it is hunter2\\", "it is ***");
  assert_cut("it is hunter2\\u00", "it is ***");
  assert_cut("it is hunter2\\n", "it is hunter2\\n");
  assert_cut("it is 68756e746572", "it is ***");
  assert_cut("it is 68756e7465723", "it is ***");
  assert_cut("it is aHVudGVyM", "it is ***");
  assert_cut("the hunt", "the hunt");
  assert_cut("hunter2 and more", "hunter2 and more");
  assert_cut("token sdb_abc", "token ***");
  assert_redacted("it is hunter2", "it is hunter2");
}

static void assert_excerpt(const char *text, size_t length, size_t most, const char *wanted) {
  char shown[BR_EXCERPT_MAX + BR_EXCERPT_MORE + 1];
  memset(shown, '#', sizeof shown);
  assert_int_equal(br_secret_excerpt(shown, most, text, length), strlen(wanted));
  assert_string_equal(shown, wanted);
  assert_int_equal(shown[most + BR_EXCERPT_MORE], '#');
}

static void an_excerpt_is_whole_characters_without_secrets(void **state) {
  (void)state;
  br_secret_free(make("swordfish-and-chips-for-two"));
  assert_excerpt("", 0, 10, "");
  assert_excerpt("abcdef", 6, 6, "abcdef");
  assert_excerpt("abcdef", 6, 5, "abcde…");
  assert_excerpt("abcdef", 6, 0, "…");
  assert_excerpt("aé€😀", 10, 10, "aé€😀");
  assert_excerpt("aé€😀", 10, 9, "aé€…");
  assert_excerpt("aé€😀", 10, 5, "aé…");
  assert_excerpt("x\0y\xFFz", 5, 10, "x?y?z");
  assert_excerpt("\x80\x80\x80\x80\x80\x80", 6, 2, "??…");
  assert_excerpt("is swordfish-and-chips-for-two.", 31, 20, "is ***.");
  for (size_t before = 0; before < 80; before++) {
    char text[200], shown[64 + BR_EXCERPT_MORE];
    (void)snprintf(
        text, sizeof text, "%.*s%s and so on, and on and on", (int)before,
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "swordfish-and-chips-for-two");
    (void)br_secret_excerpt(shown, 64, text, strlen(text));
    assert_null(strstr(shown, "sw"));
  }
  /* The first one's redaction brings the end of what was looked at into view. */
  br_secret_free(
      make("0123456789012345678901234567890123456789012345678901234567890123456789abcdef"));
  for (size_t between = 0; between < 80; between++) {
    char text[300], seen[64 + BR_EXCERPT_MORE];
    (void)snprintf(
        text, sizeof text,
        "0123456789012345678901234567890123456789012345678901234567890123456789abcdef%.*s"
        "swordfish-and-chips-for-two and so on, and on and on and on and on and on and on",
        (int)between,
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    (void)br_secret_excerpt(seen, 64, text, strlen(text));
    assert_null(strstr(seen, "sw"));
  }
  char wide[5000];
  memset(wide, 'w', sizeof wide);
  char shown[BR_EXCERPT_MAX + BR_EXCERPT_MORE];
  assert_int_equal(br_secret_excerpt(shown, BR_EXCERPT_MAX, wide, sizeof wide), BR_EXCERPT_MAX + 3);
}

static void one_more_text_is_redacted_and_not_kept(void **state) {
  (void)state;
  char text[] = "sig=abc%2Bdef and abc+de";
  br_secret_redact_also(text, "abc+def");
  assert_string_equal(text, "sig=*** and ***");
  assert_redacted("abc+def", "abc+def");
}

static void errors_hold_no_secret(void **state) {
  (void)state;
  br_secret_free(make("hunter2!?"));
  br_error err = BR_ERROR_INIT;
  br_error_set(&err, BR_ERR_REMOTE, "wrong password hunter2!?");
  assert_string_equal(err.message, "wrong password ***");
  br_error_context(&err, BR_ERR_REMOTE, "user hunter2!?");
  br_error_append(&err, BR_ERR_REMOTE, " (%s)", "aHVudGVyMiE/");
  assert_string_equal(err.message, "user ***: wrong password *** (***)");
  char filler[BR_ERROR_MESSAGE_MAX];
  memset(filler, 'x', sizeof filler);
  filler[BR_ERROR_MESSAGE_MAX - 8] = '\0';
  br_error_set(&err, BR_ERR_REMOTE, "%shunter2!?", filler);
  assert_null(strstr(err.message, "hunt"));
}

static void padding_goes_with_the_secret(void **state) {
  (void)state;
  br_secret_free(make("abcde"));
  assert_redacted("Basic YWJjZGU=", "Basic ***");
}

static void overlapping_secrets_leave_no_rest(void **state) {
  (void)state;
  br_secret_free(make("abcdef"));
  br_secret_free(make("defghi"));
  br_secret_free(make("abcd"));
  assert_redacted("xabcdefghiy", "x***y");
  assert_redacted("xabcdey", "x***ey");
  assert_redacted("abcdabcd", "******");
}

static void short_secrets_do_not_blot_out_words(void **state) {
  (void)state;
  br_secret_free(make("sa"));
  br_secret_free(make("abc"));
  assert_redacted("said abc", "said abc");
}

static void forgetting_ends_the_redaction(void **state) {
  (void)state;
  br_secret_free(make("hunter2!"));
  br_secret_forget_all();
  assert_redacted("hunter2!", "hunter2!");
}

/* A service renews its token each hour for months. */
static void tokens_that_pass_are_forgotten_after_a_while(void **state) {
  (void)state;
  br_secret_forget_all();
  br_secret *lasting = make("passing-token-7");
  br_secret *current = NULL;
  br_secret *twice = NULL;
  for (int i = 0; i < 1000; i++) {
    char text[32];
    br_secret *next = NULL;
    (void)snprintf(text, sizeof text, "passing-token-%03d", i);
    assert_int_equal(br_secret_new_passing(text, &next, NULL), BR_OK);
    br_secret_free(current);
    current = next;
    if (i == 8) { /* it is given once more, and stays in use */
      assert_int_equal(br_secret_new_passing(text, &twice, NULL), BR_OK);
    }
  }
  assert_int_equal(br_secret_count(), BR_SECRETS_PASSED + 3);
  assert_redacted("is passing-token-999", "is ***");
  assert_redacted("is passing-token-998", "is ***");
  assert_redacted("is passing-token-967", "is ***");
  assert_redacted("is passing-token-966", "is passing-token-966");
  assert_redacted("is passing-token-008", "is ***");
  br_secret_free(twice);
  br_secret_free(current);
  br_secret_free(lasting);
  assert_redacted("is passing-token-008", "is ***"); /* it was the oldest, but freed late */
  assert_int_equal(br_secret_count(), BR_SECRETS_PASSED + 1);
  assert_redacted("is passing-token-7", "is ***");
  /* What is registered for good as well stays. */
  assert_int_equal(br_secret_new_passing("for-good-4711", &current, NULL), BR_OK);
  lasting = make("for-good-4711");
  br_secret_free(current);
  br_secret_free(lasting);
  assert_int_equal(br_secret_count(), BR_SECRETS_PASSED + 2);
  assert_redacted("is for-good-4711", "is ***");
}

static void a_giant_secret_is_refused(void **state) {
  (void)state;
  size_t length = 2 * 1024 * 1024;
  char *text = br_malloc(length + 1);
  assert_non_null(text);
  memset(text, 'x', length);
  text[length] = '\0';
  br_secret *secret = NULL;
  assert_int_equal(br_secret_new(text, &secret, NULL), BR_ERR_LIMIT);
  assert_null(secret);
  br_free(text);
}

static void escapes_cut_by_the_end_are_no_read_behind_it(void **state) {
  (void)state;
  br_secret_free(make("a%b\\c"));
  static const char *const ends[] = {"a%", "a%2", "a%25b\\", "a%25b\\u", "a%25b\\u005", "a%25b%5"};
  for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
    char *text = br_strdup(ends[i]);
    br_secret_redact(text);
    assert_string_equal(text, ends[i]);
    br_free(text);
  }
}

static br_status make_and_free(void *context, br_error *err) {
  (void)context;
  br_secret *secret = NULL;
  br_secret *copy = NULL;
  br_secret_forget_all();
  br_status st = br_secret_new("some secret", &secret, err);
  if (st == BR_OK && (st = br_secret_copy(secret, &copy, err)) == BR_OK) {
    br_secret_free(copy);
    st = br_secret_replace(secret, "another secret", err);
  }
  br_secret_free(secret);
  return st;
}

static void secrets_survive_every_failing_allocation(void **state) {
  (void)state;
  torture_allocations(make_and_free, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(the_text_comes_out_only_when_asked_for, forget),
      cmocka_unit_test_teardown(a_new_text_is_seen_by_all_copies, forget),
      cmocka_unit_test_teardown(raw_text_is_redacted_wherever_it_stands, forget),
      cmocka_unit_test_teardown(redaction_outlives_the_secret, forget),
      cmocka_unit_test_teardown(url_encoded_forms_are_redacted, forget),
      cmocka_unit_test_teardown(json_escaped_forms_are_redacted, forget),
      cmocka_unit_test_teardown(a_secret_full_of_escapes_is_found_raw_too, forget),
      cmocka_unit_test_teardown(base64_is_redacted_in_all_three_alignments, forget),
      cmocka_unit_test_teardown(the_url_alphabet_of_base64_is_redacted_too, forget),
      cmocka_unit_test_teardown(hex_is_redacted, forget),
      cmocka_unit_test_teardown(tokens_are_known_by_their_form, forget),
      cmocka_unit_test_teardown(the_end_of_a_cut_text_holds_no_beginning, forget),
      cmocka_unit_test_teardown(an_excerpt_is_whole_characters_without_secrets, forget),
      cmocka_unit_test_teardown(one_more_text_is_redacted_and_not_kept, forget),
      cmocka_unit_test_teardown(errors_hold_no_secret, forget),
      cmocka_unit_test_teardown(padding_goes_with_the_secret, forget),
      cmocka_unit_test_teardown(overlapping_secrets_leave_no_rest, forget),
      cmocka_unit_test_teardown(short_secrets_do_not_blot_out_words, forget),
      cmocka_unit_test_teardown(forgetting_ends_the_redaction, forget),
      cmocka_unit_test_teardown(tokens_that_pass_are_forgotten_after_a_while, forget),
      cmocka_unit_test_teardown(a_giant_secret_is_refused, forget),
      cmocka_unit_test_teardown(escapes_cut_by_the_end_are_no_read_behind_it, forget),
      cmocka_unit_test_teardown(secrets_survive_every_failing_allocation, forget),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
