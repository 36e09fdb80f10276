/*
 * direct_map.h - where the kernel maps physical memory: what turns the address of a slab object into
 * its page frame.
 *
 * Source: the program headers of /proc/kcore (fs/proc/kcore.c), whose segments of RAM carry their
 * physical address; those of vmalloc and modules carry -1. Kernels without CONFIG_PROC_KCORE and
 * users who may not read it give nothing.
 *
 *	char text[4096];
 *	if (direct_map_read("/proc/kcore", text, sizeof(text)))
 *		info_encode(&info, "direct_map", text);
 */
#ifndef KMEM_RECORD_DIRECT_MAP_H
#define KMEM_RECORD_DIRECT_MAP_H

#include <stdbool.h>
#include <stddef.h>

/*
 * "VIRTUAL-END:PHYSICAL" per range, hexadecimal, separated by blanks. False, with an empty text, when
 * there are none. Ranges that no longer fit are left out.
 */
bool direct_map_read(const char *path, char *text, size_t room);

#endif
