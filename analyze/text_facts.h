/*
 * text_facts.h - what a text log says about itself, as facts of the table `capture`, and the sentences
 * that are made of the same counts when it is loaded.
 *
 *	text_facts(&model, text_log_counts(log), &err);
 *
 * Keys, all TEXT; what does not apply is not there, so that a log without trouble has only the first:
 *	recorder.backend	"text"
 *	page_size		4096, a guess that the sizes of pages rest on: where pages were allocated
 *	text.lines text.entries	lines of the log, and of these entries of the ring (events, stacks)
 *	text.stacks		stack traces that belong to an event
 *	text.orphan_stacks	stack traces that belong to none that is kept
 *	text.user_stacks	stack traces of user space, which are left out
 *	text.others		events of other tracepoints, which are left out; text.other.N: "sched_switch 12"
 *	text.hidden		events left out because the kernel did not print their pointer
 *	text.damaged		lines with parts of an event that are none; text.damaged.N: "line 7: ..."
 *	text.foreign		lines that are nothing of ftrace; text.foreign.N likewise
 *	text.short		entries that the log's header tells of and that are not in it
 *	text.overwritten	records that the ring overwrote before the log begins, as its header says
 *	text.missing		1: events are missing for one of these reasons
 *	text.cut		why the end is not there
 *	text.back text.back_ns	times that step back, and the longest such step
 *	text.no_irq		events without irq columns
 *	text.ticks		1: the trace clock did not count time
 *	text.hashed		1: pointers are hashes
 *	text.nanoseconds	1: times have nine digits
 *	text.addresses text.addresses.named	distinct plain addresses, and those with a symbol
 */
#ifndef KMEM_ANALYZE_TEXT_FACTS_H
#define KMEM_ANALYZE_TEXT_FACTS_H

#include "analyze/capture_model.h"
#include "analyze/text_log.h"

int text_facts(struct capture_model *model, const struct text_counts *counts, struct error *err);

/* Whether events of memory are missing, lost ones aside. */
bool text_is_missing(const struct text_counts *counts);

#endif
