/*
 * geometry and geography ([MS-SSCLRT] 2.1.1, 2.1.2) to well-known binary (OGC 06-103r4; types of
 * curves and of Z and M as ISO 13249-3 numbers them).
 *
 *   SRID, version, properties, points (x y)…, z…, m…, figures…, shapes…, segments…
 *
 * A figure is a run of points, a shape a run of figures or the parent of the shapes behind it. The
 * shapes stand in the order that well-known binary writes them in, so one walk over them is enough;
 * only the number of a collection's members is filled in as they come. Of each geometry that has
 * been written its shape's entry keeps the place of that number: the input is scratch memory.
 */
#include "tds/family.h"

enum {
  HAS_Z = 0x01, /* serialization properties */
  HAS_M = 0x02,
  SINGLE_POINT = 0x08,
  SINGLE_LINE = 0x10,
  POINT_SIZE = 16,
  FIGURE_SIZE = 5,
  SHAPE_SIZE = 9,
  NONE = -1,
};

typedef enum shape_type { /* up to CURVE_POLYGON also the numbers of well-known binary */
                          POINT = 1,
                          LINE_STRING,
                          POLYGON,
                          MULTI_POINT,
                          MULTI_LINE_STRING,
                          MULTI_POLYGON,
                          COLLECTION,
                          CIRCULAR_STRING,
                          COMPOUND_CURVE,
                          CURVE_POLYGON,
                          FULL_GLOBE,
                          WKB_FULL_GLOBE = 126, /* as STAsBinary() writes it */
} shape_type;

enum { FIGURE_ARC = 2, FIGURE_COMPOSITE = 3 }; /* version 2; everything else is straight lines */
enum { SEGMENT_IS_ARC = 1, SEGMENT_BEGINS = 2 };

typedef struct spatial {
  bool swap; /* geography: latitude stands first */
  bool curves;
  int32_t srid;
  uint8_t properties;
  const uint8_t *points, *z, *m, *figures, *segments;
  uint8_t *shapes;
  uint32_t point_count, figure_count, shape_count, segment_count;
  /* Where writing stands. */
  uint8_t *out, *out_begin, *out_end;
  uint32_t next_figure, next_segment;
} spatial;

static br_status malformed(br_error *err) {
  return br_error_set(err, BR_ERR_DATA, "The bytes are no geometry or geography");
}

/* --- reading --- */

static bool take(uint8_t **pos, size_t *left, uint64_t size, uint8_t **ret_bytes) {
  if (*left < size) {
    return false;
  }
  *ret_bytes = *pos;
  *pos += size;
  *left -= (size_t)size;
  return true;
}

static bool take_count(uint8_t **pos, size_t *left, uint32_t *ret_count) {
  uint8_t *bytes = NULL;
  bool ok = take(pos, left, 4, &bytes);
  *ret_count = ok ? br_load_u32le(bytes) : 0;
  return ok;
}

static bool take_array(uint8_t **pos, size_t *left, uint32_t count, size_t size,
                       const uint8_t **ret_items) {
  uint8_t *items = NULL;
  bool ok = take(pos, left, (uint64_t)count * size, &items);
  *ret_items = items;
  return ok;
}

static bool has_composite_figure(const spatial *s) {
  for (uint32_t i = 0; i < s->figure_count; i++) {
    if (s->figures[(size_t)i * FIGURE_SIZE] == FIGURE_COMPOSITE) {
      return true;
    }
  }
  return false;
}

static bool take_points(spatial *s, uint8_t **pos, size_t *left) {
  bool ok = true;
  if ((s->properties & (SINGLE_POINT | SINGLE_LINE)) != 0) {
    s->point_count = (s->properties & SINGLE_POINT) != 0 ? 1 : 2;
  } else {
    ok = take_count(pos, left, &s->point_count);
  }
  ok = ok && take_array(pos, left, s->point_count, POINT_SIZE, &s->points);
  if (ok && (s->properties & HAS_Z) != 0) {
    ok = take_array(pos, left, s->point_count, 8, &s->z);
  }
  if (ok && (s->properties & HAS_M) != 0) {
    ok = take_array(pos, left, s->point_count, 8, &s->m);
  }
  return ok;
}

static bool take_shapes(spatial *s, uint8_t **pos, size_t *left) {
  bool ok = take_count(pos, left, &s->figure_count) &&
            take_array(pos, left, s->figure_count, FIGURE_SIZE, &s->figures) &&
            take_count(pos, left, &s->shape_count) &&
            take(pos, left, (uint64_t)s->shape_count * SHAPE_SIZE, &s->shapes);
  if (ok && s->curves && has_composite_figure(s)) {
    ok = take_count(pos, left, &s->segment_count) &&
         take_array(pos, left, s->segment_count, 1, &s->segments);
  }
  return ok && s->shape_count > 0;
}

static br_status parse(uint8_t *bytes, size_t length, bool geography, spatial *ret_spatial,
                       br_error *err) {
  spatial s = {.swap = geography, .srid = NONE};
  uint8_t *pos = bytes;
  size_t left = length;
  uint8_t *head = NULL;
  bool ok = take(&pos, &left, 4, &head);
  s.srid = ok ? (int32_t)br_load_u32le(head) : NONE;
  if (ok && s.srid != NONE) {
    ok = take(&pos, &left, 2, &head) && (head[0] == 1 || head[0] == 2);
    s.curves = ok && head[0] == 2;
    s.properties = ok ? head[1] : 0;
    ok = ok && take_points(&s, &pos, &left);
    if (ok && (s.properties & (SINGLE_POINT | SINGLE_LINE)) == 0) {
      ok = take_shapes(&s, &pos, &left);
    }
  }
  *ret_spatial = s;
  return ok && left == 0 ? BR_OK : malformed(err);
}

/* What a piece takes here and there: a shape 9 bytes in both, an empty point 37 there; a point the
 * same; a figure 5 and at most 14; a segment 1 and, as a curve of its own, 9 and a point again. */
br_status tds_wkb_most(uint8_t *bytes, size_t length, size_t *ret_most, br_error *err) {
  spatial s;
  br_status st = parse(bytes, length, false, &s, err);
  if (st == BR_OK) {
    *ret_most = length + (size_t)s.shape_count * 28 + (size_t)s.figure_count * 9 +
                (size_t)s.segment_count * 40 + 64;
  }
  return st;
}

/* --- writing: false where the input repeats itself beyond what tds_wkb_most() allows for --- */

static bool put(spatial *s, const void *bytes, size_t length) {
  if ((size_t)(s->out_end - s->out) < length) {
    return false;
  }
  memcpy(s->out, bytes, length);
  s->out += length;
  return true;
}

static bool put_u32(spatial *s, uint32_t value) {
  uint8_t bytes[4];
  br_store_u32le(bytes, value);
  return put(s, bytes, sizeof bytes);
}

static bool put_head(spatial *s, uint32_t type) {
  static const uint8_t little_endian = 1;
  type += (s->z != NULL ? 1000U : 0U) + (s->m != NULL ? 2000U : 0U);
  return put(s, &little_endian, 1) && put_u32(s, type);
}

static bool put_point(spatial *s, uint32_t index) {
  const uint8_t *xy = s->points + (size_t)index * POINT_SIZE;
  return put(s, xy + (s->swap ? 8 : 0), 8) && put(s, xy + (s->swap ? 0 : 8), 8) &&
         (s->z == NULL || put(s, s->z + (size_t)index * 8, 8)) &&
         (s->m == NULL || put(s, s->m + (size_t)index * 8, 8));
}

/* A count, then the points [first, end). */
static bool put_points(spatial *s, uint32_t first, uint32_t end) {
  bool ok = put_u32(s, end - first);
  for (uint32_t i = first; ok && i < end; i++) {
    ok = put_point(s, i);
  }
  return ok;
}

/* The points of a figure. */
static bool figure_points(const spatial *s, uint32_t figure, uint32_t *ret_first,
                          uint32_t *ret_end) {
  const uint8_t *f = s->figures + (size_t)figure * FIGURE_SIZE;
  bool is_last = figure + 1 == s->figure_count;
  *ret_first = br_load_u32le(f + 1);
  *ret_end = is_last ? s->point_count : br_load_u32le(f + FIGURE_SIZE + 1);
  return *ret_first <= *ret_end && *ret_end <= s->point_count;
}

static bool put_ring(spatial *s, uint32_t figure) {
  uint32_t first = 0;
  uint32_t end = 0;
  return figure_points(s, figure, &first, &end) && put_points(s, first, end);
}

/* A run of lines and arcs, each kind a curve of its own; neighbours share a point. */
static bool put_compound(spatial *s, uint32_t first, uint32_t end) {
  size_t curves_at = (size_t)(s->out - s->out_begin) + 5;
  uint32_t curves = 0;
  uint32_t points = 0;
  uint8_t *points_at = NULL;
  uint8_t kind = 0;
  bool ok = put_head(s, COMPOUND_CURVE) && put_u32(s, 0);
  for (uint32_t p = first; ok && p + 1 < end;) {
    uint8_t segment = 0;
    ok = s->next_segment < s->segment_count;
    segment = ok ? s->segments[s->next_segment++] : 0;
    uint8_t arc = segment & SEGMENT_IS_ARC;
    if (ok && (curves == 0 || (segment & SEGMENT_BEGINS) != 0 || arc != kind)) {
      kind = arc;
      curves++;
      points = 1;
      ok = put_head(s, arc != 0 ? CIRCULAR_STRING : LINE_STRING);
      points_at = s->out;
      ok = ok && put_u32(s, 1) && put_point(s, p);
    }
    ok = ok && (arc == 0 || p + 2 < end) && put_point(s, ++p) && (arc == 0 || put_point(s, ++p));
    if (ok) {
      points += arc != 0 ? 2 : 1;
      br_store_u32le(points_at, points);
    }
  }
  if (ok) {
    br_store_u32le(s->out_begin + curves_at, curves);
  }
  return ok;
}

/* A figure as a geometry of its own. */
static bool put_curve(spatial *s, uint32_t figure) {
  uint32_t first = 0;
  uint32_t end = 0;
  uint8_t attribute = s->curves ? s->figures[(size_t)figure * FIGURE_SIZE] : 0;
  if (!figure_points(s, figure, &first, &end)) {
    return false;
  }
  if (attribute == FIGURE_COMPOSITE) {
    return put_compound(s, first, end);
  }
  return put_head(s, attribute == FIGURE_ARC ? CIRCULAR_STRING : LINE_STRING) &&
         put_points(s, first, end);
}

static bool put_no_point(spatial *s) {
  static const uint8_t nan[8] = {0, 0, 0, 0, 0, 0, 0xF8, 0x7F};
  bool ok = put_head(s, POINT) && put(s, nan, 8) && put(s, nan, 8);
  ok = ok && (s->z == NULL || put(s, nan, 8));
  return ok && (s->m == NULL || put(s, nan, 8));
}

/* A shape that has figures of its own: [first, end). */
static bool put_leaf(spatial *s, uint32_t type, uint32_t first, uint32_t end) {
  bool polygon = type == POLYGON || type == CURVE_POLYGON;
  if (!polygon && end - first > 1) {
    return false;
  }
  if (type == POINT) {
    uint32_t point = 0;
    uint32_t behind = 0;
    return first == end ? put_no_point(s)
                        : figure_points(s, first, &point, &behind) && behind - point == 1 &&
                              put_head(s, POINT) && put_point(s, point);
  }
  if (!polygon) {
    return first == end ? put_head(s, type) && put_u32(s, 0) : put_curve(s, first);
  }
  bool ok = put_head(s, type) && put_u32(s, end - first);
  for (uint32_t f = first; ok && f < end; f++) {
    ok = type == CURVE_POLYGON ? put_curve(s, f) : put_ring(s, f);
  }
  return ok;
}

/* --- the walk over the shapes --- */

static uint8_t *shape_at(const spatial *s, uint32_t index) {
  return s->shapes + (size_t)index * SHAPE_SIZE;
}

static int32_t parent_of(const spatial *s, uint32_t index) {
  return (int32_t)br_load_u32le(shape_at(s, index));
}

/* The figures of a shape end where those of the next that has any begin. */
static bool figures_of(spatial *s, uint32_t index, uint32_t *ret_first, uint32_t *ret_end) {
  uint32_t first = br_load_u32le(shape_at(s, index) + 4);
  if (first == (uint32_t)NONE) {
    *ret_first = *ret_end = 0;
    return true;
  }
  uint32_t end = s->figure_count;
  for (uint32_t i = index + 1; i < s->shape_count; i++) {
    uint32_t next = br_load_u32le(shape_at(s, i) + 4);
    if (next != (uint32_t)NONE) {
      end = next;
      break;
    }
  }
  *ret_first = first;
  *ret_end = end;
  bool ok = first >= s->next_figure && first <= end && end <= s->figure_count;
  s->next_figure = end;
  return ok;
}

static bool may_hold(uint32_t parent, uint32_t child) {
  return parent >= MULTI_POINT && parent <= MULTI_POLYGON ? child == parent - 3
                                                          : parent == COLLECTION;
}

/* Counts the shape in its parent, which must be on the way from the shape before up to the root. */
static bool join_parent(spatial *s, uint32_t index) {
  int32_t parent = parent_of(s, index);
  if (index == 0) {
    return parent == NONE;
  }
  int32_t above = (int32_t)index - 1;
  while (above != NONE && above != parent) {
    above = parent_of(s, (uint32_t)above);
  }
  if (above == NONE || !may_hold(shape_at(s, (uint32_t)parent)[8], shape_at(s, index)[8])) {
    return false;
  }
  uint8_t *count = s->out_begin + br_load_u32le(shape_at(s, (uint32_t)parent) + 4);
  br_store_u32le(count, br_load_u32le(count) + 1);
  return true;
}

static bool put_shape(spatial *s, uint32_t index) {
  uint8_t *shape = shape_at(s, index);
  uint8_t type = shape[8];
  if (!join_parent(s, index) || type < POINT || type > FULL_GLOBE) {
    return false;
  }
  if (type == FULL_GLOBE) {
    return put_head(s, WKB_FULL_GLOBE);
  }
  if (type >= MULTI_POINT && type <= COLLECTION) {
    bool ok = put_head(s, type);
    br_store_u32le(shape + 4, (uint32_t)(s->out - s->out_begin));
    return ok && put_u32(s, 0);
  }
  uint32_t first = 0;
  uint32_t end = 0;
  return figures_of(s, index, &first, &end) && put_leaf(s, type, first, end);
}

static bool put_all(spatial *s) {
  if (s->shape_count == 0) {
    return (s->properties & SINGLE_POINT) != 0 ? put_head(s, POINT) && put_point(s, 0)
                                               : put_head(s, LINE_STRING) && put_points(s, 0, 2);
  }
  bool ok = true;
  for (uint32_t i = 0; ok && i < s->shape_count; i++) {
    ok = put_shape(s, i);
  }
  return ok;
}

br_status tds_wkb(uint8_t *bytes, size_t length, bool geography, uint8_t *out, size_t most,
                  size_t *ret_length, int32_t *ret_srid, br_error *err) {
  spatial s;
  br_status st = parse(bytes, length, geography, &s, err);
  if (st != BR_OK) {
    return st;
  }
  s.out = s.out_begin = out;
  s.out_end = out + most;
  if (s.srid != NONE && !put_all(&s)) {
    return malformed(err);
  }
  *ret_length = (size_t)(s.out - out);
  *ret_srid = s.srid;
  return BR_OK;
}
