/*
 * leak_doubt.h - from which share on the untraced frees of a call site or slab cache put its live objects in doubt.
 *
 * On 6.18 about 10 % of a final live set sits at sites of which so much ends without a trace, and nearly all of it is
 * false.
 */
#ifndef KMEM_ANALYZE_LEAK_DOUBT_H
#define KMEM_ANALYZE_LEAK_DOUBT_H

#define DOUBT_PERCENT 10

#endif
