#include "format/file_lines.h"

#include <string.h>

#include "format/base/cursor.h"

static int digit_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* How many digits stand in front of a space; 0: that is not what stands there. */
static unsigned int count_digits(const char *text, size_t len)
{
	unsigned int n = 0;

	while (n < len && n <= LINE_DIGITS_MAX && digit_of(text[n]) >= 0)
		n++;
	return n < len && n <= LINE_DIGITS_MAX && text[n] == ' ' ? n : 0;
}

bool lines_split(const char *text, size_t len, unsigned int *ret_digits, struct buf *numbers,
		 struct buf *lines)
{
	unsigned int digits = count_digits(text, len);
	const char *end = text + len, *next;
	uint64_t last = 0;

	buf_clear(numbers);
	buf_clear(lines);
	if (!digits || end[-1] != '\n' || !buf_reserve(lines, len))
		return false;
	for (const char *p = text; p < end; p = next) {
		const char *rest = p + digits;
		uint64_t number = 0;

		if (count_digits(p, (size_t)(end - p)) != digits)
			return false;
		for (; p < rest; p++)
			number = number << 4 | (unsigned int)digit_of(*p);
		next = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
		buf_svarint(numbers, (int64_t)(number - last));
		buf_bytes(lines, p, (size_t)(next - p));
		last = number;
	}
	*ret_digits = digits;
	return !numbers->oom;
}

void file_body_add(struct file_encoder *e, const struct file_part *part, struct block_body *body)
{
	struct file_part head = *part;
	unsigned int digits;
	bool split = lines_split(part->bytes.data, part->bytes.len, &digits, &e->numbers,
				 &e->lines);

	if (split)
		head.bytes.len = 0;
	buf_clear(&e->record);
	file_encode(&e->record, &head);
	body->failed |= e->record.oom;
	block_body_add(body, SECTION_RECORDS, 0, 0, e->record.data, e->record.len);
	if (!split)
		return;
	block_body_add(body, SECTION_FILE_NUMBERS, digits, 0, e->numbers.data, e->numbers.len);
	block_body_add(body, SECTION_FILE_LINES, 0, 0, e->lines.data, e->lines.len);
}

void file_encoder_release(struct file_encoder *e)
{
	buf_release(&e->record);
	buf_release(&e->numbers);
	buf_release(&e->lines);
}

static void put_digits(struct buf *b, uint64_t number, unsigned int digits)
{
	for (unsigned int i = digits; i > 0; i--)
		b->data[b->len++] = (uint8_t) "0123456789abcdef"[number >> 4 * (i - 1) & 15];
}

static size_t count_lines(const struct section *lines)
{
	size_t n = 0;

	for (size_t i = 0; i < lines->len; i++)
		n += lines->data[i] == '\n';
	return n;
}

const char *file_join(const struct section *record, const struct section *numbers,
		      const struct section *lines, struct buf *ret)
{
	struct cursor c = cursor_of(numbers->data, numbers->len);
	const uint8_t *p = lines->data, *end = p + lines->len;
	size_t n = count_lines(lines), room;
	struct file_part part;
	uint64_t number = 0;

	if (file_decode(record->data, record->len, &part, NULL) < 0)
		return "a part of a file is damaged";
	/* of a part that was split nothing is left in the record */
	if (part.bytes.len || !numbers->a || numbers->a > LINE_DIGITS_MAX ||
	    (lines->len && end[-1] != '\n') || n > BLOCK_RAW_MAX ||
	    n * numbers->a > BLOCK_RAW_MAX - lines->len)
		return "the lines of a file make no sense";
	room = lines->len + n * numbers->a;
	buf_clear(ret);
	part.bytes = (struct text){ "", 0 };
	file_encode(ret, &part);
	if (ret->oom)
		return "out of memory";
	ret->len--; /* of no bytes: now there are some */
	buf_varint(ret, room);
	if (!buf_reserve(ret, room) || ret->oom)
		return "out of memory";
	while (p < end) {
		size_t line = (size_t)((const uint8_t *)memchr(p, '\n', (size_t)(end - p)) + 1 - p);

		number += (uint64_t)cursor_svarint(&c);
		if (c.bad)
			return "the lines of a file have no numbers";
		put_digits(ret, number, numbers->a);
		buf_bytes(ret, p, line);
		p += line;
	}
	return NULL;
}
