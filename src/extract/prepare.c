#include "extract/prepare.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "extract/template.h"

/* Names and values of the parameters that a query uses, sorted as its placeholders are. */
static br_status collect_pairs(const extract_query_file *file, const extract_params *params,
                               extract_query *query, br_error *err) {
  extract_names names = {0};
  br_status st = extract_template_names(file->sql, file->length, &names, err);
  extract_pair *pairs = NULL;
  if (st == BR_OK && names.count > 0) {
    pairs = br_calloc(names.count, sizeof *pairs);
    st = pairs == NULL ? br_error_nomem(err) : BR_OK;
  }
  size_t count = 0;
  for (; st == BR_OK && count < names.count; count++) {
    const extract_param *param = NULL;
    st = extract_params_find(params, names.items[count], &param, err);
    if (st == BR_OK) {
      /* The name as the query writes it; it lives in the parameter: full name or last part. */
      bool full = strcmp(param->name, names.items[count]) == 0;
      pairs[count] = (extract_pair){full ? param->name : param->last, param->value};
    }
  }
  extract_names_done(&names);
  query->parameters = pairs;
  query->parameter_count = st == BR_OK ? count : 0;
  return st;
}

static br_status expand(const extract_query_file *file, const extract_params *params,
                        extract_query *query, br_error *err) {
  br_buf sql;
  br_buf_init(&sql, BR_LIMIT_HTTP_BODY);
  query->name = file->name;
  br_status st = extract_template_expand(file->name, file->sql, file->length, params, &sql, err);
  if (st == BR_OK) {
    query->sql = br_buf_take(&sql, NULL);
    st = query->sql == NULL ? br_error_nomem(err) : BR_OK;
  }
  br_buf_done(&sql);
  return st == BR_OK ? collect_pairs(file, params, query, err) : st;
}

/* Expands every query, whatever becomes of the others; what the operator has to mend is told at
 * once. */
static br_status expand_all(extract_prepared *p, br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; i < p->count; i++) {
    br_error one = BR_ERROR_INIT;
    br_status st_one = expand(&p->files.items[i], p->params, &p->queries[i], &one);
    if (st_one != BR_OK && st_one != BR_ERR_USAGE) {
      if (err != NULL) {
        *err = one;
      }
      return st_one;
    }
    if (st_one != BR_OK && st == BR_OK) {
      st = br_error_set(err, st_one, "%s", one.message);
    } else if (st_one != BR_OK) {
      br_error_append(err, st, "\n%s", one.message);
    }
  }
  return st;
}

static br_status find_database(extract_prepared *p, br_error *err) {
  const extract_param *param = NULL;
  br_error why = BR_ERROR_INIT;
  br_status st = extract_params_find(p->params, "database", &param, &why);
  if (st == BR_OK && param->value[0] != '\0') {
    p->database = param->value;
  }
  if (st != BR_OK && st != BR_ERR_NOT_FOUND) {
    return br_error_set(err, st, "%s", why.message);
  }
  return BR_OK;
}

static br_status prepare(const extract_prepare_options *options, extract_prepared *p,
                         br_error *err) {
  br_status st = extract_query_files_load(options->queries_path, options->only, options->only_count,
                                          options->guard, &p->files, err);
  if (st == BR_OK) {
    st = extract_params_load(options->config_path, options->country, options->guard, &p->params,
                             err);
  }
  if (st == BR_OK) {
    p->queries = br_calloc(p->files.count, sizeof *p->queries);
    st = p->queries == NULL ? br_error_nomem(err) : BR_OK;
  }
  if (st == BR_OK) {
    p->count = p->files.count;
    st = find_database(p, err);
  }
  return st == BR_OK ? expand_all(p, err) : st;
}

br_status extract_prepare(const extract_prepare_options *options, extract_prepared *ret_prepared,
                          br_error *err) {
  extract_prepared p = {0};
  br_status st = prepare(options, &p, err);
  if (st != BR_OK) {
    extract_prepared_done(&p);
    return st;
  }
  *ret_prepared = p;
  return BR_OK;
}

void extract_prepared_done(extract_prepared *p) {
  for (size_t i = 0; i < p->count; i++) {
    br_free((void *)p->queries[i].sql);
    br_free((void *)p->queries[i].parameters);
  }
  br_free(p->queries);
  extract_query_files_done(&p->files);
  extract_params_free(p->params);
  *p = (extract_prepared){0};
}
