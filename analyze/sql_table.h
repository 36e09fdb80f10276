/*
 * sql_table.h - the rows of any query as a table for people: columns as wide as their first rows need, numbers to the
 * right, text from the capture made safe for a terminal.
 */
#ifndef KMEM_ANALYZE_SQL_TABLE_H
#define KMEM_ANALYZE_SQL_TABLE_H

#include <stdio.h>

#include "analyze/query.h"

/* Steps the query to its end. A query without columns prints nothing. */
int sql_table(FILE *out, struct query *q, struct error *err);

#endif
