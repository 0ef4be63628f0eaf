#include "sync/entry.h"

#include "base/text.h"

static const char dots[] = "…", left_out[] = ", …";
enum { DOTS = sizeof dots - 1, LEFT_OUT = sizeof left_out - 1 };

/* How much of an entry is shown: bytes of a piece of each kind and, behind these, fields. */
enum { FIELDS = SYNC_PIECE_REASON + 1, MEASURES };

typedef struct fit {
  const sync_piece *pieces;
  size_t count;
  size_t fields; /* that there are */
  size_t most[MEASURES];
} fit;

/* Where the end of text begins that is at most `most` bytes long, with a whole character. */
static size_t tail_start(const uint8_t *text, size_t length, size_t most) {
  size_t start = length - most;
  while (start < length && (text[start] & 0xC0U) == 0x80U) {
    start++;
  }
  return start;
}

static size_t sum_of(const size_t *wanted, size_t count, size_t most) {
  size_t sum = 0;
  for (size_t i = 0; i < count; i++) {
    sum += wanted[i] < most ? wanted[i] : most;
  }
  return sum;
}

size_t sync_fair_share(const size_t *wanted, size_t count, size_t room) {
  if (sum_of(wanted, count, SIZE_MAX) <= room) {
    return SIZE_MAX;
  }
  size_t fits = 0, too_much = room + 1;
  while (too_much - fits > 1) {
    const size_t middle = fits + (too_much - fits) / 2;
    if (sum_of(wanted, count, middle) <= room) {
      fits = middle;
    } else {
      too_much = middle;
    }
  }
  return fits;
}

/* Fields that are left out stand in the middle. */
static bool is_shown(const fit *f, size_t field) {
  const size_t shown = f->most[FIELDS], front = shown - shown / 2;
  return field <= front || field > f->fields - shown / 2;
}

static size_t length_of(const fit *f) {
  size_t length = f->most[FIELDS] < f->fields ? LEFT_OUT : 0;
  for (size_t i = 0; i < f->count; i++) {
    const sync_piece *piece = &f->pieces[i];
    if (is_shown(f, piece->field)) {
      const size_t most = f->most[piece->kind];
      length += piece->length < most ? piece->length : most;
    }
  }
  return length;
}

static fit whole(const sync_piece *pieces, size_t count) {
  fit f = {.pieces = pieces, .count = count};
  for (size_t i = 0; i < count; i++) {
    size_t *most = &f.most[pieces[i].kind];
    *most = pieces[i].length > *most ? pieces[i].length : *most;
    f.fields = pieces[i].field > f.fields ? pieces[i].field : f.fields;
  }
  f.most[FIELDS] = f.fields;
  return f;
}

size_t sync_entry_length(const sync_piece *pieces, size_t count) {
  const fit f = whole(pieces, count);
  return length_of(&f);
}

/* What gives way, in this order and not below that: until 16 fields are left a field is better left
 * out than illegible. */
static void squeeze(fit *f, size_t room) {
  static const struct {
    size_t measure, least;
  } steps[] = {{SYNC_PIECE_VALUE, 24},
               {SYNC_PIECE_NAME, 24},
               {SYNC_PIECE_REASON, 100},
               {SYNC_PIECE_COLUMN, 64},
               {FIELDS, 16},
               {SYNC_PIECE_VALUE, 8},
               {SYNC_PIECE_NAME, 8},
               {SYNC_PIECE_REASON, 44},
               {SYNC_PIECE_COLUMN, 30},
               {FIELDS, 2}};
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    size_t *most = &f->most[steps[i].measure];
    while (*most > steps[i].least && length_of(f) > room) {
      (*most)--;
    }
  }
}

/* The beginning and the end of a text; most is no less than DOTS. */
static br_status write_cut(const uint8_t *text, size_t length, size_t most, br_buf *out,
                           br_error *err) {
  if (length <= most) {
    return br_buf_append(out, text, length, err);
  }
  const size_t room = most - DOTS;
  const size_t front = br_utf8_cut((const char *)text, length, room - room / 3);
  const size_t back = tail_start(text, length, room - front);
  br_status st = br_buf_append(out, text, front, err);
  st = st == BR_OK ? br_buf_append(out, dots, DOTS, err) : st;
  return st == BR_OK ? br_buf_append(out, text + back, length - back, err) : st;
}

static br_status write_pieces(const fit *f, const uint8_t *raw, br_buf *out, br_error *err) {
  br_status st = BR_OK;
  bool told = false;
  for (size_t i = 0; i < f->count && st == BR_OK; i++) {
    const sync_piece *piece = &f->pieces[i];
    if (is_shown(f, piece->field)) {
      st = write_cut(raw + piece->at, piece->length, f->most[piece->kind], out, err);
    } else if (!told) {
      st = br_buf_append(out, left_out, LEFT_OUT, err);
      told = true;
    }
  }
  return st;
}

br_status sync_entry_write(const sync_piece *pieces, size_t count, const uint8_t *raw, size_t room,
                           br_buf *out, br_error *err) {
  const size_t begun = out->len;
  fit f = whole(pieces, count);
  squeeze(&f, room);
  br_status st = write_pieces(&f, raw, out, err);
  if (st == BR_OK && out->len - begun > room) {
    const size_t most = room < DOTS ? 0 : room - DOTS;
    out->len = begun + br_utf8_cut((const char *)out->data + begun, out->len - begun, most);
    st = br_buf_append(out, dots, DOTS, err);
  }
  return st;
}
