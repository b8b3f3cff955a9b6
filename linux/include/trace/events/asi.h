/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM asi

#if !defined(_TRACE_ASI_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_ASI_H

#include <linux/tracepoint.h>

#include <asm/asi.h>

TRACE_DEFINE_ENUM(ASI_EXIT_FAULT);
TRACE_DEFINE_ENUM(ASI_EXIT_SCHED);
TRACE_DEFINE_ENUM(ASI_EXIT_MM);
TRACE_DEFINE_ENUM(ASI_EXIT_CR3);
TRACE_DEFINE_ENUM(ASI_EXIT_USER);
TRACE_DEFINE_ENUM(ASI_EXIT_EXPLICIT);
TRACE_DEFINE_ENUM(ASI_EXIT_PM);

#define ASI_SHOW_REASON(reason)					\
	__print_symbolic(reason,				\
		{ ASI_EXIT_FAULT,	"fault" },		\
		{ ASI_EXIT_SCHED,	"sched" },		\
		{ ASI_EXIT_MM,		"mm" },			\
		{ ASI_EXIT_CR3,		"cr3" },		\
		{ ASI_EXIT_USER,	"user" },		\
		{ ASI_EXIT_EXPLICIT,	"explicit" },		\
		{ ASI_EXIT_PM,		"pm" })

/* The CPU is about to enter a domain of class @class. */
TRACE_EVENT(asi_enter,
	TP_PROTO(unsigned int class),
	TP_ARGS(class),
	TP_STRUCT__entry(
		__field(unsigned int, class)
	),
	TP_fast_assign(
		__entry->class = class;
	),
	TP_printk("class=%u", __entry->class)
);

/* The CPU has left a domain of class @class; @ip is the instruction that did. */
TRACE_EVENT(asi_exit,
	TP_PROTO(unsigned int class, unsigned int reason, unsigned long ip,
		 unsigned long address),
	TP_ARGS(class, reason, ip, address),
	TP_STRUCT__entry(
		__field(unsigned int, class)
		__field(unsigned int, reason)
		__field(unsigned long, ip)
		__field(unsigned long, address)
	),
	TP_fast_assign(
		__entry->class = class;
		__entry->reason = reason;
		__entry->ip = ip;
		__entry->address = address;
	),
	TP_printk("class=%u reason=%s ip=%pS address=0x%lx", __entry->class,
		  ASI_SHOW_REASON(__entry->reason), (void *)__entry->ip,
		  __entry->address)
);

/* A page fault in a domain, outside of critical sections. */
TRACE_EVENT(asi_fault,
	TP_PROTO(unsigned int class, unsigned long ip, unsigned long address,
		 unsigned long error_code),
	TP_ARGS(class, ip, address, error_code),
	TP_STRUCT__entry(
		__field(unsigned int, class)
		__field(unsigned long, ip)
		__field(unsigned long, address)
		__field(unsigned long, error_code)
	),
	TP_fast_assign(
		__entry->class = class;
		__entry->ip = ip;
		__entry->address = address;
		__entry->error_code = error_code;
	),
	TP_printk("class=%u ip=%pS address=0x%lx error_code=0x%lx",
		  __entry->class, (void *)__entry->ip, __entry->address,
		  __entry->error_code)
);

#endif /* _TRACE_ASI_H */

#include <trace/define_trace.h>
