/*
 * value_write.h: writing text and binary cells in whatever frame their type has.
 */
#ifndef TDS_VALUE_WRITE_H
#define TDS_VALUE_WRITE_H

#include "tds/typeinfo.h"

br_status tds_write_char(tds_writer *w, const tds_type_info *info, const batch_column *column,
                         size_t row, br_error *err) BR_CHECKED;
br_status tds_write_utf16(tds_writer *w, const tds_type_info *info, const batch_column *column,
                          size_t row, br_error *err) BR_CHECKED;
br_status tds_write_binary(tds_writer *w, const tds_type_info *info, const batch_column *column,
                           size_t row, br_error *err) BR_CHECKED;
/* NULL of a type. */
br_status tds_write_null(tds_writer *w, const tds_type_info *info, br_error *err) BR_CHECKED;

#endif
