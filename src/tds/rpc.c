/*
 * Statements with parameters: sp_executesql as a remote procedure call (MS-TDS 2.2.6.6).
 *
 *   text of a parameter ──batch_append_text()──▶ cell ──▶ bytes on the wire ──▶ message
 *
 * All values are brought into their bytes before the first packet, so that one that does not fit
 * leaves nothing sent.
 */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "batch/cast.h"
#include "tds/conn.h"

enum {
  PARAMETERS_MAX = 2100 - 2, /* of a procedure, without @stmt and @params */
  NVARCHAR_MOST = 4000,      /* more UTF-16 units are nvarchar(max) */
  NAME_SIZE = 3 * 127 + 2,
};

/* A value on its way: its type and where its bytes lie. */
typedef struct parameter {
  char name[NAME_SIZE]; /* with @; "" = by position */
  tds_type_info info;
  size_t from, length; /* in call.bytes */
} parameter;

typedef struct call {
  const tds_conn *conn;
  parameter *parameters; /* @stmt, @params, then the caller's */
  size_t count;
  br_buf declarations; /* "@a int, @b nvarchar(10)" */
  br_buf bytes;
  br_buf scratch;
} call;

/* --- values --- */

/* varchar of a call is in the code page of the database, the column that it meets may have another
 * one. Characters beyond ASCII go in Unicode therefore; ASCII is the same in all, and as varchar it
 * lets the server seek in an index. The code page needs no fewer bytes than UTF-16 units. */
static batch_sql_typespec varchar_as(const tds_parameter *p) {
  batch_sql_typespec spec = batch_sql_typespec_sendable(&p->type);
  spec.type = BATCH_SQL_VARCHAR;
  for (size_t i = 0; p->text != NULL && i < p->length; i++) {
    if ((uint8_t)p->text[i] > 0x7F) {
      spec.type = BATCH_SQL_NVARCHAR;
      spec.length = spec.length > NVARCHAR_MOST ? BATCH_LENGTH_MAX : spec.length;
      break;
    }
  }
  return spec;
}

/* The type that a parameter is declared and sent as: what the server converts from, where the type
 * itself has no form of its own in a call. */
static batch_sql_typespec sent_as(const tds_parameter *p) {
  const batch_sql_typespec *type = &p->type;
  batch_sql_typespec spec = *type;
  switch (type->type) {
  case BATCH_SQL_CHAR:
  case BATCH_SQL_VARCHAR:
  case BATCH_SQL_TEXT:
    return varchar_as(p);
  case BATCH_SQL_NCHAR:
    spec.type = BATCH_SQL_NVARCHAR;
    return spec;
  case BATCH_SQL_BINARY:
    spec.type = BATCH_SQL_VARBINARY;
    return spec;
  case BATCH_SQL_ROWVERSION:
    return (batch_sql_typespec){.type = BATCH_SQL_VARBINARY, .length = 8};
  case BATCH_SQL_JSON:
  case BATCH_SQL_VECTOR:
  case BATCH_SQL_VARIANT:
    return (batch_sql_typespec){.type = BATCH_SQL_NVARCHAR, .length = BATCH_LENGTH_MAX};
  default:
    return batch_sql_typespec_sendable(type);
  }
}

static br_status put_null(call *c, const tds_type_info *info, br_error *err) {
  size_t size = info->frame == TDS_FRAME_PLP ? 8 : info->frame == TDS_FRAME_LEN16 ? 2 : 1;
  return br_buf_fill(&c->bytes, info->frame == TDS_FRAME_LEN8 ? 0 : 0xFF, size, err);
}

/* Bytes with their length in front, or as the one chunk of a PLP value. */
static br_status put_framed(call *c, const tds_type_info *info, const void *bytes, size_t length,
                            br_error *err) {
  if (info->frame == TDS_FRAME_LEN16 && length > info->size) {
    return br_error_set(err, BR_ERR_DATA, "%zu bytes, the type takes %u", length,
                        (unsigned)info->size);
  }
  br_status st = BR_OK;
  if (info->frame == TDS_FRAME_LEN16) {
    st = br_buf_u16le(&c->bytes, (uint16_t)length, err);
    return st == BR_OK ? br_buf_append(&c->bytes, bytes, length, err) : st;
  }
  st = br_buf_u64le(&c->bytes, length, err);
  if (st == BR_OK && length > 0) {
    st = br_buf_u32le(&c->bytes, (uint32_t)length, err);
  }
  if (st == BR_OK) {
    st = br_buf_append(&c->bytes, bytes, length, err);
  }
  return st == BR_OK ? br_buf_u32le(&c->bytes, 0, err) : st;
}

static br_status put_text(call *c, const tds_type_info *info, const char *text, size_t length,
                          br_error *err) {
  br_buf_clear(&c->scratch);
  br_status st = info->id == TDS_TYPE_NVARCHAR
                     ? batch_utf8_to_utf16le(text, length, &c->scratch, err)
                     : batch_utf8_to_code_page(batch_collation_code_page(info->collation), text,
                                               length, false, &c->scratch, err);
  return st == BR_OK ? put_framed(c, info, c->scratch.data, c->scratch.len, err) : st;
}

static br_status put_cell(call *c, const tds_type_info *info, const batch_column *column,
                          br_error *err) {
  if (!batch_column_is_valid(column, 0)) {
    return put_null(c, info, err);
  }
  if (info->family->encoder != NULL) {
    uint8_t bytes[TDS_ENCODED_MAX];
    const uint8_t *end = info->family->encoder(info)(info, column, 0, bytes, err);
    return end == NULL ? BR_ERR_DATA : br_buf_append(&c->bytes, bytes, (size_t)(end - bytes), err);
  }
  const char *data = (const char *)column->data;
  return info->id == TDS_TYPE_BIGVARBINARY ? put_framed(c, info, data, column->data_len, err)
                                           : put_text(c, info, data, column->data_len, err);
}

/* --- parameters --- */

static br_status fill_cell(const tds_parameter *from, const batch_field *field,
                           batch_column *column, br_error *err) {
  if (from->text == NULL) {
    return batch_column_append_null(column, 0, err);
  }
  if (field->type.layout == BATCH_BINARY) {
    return batch_column_append_bytes(column, 0, from->text, from->length, err);
  }
  return batch_append_text(column, field, 0, from->text, from->length, false, err);
}

/* One value by way of a batch of one cell. */
static br_status convert(call *c, const tds_parameter *from, const batch_sql_typespec *spec,
                         parameter *to, br_error *err) {
  batch_schema *schema = NULL;
  batch *b = NULL;
  batch_type type;
  br_status st = batch_type_resolve(spec, NULL, &type, NULL, err);
  st = st == BR_OK ? batch_schema_new(1, &schema, err) : st;
  st = st == BR_OK ? batch_schema_set(schema, 0, to->name, type, true, err) : st;
  if (st == BR_OK) {
    schema->fields[0].has_source = true;
    schema->fields[0].source = *spec;
    st = batch_new(schema, 1, &b, err);
  }
  st = st == BR_OK ? fill_cell(from, &schema->fields[0], &b->columns[0], err) : st;
  if (st == BR_OK) {
    to->from = c->bytes.len;
    st = put_cell(c, &to->info, &b->columns[0], err);
    to->length = c->bytes.len - to->from;
  }
  batch_free(b);
  batch_schema_free(schema);
  return st;
}

static br_status declare(call *c, const parameter *p, const batch_sql_typespec *spec,
                         br_error *err) {
  char type[32];
  batch_sql_typespec_name(spec, type, sizeof type);
  return br_buf_printf(&c->declarations, err, "%s%s %s", c->declarations.len > 0 ? ", " : "",
                       p->name, type);
}

static br_status add(call *c, const tds_parameter *from, br_error *err) {
  parameter *p = &c->parameters[c->count];
  const batch_sql_typespec spec = sent_as(from);
  int length = snprintf(p->name, sizeof p->name, "@%s", from->name);
  if (length < 2 || (size_t)length >= sizeof p->name) {
    return br_error_set(err, BR_ERR_USAGE, "A parameter can't be named '%s'", from->name);
  }
  br_status st = tds_type_info_of_spec(&spec, true, c->conn->collation, &p->info, err);
  st = st == BR_OK ? convert(c, from, &spec, p, err) : st;
  if (st != BR_OK) {
    return br_error_context(err, st, "Parameter %s", p->name);
  }
  c->count++;
  return declare(c, p, &spec, err);
}

/* @stmt or @params: a text of the call itself. */
static br_status add_text(call *c, size_t index, const char *text, size_t length, br_error *err) {
  parameter *p = &c->parameters[index];
  const batch_sql_typespec spec = {
      .type = BATCH_SQL_NVARCHAR,
      .length = batch_utf16_units(text, length) > NVARCHAR_MOST ? BATCH_LENGTH_MAX : NVARCHAR_MOST};
  br_status st = tds_type_info_of_spec(&spec, true, c->conn->collation, &p->info, err);
  p->from = c->bytes.len;
  st = st == BR_OK ? put_text(c, &p->info, text, length, err) : st;
  p->length = c->bytes.len - p->from;
  return st;
}

static br_status build(call *c, const char *sql, size_t length, const tds_parameter *parameters,
                       size_t count, br_error *err) {
  c->parameters = br_calloc(count + 2, sizeof *c->parameters);
  if (c->parameters == NULL) {
    return br_error_nomem(err);
  }
  br_status st = add_text(c, 0, sql, length, err);
  c->count = count == 0 ? 1 : 2;
  for (size_t i = 0; st == BR_OK && i < count; i++) {
    st = add(c, &parameters[i], err);
  }
  if (st == BR_OK && count > 0) {
    st = add_text(c, 1, (const char *)c->declarations.data, c->declarations.len, err);
  }
  return st;
}

/* --- the message --- */

static br_status put_parameter(tds_writer *w, const call *c, const parameter *p, br_error *err) {
  br_status st = tds_writer_bvarchar(w, p->name, err);
  if (st == BR_OK) {
    st = tds_writer_u8(w, 0, err); /* neither output nor default */
  }
  if (st == BR_OK) {
    st = tds_type_info_write(w, TDS_IN_PARAMETER, &p->info, err);
  }
  return st == BR_OK ? tds_writer_bytes(w, c->bytes.data + p->from, p->length, err) : st;
}

static br_status send_call(tds_conn *conn, const call *c, br_error *err) {
  br_status st = tds_conn_begin_request(conn, TDS_PACKET_RPC, err);
  if (st != BR_OK) {
    return st;
  }
  tds_writer *w = &conn->writer;
  st = tds_writer_u16(w, TDS_RPC_BY_NUMBER, err);
  if (st == BR_OK) {
    st = tds_writer_u16(w, TDS_PROCEDURE_EXECUTESQL, err);
  }
  if (st == BR_OK) {
    st = tds_writer_u16(w, 0, err); /* options */
  }
  for (size_t i = 0; st == BR_OK && i < c->count; i++) {
    st = put_parameter(w, c, &c->parameters[i], err);
  }
  return tds_conn_end_request(conn, st, err);
}

br_status tds_execute_parameters(tds_conn *conn, const char *sql, size_t length,
                                 const tds_parameter *parameters, size_t count, br_error *err) {
  if (count > PARAMETERS_MAX) {
    return br_error_set(err, BR_ERR_LIMIT, "%zu parameters; a statement takes %d", count,
                        PARAMETERS_MAX);
  }
  call c = {.conn = conn};
  br_buf_init(&c.declarations, BR_LIMIT_SQL_FILE);
  br_buf_init(&c.bytes, INT32_MAX);
  br_buf_init(&c.scratch, INT32_MAX);
  br_status st = build(&c, sql, length, parameters, count, err);
  if (st == BR_OK) {
    st = send_call(conn, &c, err);
  }
  br_free(c.parameters);
  br_buf_done(&c.declarations);
  br_buf_done(&c.bytes);
  br_buf_done(&c.scratch);
  return st;
}

br_status tds_run_parameters(tds_conn *conn, const char *sql, const tds_parameter *parameters,
                             size_t count, int64_t *ret_rows, br_error *err) {
  br_status st = tds_execute_parameters(conn, sql, strlen(sql), parameters, count, err);
  if (st == BR_OK) {
    st = tds_conn_finish_answer(conn, err);
  }
  if (st == BR_OK && ret_rows != NULL) {
    *ret_rows = tds_rows_affected(conn);
  }
  return st;
}
