#define _GNU_SOURCE /* accept4, struct ucred */
#include "record/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NAME_PREFIX "kmem-record."
#define CLIENTS_MAX 8 /* that wait for an answer at one time */
#define DONE	    '+'
#define REFUSED	    '-'

static const char *const verbs[] = { "pause", "resume", "mark", "dump", "stop" };

struct control {
	int listen_fd, epoll_fd;
	int clients[CLIENTS_MAX]; /* -1: free */
};

bool control_verb(const char *name, enum control_verb *ret)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (!strcmp(name, verbs[i])) {
			*ret = (enum control_verb)i;
			return true;
		}
	}
	return false;
}

/* Abstract: a NUL, the name, and no more; its length says where it ends. */
static socklen_t address_of(struct sockaddr_un *a, pid_t pid)
{
	int n;

	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, NAME_PREFIX "%d", (int)pid);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

static bool may_talk_to(int fd)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

/* ---- the recorder's side ---- */

static int watch(struct control *c, int fd, int number)
{
	struct epoll_event e = { .events = EPOLLIN, .data = { .u32 = (uint32_t)number } };

	return epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &e);
}

int control_new(struct control **ret, struct error *err)
{
	struct control *c = calloc(1, sizeof(*c));
	struct sockaddr_un address;
	socklen_t len = address_of(&address, getpid());
	int rc = 0;

	if (!c)
		return error_nomem(err);
	for (int i = 0; i < CLIENTS_MAX; i++)
		c->clients[i] = -1;
	c->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->listen_fd < 0 || c->epoll_fd < 0 ||
	    bind(c->listen_fd, (struct sockaddr *)&address, len) < 0 ||
	    listen(c->listen_fd, CLIENTS_MAX) < 0 || watch(c, c->listen_fd, CLIENTS_MAX) < 0)
		rc = error_errno(err, "cannot listen on the socket @" NAME_PREFIX "%d",
				 (int)getpid());
	if (rc < 0)
		control_free(c);
	else
		*ret = c;
	return rc;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (c->clients[i] >= 0)
			close(c->clients[i]);
	if (c->listen_fd >= 0)
		close(c->listen_fd);
	if (c->epoll_fd >= 0)
		close(c->epoll_fd);
	free(c);
}

int control_fd(const struct control *c)
{
	return c->epoll_fd;
}

static void send_answer(int fd, char mark, const char *text)
{
	char line[CONTROL_ANSWER_MAX];
	int n = snprintf(line, sizeof(line), "%c%s", mark, text);

	if (n >= (int)sizeof(line))
		n = sizeof(line) - 1;
	/* whoever does not wait for it has no need of it */
	if (send(fd, line, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

static void take_client(struct control *c)
{
	int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), number = 0;

	if (fd < 0)
		return;
	while (number < CLIENTS_MAX && c->clients[number] >= 0)
		number++;
	if (!may_talk_to(fd)) {
		send_answer(fd, REFUSED,
			    "only root and the user who runs the recorder may steer it");
	} else if (number == CLIENTS_MAX) {
		send_answer(fd, REFUSED, "the recorder is busy with other requests");
	} else if (watch(c, fd, number) == 0) {
		c->clients[number] = fd;
		return;
	}
	close(fd);
}

static void drop_client(struct control *c, int number)
{
	close(c->clients[number]);
	c->clients[number] = -1;
}

/* "VERB" or "mark TEXT"; false: it is none, or the client has gone. */
static bool read_request(struct control *c, int number, struct control_request *ret)
{
	char line[sizeof("resume ") + CONTROL_TEXT_MAX + 1];
	ssize_t n = recv(c->clients[number], line, sizeof(line) - 1, MSG_DONTWAIT | MSG_TRUNC);
	char *text;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0 || n > (ssize_t)sizeof(line) - 1 || memchr(line, '\0', (size_t)n))
		goto bad;
	line[n] = '\0';
	text = strchr(line, ' ');
	if (text)
		*text++ = '\0';
	if (!control_verb(line, &ret->verb) || (ret->verb == CONTROL_MARK) != (text && *text) ||
	    (text && strlen(text) > CONTROL_TEXT_MAX))
		goto bad;
	snprintf(ret->text, sizeof(ret->text), "%s", text ? text : "");
	ret->client = number;
	return true;
bad:
	if (n > 0)
		send_answer(c->clients[number], REFUSED, "the recorder does not know this request");
	drop_client(c, number);
	return false;
}

bool control_next(struct control *c, struct control_request *ret)
{
	struct epoll_event e;

	while (epoll_wait(c->epoll_fd, &e, 1, 0) == 1) {
		int number = (int)e.data.u32;

		if (number == CLIENTS_MAX)
			take_client(c);
		else if (read_request(c, number, ret))
			return true;
	}
	return false;
}

void control_answer(struct control *c, const struct control_request *request, bool done,
		    const char *fmt, ...)
{
	char text[CONTROL_ANSWER_MAX];
	va_list ap;

	if (c->clients[request->client] < 0)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	send_answer(c->clients[request->client], done ? DONE : REFUSED, text);
	drop_client(c, request->client);
}

/* ---- the asking side ---- */

static int exchange(int fd, pid_t pid, const char *line, char *answer, size_t room,
		    struct error *err)
{
	char text[CONTROL_ANSWER_MAX + 1];
	bool reset = false;
	ssize_t n;

	if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
		return error_errno(err, "cannot ask recorder %d", (int)pid);
	/* a refusal may come before our request is read: the reset is told first, then the answer */
	do
		n = recv(fd, text, sizeof(text) - 1, 0);
	while (n < 0 && (errno == EINTR || (errno == ECONNRESET && !reset && (reset = true))));
	if (n < 0 && errno != ECONNRESET)
		return error_errno(err, "cannot hear recorder %d", (int)pid);
	if (n <= 0)
		return error_set(err, ERR_IO, "recorder %d ended without an answer", (int)pid);
	text[n] = '\0';
	if (text[0] != DONE)
		return error_set(err, ERR_USAGE, "recorder %d: %s", (int)pid, text + 1);
	snprintf(answer, room, "%s", text + 1);
	return 0;
}

int control_ask(pid_t pid, enum control_verb verb, const char *text, char *answer, size_t room,
		struct error *err)
{
	char line[sizeof("resume ") + CONTROL_TEXT_MAX + 1];
	struct sockaddr_un address;
	socklen_t len = address_of(&address, pid);
	int fd, rc;

	if (text && strlen(text) > CONTROL_TEXT_MAX)
		return error_set(err, ERR_USAGE, "the text is longer than %d bytes",
				 CONTROL_TEXT_MAX);
	snprintf(line, sizeof(line), "%s%s%s", verbs[verb], text ? " " : "", text ? text : "");
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_errno(err, "cannot make a socket");
	if (connect(fd, (struct sockaddr *)&address, len) < 0)
		rc = error_errno(err, "no recorder %d can be asked", (int)pid);
	else if (!may_talk_to(fd))
		rc = error_set(err, ERR_IO,
			       "process %d, which calls itself a recorder, is not root's",
			       (int)pid);
	else
		rc = exchange(fd, pid, line, answer, room, err);
	close(fd);
	return rc;
}

size_t control_list(pid_t *ret, size_t room)
{
	FILE *f = fopen("/proc/net/unix", "re");
	char line[512];
	size_t count = 0;

	while (f && fgets(line, sizeof(line), f)) {
		const char *name = strstr(line, " @" NAME_PREFIX);
		unsigned int flags;
		int pid, end = 0;

		/* the one that listens (__SO_ACCEPTCON), not its connections */
		if (!name || sscanf(line, "%*[^:]: %*x %*x %x", &flags) != 1 ||
		    !(flags & 0x10000) || sscanf(name, " @" NAME_PREFIX "%d%n", &pid, &end) != 1 ||
		    name[end] != '\n')
			continue;
		if (count < room)
			ret[count] = pid;
		count++;
	}
	if (f)
		fclose(f);
	return count;
}
