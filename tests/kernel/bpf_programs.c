/* bpf_programs NAME: how many BPF programs of that name there are in the kernel. */
#define _GNU_SOURCE /* syscall */
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

int main(int argc, char **argv)
{
	uint32_t id = 0, count = 0;

	for (;;) {
		union bpf_attr attr = { 0 };
		struct bpf_prog_info info = { 0 };
		int fd;

		attr.start_id = id;
		if (bpf(BPF_PROG_GET_NEXT_ID, &attr) < 0)
			break;
		id = attr.next_id;
		memset(&attr, 0, sizeof(attr));
		attr.prog_id = id;
		fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);
		if (fd < 0)
			continue;
		memset(&attr, 0, sizeof(attr));
		attr.info.bpf_fd = (uint32_t)fd;
		attr.info.info_len = sizeof(info);
		attr.info.info = (uintptr_t)&info;
		if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0 && argc > 1)
			count += !strcmp(info.name, argv[1]);
		close(fd);
	}
	printf("%u\n", count);
	return 0;
}
