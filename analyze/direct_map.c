#include "analyze/direct_map.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/query.h"

/* A hexadecimal number and the character behind it. */
static bool number(const char **p, char behind, uint64_t *ret)
{
	char *end;

	*ret = strtoull(*p, &end, 16);
	if (end == *p || (behind && *end != behind))
		return false;
	*p = behind ? end + 1 : end;
	return true;
}

bool direct_map_pfn(sqlite3 *db, uint64_t address, uint64_t *ret)
{
	int64_t page_size = capture_int(db, "page_size", 4096);
	uint64_t from, end, physical;
	char text[8192] = "";
	const char *p = text;

	if (page_size <= 0 || !capture_text(db, "direct_map", text, sizeof(text)) ||
	    strlen(text) + 1 == sizeof(text)) /* cut off: its last number is none */
		return false;
	while (number(&p, '-', &from) && number(&p, ':', &end) && number(&p, 0, &physical)) {
		if (address < from || address >= end)
			continue;
		*ret = (address - from + physical) / (uint64_t)page_size;
		return true;
	}
	return false;
}
