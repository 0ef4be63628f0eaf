/* Publishing into a local folder: the switch, what is kept, what is deleted, and what a run that
 * dies at any step leaves. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/sys.h"
#include "extract/publish.h"

typedef struct fixture {
  char root[64];
  char spool[128];
  extract_origin origin;
  br_error err;
} fixture;

static int set_up(void **state) {
  fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  (void)snprintf(f->root, sizeof f->root, "/tmp/bridge-publish-XXXXXX");
  assert_non_null(mkdtemp(f->root));
  (void)snprintf(f->spool, sizeof f->spool, "%s/spool", f->root);
  assert_int_equal(br_dir_make(f->spool, 0700, NULL), BR_OK);
  f->origin =
      (extract_origin){.run = "run1", .query = "q", .country = "C", .server = "s", .database = "d"};
  (void)memset(f->origin.query_sha256, 'a', 64);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  char command[128];
  (void)snprintf(command, sizeof command, "rm -rf %s", f->root);
  int status = system(command);
  free(f);
  return status;
}

/* A spooled file with content; its checksum stands in for one (the publisher only passes it on). */
static flow_part spool(fixture *f, uint32_t index, const char *content, char *path, size_t size) {
  (void)snprintf(path, size, "%s/q-%05u", f->spool, (unsigned)index);
  assert_int_equal(br_file_write_atomic(path, content, strlen(content), 0600, NULL), BR_OK);
  flow_part part = {
      .path = path, .index = index, .rows = 1, .bytes = strlen(content), .row_groups = 1};
  assert_int_equal(br_sha256_hex(content, strlen(content), part.sha256, NULL), BR_OK);
  return part;
}

static extract_place *open_place(fixture *f) {
  extract_place *place = NULL;
  char out[96];
  (void)snprintf(out, sizeof out, "%s/out", f->root);
  assert_int_equal(extract_place_open(out, NULL, NULL, NULL, &place, NULL), BR_OK);
  return place;
}

/* Publishes `count` files; returns the first failure. */
static br_status publish(fixture *f, const char *run, const char *const *contents, uint32_t count,
                         bool overwrite) {
  f->origin.run = run;
  extract_place *place = open_place(f);
  extract_publish_options options = {
      .place = place, .origin = &f->origin, .folder = "C/q", .overwrite = overwrite};
  extract_publisher *p = NULL;
  extract_files kept = {0};
  br_status st = extract_publish_begin(&options, &p, &kept, &f->err);
  assert_int_equal(kept.count, st == BR_DONE ? count : 0);
  for (size_t i = 0; i < kept.count; i++) {
    assert_int_equal(kept.items[i].rows, 1);
  }
  extract_files_done(&kept);
  for (uint32_t i = 0; st == BR_OK && i < count; i++) {
    char path[160];
    flow_part part = spool(f, i, contents[i], path, sizeof path);
    st = extract_publish_part(p, &part, &f->err);
  }
  if (st == BR_OK) {
    st = extract_publish_finish(p, NULL, 0, NULL, &f->err);
  }
  extract_publish_end(p);
  extract_place_close(place);
  return st;
}

static void in_result(const fixture *f, const char *name, char *path, size_t size) {
  (void)snprintf(path, size, "%s/out/C/q/%s", f->root, name);
}

static bool holds(const fixture *f, const char *name, const char *content) {
  char path[160];
  in_result(f, name, path, sizeof path);
  br_buf text;
  bool same = br_file_read(path, 1 << 20, &text, NULL) == BR_OK && text.len == strlen(content) &&
              memcmp(text.data, content, text.len) == 0;
  br_buf_done(&text);
  return same;
}

static bool is_there(const fixture *f, const char *name) {
  char path[160];
  in_result(f, name, path, sizeof path);
  return access(path, F_OK) == 0;
}

static size_t entries(const fixture *f) {
  char path[160];
  in_result(f, "", path, sizeof path);
  char **names = NULL;
  size_t count = 0;
  assert_int_equal(br_dir_list(path, &names, &count, NULL), BR_OK);
  br_names_free(names, count);
  return count;
}

/* What a manifest reader gets: the state, and whether every file it names has the checksum it
 * names. */
static bool read_manifest(const fixture *f, bool *ret_complete, bool *ret_files_hold) {
  char path[160];
  in_result(f, EXTRACT_MANIFEST_NAME, path, sizeof path);
  br_buf text;
  extract_manifest *m = NULL;
  bool ok = br_file_read(path, 1 << 20, &text, NULL) == BR_OK &&
            extract_manifest_read((const char *)text.data, text.len, &m, NULL) == BR_OK;
  br_buf_done(&text);
  if (!ok) {
    return false;
  }
  *ret_complete = extract_manifest_complete(m);
  *ret_files_hold = true;
  const extract_files *files = extract_manifest_files(m);
  for (size_t i = 0; i < files->count; i++) {
    char hex[BR_SHA256_HEX_MAX] = "";
    in_result(f, files->items[i].name, path, sizeof path);
    br_buf data;
    if (br_file_read(path, 1 << 20, &data, NULL) == BR_OK) {
      assert_int_equal(br_sha256_hex(data.data, data.len, hex, NULL), BR_OK);
    }
    br_buf_done(&data);
    *ret_files_hold = *ret_files_hold && strcmp(hex, files->items[i].sha256) == 0;
  }
  extract_manifest_free(m);
  return true;
}

static void one_file_takes_the_name_of_the_query(void **state) {
  fixture *f = *state;
  const char *contents[] = {"one"};
  assert_int_equal(publish(f, "run1", contents, 1, false), BR_OK);
  assert_true(holds(f, "q.parquet", "one"));
  assert_int_equal(entries(f), 2);
}

static void several_files_are_numbered_and_carry_the_run(void **state) {
  fixture *f = *state;
  const char *contents[] = {"one", "two", "three"};
  assert_int_equal(publish(f, "run1", contents, 3, false), BR_OK);
  assert_true(holds(f, "part_00000-run1.parquet", "one"));
  assert_true(holds(f, "part_00001-run1.parquet", "two"));
  assert_true(holds(f, "part_00002-run1.parquet", "three"));
  assert_int_equal(entries(f), 4);
  bool complete = false;
  bool hold = false;
  assert_true(read_manifest(f, &complete, &hold));
  assert_true(complete && hold);
}

static void the_same_result_is_skipped_and_another_needs_overwrite(void **state) {
  fixture *f = *state;
  const char *contents[] = {"one"};
  assert_int_equal(publish(f, "run1", contents, 1, false), BR_OK);
  assert_int_equal(publish(f, "run2", contents, 1, false), BR_DONE);
  f->origin.query_sha256[0] = 'b';
  assert_int_equal(publish(f, "run3", contents, 1, false), BR_ERR_EXISTS);
  assert_non_null(strstr(
      f->err.message, "/out/C/q holds a result of another query; use --overwrite to replace it"));
  assert_int_equal(publish(f, "run3", contents, 1, true), BR_OK);
}

static void another_row_limit_is_another_result(void **state) {
  fixture *f = *state;
  const char *contents[] = {"one"};
  f->origin.row_limit = 5;
  assert_int_equal(publish(f, "run1", contents, 1, false), BR_OK);
  assert_int_equal(publish(f, "run2", contents, 1, false), BR_DONE);
  f->origin.row_limit = 0;
  assert_int_equal(publish(f, "run3", contents, 1, false), BR_ERR_EXISTS);
  assert_non_null(strstr(f->err.message, "/out/C/q holds a part of the result, cut by --limit"));
  assert_int_equal(publish(f, "run4", contents, 1, true), BR_OK);
  f->origin.row_limit = 7;
  assert_int_equal(publish(f, "run5", contents, 1, false), BR_ERR_EXISTS);
  assert_non_null(strstr(f->err.message, "/out/C/q holds the whole result"));
}

static void a_result_with_a_missing_file_is_not_kept(void **state) {
  fixture *f = *state;
  const char *contents[] = {"one", "two"};
  assert_int_equal(publish(f, "run1", contents, 2, false), BR_OK);
  char path[160];
  in_result(f, "part_00001-run1.parquet", path, sizeof path);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(publish(f, "run2", contents, 2, false), BR_ERR_EXISTS);
  assert_non_null(strstr(f->err.message,
                         "/out/C/q/part_00001-run1.parquet is missing, though the manifest names "
                         "it; use --overwrite to write the result anew"));
  assert_int_equal(publish(f, "run3", contents, 2, true), BR_OK);
}

static void overwriting_deletes_what_the_earlier_manifest_names_and_nothing_else(void **state) {
  fixture *f = *state;
  const char *three[] = {"one", "two", "three"};
  const char *single[] = {"all"};
  assert_int_equal(publish(f, "run1", three, 3, false), BR_OK);
  char foreign[160];
  in_result(f, "part_00009-run1.parquet", foreign, sizeof foreign);
  assert_int_equal(br_file_write_atomic(foreign, "mine", 4, 0644, NULL), BR_OK);
  assert_int_equal(publish(f, "run2", single, 1, true), BR_OK);
  assert_true(holds(f, "q.parquet", "all"));
  assert_true(holds(f, "part_00009-run1.parquet", "mine"));
  assert_int_equal(entries(f), 3);
}

static void a_foreign_file_of_the_same_name_is_not_replaced_unasked(void **state) {
  fixture *f = *state;
  char path[160];
  in_result(f, "", path, sizeof path);
  assert_int_equal(br_dir_make(path, 0755, NULL), BR_OK);
  in_result(f, "q.parquet", path, sizeof path);
  assert_int_equal(br_file_write_atomic(path, "theirs", 6, 0644, NULL), BR_OK);
  const char *contents[] = {"ours"};
  assert_int_equal(publish(f, "run1", contents, 1, false), BR_ERR_EXISTS);
  assert_true(holds(f, "q.parquet", "theirs"));
  assert_int_equal(entries(f), 1);
}

static void a_second_run_on_the_folder_fails_clearly(void **state) {
  fixture *f = *state;
  extract_place *place = open_place(f);
  assert_int_equal(extract_place_make(place, "C/q", NULL), BR_OK);
  assert_int_equal(extract_place_lock(place, "C/q", "other", NULL), BR_OK);
  const char *contents[] = {"one"};
  assert_int_equal(publish(f, "run1", contents, 1, true), BR_ERR_CONFLICT);
  assert_non_null(strstr(f->err.message, "Another run is writing to"));
  extract_place_close(place);
  assert_int_equal(publish(f, "run1", contents, 1, true), BR_OK);
}

/* ---- a run that dies: every rename and unlink from the n-th on does nothing, as if the process
 * were gone ---- */

static long steps_left;

static int dying_rename(const char *from, const char *to) {
  if (steps_left-- > 0) {
    return rename(from, to);
  }
  errno = EIO;
  return -1;
}

static int dying_unlink(const char *path) {
  if (steps_left-- > 0) {
    return unlink(path);
  }
  errno = EIO;
  return -1;
}

/* Publishes with the process "dead" after n steps; returns what the call said. */
static br_status publish_and_die(fixture *f, const char *run, const char *const *contents,
                                 uint32_t count, long n) {
  /* The spool is written before the clock runs. */
  f->origin.run = run;
  extract_place *place = open_place(f);
  extract_publish_options options = {
      .place = place, .origin = &f->origin, .folder = "C/q", .overwrite = true};
  extract_publisher *p = NULL;
  extract_files kept = {0};
  assert_int_equal(extract_publish_begin(&options, &p, &kept, &f->err), BR_OK);
  char paths[3][160];
  flow_part parts[3];
  for (uint32_t i = 0; i < count; i++) {
    parts[i] = spool(f, i, contents[i], paths[i], sizeof paths[i]);
  }
  steps_left = n;
  br_sys.rename = dying_rename;
  br_sys.unlink = dying_unlink;
  br_status st = BR_OK;
  for (uint32_t i = 0; st == BR_OK && i < count; i++) {
    st = extract_publish_part(p, &parts[i], &f->err);
  }
  if (st == BR_OK) {
    st = extract_publish_finish(p, NULL, 0, NULL, &f->err);
  }
  extract_publish_end(p);
  extract_place_close(place);
  br_sys_reset();
  return st;
}

static void a_run_that_dies_at_any_step_leaves_the_old_result_or_the_new(void **state) {
  fixture *f = *state;
  const char *old[] = {"old0", "old1"};
  const char *new[] = {"new0", "new1", "new2"};
  bool ended_well = false;
  for (long n = 0; n < 60 && !ended_well; n++) {
    assert_int_equal(publish(f, "runA", old, 2, true), BR_OK);
    char run[16];
    (void)snprintf(run, sizeof run, "run%ld", n);
    ended_well = publish_and_die(f, run, new, 3, n) == BR_OK;
    bool complete = false;
    bool hold = false;
    assert_true(read_manifest(f, &complete, &hold));
    assert_true(hold); /* whatever it names is there with its checksum */
    /* The next run cleans up what the dead one left. */
    assert_int_equal(publish(f, "runB", old, 2, true), BR_OK);
    assert_int_equal(entries(f), 3);
  }
  assert_true(ended_well);
}

static void a_single_file_that_keeps_its_name_is_old_or_new_as_the_manifest_says(void **state) {
  fixture *f = *state;
  const char *old[] = {"old"};
  const char *new[] = {"new"};
  bool ended_well = false;
  for (long n = 0; n < 40 && !ended_well; n++) {
    assert_int_equal(publish(f, "runA", old, 1, true), BR_OK);
    ended_well = publish_and_die(f, "runN", new, 1, n) == BR_OK;
    bool complete = false;
    bool hold = false;
    assert_true(read_manifest(f, &complete, &hold));
    assert_true(holds(f, "q.parquet", "old") || holds(f, "q.parquet", "new"));
    if (!hold) { /* the new file stands under a manifest that announced it */
      assert_false(complete);
      assert_true(holds(f, "q.parquet", "new"));
    }
  }
  assert_true(ended_well);
}

/* Nothing here is about power cuts: a second of syncing is saved at every step. */
static int no_fsync(int fd) {
  (void)fd;
  return 0;
}

/* ---- runs that die one after another, with nothing put right in between ---- */

static bool fits(const fixture *f, const extract_file *file) {
  char path[160];
  char hex[BR_SHA256_HEX_MAX] = "";
  in_result(f, file->name, path, sizeof path);
  br_buf data;
  if (br_file_read(path, 1 << 20, &data, NULL) == BR_OK) {
    assert_int_equal(br_sha256_hex(data.data, data.len, hex, NULL), BR_OK);
  }
  br_buf_done(&data);
  return strcmp(hex, file->sha256) == 0;
}

static void append_content(const fixture *f, const extract_file *file, br_buf *ret_text) {
  char path[160];
  br_buf data;
  in_result(f, file->name, path, sizeof path);
  assert_int_equal(br_file_read(path, 1 << 20, &data, NULL), BR_OK);
  assert_int_equal(br_buf_append(ret_text, data.data, data.len, NULL), BR_OK);
  br_buf_done(&data);
}

/* The result's files one behind the other, found as docs/EXTRACT.md tells readers to. */
static void read_result(const fixture *f, br_buf *ret_text) {
  char path[160];
  br_buf text;
  extract_manifest *m = NULL;
  static const char *const copies[] = {EXTRACT_MANIFEST_NAME, EXTRACT_MANIFEST_NEXT};
  for (size_t i = 0; m == NULL && i < 2; i++) {
    in_result(f, copies[i], path, sizeof path);
    br_status st = br_file_read(path, 1 << 20, &text, NULL);
    st = st == BR_OK ? extract_manifest_read((const char *)text.data, text.len, &m, NULL) : st;
    assert_true(st == BR_OK || i == 0);
    br_buf_done(&text);
  }
  assert_non_null(m);
  const extract_files *files = extract_manifest_files(m);
  const extract_files *pending = extract_manifest_pending(m);
  br_buf_init(ret_text, 1 << 20);
  for (size_t i = 0; i < files->count; i++) {
    if (fits(f, &files->items[i])) {
      append_content(f, &files->items[i], ret_text);
      continue;
    }
    size_t j = 0;
    while (j < pending->count && (strcmp(pending->items[j].name, files->items[i].name) != 0 ||
                                  !fits(f, &pending->items[j]))) {
      j++;
    }
    assert_true(j < pending->count && files->count == 1); /* else no result is whole */
    append_content(f, &pending->items[j], ret_text);
  }
  extract_manifest_free(m);
}

static bool result_is(const fixture *f, const char *content) {
  br_buf text;
  read_result(f, &text);
  bool same = text.len == strlen(content) && memcmp(text.data, content, text.len) == 0;
  br_buf_done(&text);
  return same;
}

static const char *const generations[][2] = {{"a0", "a1"}, {"b0", "b1"}, {"c0", "c1"}};

static bool is_generation(const fixture *f, int generation, uint32_t count) {
  char content[8];
  (void)snprintf(content, sizeof content, "%s%s", generations[generation][0],
                 count == 1 ? "" : generations[generation][1]);
  return result_is(f, content);
}

/* A result of counts[0] files stands, and runs for counts[1] and counts[2] die after n and m steps.
 * False: the second would have ended well. */
static bool two_die(fixture *f, const uint32_t counts[3], long n, long m) {
  br_sys.fsync = no_fsync;
  assert_int_equal(publish(f, "runA", generations[0], counts[0], true), BR_OK);
  (void)publish_and_die(f, "runB", generations[1], counts[1], n);
  int stands = is_generation(f, 0, counts[0]) ? 0 : 1;
  assert_true(is_generation(f, stands, counts[stands]));
  br_sys.fsync = no_fsync;
  bool died = publish_and_die(f, "runC", generations[2], counts[2], m) != BR_OK;
  assert_true(is_generation(f, stands, counts[stands]) || is_generation(f, 2, counts[2]));
  br_sys.fsync = no_fsync;
  assert_int_equal(publish(f, "runD", generations[0], counts[0], true), BR_OK);
  assert_int_equal(entries(f), counts[0] + 1); /* nothing of either is left */
  br_sys_reset();
  return died;
}

static void two_runs_that_die_one_after_the_other_leave_one_whole_result(void **state) {
  fixture *f = *state;
  for (unsigned which = 0; which < 8; which++) {
    const uint32_t counts[3] = {1 + (which & 1), 1 + (which >> 1 & 1), 1 + (which >> 2)};
    /* The first has put its file there, or one of two; or all of them. */
    for (long n = 2; n <= 5; n += 3) {
      long m = 0;
      while (m < 20 && two_die(f, counts, n, m)) {
        m++;
      }
      assert_true(m > 3 && m < 20);
    }
  }
}

/* ---- a place that does not replace files at once: a run that dies while it writes leaves half a
 * file, or none ---- */

static extract_place_ops torn_ops;
static long torn_left; /* calls that still work */
static bool torn_leaves_nothing;

/* What becomes of the switch, the write of a "complete" manifest. */
static enum { SWITCH_AS_ALL, SWITCH_LIES, SWITCH_LATE, SWITCH_CANCELLED } torn_switch;
static br_buf late_manifest;
static long torn_behind; /* calls that still work behind a switch that lies */
static br_cancel *torn_cancel;

static bool is_switch(const char *path, const void *bytes, size_t length) {
  static const char name[] = "/" EXTRACT_MANIFEST_NAME;
  size_t end = strlen(path);
  return end > strlen(name) && strcmp(path + end - strlen(name), name) == 0 &&
         memmem(bytes, length, "\"complete\"", 10) != NULL;
}

/* A write whose answer is lost, though it counts at once or after everything else; or one that is
 * cancelled on the way, where it can be. */
static br_status odd_switch(extract_place *place, const char *path, const void *bytes,
                            size_t length, br_error *err) {
  if (torn_switch == SWITCH_CANCELLED) {
    br_cancel_request(torn_cancel);
  }
  if (torn_switch == SWITCH_LATE) {
    late_manifest = (br_buf){0};
    br_buf_init(&late_manifest, 1 << 20);
    assert_int_equal(br_buf_append(&late_manifest, bytes, length, NULL), BR_OK);
  } else {
    assert_int_equal(extract_place_folder_ops.write(place, path, bytes, length, NULL), BR_OK);
  }
  if (torn_switch == SWITCH_CANCELLED) {
    return br_cancel_check(place->cancel, err);
  }
  torn_left = torn_switch == SWITCH_LIES ? torn_behind : torn_left;
  torn_switch = SWITCH_AS_ALL;
  return br_error_set(err, BR_ERR_NETWORK, "the answer is lost");
}

static br_status torn_write(extract_place *place, const char *path, const void *bytes,
                            size_t length, br_error *err) {
  if (torn_switch != SWITCH_AS_ALL && is_switch(path, bytes, length)) {
    return odd_switch(place, path, bytes, length, err);
  }
  if (torn_left-- > 0) {
    return extract_place_folder_ops.write(place, path, bytes, length, err);
  }
  if (torn_left == -1) { /* the moment of death; afterwards the process is gone */
    if (torn_leaves_nothing) {
      (void)unlink(path);
    } else {
      FILE *file = fopen(path, "wb");
      assert_non_null(file);
      assert_int_equal(fwrite(bytes, 1, length / 2, file), length / 2);
      assert_int_equal(fclose(file), 0);
    }
  }
  return br_error_set(err, BR_ERR_NETWORK, "the run is dead");
}

static br_status torn_put(extract_place *place, const char *path, const char *spooled,
                          uint64_t bytes, br_error *err) {
  return torn_left-- > 0 ? extract_place_folder_ops.put(place, path, spooled, bytes, err)
                         : br_error_set(err, BR_ERR_NETWORK, "the run is dead");
}

static br_status torn_remove(extract_place *place, const char *path, br_error *err) {
  return torn_left-- > 0 ? extract_place_folder_ops.remove(place, path, err)
                         : br_error_set(err, BR_ERR_NETWORK, "the run is dead");
}

static br_status publish_torn(fixture *f, const char *run, const char *const *contents,
                              uint32_t count, bool overwrite, long steps) {
  f->origin.run = run;
  extract_place *place = open_place(f);
  torn_ops = extract_place_folder_ops;
  torn_ops.replaces_at_once = false;
  torn_ops.write = torn_write;
  torn_ops.put = torn_put;
  torn_ops.remove = torn_remove;
  torn_left = steps;
  place->ops = &torn_ops;
  place->cancel = torn_cancel;
  extract_publish_options options = {
      .place = place, .origin = &f->origin, .folder = "C/q", .overwrite = overwrite};
  extract_publisher *p = NULL;
  extract_files kept = {0};
  br_status st = extract_publish_begin(&options, &p, &kept, &f->err);
  extract_files_done(&kept);
  for (uint32_t i = 0; st == BR_OK && i < count; i++) {
    char path[160];
    flow_part part = spool(f, i, contents[i], path, sizeof path);
    st = extract_publish_part(p, &part, &f->err);
  }
  if (st == BR_OK) {
    st = extract_publish_finish(p, NULL, 0, NULL, &f->err);
  }
  extract_publish_end(p);
  extract_place_close(place);
  return st;
}

enum { NEVER = 1000 };

static void die_while_writing(fixture *f, const char *const *old, uint32_t old_count,
                              const char *const *new, uint32_t new_count) {
  bool ended_well = false;
  for (long n = 0; n < 60 && !ended_well; n++) {
    assert_int_equal(publish_torn(f, "runA", old, old_count, true, NEVER), BR_OK);
    assert_int_equal(entries(f), old_count + 1); /* no second copy is left */
    char run[16];
    (void)snprintf(run, sizeof run, "run%ld", n);
    ended_well = publish_torn(f, run, new, new_count, true, n) == BR_OK;
    /* The next run finds out what is there: the whole result, or that one died. */
    br_status st = publish_torn(f, "runB", new, new_count, false, NEVER);
    assert_true(st == BR_DONE || st == BR_ERR_EXISTS);
    bool complete = false;
    bool hold = false;
    assert_true(read_manifest(f, &complete, &hold));
    if (complete) {
      assert_true(hold);
    }
    if (old_count > 1) { /* nothing took the name of an old file */
      assert_true(hold);
    }
    /* One with --overwrite leaves nothing of the dead one. */
    assert_int_equal(publish_torn(f, "runC", new, new_count, true, NEVER), BR_OK);
    assert_int_equal(entries(f), new_count + 1);
  }
  assert_true(ended_well);
}

static void a_torn_manifest_loses_nothing(void **state) {
  fixture *f = *state;
  const char *old[] = {"old0", "old1"};
  const char *new[] = {"new0", "new1", "new2"};
  br_sys.fsync = no_fsync;
  for (int nothing = 0; nothing < 2; nothing++) {
    torn_leaves_nothing = nothing == 1;
    die_while_writing(f, old, 2, new, 3);
    die_while_writing(f, old, 1, new, 1);
    die_while_writing(f, old, 2, new, 1);
    die_while_writing(f, old, 1, new, 3);
  }
  br_sys_reset();
}

static void a_first_run_that_dies_while_writing_can_be_repeated(void **state) {
  fixture *f = *state;
  const char *new[] = {"new0", "new1"};
  char folder[160];
  in_result(f, "", folder, sizeof folder);
  br_sys.fsync = no_fsync;
  for (int nothing = 0; nothing < 2; nothing++) {
    torn_leaves_nothing = nothing == 1;
    for (uint32_t count = 1; count <= 2; count++) {
      for (long n = 0; n < 12; n++) {
        char command[200];
        (void)snprintf(command, sizeof command, "rm -rf %s", folder);
        assert_int_equal(system(command), 0);
        bool ended_well = publish_torn(f, "runA", new, count, false, n) == BR_OK;
        /* A run that died at its very last write may be found complete. */
        br_status st = publish_torn(f, "runB", new, count, false, NEVER);
        assert_true(st == BR_DONE || (st == BR_OK && !ended_well));
        bool complete = false;
        bool hold = false;
        assert_true(read_manifest(f, &complete, &hold) && complete && hold);
        assert_int_equal(entries(f), count + 1);
      }
    }
  }
  br_sys_reset();
}

static void empty_result(fixture *f) {
  char command[160];
  (void)snprintf(command, sizeof command, "rm -rf %s/out", f->root);
  assert_int_equal(system(command), 0);
}

/* A first run dies in its very first write; the next one fails at its switch and puts everything
 * back; the half text that the first one left is no result. */
static void half_a_first_manifest_is_never_put_back(void **state) {
  fixture *f = *state;
  br_sys.fsync = no_fsync;
  torn_leaves_nothing = false;
  for (uint32_t count = 1; count <= 2; count++) {
    empty_result(f);
    assert_int_equal(publish_torn(f, "runA", generations[0], count, false, 0), BR_ERR_NETWORK);
    torn_switch = SWITCH_LATE;
    assert_int_equal(publish_torn(f, "runB", generations[1], count, false, NEVER), BR_ERR_NETWORK);
    br_buf_done(&late_manifest);
    assert_int_equal(publish_torn(f, "runC", generations[2], count, false, NEVER), BR_OK);
    assert_true(is_generation(f, 2, count));
    assert_int_equal(entries(f), count + 1);
  }
  br_sys_reset();
}

/* There is no earlier result, and the first one's switch counts although it was told that it
 * failed; the run dies n steps behind it. The next one needs no --overwrite. */
static void a_first_switch_that_counts_though_it_failed_can_be_repeated(void **state) {
  fixture *f = *state;
  br_sys.fsync = no_fsync;
  for (int nothing = 0; nothing < 2; nothing++) {
    torn_leaves_nothing = nothing == 1;
    for (uint32_t count = 1; count <= 2; count++) {
      bool died = true;
      for (long n = 0; died; n++) {
        assert_true(n < 20);
        empty_result(f);
        torn_switch = SWITCH_LIES;
        torn_behind = n;
        assert_int_equal(publish_torn(f, "runB", generations[1], count, false, NEVER),
                         BR_ERR_NETWORK);
        died = torn_left < 0;
        br_status st = publish_torn(f, "runC", generations[2], count, false, NEVER);
        assert_true(st == BR_OK || st == BR_DONE);
        assert_true(is_generation(f, st == BR_OK ? 2 : 1, count));
        assert_int_equal(entries(f), count + 1);
      }
    }
  }
  br_sys_reset();
}

/* ---- a lock that another run takes over ---- */

/* When it does, and publishes a result of its own. */
static enum { LOSE_NEVER, LOSE_BEFORE_PUT, LOSE_BEHIND_PUT, LOSE_AT_FAILED_PUT } lose_when;
static fixture *loser;
static uint32_t winner_count;
static bool lock_lost;

static void lose_lock(void) {
  lock_lost = true;
  assert_int_equal(publish(loser, "runW", generations[2], winner_count, true), BR_OK);
  loser->origin.run = "runL";
  char path[160];
  in_result(loser, EXTRACT_MANIFEST_NEXT, path, sizeof path);
  assert_int_equal(br_file_write_atomic(path, "theirs", 6, 0644, NULL), BR_OK);
}

static br_status lost_lock(extract_place *place, const char *folder, const char *run,
                           br_error *err) {
  (void)folder;
  (void)run;
  (void)err;
  place->lock_path = br_strdup("lock");
  assert_non_null(place->lock_path);
  return BR_OK;
}

static bool lost_unlock(extract_place *place) {
  (void)place;
  return false;
}

static br_status lost_still_locked(extract_place *place, br_error *err) {
  (void)place;
  return lock_lost ? br_error_set(err, BR_ERR_CONFLICT, "taken over") : BR_OK;
}

static br_status lost_put(extract_place *place, const char *path, const char *spooled,
                          uint64_t bytes, br_error *err) {
  if (lose_when == LOSE_AT_FAILED_PUT) {
    lose_lock();
    return br_error_set(err, BR_ERR_NETWORK, "the connection is gone");
  }
  br_status st = extract_place_folder_ops.put(place, path, spooled, bytes, err);
  if (lose_when == LOSE_BEHIND_PUT && !lock_lost) {
    lose_lock();
  }
  return st;
}

static br_status publish_and_lose(fixture *f, uint32_t count) {
  f->origin.run = "runL";
  extract_place *place = open_place(f);
  extract_place_ops ops = extract_place_folder_ops;
  ops.replaces_at_once = false;
  ops.lock = lost_lock;
  ops.unlock = lost_unlock;
  ops.still_locked = lost_still_locked;
  ops.put = lost_put;
  place->ops = &ops;
  loser = f;
  lock_lost = false;
  extract_publish_options options = {
      .place = place, .origin = &f->origin, .folder = "C/q", .overwrite = true};
  extract_publisher *p = NULL;
  extract_files kept = {0};
  char paths[2][160];
  flow_part parts[2];
  assert_int_equal(extract_publish_begin(&options, &p, &kept, &f->err), BR_OK);
  for (uint32_t i = 0; i < count; i++) {
    parts[i] = spool(f, i + 10, generations[1][i], paths[i], sizeof paths[i]);
    parts[i].index = i;
  }
  if (lose_when == LOSE_BEFORE_PUT) {
    lose_lock();
  }
  br_status st = BR_OK;
  for (uint32_t i = 0; st == BR_OK && i < count; i++) {
    st = extract_publish_part(p, &parts[i], &f->err);
  }
  if (st == BR_OK) {
    st = extract_publish_finish(p, NULL, 0, NULL, &f->err);
  }
  extract_publish_end(p);
  extract_place_close(place);
  return st;
}

static void a_run_that_lost_its_lock_leaves_the_others_result_whole(void **state) {
  fixture *f = *state;
  br_sys.fsync = no_fsync;
  for (unsigned which = 0; which < 24; which++) {
    uint32_t before = which & 1 ? 2 : 0;
    uint32_t count = 1 + (which >> 1 & 1);
    winner_count = 1 + (which >> 2 & 1);
    lose_when = LOSE_BEFORE_PUT + which / 8;
    if (lose_when == LOSE_BEHIND_PUT && count == 1 && winner_count == 1) {
      continue; /* one name for both, and the earlier of them is gone: nothing is to be kept */
    }
    empty_result(f);
    if (before > 0) {
      assert_int_equal(publish(f, "runA", generations[0], before, true), BR_OK);
    }
    assert_int_equal(publish_and_lose(f, count),
                     lose_when == LOSE_AT_FAILED_PUT ? BR_ERR_NETWORK : BR_ERR_CONFLICT);
    bool complete = false;
    bool hold = false;
    assert_true(read_manifest(f, &complete, &hold) && complete && hold);
    assert_true(is_generation(f, 2, winner_count));
    assert_true(holds(f, EXTRACT_MANIFEST_NEXT, "theirs"));
  }
  br_sys_reset();
}

/* A result of `old` stands, and the switch of a run for `new` counts although it was told that it
 * failed; the run dies n steps behind it. False: it came to its end. */
static bool die_behind_a_lie(fixture *f, const uint32_t counts[2], long n) {
  assert_int_equal(publish_torn(f, "runA", generations[0], counts[0], true, NEVER), BR_OK);
  torn_switch = SWITCH_LIES;
  torn_behind = n;
  assert_int_equal(publish_torn(f, "runB", generations[1], counts[1], true, NEVER), BR_ERR_NETWORK);
  assert_int_equal(torn_switch, SWITCH_AS_ALL);
  bool died = torn_left <= 0;
  for (int overwrite = 0; overwrite < 2; overwrite++) { /* one that only looks, one that dies */
    br_status st = publish_torn(f, "runC", generations[2], counts[1], overwrite == 1,
                                overwrite == 1 ? 4 : NEVER);
    assert_true(st != BR_OK);
    bool old_stands = is_generation(f, 0, counts[0]); /* asserts that the result is whole */
    assert_true(old_stands || is_generation(f, 1, counts[1]));
  }
  assert_int_equal(publish_torn(f, "runD", generations[0], counts[0], true, NEVER), BR_OK);
  assert_true(is_generation(f, 0, counts[0]));
  assert_int_equal(entries(f), counts[0] + 1);
  return died;
}

static void a_switch_that_counts_though_it_failed_loses_nothing(void **state) {
  fixture *f = *state;
  static const uint32_t counts[3][2] = {{2, 2}, {2, 1}, {1, 2}};
  br_sys.fsync = no_fsync;
  for (int nothing = 0; nothing < 2; nothing++) {
    torn_leaves_nothing = nothing == 1;
    for (size_t i = 0; i < 3; i++) {
      long n = 0;
      while (n < 20 && die_behind_a_lie(f, counts[i], n)) {
        n++;
      }
      assert_true(n > 3 && n < 20);
    }
  }
  br_sys_reset();
}

static void a_switch_that_counts_after_it_was_taken_back_loses_nothing(void **state) {
  fixture *f = *state;
  br_sys.fsync = no_fsync;
  assert_int_equal(publish_torn(f, "runA", generations[0], 2, true, NEVER), BR_OK);
  torn_switch = SWITCH_LATE;
  assert_int_equal(publish_torn(f, "runB", generations[1], 2, true, NEVER), BR_ERR_NETWORK);
  assert_true(is_generation(f, 0, 2));
  assert_int_equal(entries(f), 3);
  char path[160];
  in_result(f, EXTRACT_MANIFEST_NAME, path, sizeof path);
  assert_int_equal(br_file_write_atomic(path, late_manifest.data, late_manifest.len, 0644, NULL),
                   BR_OK);
  br_buf_done(&late_manifest);
  assert_int_equal(publish_torn(f, "runC", generations[2], 2, false, NEVER), BR_ERR_EXISTS);
  assert_non_null(strstr(f->err.message, "part_00000-runB.parquet is missing"));
  assert_true(holds(f, "part_00000-runA.parquet", "a0"));
  assert_true(holds(f, "part_00001-runA.parquet", "a1"));
  /* One that dies puts the old result into words; one that ends leaves nothing of either. */
  assert_int_equal(publish_torn(f, "runC", generations[2], 2, true, 6), BR_ERR_NETWORK);
  assert_true(is_generation(f, 0, 2));
  assert_int_equal(publish_torn(f, "runD", generations[2], 2, true, NEVER), BR_OK);
  assert_true(is_generation(f, 2, 2));
  assert_int_equal(entries(f), 3);
  br_sys_reset();
}

static void a_cancel_during_the_switch_is_too_late(void **state) {
  fixture *f = *state;
  br_sys.fsync = no_fsync;
  assert_int_equal(publish_torn(f, "runA", generations[0], 2, true, NEVER), BR_OK);
  assert_int_equal(br_cancel_new(&torn_cancel, NULL), BR_OK);
  torn_switch = SWITCH_CANCELLED;
  assert_int_equal(publish_torn(f, "runB", generations[1], 2, true, NEVER), BR_OK);
  assert_true(br_cancel_requested(torn_cancel));
  assert_true(is_generation(f, 1, 2));
  assert_int_equal(entries(f), 3);
  torn_switch = SWITCH_AS_ALL;
  /* One that comes before it is not. */
  assert_int_equal(publish_torn(f, "runC", generations[2], 2, true, NEVER), BR_ERR_CANCELLED);
  assert_true(is_generation(f, 1, 2));
  assert_int_equal(entries(f), 3);
  br_cancel_free(torn_cancel);
  torn_cancel = NULL;
  br_sys_reset();
}

static void a_failure_takes_back_what_it_put_there(void **state) {
  fixture *f = *state;
  const char *old[] = {"old0", "old1"};
  assert_int_equal(publish(f, "runA", old, 2, true), BR_OK);
  f->origin.run = "runB";
  extract_place *place = open_place(f);
  extract_publish_options options = {
      .place = place, .origin = &f->origin, .folder = "C/q", .overwrite = true};
  extract_publisher *p = NULL;
  extract_files kept = {0};
  assert_int_equal(extract_publish_begin(&options, &p, &kept, NULL), BR_OK);
  for (uint32_t i = 0; i < 3; i++) {
    char path[160];
    flow_part part = spool(f, i, "new", path, sizeof path);
    assert_int_equal(extract_publish_part(p, &part, NULL), BR_OK);
  }
  extract_publish_end(p); /* the query failed behind its third file */
  extract_place_close(place);
  bool complete = false;
  bool hold = false;
  assert_true(read_manifest(f, &complete, &hold));
  assert_true(complete && hold);
  assert_int_equal(entries(f), 3);
  assert_true(is_there(f, "part_00001-runA.parquet"));
}

/* A query of the run that `missing` belongs to begins, and fails; asks in between. */
static extract_publisher *begin(fixture *f, const char *folder, atomic_uint *missing,
                                extract_place **ret_place) {
  extract_files kept = {0};
  extract_publisher *p = NULL;
  *ret_place = open_place(f);
  extract_place_share_missing(*ret_place, missing);
  extract_publish_options options = {.place = *ret_place, .origin = &f->origin, .folder = folder};
  assert_int_equal(extract_publish_begin(&options, &p, &kept, &f->err), BR_OK);
  return p;
}

static bool has_folder(const fixture *f, const char *name) {
  char path[128];
  struct stat info;
  (void)snprintf(path, sizeof path, "%s/%s", f->root, name);
  return stat(path, &info) == 0;
}

static void a_failure_leaves_no_folder_that_was_not_there(void **state) {
  fixture *f = *state;
  atomic_uint missing = 0;
  extract_place *places[2];
  extract_publisher *first = begin(f, "C/q", &missing, &places[0]);
  extract_publisher *second = begin(f, "C/r", &missing, &places[1]);
  char path[160];
  flow_part part = spool(f, 0, "new", path, sizeof path);
  assert_int_equal(extract_publish_part(first, &part, NULL), BR_OK);
  extract_publish_end(first);
  extract_place_close(places[0]);
  assert_false(has_folder(f, "out/C/q"));
  assert_true(has_folder(f, "out/C/r"));
  extract_publish_end(second);
  extract_place_close(places[1]);
  assert_false(has_folder(f, "out"));
}

static void a_failure_leaves_the_folders_that_were_there(void **state) {
  fixture *f = *state;
  atomic_uint missing = 0;
  extract_place *place = NULL;
  char path[128];
  (void)snprintf(path, sizeof path, "%s/out/C", f->root);
  assert_int_equal(br_dir_make(path, 0777, NULL), BR_OK);
  extract_publish_end(begin(f, "C/q", &missing, &place));
  extract_place_close(place);
  assert_true(has_folder(f, "out/C") && !has_folder(f, "out/C/q"));
  (void)snprintf(path, sizeof path, "%s/out/C/q", f->root);
  assert_int_equal(br_dir_make(path, 0777, NULL), BR_OK);
  extract_publish_end(begin(f, "C/q", &missing, &place));
  extract_place_close(place);
  assert_true(has_folder(f, "out/C/q"));
}

static void a_failure_leaves_a_folder_with_somebody_elses_file(void **state) {
  fixture *f = *state;
  atomic_uint missing = 0;
  extract_place *place = NULL;
  extract_publisher *p = begin(f, "C/q", &missing, &place);
  char path[128];
  in_result(f, "notes.txt", path, sizeof path);
  assert_int_equal(br_file_write_atomic(path, "x", 1, 0600, NULL), BR_OK);
  extract_publish_end(p);
  extract_place_close(place);
  assert_true(has_folder(f, "out/C/q/notes.txt"));
}

/* The other run makes its folder and fails while this one is between making and locking. */
static const fixture *robbed;
static int robberies;

static int rob_and_open(const char *path, int flags, mode_t mode) {
  size_t length = strlen(path);
  if (robberies > 0 && length > 12 && strcmp(path + length - 12, ".bridge-lock") == 0) {
    char folder[128];
    robberies--;
    (void)snprintf(folder, sizeof folder, "%s/out/C/q", robbed->root);
    assert_int_equal(rmdir(folder), 0);
  }
  return open(path, flags, mode);
}

static void a_folder_that_another_run_takes_away_is_made_again(void **state) {
  fixture *f = *state;
  const char *contents[] = {"new"};
  robbed = f;
  robberies = 2;
  br_sys.open = rob_and_open;
  assert_int_equal(publish(f, "runA", contents, 1, false), BR_OK);
  br_sys_reset();
  assert_int_equal(robberies, 0);
  assert_true(is_there(f, "q.parquet"));
}

/* No room for what takes a name with that end. */
static int refuse_name(const char *from, const char *to, const char *end) {
  size_t length = strlen(to), most = strlen(end);
  if (length > most && strcmp(to + length - most, end) == 0) {
    errno = ENOSPC;
    return -1;
  }
  return rename(from, to);
}

static int no_room_for_a_file(const char *from, const char *to) {
  return refuse_name(from, to, ".parquet");
}

static void a_file_that_could_not_be_put_leaves_the_earlier_of_its_name(void **state) {
  fixture *f = *state;
  const char *old[] = {"old"};
  const char *new[] = {"new"};
  assert_int_equal(publish(f, "runA", old, 1, true), BR_OK);
  br_sys.rename = no_room_for_a_file;
  assert_int_equal(publish(f, "runB", new, 1, true), BR_ERR_DISK_FULL);
  br_sys_reset();
  bool complete = false;
  bool hold = false;
  assert_true(read_manifest(f, &complete, &hold));
  assert_true(complete && hold);
  assert_int_equal(entries(f), 2);
  assert_int_equal(publish(f, "runC", old, 1, false), BR_DONE); /* nothing to repair */
}

/* A disk that is full from the switch on, until a result's file is deleted; or one that can't make
 * the switch's new name last. */
static bool disk_waits, disk_full, folder_unsafe;
static const fixture *on_disk;

static ssize_t write_to_full(int fd, const void *bytes, size_t length) {
  if (disk_waits && memmem(bytes, length, "\"complete\"", 10) != NULL) {
    disk_waits = false;
    disk_full = !folder_unsafe;
  }
  if (disk_full) {
    errno = ENOSPC;
    return -1;
  }
  return write(fd, bytes, length);
}

static int unlink_on_full(const char *path) {
  size_t length = strlen(path);
  if (length > 8 && strcmp(path + length - 8, ".parquet") == 0) {
    disk_full = false;
    /* At this moment too no manifest counts that names what goes. */
    bool complete = true;
    bool hold = false;
    assert_true(read_manifest(on_disk, &complete, &hold) && !complete && hold);
  }
  return unlink(path);
}

static int fsync_of_no_folder(int fd) {
  struct stat info;
  assert_int_equal(fstat(fd, &info), 0);
  if (folder_unsafe && !disk_waits && S_ISDIR(info.st_mode)) {
    folder_unsafe = false;
    errno = EIO;
    return -1;
  }
  return 0;
}

static void a_folder_switch_that_failed_leaves_what_was_there(void **state) {
  fixture *f = *state;
  const char *old[] = {"old0", "old1"};
  const char *new[] = {"new0", "new1"};
  for (int unsafe = 0; unsafe < 2; unsafe++) {
    for (uint32_t before = 0; before <= 2; before += 2) {
      br_sys.fsync = fsync_of_no_folder;
      if (before > 0) {
        assert_int_equal(publish(f, "runA", old, before, true), BR_OK);
      }
      on_disk = f;
      br_sys.write = write_to_full;
      br_sys.unlink = unlink_on_full;
      disk_waits = true;
      folder_unsafe = unsafe == 1;
      assert_int_equal(publish(f, "runB", new, before == 0 ? 1 : 2, true),
                       unsafe == 1 ? BR_ERR_IO : BR_ERR_DISK_FULL);
      br_sys_reset();
      assert_false(disk_waits || disk_full || folder_unsafe);
      assert_int_equal(is_there(f, ""), before > 0);
      if (before > 0) {
        bool complete = false;
        bool hold = false;
        assert_true(read_manifest(f, &complete, &hold) && complete && hold);
        assert_true(is_there(f, "part_00001-runA.parquet"));
        assert_int_equal(entries(f), 3);
        char command[160];
        (void)snprintf(command, sizeof command, "rm -rf %s/out", f->root);
        assert_int_equal(system(command), 0);
      }
    }
  }
}

static int no_room_for_a_manifest(const char *from, const char *to) {
  return refuse_name(from, to, ".json");
}

static void a_foreign_file_stays_where_the_new_one_never_came(void **state) {
  fixture *f = *state;
  char path[160];
  in_result(f, "", path, sizeof path);
  assert_int_equal(br_dir_make(path, 0755, NULL), BR_OK);
  in_result(f, "q.parquet", path, sizeof path);
  assert_int_equal(br_file_write_atomic(path, "theirs", 6, 0644, NULL), BR_OK);
  const char *contents[] = {"ours"};
  br_sys.rename = no_room_for_a_manifest;
  assert_int_equal(publish(f, "run1", contents, 1, true), BR_ERR_DISK_FULL);
  br_sys_reset();
  assert_true(holds(f, "q.parquet", "theirs"));
  assert_int_equal(entries(f), 1);
}

static void every_failing_allocation_is_reported_and_loses_nothing(void **state) {
  fixture *f = *state;
  const char *old[] = {"old0", "old1"};
  const char *new[] = {"new0", "new1", "new2"};
  assert_int_equal(publish(f, "runA", old, 2, true), BR_OK);
  for (long n = 0;; n++) {
    f->origin.run = "runN";
    extract_place *place = open_place(f);
    extract_publish_options options = {
        .place = place, .origin = &f->origin, .folder = "C/q", .overwrite = true};
    extract_publisher *p = NULL;
    extract_files kept = {0};
    char paths[3][160];
    flow_part parts[3];
    for (uint32_t i = 0; i < 3; i++) {
      parts[i] = spool(f, i, new[i], paths[i], sizeof paths[i]);
    }
    br_mem_fail_after(n);
    br_status st = extract_publish_begin(&options, &p, &kept, NULL);
    for (uint32_t i = 0; st == BR_OK && i < 3; i++) {
      st = extract_publish_part(p, &parts[i], NULL);
    }
    if (st == BR_OK) {
      st = extract_publish_finish(p, NULL, 0, NULL, NULL);
    }
    extract_publish_end(p);
    long allocations = br_mem_count();
    br_mem_fail_after(-1);
    extract_place_close(place);
    bool complete = false;
    bool hold = false;
    assert_true(read_manifest(f, &complete, &hold));
    assert_true(hold);
    if (st != BR_OK) {
      assert_int_equal(st, BR_ERR_NOMEM);
    }
    if (n >= allocations) { /* nothing failed any more */
      assert_int_equal(st, BR_OK);
      assert_true(n > 30);
      return;
    }
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(one_file_takes_the_name_of_the_query),
      TEST(several_files_are_numbered_and_carry_the_run),
      TEST(the_same_result_is_skipped_and_another_needs_overwrite),
      TEST(another_row_limit_is_another_result),
      TEST(a_result_with_a_missing_file_is_not_kept),
      TEST(overwriting_deletes_what_the_earlier_manifest_names_and_nothing_else),
      TEST(a_file_that_could_not_be_put_leaves_the_earlier_of_its_name),
      TEST(a_folder_switch_that_failed_leaves_what_was_there),
      TEST(a_foreign_file_of_the_same_name_is_not_replaced_unasked),
      TEST(a_foreign_file_stays_where_the_new_one_never_came),
      TEST(a_second_run_on_the_folder_fails_clearly),
      TEST(a_run_that_dies_at_any_step_leaves_the_old_result_or_the_new),
      TEST(a_single_file_that_keeps_its_name_is_old_or_new_as_the_manifest_says),
      TEST(two_runs_that_die_one_after_the_other_leave_one_whole_result),
      TEST(a_torn_manifest_loses_nothing),
      TEST(a_first_run_that_dies_while_writing_can_be_repeated),
      TEST(half_a_first_manifest_is_never_put_back),
      TEST(a_first_switch_that_counts_though_it_failed_can_be_repeated),
      TEST(a_run_that_lost_its_lock_leaves_the_others_result_whole),
      TEST(a_switch_that_counts_though_it_failed_loses_nothing),
      TEST(a_switch_that_counts_after_it_was_taken_back_loses_nothing),
      TEST(a_cancel_during_the_switch_is_too_late),
      TEST(a_failure_takes_back_what_it_put_there),
      TEST(a_failure_leaves_no_folder_that_was_not_there),
      TEST(a_failure_leaves_the_folders_that_were_there),
      TEST(a_failure_leaves_a_folder_with_somebody_elses_file),
      TEST(a_folder_that_another_run_takes_away_is_made_again),
      TEST(every_failing_allocation_is_reported_and_loses_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
