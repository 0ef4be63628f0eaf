/* Any text expands as a second, plainer expander says: {a} is 1, {b} is {a}, every other name is
 * missing. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "extract/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static extract_params *known(void) {
  static const char text[] = "a: 1\nb: '{a}'\n";
  settings_yaml *root = NULL;
  extract_params *params = NULL;
  if (settings_yaml_parse(text, sizeof text - 1, "f", &root, NULL) != BR_OK ||
      extract_params_merge(root, NULL, NULL, &params, NULL) != BR_OK) {
    abort();
  }
  settings_yaml_free(root);
  return params;
}

/* The length of {name} at p, braces included, 0 = none. */
static size_t placeholder(const uint8_t *p, size_t left) {
  size_t n = 1;
  if (left < 3 || p[0] != '{') {
    return 0;
  }
  while (n < left && ((p[n] >= 'a' && p[n] <= 'z') || (p[n] >= 'A' && p[n] <= 'Z') || p[n] == '_' ||
                      (n > 1 && p[n] >= '0' && p[n] <= '9'))) {
    n++;
  }
  return n > 1 && n < left && p[n] == '}' ? n + 1 : 0;
}

/* Returns false where a name is missing. */
static bool expand_plainly(const uint8_t *data, size_t size, br_buf *out) {
  bool complete = true;
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < size;) {
    size_t inner = data[i] == '{' && i + 1 < size ? placeholder(data + i + 1, size - i - 1) : 0;
    size_t outer = placeholder(data + i, size - i);
    if (inner > 0 && i + 1 + inner < size && data[i + 1 + inner] == '}') {
      st = br_buf_append(out, data + i + 1, inner, NULL);
      i += inner + 2;
    } else if (outer > 0) {
      bool is_a = outer == 3 && data[i + 1] == 'a';
      bool is_b = outer == 3 && data[i + 1] == 'b';
      complete = complete && (is_a || is_b);
      st = br_buf_text(out, is_a ? "1" : "{a}", NULL);
      i += outer;
    } else {
      st = br_buf_u8(out, data[i++], NULL);
    }
  }
  if (st != BR_OK) {
    abort();
  }
  return complete;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  extract_params *params = known();
  br_buf expected;
  br_buf got;
  br_buf_init(&expected, 1 << 22);
  br_buf_init(&got, 1 << 22);
  br_error err = BR_ERROR_INIT;
  bool complete = expand_plainly(data, size, &expected);
  br_status st = extract_template_expand("q", (const char *)data, size, params, &got, &err);
  if (complete ? st != BR_OK || got.len != expected.len ||
                     (got.len > 0 && memcmp(got.data, expected.data, got.len) != 0)
               : st != BR_ERR_USAGE || got.len != 0 ||
                     strstr(err.message, "Missing parameters for query 'q': ") != err.message) {
    abort();
  }
  br_buf_done(&expected);
  br_buf_done(&got);
  extract_params_free(params);
  return 0;
}
