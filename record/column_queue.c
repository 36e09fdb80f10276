#include "record/column_queue.h"

#define TIDY_BYTES (64u << 10)

void column_queue_number(struct column_queue *q, uint64_t value)
{
	buf_bytes(&q->bytes, &value, sizeof(value));
}

void column_queue_bytes(struct column_queue *q, const void *p, size_t n)
{
	uint64_t len = n;

	buf_bytes(&q->bytes, &len, sizeof(len));
	buf_bytes(&q->bytes, p, n);
}

/* What was moved away makes room once it is more than half. */
static void tidy(struct column_queue *q)
{
	if (q->head < TIDY_BYTES && q->head < q->bytes.len)
		return;
	if (q->head < q->bytes.len / 2)
		return;
	memmove(q->bytes.data, q->bytes.data + q->head, q->bytes.len - q->head);
	q->bytes.len -= q->head;
	q->head = 0;
}

size_t column_queue_move(struct column_queue *q, const struct plan_type *type,
			 struct event_block *block)
{
	size_t from = q->head;

	for (uint16_t i = 0; i < type->column_count && !q->bytes.oom; i++) {
		const struct plan_field *f = &type->columns[i];
		uint64_t value;

		memcpy(&value, q->bytes.data + q->head, sizeof(value));
		q->head += sizeof(value);
		if (f->kind == FIELD_UNSIGNED || f->kind == FIELD_SIGNED) {
			event_block_put_number(block, type->index, f->field, value);
			continue;
		}
		event_block_put_bytes(block, type->index, f->field, q->bytes.data + q->head,
				      (size_t)value);
		q->head += (size_t)value;
	}
	from = q->head - from;
	if (from)
		tidy(q);
	return from;
}

void column_queue_release(struct column_queue *q)
{
	buf_release(&q->bytes);
	*q = (struct column_queue){ 0 };
}
