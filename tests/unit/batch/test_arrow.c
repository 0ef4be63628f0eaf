#include <string.h>

#include "base/mem.h"
#include "batch/batch.h"
#include "samples.h"
#include "support/cmocka.h"
#include "support/torture.h"

/* Makes a batch, hands it over, takes it back and compares. */
static br_status there_and_back(void *context, br_error *err) {
  const unsigned nulls_every = *(const unsigned *)context;
  batch_schema *schema = NULL;
  batch_schema *taken = NULL;
  batch *b = NULL;
  batch *back = NULL;
  struct ArrowSchema arrow_schema = {0};
  struct ArrowArray arrow_array = {0};
  br_status st = sample_schema(true, &schema, err);
  if (st == BR_OK) {
    st = batch_new(schema, 20, &b, err);
  }
  for (int i = 0; st == BR_OK && i < 20; i++) {
    st = sample_append(b, nulls_every, err);
  }
  if (st == BR_OK) {
    st = batch_export_schema(schema, &arrow_schema, err);
  }
  if (st == BR_OK) {
    st = batch_export(b, &arrow_array, err);
    /* Moved as a whole, or left alone as a whole. */
    assert_int_equal(b->rows, st == BR_OK ? 0 : 20);
    assert_int_equal(b->columns[0].values == NULL, st == BR_OK);
  }
  if (arrow_schema.release != NULL && st == BR_OK) {
    st = batch_import_schema(&arrow_schema, &taken, err);
    assert_null(arrow_schema.release);
  }
  if (arrow_array.release != NULL && st == BR_OK) {
    st = batch_import(&arrow_array, taken, &back, err);
    assert_null(arrow_array.release);
  }
  if (st == BR_OK) {
    assert_true(batch_schema_equal(schema, taken));
    assert_int_equal(back->rows, 20);
    assert_int_equal(back->columns[BATCH_STRING].nulls, nulls_every == 0 ? 0 : 20 / nulls_every);
  }
  if (arrow_schema.release != NULL) {
    arrow_schema.release(&arrow_schema);
  }
  if (arrow_array.release != NULL) {
    arrow_array.release(&arrow_array);
  }
  batch_free(back);
  batch_free(b);
  batch_schema_free(taken);
  batch_schema_free(schema);
  return st;
}

static void both_ways_survive_every_failing_allocation(void **state) {
  (void)state;
  unsigned nulls_every = 0;
  torture_allocations(there_and_back, &nulls_every);
  nulls_every = 4;
  torture_allocations(there_and_back, &nulls_every);
}

/* A producer whose structures a test may bend: one column of int32 or of strings. */
typedef struct producer {
  struct ArrowSchema schema;
  struct ArrowSchema field;
  struct ArrowSchema *fields[1];
  struct ArrowArray array;
  struct ArrowArray child;
  struct ArrowArray *children[1];
  const void *root_buffers[1];
  const void *buffers[3];
  int released;
} producer;

static const uint8_t validity[] = {0x0D};
static const int32_t numbers[] = {10, 11, 12, 13};
static const int32_t offsets[] = {0, 1, 3, 3, 6};

static void release_schema(struct ArrowSchema *schema) {
  ((producer *)schema->private_data)->released++;
  schema->release = NULL;
}

static void release_array(struct ArrowArray *array) {
  ((producer *)array->private_data)->released++;
  array->release = NULL;
}

static void produce(producer *p, const char *format) {
  bool text = strcmp(format, "u") == 0;
  *p = (producer){
      .schema = {.format = "+s", .n_children = 1, .release = release_schema, .private_data = p},
      .field = {.format = format, .name = "n", .flags = ARROW_FLAG_NULLABLE},
      .array = {.length = 4,
                .n_buffers = 1,
                .n_children = 1,
                .release = release_array,
                .private_data = p},
      .child = {.length = 4, .null_count = -1, .n_buffers = text ? 3 : 2},
      .buffers = {validity, text ? offsets : numbers, text ? "abcdef" : NULL},
  };
  p->fields[0] = &p->field;
  p->children[0] = &p->child;
  p->schema.children = p->fields;
  p->array.children = p->children;
  p->array.buffers = p->root_buffers;
  p->child.buffers = p->buffers;
}

static br_status import(producer *p, batch_schema **ret_schema, batch **ret_batch, br_error *err) {
  br_status st = batch_import_schema(&p->schema, ret_schema, err);
  assert_null(p->schema.release);
  if (st == BR_OK) {
    st = batch_import(&p->array, *ret_schema, ret_batch, err);
    assert_null(p->array.release);
    assert_int_equal(p->released, 2);
  }
  return st;
}

static void null_values_are_zero_whatever_the_producer_left_there(void **state) {
  (void)state;
  producer p;
  batch_schema *schema = NULL;
  batch *b = NULL;
  produce(&p, "i");
  assert_int_equal(import(&p, &schema, &b, NULL), BR_OK);
  static const int32_t wanted[] = {10, 0, 12, 13};
  assert_memory_equal(b->columns[0].values, wanted, sizeof wanted);
  assert_int_equal(b->columns[0].nulls, 1);
  batch_free(b);
  batch_schema_free(schema);
  produce(&p, "u");
  assert_int_equal(import(&p, &schema, &b, NULL), BR_OK);
  static const int32_t wanted_offsets[] = {0, 1, 1, 1, 4};
  assert_memory_equal(b->columns[0].offsets, wanted_offsets, sizeof wanted_offsets);
  assert_memory_equal(b->columns[0].data, "adef", 4);
  batch_free(b);
  batch_schema_free(schema);
}

typedef void bend(producer *p);

static void assert_refused(const char *format, bend *how, br_status wanted) {
  producer p;
  batch_schema *schema = NULL;
  batch *b = NULL;
  br_error err = BR_ERROR_INIT;
  produce(&p, format);
  how(&p);
  assert_int_equal(import(&p, &schema, &b, &err), wanted);
  assert_null(b);
  assert_string_not_equal(err.message, "");
  batch_schema_free(schema);
}

static const int32_t backwards[] = {0, 3, 1, 3, 6};
static const int32_t negative[] = {-1, 0, 1, 3, 6};
static const uint8_t second_row_null[] = {0xFD};

#define BEND(name, statement)                                                                      \
  static void name(producer *p) {                                                                  \
    statement;                                                                                     \
  }
BEND(not_a_struct, p->schema.format = "i")
BEND(no_format, p->schema.format = NULL)
BEND(no_field_format, p->field.format = NULL)
BEND(negative_children, p->schema.n_children = -1)
BEND(too_many_children, p->schema.n_children = 5000)
BEND(missing_children, p->schema.children = NULL)
BEND(missing_child, p->fields[0] = NULL)
BEND(schema_dictionary, p->field.dictionary = &p->field)
BEND(negative_length, p->array.length = -1)
BEND(huge_length, p->array.length = INT64_MAX)
BEND(negative_offset, p->array.offset = -1)
BEND(huge_offset, p->array.offset = INT64_MAX)
BEND(other_children, p->array.n_children = 2)
BEND(no_children, p->array.children = NULL)
BEND(no_child, p->children[0] = NULL)
BEND(short_child, p->child.length = 3)
BEND(huge_child, p->child.length = INT64_MAX)
BEND(negative_child_offset, p->child.offset = -1)
BEND(huge_child_offset, p->child.offset = INT64_MAX)
BEND(few_buffers, p->child.n_buffers = 1)
BEND(no_buffers, p->child.buffers = NULL)
BEND(no_values, p->buffers[1] = NULL)
BEND(no_data, p->buffers[2] = NULL)
BEND(nulls_without_bits, p->buffers[0] = NULL; p->child.null_count = 1)
BEND(nulls_where_none_may_be, p->field.flags = 0)
BEND(array_dictionary, p->child.dictionary = &p->child)
BEND(offsets_backwards, p->buffers[1] = backwards)
BEND(offsets_negative, p->buffers[1] = negative)
BEND(null_row, p->array.null_count = 1; p->root_buffers[0] = second_row_null)
BEND(released_schema, p->schema.release = NULL)

static void a_producer_that_lies_is_refused_and_released(void **state) {
  (void)state;
  static const struct {
    bend *how;
    br_status status;
  } cases[] = {
      {not_a_struct, BR_ERR_UNSUPPORTED},
      {no_format, BR_ERR_UNSUPPORTED},
      {no_field_format, BR_ERR_DATA},
      {negative_children, BR_ERR_DATA},
      {too_many_children, BR_ERR_DATA},
      {missing_children, BR_ERR_DATA},
      {missing_child, BR_ERR_DATA},
      {schema_dictionary, BR_ERR_UNSUPPORTED},
      {negative_length, BR_ERR_DATA},
      {huge_length, BR_ERR_DATA},
      {negative_offset, BR_ERR_DATA},
      {huge_offset, BR_ERR_DATA},
      {other_children, BR_ERR_DATA},
      {no_children, BR_ERR_DATA},
      {no_child, BR_ERR_DATA},
      {short_child, BR_ERR_DATA},
      {huge_child, BR_ERR_DATA},
      {negative_child_offset, BR_ERR_DATA},
      {huge_child_offset, BR_ERR_DATA},
      {few_buffers, BR_ERR_DATA},
      {no_buffers, BR_ERR_DATA},
      {no_values, BR_ERR_DATA},
      {nulls_without_bits, BR_ERR_DATA},
      {nulls_where_none_may_be, BR_ERR_DATA},
      {array_dictionary, BR_ERR_DATA},
      {null_row, BR_ERR_UNSUPPORTED},
      {released_schema, BR_ERR_DATA},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_refused("i", cases[i].how, cases[i].status);
    assert_refused("u", cases[i].how, cases[i].status);
  }
  assert_refused("u", no_data, BR_ERR_DATA);
  assert_refused("u", offsets_backwards, BR_ERR_DATA);
  assert_refused("u", offsets_negative, BR_ERR_DATA);
}

static void an_array_released_before_is_refused(void **state) {
  (void)state;
  batch_schema *schema = NULL;
  batch *b = NULL;
  struct ArrowArray array = {0};
  assert_int_equal(batch_schema_new(0, &schema, NULL), BR_OK);
  assert_int_equal(batch_import(&array, schema, &b, NULL), BR_ERR_DATA);
  assert_null(b);
  batch_schema_free(schema);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(both_ways_survive_every_failing_allocation),
      cmocka_unit_test(null_values_are_zero_whatever_the_producer_left_there),
      cmocka_unit_test(a_producer_that_lies_is_refused_and_released),
      cmocka_unit_test(an_array_released_before_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
