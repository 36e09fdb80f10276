#include "analyze/skip_frames.h"

#include <stdlib.h>
#include <string.h>

#include "schema_sql.h"

static size_t shorter(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int by_text(const void *a, const void *b)
{
	const struct skip_pattern *x = a, *y = b;
	int order = memcmp(x->text, y->text, shorter(x->len, y->len));

	return order ? order : (x->len > y->len) - (x->len < y->len);
}

static bool is_glob(const struct skip_pattern *p)
{
	return memchr(p->text, '*', p->len) || memchr(p->text, '?', p->len);
}

/* The next line without comment and blanks; false at the end. An empty one has length 0. */
static bool next_line(const char **text, struct skip_pattern *ret)
{
	const char *line = *text;
	size_t len = strcspn(line, "\n");

	if (!*line)
		return false;
	*text = line + len + (line[len] == '\n');
	*ret = (struct skip_pattern){ line, shorter(strcspn(line, "#"), len) };
	while (ret->len && strchr(" \t\r", ret->text[ret->len - 1]))
		ret->len--;
	return true;
}

static void add(struct skip_frames *s, const struct skip_pattern *p)
{
	if (is_glob(p))
		s->globs[s->glob_count++] = *p;
	else
		s->exact[s->exact_count++] = *p;
}

/* Names are kept without suffixes, so a pattern that has some could never match. */
static size_t stem(const char *name, size_t len)
{
	static const char profiled[] = "_noprof";
	const char *dot = len ? memchr(name + 1, '.', len - 1) : NULL;

	if (dot)
		len = (size_t)(dot - name);
	if (len > sizeof(profiled) - 1 &&
	    !memcmp(name + len - (sizeof(profiled) - 1), profiled, sizeof(profiled) - 1))
		len -= sizeof(profiled) - 1;
	return len;
}

int skip_frames_init(struct skip_frames *s, const char *const *more, size_t count,
		     struct error *err)
{
	const char *text = analyze_skip_frames_txt;
	struct skip_pattern p;
	size_t all = count;

	for (size_t i = 0; i < count; i++)
		if (!*more[i] || strlen(more[i]) > SKIP_PATTERN_MAX)
			return error_set(err, ERR_USAGE,
					 "--skip-frame: '%.40s' is no name of a function, nor a"
					 " pattern of one like 'my_alloc*'",
					 more[i]);
	while (next_line(&text, &p))
		all += p.len > 0;
	*s = (struct skip_frames){ .exact = calloc(all, sizeof(p)),
				   .globs = calloc(all, sizeof(p)) };
	if (!s->exact || !s->globs) {
		skip_frames_release(s);
		return error_nomem(err);
	}
	for (text = analyze_skip_frames_txt; next_line(&text, &p);)
		if (p.len)
			add(s, &p);
	for (size_t i = 0; i < count; i++) {
		p = (struct skip_pattern){ more[i], strlen(more[i]) };
		if (!is_glob(&p))
			p.len = stem(p.text, p.len);
		add(s, &p);
	}
	qsort(s->exact, s->exact_count, sizeof(p), by_text);
	return 0;
}

void skip_frames_release(struct skip_frames *s)
{
	free(s->exact);
	free(s->globs);
	*s = (struct skip_frames){ 0 };
}

/* Remembers the last star only: enough, because a later one can always take over from it. */
static bool glob_match(const struct skip_pattern *p, const char *name, size_t len)
{
	size_t i = 0, k = 0, star = p->len, from = 0;

	while (k < len) {
		if (i < p->len && p->text[i] == '*') {
			star = i++;
			from = k;
		} else if (i < p->len && (p->text[i] == '?' || p->text[i] == name[k])) {
			i++;
			k++;
		} else if (star < p->len) {
			i = star + 1;
			k = ++from;
		} else {
			return false;
		}
	}
	while (i < p->len && p->text[i] == '*')
		i++;
	return i == p->len;
}

bool skip_frames_match(const struct skip_frames *s, const char *name, size_t len)
{
	const struct skip_pattern key = { name, stem(name, len) };

	if (bsearch(&key, s->exact, s->exact_count, sizeof(key), by_text))
		return true;
	for (size_t i = 0; i < s->glob_count; i++)
		if (glob_match(&s->globs[i], name, key.len))
			return true;
	return false;
}

uint32_t skip_frames_caller(const uint32_t *path, uint32_t depth, uint32_t call_site,
			    const unsigned char *classes)
{
	uint32_t first = 0, kernel = 0;

	while (kernel < depth && classes[path[kernel]] != FRAME_USER)
		kernel++;
	while (first < kernel && path[first] != call_site)
		first++;
	if (first == kernel)
		first = 0;
	for (uint32_t i = first; i < kernel; i++)
		if (classes[path[i]] == FRAME_PLAIN)
			return path[i];
	return call_site || !kernel ? call_site : path[kernel - 1];
}
