#include "extract/publish.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/queue.h"
#include "base/sys.h"

enum { LOCK_TRIES = 3 };

/* A spooled file on its way. */
typedef struct part {
  char *path; /* of the spooled file */
  extract_file file;
} part;

struct extract_publisher {
  extract_publish_options options;
  char *where; /* the folder with its destination, for messages */
  int64_t started_us;
  char *earlier_text; /* the manifest as it was found, to be put back; NULL = none */
  size_t earlier_length;
  extract_manifest *earlier;
  extract_files put;  /* in the folder, or about to be: what the "writing" manifest calls pending */
  part *first;        /* held until it is known whether it stays the only one */
  br_queue *parts;    /* to the uploading thread */
  pthread_t uploader; /* runs while `uploading` */
  bool uploading;
  bool last_missing; /* the last of `put` is surely not there: putting it failed and did nothing */
  bool switch_tried; /* the new manifest may stand, whatever was said of writing it */
  bool switched;     /* it does */
  /* The earlier manifest was a switch whose files were taken back since: what it supersedes is the
   * result. */
  bool undone;
  bool incomplete; /* a file of the earlier manifest is missing */
  /* The manifest's second copy is there, or may be: it is needed no more once the manifest itself
   * is whole. What is not there is whole. */
  bool next_there, manifest_whole;
  /* Written by the uploading thread, read after joining it. */
  br_status upload_status;
  br_error upload_error;
};

static void part_free(void *item) {
  part *p = item;
  if (p != NULL) {
    if (p->path != NULL) {
      (void)br_sys.unlink(p->path); /* gone already where it was put in place */
    }
    br_free(p->path);
    br_free(p->file.name);
    br_free(p);
  }
}

static br_status part_new(const flow_part *from, part **ret_part, br_error *err) {
  part *p = br_calloc(1, sizeof *p);
  if (p == NULL) {
    return br_error_nomem(err);
  }
  p->path = br_strdup(from->path);
  p->file =
      (extract_file){.rows = from->rows, .bytes = from->bytes, .row_groups = from->row_groups};
  memcpy(p->file.sha256, from->sha256, sizeof p->file.sha256);
  if (p->path == NULL) {
    part_free(p);
    return br_error_nomem(err);
  }
  *ret_part = p;
  return BR_OK;
}

/* ---- looking at what is there ---- */

static br_status read_manifest(extract_publisher *p, const char *name, br_error *err) {
  br_buf text = {0};
  br_status st =
      extract_place_read(p->options.place, p->options.folder, name, BR_LIMIT_HTTP_BODY, &text, err);
  if (st == BR_OK) {
    st = extract_manifest_read((const char *)text.data, text.len, &p->earlier, err);
  }
  if (st == BR_OK) { /* what can't be read is never put back */
    p->earlier_text = br_buf_take(&text, &p->earlier_length);
    st = p->earlier_text == NULL ? br_error_nomem(err) : BR_OK;
  }
  br_buf_done(&text);
  return st;
}

static br_status write_text(extract_publisher *p, const char *name, const void *text, size_t length,
                            br_error *err) {
  return extract_place_write(p->options.place, p->options.folder, name, text, length, err);
}

/* A run died while it wrote the manifest: the other copy is whole, and is put back.
 * BR_ERR_NOT_FOUND where there is none. */
static br_status recover_manifest(extract_publisher *p, br_error *err) {
  if (p->options.place->ops->replaces_at_once) {
    return BR_ERR_NOT_FOUND;
  }
  br_error ignored = BR_ERROR_INIT;
  br_status st = read_manifest(p, EXTRACT_MANIFEST_NEXT, &ignored);
  if (st == BR_ERR_DATA) {
    return BR_ERR_NOT_FOUND;
  }
  if (st != BR_OK && st != BR_ERR_NOT_FOUND && err != NULL) {
    *err = ignored;
  }
  if (st == BR_OK) {
    p->next_there = true;
    p->manifest_whole = false;
    st = write_text(p, EXTRACT_MANIFEST_NAME, p->earlier_text, p->earlier_length, err);
    p->manifest_whole = st == BR_OK;
  }
  return st;
}

static br_status read_earlier(extract_publisher *p, br_error *err) {
  br_error why = BR_ERROR_INIT;
  br_status st = read_manifest(p, EXTRACT_MANIFEST_NAME, &why);
  if (st == BR_OK) {
    /* A run may have died just before it deleted the second copy. */
    p->next_there = !p->options.place->ops->replaces_at_once;
    return BR_OK;
  }
  if (st == BR_ERR_NOT_FOUND || st == BR_ERR_DATA) {
    br_status recovered = recover_manifest(p, err);
    if (recovered != BR_ERR_NOT_FOUND) {
      return recovered;
    }
  }
  if (st == BR_ERR_NOT_FOUND) {
    return BR_OK;
  }
  if (err != NULL) {
    *err = why;
  }
  return st == BR_ERR_DATA
             ? br_error_context(err, st, "%s/" EXTRACT_MANIFEST_NAME " can't be used; move it away",
                                p->where)
             : st;
}

/* Without a manifest: a file of the name that a single-file result gets may be somebody else's. */
static br_status check_foreign(extract_publisher *p, br_error *err) {
  char *name = br_asprintf("%s.parquet", p->options.origin->query);
  bool exists = false;
  br_status st =
      name == NULL ? br_error_nomem(err)
                   : extract_place_exists(p->options.place, p->options.folder, name, &exists, err);
  if (st == BR_OK && exists) {
    st = br_error_set(err, BR_ERR_EXISTS,
                      "%s/%s is there already, without a manifest; use --overwrite to replace it",
                      p->where, name);
  }
  br_free(name);
  return st;
}

static br_status remove_files(extract_publisher *p, const extract_files *files, br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < files->count; i++) {
    st = extract_place_remove(p->options.place, p->options.folder, files->items[i].name, err);
  }
  return st;
}

/* The name of the first file that is not there; NULL: all are. */
static br_status find_missing(extract_publisher *p, const extract_files *files,
                              const char **ret_name, br_error *err) {
  const char *missing = NULL;
  for (size_t i = 0; missing == NULL && i < files->count; i++) {
    bool exists = false;
    const char *name = files->items[i].name;
    br_status st = extract_place_exists(p->options.place, p->options.folder, name, &exists, err);
    if (st != BR_OK) {
      return st;
    }
    missing = exists ? NULL : name;
  }
  *ret_name = missing;
  return BR_OK;
}

/* A run died behind its switch, before it had deleted what it replaced. Where the new files are not
 * all there the old ones stay: a run that was told of a failed switch took its files back, and the
 * storage made the switch after all. */
static br_status finish_deleting(extract_publisher *p, br_error *err) {
  const extract_files *old = p->earlier == NULL ? NULL : extract_manifest_superseded(p->earlier);
  if (old == NULL || old->count == 0) {
    return BR_OK;
  }
  const char *missing = NULL;
  br_status st = find_missing(p, extract_manifest_files(p->earlier), &missing, err);
  if (st == BR_OK && missing == NULL) {
    return remove_files(p, old, err);
  }
  p->incomplete = true;
  const char *old_missing = NULL;
  st = st == BR_OK ? find_missing(p, old, &old_missing, err) : st;
  p->undone = st == BR_OK && old_missing == NULL;
  return st;
}

/* A result is complete only as long as nobody took a file of it away. */
static br_status check_files_exist(extract_publisher *p, br_error *err) {
  const char *missing = NULL;
  br_status st = find_missing(p, extract_manifest_files(p->earlier), &missing, err);
  return st == BR_OK && missing != NULL
             ? br_error_set(err, BR_ERR_EXISTS,
                            "%s/%s is missing, though the manifest names it; use --overwrite to "
                            "write the result anew",
                            p->where, missing)
             : st;
}

static const extract_files *earlier_files(const extract_publisher *p) {
  static const extract_files none;
  return p->earlier == NULL ? &none
         : p->undone        ? extract_manifest_superseded(p->earlier)
                            : extract_manifest_files(p->earlier);
}

static const extract_files *earlier_pending(const extract_publisher *p) {
  static const extract_files none;
  return p->earlier == NULL ? &none : extract_manifest_pending(p->earlier);
}

/* A run died before its switch: what it had put there under names of its own is no result's. Runs
 * that die one after another leave no more than one does. */
static br_status remove_left(extract_publisher *p, br_error *err) {
  const extract_files *left = earlier_pending(p);
  br_status st = BR_OK;
  if (p->incomplete) {
    st = remove_files(
        p, p->undone ? extract_manifest_files(p->earlier) : extract_manifest_superseded(p->earlier),
        err);
  }
  for (size_t i = 0; st == BR_OK && i < left->count; i++) {
    const char *name = left->items[i].name;
    if (extract_files_find(earlier_files(p), name) == NULL) {
      st = extract_place_remove(p->options.place, p->options.folder, name, err);
    }
  }
  return st;
}

/* BR_DONE, or what failed. */
static br_status keep(const extract_publisher *p, extract_files *ret_kept, br_error *err) {
  const extract_files *files = extract_manifest_files(p->earlier);
  extract_files kept = {0};
  for (size_t i = 0; i < files->count; i++) {
    br_status st = extract_files_add(&kept, &files->items[i], err);
    if (st != BR_OK) {
      extract_files_done(&kept);
      return st;
    }
  }
  *ret_kept = kept;
  return BR_DONE;
}

/* BR_DONE: keep what is there. */
static br_status decide(extract_publisher *p, extract_files *ret_kept, br_error *err) {
  if (p->options.overwrite) {
    return BR_OK;
  }
  if (p->earlier == NULL) {
    return check_foreign(p, err);
  }
  if (!extract_manifest_complete(p->earlier)) {
    if (extract_manifest_files(p->earlier)->count == 0) {
      return BR_OK; /* a first run died: there is nothing that could be lost */
    }
    return br_error_set(
        err, BR_ERR_EXISTS,
        "A run died while it replaced the result in %s; use --overwrite to replace it", p->where);
  }
  const char *difference = NULL;
  if (!extract_manifest_same_origin(p->earlier, p->options.origin, &difference)) {
    return br_error_set(err, BR_ERR_EXISTS, "%s holds %s; use --overwrite to replace it", p->where,
                        difference);
  }
  br_status st = check_files_exist(p, err);
  return st == BR_OK ? keep(p, ret_kept, err) : st;
}

/* Between the two another run that fails may take away the folder that it made, empty as it is. */
static br_status make_and_lock(const extract_publish_options *options, br_error *err) {
  br_status st = BR_ERR_NOT_FOUND;
  for (int i = 0; i < LOCK_TRIES && st == BR_ERR_NOT_FOUND; i++) {
    br_error_clear(err);
    st = extract_place_make(options->place, options->folder, err);
    if (st != BR_OK) {
      return st;
    }
    st = extract_place_lock(options->place, options->folder, options->origin->run, err);
  }
  return st;
}

br_status extract_publish_begin(const extract_publish_options *options,
                                extract_publisher **ret_publisher, extract_files *ret_kept,
                                br_error *err) {
  extract_publisher *p = br_calloc(1, sizeof *p);
  if (p == NULL) {
    return br_error_nomem(err);
  }
  p->options = *options;
  p->started_us = br_clock_wall_us();
  p->switched = true; /* nothing to take back yet */
  p->manifest_whole = true;
  p->where = extract_place_describe(options->place, options->folder);
  br_status st = p->where == NULL ? br_error_nomem(err) : make_and_lock(options, err);
  if (st == BR_OK) {
    st = read_earlier(p, err);
  }
  if (st == BR_OK) {
    st = finish_deleting(p, err);
  }
  if (st == BR_OK) {
    st = decide(p, ret_kept, err);
  }
  if (st == BR_OK) {
    st = remove_left(p, err);
  }
  if (st != BR_OK) {
    extract_publish_end(p);
    return st;
  }
  p->switched = false;
  *ret_publisher = p;
  return BR_OK;
}

uint64_t extract_publish_rows_before(const extract_publisher *p) {
  uint64_t rows = 0;
  for (size_t i = 0; i < earlier_files(p)->count; i++) {
    rows += earlier_files(p)->items[i].rows;
  }
  return rows;
}

/* ---- bringing files in ---- */

/* Writes the manifest, first its second copy where it may not be replaced at once: but for one that
 * a failed write may have left broken, for then the second copy is the whole one. */
static br_status put_manifest(extract_publisher *p, const void *text, size_t length,
                              br_error *err) {
  br_status st = BR_OK;
  if (!p->options.place->ops->replaces_at_once && p->manifest_whole) {
    p->next_there = true;
    st = write_text(p, EXTRACT_MANIFEST_NEXT, text, length, err);
  }
  if (st == BR_OK) {
    p->manifest_whole = false;
    st = write_text(p, EXTRACT_MANIFEST_NAME, text, length, err);
    p->manifest_whole = st == BR_OK;
  }
  return st;
}

static br_status write_manifest(extract_publisher *p, const extract_manifest_content *content,
                                br_error *err) {
  br_buf text;
  br_buf_init(&text, BR_LIMIT_HTTP_BODY);
  br_status st = extract_manifest_write(content, &text, err);
  if (st == BR_OK) {
    st = put_manifest(p, text.data, text.len, err);
  }
  br_buf_done(&text);
  return st;
}

/* What the folder may hold beside the result that still counts: this run's files, and those of
 * dead runs that took the name of the result's file. Whether they got that far only their checksum
 * tells, so all of them stay named. */
static br_status list_pending(const extract_publisher *p, extract_files *pending, br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < p->put.count; i++) {
    st = extract_files_add(pending, &p->put.items[i], err);
  }
  const extract_files *left = earlier_pending(p);
  for (size_t i = 0; st == BR_OK && i < left->count; i++) {
    if (extract_files_find(earlier_files(p), left->items[i].name) != NULL) {
      st = extract_files_add(pending, &left->items[i], err);
    }
  }
  return st;
}

/* The manifest that names what is about to come, beside the result that still holds. */
static br_status announce(extract_publisher *p, br_error *err) {
  extract_files pending = {0};
  br_status st = list_pending(p, &pending, err);
  extract_manifest_content content = {.origin = p->options.origin,
                                      .files = earlier_files(p),
                                      .pending = &pending,
                                      .started_us = p->started_us};
  if (st == BR_OK) {
    st = write_manifest(p, &content, err);
  }
  extract_files_done(&pending);
  return st;
}

/* Announces a part under its name and puts it in place, unless the lock was lost while it was read
 * and spooled. Takes the part. */
static br_status bring_in(extract_publisher *p, part *item, br_error *err) {
  br_status st = extract_place_still_locked(p->options.place, err);
  st = st == BR_OK ? extract_files_add(&p->put, &item->file, err) : st;
  if (st == BR_OK) {
    st = announce(p, err);
    p->last_missing = st != BR_OK;
  }
  if (st == BR_OK) {
    st = extract_place_put(p->options.place, p->options.folder, item->file.name, item->path,
                           item->file.bytes, err);
    p->last_missing = st != BR_OK && p->options.place->ops->replaces_at_once;
  }
  part_free(item);
  return st;
}

static void *upload_main(void *context) {
  extract_publisher *p = context;
  void *item = NULL;
  while (p->upload_status == BR_OK && br_queue_pop(p->parts, &item) == BR_OK) {
    p->upload_status = bring_in(p, item, &p->upload_error);
  }
  if (p->upload_status != BR_OK) {
    br_queue_abort(p->parts);
  }
  return NULL;
}

static br_status start_uploader(extract_publisher *p, br_error *err) {
  br_status st = br_queue_new(1, part_free, &p->parts, err);
  if (st != BR_OK) {
    return st;
  }
  int failed = pthread_create(&p->uploader, NULL, upload_main, p);
  if (failed != 0) {
    return br_error_errno(err, failed, "A thread can't be started");
  }
  p->uploading = true;
  return BR_OK;
}

/* Ends the uploading thread and tells how it went. */
static br_status join_uploader(extract_publisher *p, br_error *err) {
  if (!p->uploading) {
    return BR_OK;
  }
  br_queue_close(p->parts);
  (void)pthread_join(p->uploader, NULL);
  p->uploading = false;
  if (p->upload_status != BR_OK && err != NULL) {
    *err = p->upload_error;
  }
  return p->upload_status;
}

/* Hands a part to the uploading thread under its final name. Takes the part. */
static br_status enqueue(extract_publisher *p, part *item, uint32_t index, br_error *err) {
  item->file.name = br_asprintf("part_%05u-%s.parquet", (unsigned)index, p->options.origin->run);
  if (item->file.name == NULL) {
    part_free(item);
    return br_error_nomem(err);
  }
  if (br_queue_push(p->parts, item) != BR_OK) {
    part_free(item);
    br_status st = join_uploader(p, err);
    return st != BR_OK ? st : br_error_set(err, BR_ERR_INTERNAL, "The upload has ended early");
  }
  return BR_OK;
}

br_status extract_publish_part(void *publisher, const flow_part *spooled, br_error *err) {
  extract_publisher *p = publisher;
  part *item = NULL;
  br_status st = part_new(spooled, &item, err);
  if (st != BR_OK) {
    return st;
  }
  if (spooled->index == 0) {
    p->first = item;
    return BR_OK;
  }
  if (spooled->index == 1) {
    part *first = p->first;
    p->first = NULL;
    st = start_uploader(p, err);
    if (st != BR_OK) {
      part_free(first);
    } else {
      st = enqueue(p, first, 0, err);
    }
  }
  if (st != BR_OK) {
    part_free(item);
    return st;
  }
  return enqueue(p, item, spooled->index, err);
}

/* ---- the switch ---- */

static br_status bring_in_single(extract_publisher *p, br_error *err) {
  part *item = p->first;
  p->first = NULL;
  item->file.name = br_asprintf("%s.parquet", p->options.origin->query);
  if (item->file.name == NULL) {
    part_free(item);
    return br_error_nomem(err);
  }
  return bring_in(p, item, err);
}

/* What the earlier manifest names and the new one does not: to be deleted behind the switch. */
static br_status collect_old(const extract_publisher *p, extract_files *old, br_error *err) {
  const extract_files *files = earlier_files(p);
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < files->count; i++) {
    if (extract_files_find(&p->put, files->items[i].name) == NULL) {
      st = extract_files_add(old, &files->items[i], err);
    }
  }
  return st;
}

static br_status switch_manifest(extract_publisher *p, const batch_schema *schema,
                                 const extract_files *old, uint64_t lossy_values, br_error *err) {
  extract_manifest_content content = {
      .origin = p->options.origin,
      .schema = schema,
      .files = &p->put,
      .superseded = old,
      .started_us = p->started_us,
      .completed_us = br_clock_wall_us(),
      .lossy_values = lossy_values,
  };
  extract_place *place = p->options.place;
  br_status st = extract_place_still_locked(place, err);
  if (st == BR_OK) {
    st = br_cancel_check(place->cancel, err);
  }
  if (st == BR_OK) {
    /* From here on it goes through: of a write that is given up nobody knows whether it counts. */
    place->cancel = NULL;
    st = write_manifest(p, &content, err);
    p->switched = st == BR_OK;
    p->switch_tried = !(place->ops->replaces_at_once && place->unwritten);
  }
  if (st == BR_OK) {
    extract_place_keep(place);
  }
  return st;
}

br_status extract_publish_finish(extract_publisher *p, const batch_schema *schema,
                                 uint64_t lossy_values, extract_files *ret_files, br_error *err) {
  br_status st = p->first != NULL ? bring_in_single(p, err) : join_uploader(p, err);
  extract_files old = {0};
  if (st == BR_OK) {
    st = collect_old(p, &old, err);
  }
  if (st == BR_OK) {
    st = switch_manifest(p, schema, &old, lossy_values, err);
  }
  if (st == BR_OK) {
    st = remove_files(p, &old, err);
    if (st != BR_OK) {
      st = br_error_append(err, st,
                           " (the new result is complete; files of the earlier one are left)");
    }
  }
  extract_files_done(&old);
  if (st == BR_OK && ret_files != NULL) {
    *ret_files = p->put;
    p->put = (extract_files){0};
  }
  return st;
}

/* Whether a new file has taken the name of the earlier one, and so can't be taken back. */
static bool has_replaced(const extract_publisher *p) {
  bool replaced = false;
  for (size_t i = 0; i < p->put.count; i++) {
    bool there = i + 1 < p->put.count || !p->last_missing;
    replaced =
        replaced || (there && extract_files_find(earlier_files(p), p->put.items[i].name) != NULL);
  }
  return replaced;
}

/* A name with the run in it is this run's whoever has the lock; the query's own name may meanwhile
 * be that of another run's file. */
static br_status remove_put(extract_publisher *p, bool locked) {
  br_status st = BR_OK;
  size_t count = p->put.count - (p->last_missing ? 1 : 0);
  for (size_t i = 0; st == BR_OK && i < count; i++) {
    const char *name = p->put.items[i].name;
    bool own = locked || strstr(name, p->options.origin->run) != NULL;
    if (own && extract_files_find(earlier_files(p), name) == NULL) {
      st = extract_place_remove(p->options.place, p->options.folder, name, NULL);
    }
  }
  return st;
}

/* Where the lock is lost, the manifest and its second copy are not this run's to touch. */
static br_status check_own(extract_publisher *p) {
  br_status st = extract_place_still_locked(p->options.place, NULL);
  p->next_there = p->next_there && st == BR_OK;
  return st;
}

/* The second copy of the manifest, which nobody needs once the first is whole. */
static br_status remove_second_copy(extract_publisher *p) {
  if (!p->next_there || !p->manifest_whole) {
    return BR_OK;
  }
  br_status st =
      extract_place_remove(p->options.place, p->options.folder, EXTRACT_MANIFEST_NEXT, NULL);
  p->next_there = st != BR_OK;
  return st;
}

/* There was no result before. The second copy may hold a switch that failed, and must not be what
 * is left. */
static br_status remove_manifest(extract_publisher *p) {
  br_status st = remove_second_copy(p);
  return st == BR_OK ? extract_place_remove(p->options.place, p->options.folder,
                                            EXTRACT_MANIFEST_NAME, NULL)
                     : st;
}

/* After a failure: deletes the new files that have names of their own and puts the earlier manifest
 * back. A switch that was said to have failed may have come about: then "writing" has to stand
 * first, for a "complete" manifest must not name what is deleted; where that can't be had, both
 * results stay. A file that took the earlier one's name can't be taken back; then the manifest
 * stays as it is and says so. */
static void take_back(extract_publisher *p) {
  if (p->put.count == 0) {
    return;
  }
  br_status st = BR_OK;
  bool replaced = has_replaced(p);
  if (p->switch_tried) {
    st = replaced ? BR_DONE : check_own(p);
    st = st == BR_OK ? announce(p, NULL) : st;
  }
  st = st == BR_OK ? remove_put(p, check_own(p) == BR_OK) : st;
  if (st != BR_OK || replaced || check_own(p) != BR_OK) {
    return;
  }
  st = p->earlier_text == NULL ? remove_manifest(p)
                               : put_manifest(p, p->earlier_text, p->earlier_length, NULL);
  /* Where it fails, the "writing" manifest that stays tells the next run. */
  p->manifest_whole = st == BR_OK;
}

void extract_publish_end(extract_publisher *p) {
  if (p == NULL) {
    return;
  }
  if (p->uploading) {
    br_queue_abort(p->parts);
    (void)pthread_join(p->uploader, NULL);
  }
  br_queue_free(p->parts);
  part_free(p->first);
  p->options.place->cancel = NULL; /* cleaning up is not what was asked to stop */
  if (!p->switched) {
    take_back(p);
  }
  if (p->switched || !p->next_there || check_own(p) == BR_OK) {
    br_status ignored = remove_second_copy(p);
    (void)ignored; /* it is not read as long as the first is whole */
  }
  extract_files_done(&p->put);
  extract_manifest_free(p->earlier);
  br_free(p->earlier_text);
  br_free(p->where);
  br_free(p);
}
