/*
 * functions.h: numbers that the binder writes into generated SQL and the functions read.
 */
#ifndef SANDBOX_SQL_FUNCTIONS_H
#define SANDBOX_SQL_FUNCTIONS_H

typedef enum sql_part {
  SQL_PART_YEAR,
  SQL_PART_QUARTER,
  SQL_PART_MONTH,
  SQL_PART_DAYOFYEAR,
  SQL_PART_DAY,
  SQL_PART_WEEK,
  SQL_PART_ISO_WEEK,
  SQL_PART_WEEKDAY,
  SQL_PART_HOUR,
  SQL_PART_MINUTE,
  SQL_PART_SECOND,
  SQL_PART_MILLISECOND,
  SQL_PART_MICROSECOND,
  SQL_PART_NANOSECOND,
  SQL_PART_OFFSET,
  SQL_PART_COUNT
} sql_part;

/* f_item's ways. */
typedef enum sql_item_how {
  SQL_ITEM_SUBSCRIPT, /* [i]: from 0; out of bounds is an error */
  SQL_ITEM_ELEMENT,   /* element_at: from 1, from the end where negative; the same */
  SQL_ITEM_TRY,       /* try_element_at: NULL instead */
  SQL_ITEM_GET,       /* get: from 0; NULL instead */
} sql_item_how;

/* f_math's functions. */
typedef enum sql_math {
  SQL_MATH_SQRT,
  SQL_MATH_EXP,
  SQL_MATH_LOG,
  SQL_MATH_LOG10,
  SQL_MATH_SIN,
  SQL_MATH_COS,
  SQL_MATH_TAN,
  SQL_MATH_ASIN,
  SQL_MATH_ACOS,
  SQL_MATH_ATAN,
  SQL_MATH_DEGREES,
  SQL_MATH_RADIANS,
} sql_math;

#endif
