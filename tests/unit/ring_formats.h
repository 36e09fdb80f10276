/*
 * ring_formats.h - pages and format files of a 64-bit kernel of this machine's byte order, for tests that make records.
 */
#ifndef TESTS_UNIT_RING_FORMATS_H
#define TESTS_UNIT_RING_FORMATS_H

#include "record/ring_page.h"

#define PAGE_BYTES 4096u
#define HEAD_BYTES 16u

static const struct ring_layout layout = {
	.subbuf_size = PAGE_BYTES,
	.commit_offset = 8,
	.data_offset = HEAD_BYTES,
	.long_size = 8,
	.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
};

#define FORMAT_COMMON \
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n" \
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n" \
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n" \
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
#define FORMAT_SITE "\tfield:unsigned long call_site;\toffset:8;\tsize:8;\tsigned:0;\n"
#define FORMAT_PTR  "\tfield:const void * ptr;\toffset:16;\tsize:8;\tsigned:0;\n"
#define FORMAT_END  "\nprint fmt: \"\"\n"

#endif
