/*
 * cpu_nodes.h - which memory node each CPU of the target belongs to, as the capture's copies of
 * /sys/devices/system/node/nodeN/cpulist say.
 *
 *	rc = cpu_nodes_prepare(db, &only, &err);	// temp.cpu_node (cpu, node)
 *
 * Returns how many nodes have CPUs, 0 where the capture does not say, or an error; *only is the node if it is one.
 */
#ifndef KMEM_ANALYZE_CPU_NODES_H
#define KMEM_ANALYZE_CPU_NODES_H

#include <sqlite3.h>
#include <stdint.h>

#include "format/base/error.h"

int cpu_nodes_prepare(sqlite3 *db, int64_t *only, struct error *err);

#endif
