/*
 * Where a bulk load goes: the columns of the table, the types they are sent as, and the statement
 * that announces them (MS-TDS 2.2.6.1).
 */
#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "tds/family.h"
#include "tds/load_internal.h"

enum { STATEMENT_MAX = 1024 * 1024, SCRATCH_MAX = INT32_MAX };

/* "[name]", with brackets inside doubled. */
static br_status put_name(br_buf *out, const char *name, br_error *err) {
  br_status st = br_buf_u8(out, '[', err);
  for (; st == BR_OK && *name != '\0'; name++) {
    st = br_buf_u8(out, (uint8_t)*name, err);
    if (st == BR_OK && *name == ']') {
      st = br_buf_u8(out, ']', err);
    }
  }
  return st == BR_OK ? br_buf_u8(out, ']', err) : st;
}

/* --- the columns as the table has them --- */

static br_status check_column(const batch_field *field, const tds_type_info *described,
                              br_error *err) {
  if ((described->flags & TDS_COLUMN_COMPUTED) != 0) {
    return br_error_set(err, BR_ERR_USAGE, "Column '%s' is computed: it can't be loaded",
                        field->name);
  }
  if (field->source.type == BATCH_SQL_ROWVERSION) {
    return br_error_set(err, BR_ERR_USAGE,
                        "Column '%s' is a rowversion: the server makes its values", field->name);
  }
  return BR_OK;
}

static load_way way_of(const tds_type_info *info, bool json) {
  if (info->family->encoder != NULL) {
    return LOAD_ENCODE;
  }
  if (info->frame != TDS_FRAME_LEN16 || json) {
    return LOAD_ANY;
  }
  return info->family == &tds_family_char    ? LOAD_CHAR
         : info->family == &tds_family_nchar ? LOAD_NCHAR
                                             : LOAD_BINARY;
}

static void set_null(load_column *c) {
  memset(c->null, c->info.frame == TDS_FRAME_LEN16 || c->info.frame == TDS_FRAME_PLP ? 0xFF : 0,
         sizeof c->null);
  c->null_length = c->info.frame == TDS_FRAME_PLP     ? 8
                   : c->info.frame == TDS_FRAME_LEN32 ? 4
                   : c->info.frame == TDS_FRAME_LEN16 ? 2
                                                      : 1;
}

/* json is declared as such and sent as UTF-8 in a varchar(max) without collation. xml has none
 * either, but goes as nvarchar(max), which takes one: the session's. */
static br_status prepare_column(load_column *c, const batch_field *field,
                                const tds_type_info *described, const uint8_t *session_collation,
                                br_error *err) {
  static const uint8_t no_collation[TDS_COLLATION_SIZE] = {0};
  bool json = field->source.type == BATCH_SQL_JSON;
  const batch_sql_typespec varchar_max = {.type = BATCH_SQL_VARCHAR, .length = BATCH_LENGTH_MAX};
  const uint8_t *collation = json                            ? no_collation
                             : described->id == TDS_TYPE_XML ? session_collation
                                                             : described->collation;
  br_status st = tds_type_info_of_spec(json ? &varchar_max : &field->source, field->nullable,
                                       collation, &c->info, err);
  if (st != BR_OK) {
    return st;
  }
  c->info.plp_unknown_length = true;
  c->info.flags = described->flags;
  if (field->source.type == BATCH_SQL_DECIMAL && described->size == 17) {
    c->info.size = 17; /* such servers read all 16 bytes of magnitude */
  }
  c->nullable = field->nullable;
  c->encode = c->info.family->encoder != NULL ? c->info.family->encoder(&c->info) : NULL;
  c->way = way_of(&c->info, json);
  if (c->info.family == &tds_family_char) {
    c->code_page = json ? BATCH_CP_UTF8 : batch_collation_code_page(c->info.collation);
    c->check_utf8 = c->code_page == BATCH_CP_UTF8;
    if (json) {
      memcpy(c->info.collation, tds_collation_utf8, TDS_COLLATION_SIZE);
    }
  }
  set_null(c);
  return BR_OK;
}

static br_status take_column(tds_load *load, size_t index, const batch_field *from,
                             const tds_type_info *described, br_error *err) {
  batch_field *to = &load->schema->fields[index];
  batch_sql_typespec spec = batch_sql_typespec_sendable(&from->source);
  batch_type type;
  br_status st = check_column(from, described, err);
  if (st == BR_OK) {
    st = batch_type_resolve(&spec, NULL, &type, NULL, err);
  }
  if (st == BR_OK) {
    st = batch_schema_set(load->schema, index, from->name, type, from->nullable, err);
  }
  if (st == BR_OK) {
    to->has_source = true;
    to->source = spec;
    st = prepare_column(&load->columns[index], to, described, load->conn->collation, err);
  }
  return st;
}

static br_status take_columns(tds_load *load, size_t count, br_error *err) {
  const batch_schema *result = tds_result_schema(load->conn);
  if (result->count != count) {
    return br_error_set(err, BR_ERR_PROTOCOL, "%zu columns were asked for and %zu described", count,
                        result->count);
  }
  br_status st = batch_schema_new(count, &load->schema, err);
  if (st == BR_OK) {
    load->columns = br_calloc(count, sizeof *load->columns);
    st = load->columns == NULL ? br_error_nomem(err) : BR_OK;
  }
  for (size_t i = 0; st == BR_OK && i < count; i++) {
    st = take_column(load, i, &result->fields[i], &load->conn->decoders[i].info, err);
  }
  return st;
}

/* Sends "SELECT TOP (0) columns FROM table". */
static br_status ask(tds_conn *conn, const tds_load_options *options, br_error *err) {
  br_buf sql;
  br_buf_init(&sql, STATEMENT_MAX);
  br_status st = br_buf_text(&sql, "SELECT TOP (0) ", err);
  for (size_t i = 0; st == BR_OK && i < options->column_count; i++) {
    st = i == 0 ? BR_OK : br_buf_text(&sql, ", ", err);
    if (st == BR_OK) {
      st = put_name(&sql, options->columns[i], err);
    }
  }
  if (st == BR_OK) {
    st = br_buf_printf(&sql, err, " FROM %s", options->table);
  }
  if (st == BR_OK) {
    st = tds_execute(conn, (const char *)sql.data, sql.len, err);
  }
  br_buf_done(&sql);
  return st;
}

br_status load_describe(tds_load *load, const tds_load_options *options, br_error *err) {
  br_status st = ask(load->conn, options, err);
  if (st != BR_OK) {
    return st;
  }
  st = tds_next_result(load->conn, err);
  if (st == BR_DONE) {
    return br_error_set(err, BR_ERR_PROTOCOL, "The server does not describe %s", options->table);
  }
  if (st != BR_OK) {
    return st;
  }
  br_status taken = take_columns(load, options->column_count, err);
  st = tds_conn_finish_answer(load->conn, taken == BR_OK ? err : NULL);
  return taken != BR_OK ? taken : st;
}

/* --- the statement --- */

/* A collation of each code page. It says how the bytes of the stream are to be read; the server
 * converts them to the column's own collation, so any of the page will do. */
static const struct page_row {
  unsigned code_page;
  const char *collation;
} page_rows[] = {
    {437, "SQL_Latin1_General_CP437_CI_AS"},
    {850, "SQL_Latin1_General_CP850_CI_AS"},
    {874, "Thai_CI_AS"},
    {932, "Japanese_CI_AS"},
    {936, "Chinese_PRC_CI_AS"},
    {949, "Korean_Wansung_CI_AS"},
    {950, "Chinese_Taiwan_Stroke_CI_AS"},
    {1250, "SQL_Latin1_General_CP1250_CI_AS"},
    {1251, "SQL_Latin1_General_CP1251_CI_AS"},
    {1252, "SQL_Latin1_General_CP1_CI_AS"},
    {1253, "SQL_Latin1_General_CP1253_CI_AS"},
    {1254, "SQL_Latin1_General_CP1254_CI_AS"},
    {1255, "SQL_Latin1_General_CP1255_CI_AS"},
    {1256, "SQL_Latin1_General_CP1256_CI_AS"},
    {1257, "SQL_Latin1_General_CP1257_CI_AS"},
    {1258, "Vietnamese_CI_AS"},
    {BATCH_CP_UTF8, "Latin1_General_100_CI_AS_SC_UTF8"},
};

static const char *collation_of(unsigned code_page) {
  for (size_t i = 0; i < sizeof page_rows / sizeof *page_rows; i++) {
    if (page_rows[i].code_page == code_page) {
      return page_rows[i].collation;
    }
  }
  return NULL;
}

static br_status put_column(tds_load *load, size_t index, br_error *err) {
  const batch_field *field = &load->schema->fields[index];
  const load_column *c = &load->columns[index];
  char type[32];
  batch_sql_typespec_name(&field->source, type, sizeof type);
  br_status st = br_buf_text(&load->statement, index == 0 ? "" : ", ", err);
  if (st == BR_OK) {
    st = put_name(&load->statement, field->name, err);
  }
  if (st == BR_OK) {
    st = br_buf_printf(&load->statement, err, " %s", type);
  }
  const char *collation = collation_of(c->code_page);
  if (st == BR_OK && collation != NULL && field->source.type != BATCH_SQL_JSON) {
    st = br_buf_printf(&load->statement, err, " COLLATE %s", collation);
  }
  return st;
}

static br_status put_hints(tds_load *load, const tds_load_options *options, br_error *err) {
  const struct {
    bool wanted;
    const char *text;
  } hints[] = {{options->check_constraints, "CHECK_CONSTRAINTS"},
               {options->fire_triggers, "FIRE_TRIGGERS"},
               {options->keep_nulls, "KEEP_NULLS"},
               {options->table_lock, "TABLOCK"}};
  const char *before = " WITH (";
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < sizeof hints / sizeof *hints; i++) {
    if (hints[i].wanted) {
      st = br_buf_printf(&load->statement, err, "%s%s", before, hints[i].text);
      before = ", ";
    }
  }
  if (st == BR_OK && options->rows_expected != 0) {
    st = br_buf_printf(&load->statement, err, "%sROWS_PER_BATCH = %" PRIu64, before,
                       options->rows_expected);
    before = ", ";
  }
  return st == BR_OK && before[0] == ',' ? br_buf_u8(&load->statement, ')', err) : st;
}

br_status load_build_statement(tds_load *load, const tds_load_options *options, br_error *err) {
  br_buf_init(&load->statement, STATEMENT_MAX);
  br_buf_init(&load->scratch, SCRATCH_MAX);
  br_status st = br_buf_printf(&load->statement, err, "INSERT BULK %s (", options->table);
  for (size_t i = 0; st == BR_OK && i < load->schema->count; i++) {
    st = put_column(load, i, err);
  }
  if (st == BR_OK) {
    st = br_buf_u8(&load->statement, ')', err);
  }
  return st == BR_OK ? put_hints(load, options, err) : st;
}

/* --- COLMETADATA --- */

br_status load_put_columns(tds_load *load, br_error *err) {
  tds_writer *w = &load->conn->writer;
  br_status st = tds_writer_u8(w, TDS_TOKEN_COLMETADATA, err);
  if (st == BR_OK) {
    st = tds_writer_u16(w, (uint16_t)load->schema->count, err);
  }
  for (size_t i = 0; st == BR_OK && i < load->schema->count; i++) {
    const load_column *c = &load->columns[i];
    tds_type_info info = c->info;
    if (load->schema->fields[i].source.type == BATCH_SQL_JSON) {
      memset(info.collation, 0, sizeof info.collation);
    }
    st = tds_writer_u32(w, 0, err); /* user type */
    if (st == BR_OK) {
      st = tds_writer_u16(w, info.flags, err);
    }
    if (st == BR_OK) {
      st = tds_type_info_write(w, TDS_IN_BULK, &info, err);
    }
    if (st == BR_OK) {
      st = tds_writer_bvarchar(w, load->schema->fields[i].name, err);
    }
  }
  return st;
}
