// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "sequence.h"
#include "state.h"
#include "table.h"

/* Far more than a kernel has. */
#define MAX_SEQUENCES	256

#define KNOWN_INFO	(ASI_INFO_ON | ASI_INFO_NONSENSITIVE | \
			 ASI_INFO_DECORATED | ASI_INFO_GRANT_LIVE | \
			 ASI_INFO_LOCKED_DOWN)

const char *const table_names[ASI_NR_TABLES] = {
	[ASI_TABLE_NONSENSITIVE]	= "nonsensitive",
	[ASI_TABLE_DECORATED]		= "decorated",
};

struct state_word state_word(uint32_t state)
{
	static const char *const words[] = {
		[ASI_STATE_NONE]	= "-",
		[ASI_STATE_OUT]		= "out",
		[ASI_STATE_IN]		= "in",
		[ASI_STATE_ANY]		= "any",
		[ASI_STATE_GRANTED]	= "granted",
		[ASI_STATE_OTHER]	= "neither",
	};
	struct state_word word;

	if (state < ARRAY_SIZE(words))
		snprintf(word.s, sizeof(word.s), "%s", words[state]);
	else
		snprintf(word.s, sizeof(word.s), "state-%" PRIu32, state);
	return word;
}

static int describe(struct sequence *seq, uint32_t number, struct device *dev)
{
	int err;

	*seq = (struct sequence){ .d.sequence = number };
	err = device_ask(dev, ASI_IOC_DESCRIBE, &seq->d, sizeof(number));
	if (seq->d.nr_steps > ASI_MAX_STEPS)
		seq->d.nr_steps = ASI_MAX_STEPS;
	seq->name = DEVICE_TEXT(seq->d.name);
	seq->purpose = DEVICE_TEXT(seq->d.purpose);
	return err;
}

int sequences_load(struct sequences *s, struct device *dev,
		   const struct context *ctx)
{
	uint32_t n = dev->info.nr_sequences;
	uint32_t i;
	int err;

	*s = (struct sequences){};
	if (n > MAX_SEQUENCES)
		return fail(ctx, EXIT_ERROR, HINT_COMPARE,
			    "/" DEVICE " says that it has %" PRIu32 " sequences",
			    n);
	s->v = xrealloc(NULL, n + 1, sizeof(*s->v));
	for (i = 0; i < n; i++) {
		err = describe(&s->v[i], i, dev);
		s->n++;
		if (!err)
			continue;
		sequences_free(s);
		return device_fail(dev, ctx, err, "cannot list the sequences");
	}
	return EXIT_OK;
}

void sequences_free(struct sequences *s)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		free(s->v[i].name);
		free(s->v[i].purpose);
	}
	free(s->v);
	*s = (struct sequences){};
}

const struct sequence *sequence_find(const struct sequences *s,
				     const char *name)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (!strcmp(s->v[i].name, name))
			return &s->v[i];
	return NULL;
}

static json_t *js_tables(const struct sequence *seq)
{
	json_t *list = js_array();
	unsigned int i;

	for (i = 0; i < ASI_NR_TABLES; i++)
		if (seq->d.tables & 1u << i)
			js_add(list, js_string(table_names[i]));
	return list;
}

static json_t *js_expect(const struct asi_ioc_expect *step)
{
	char *name = DEVICE_TEXT(step->name);
	json_t *expected = js_object();
	json_t *obj = js_object();
	unsigned int i;

	for (i = 0; i < ASI_NR_TABLES; i++)
		js_set_string(expected, table_names[i],
			      state_word(step->expected[i]).s);
	js_set_string(obj, "step", name);
	js_set(obj, "expected", expected);
	free(name);
	return obj;
}

static json_t *js_sequence(const struct sequence *seq)
{
	json_t *steps = js_array();
	json_t *obj = js_object();
	uint32_t i;

	for (i = 0; i < seq->d.nr_steps; i++)
		js_add(steps, js_expect(&seq->d.step[i]));
	js_set_string(obj, "sequence", seq->name);
	js_set_string(obj, "purpose", seq->purpose);
	js_set(obj, "tables", js_tables(seq));
	js_set(obj, "table_bits", js_u64(seq->d.tables));
	js_set(obj, "flags", js_u64(seq->d.flags));
	js_set(obj, "min_cpus", js_u64(seq->d.min_cpus));
	js_set(obj, "module",
	       js_bool(seq->d.flags & ASI_SEQUENCE_MODULE));
	js_set(obj, "steps", steps);
	return obj;
}

/* What a newer kernel says besides. */
static void print_not_understood(const struct sequences *s,
				 const struct asi_ioc_info *info)
{
	size_t i;

	if (info->version > ASI_IOC_VERSION)
		printf("Not understood: version %" PRIu32 " of the interface; this asictl knows %d\n",
		       (uint32_t)info->version, ASI_IOC_VERSION);
	if (info->flags & ~KNOWN_INFO)
		printf("Not understood: flags 0x%" PRIx32 " of /" DEVICE "\n",
		       info->flags & ~KNOWN_INFO);
	for (i = 0; i < s->n; i++)
		if (s->v[i].d.flags & ~ASI_SEQUENCE_MODULE ||
		    s->v[i].d.tables >> ASI_NR_TABLES)
			printf("Not understood: flags 0x%" PRIx32 ", page tables 0x%" PRIx32 " of %s\n",
			       (uint32_t)s->v[i].d.flags,
			       (uint32_t)s->v[i].d.tables, s->v[i].name);
}

static void print_text(const struct sequences *s,
		       const struct asi_ioc_info *info)
{
	struct table t;
	size_t i, j;

	table_init(&t, 2 + ASI_NR_TABLES + 1);
	table_heading(&t, "sequence");
	for (j = 0; j < ASI_NR_TABLES; j++)
		table_heading(&t, table_names[j]);
	table_heading(&t, "cpus");
	table_heading(&t, "what it does");
	for (i = 0; i < s->n; i++) {
		const struct sequence *seq = &s->v[i];

		table_add(&t, "%s", seq->name);
		for (j = 0; j < ASI_NR_TABLES; j++)
			table_add(&t, "%s",
				  seq->d.tables & 1u << j ? "yes" : "no");
		table_add(&t, "%" PRIu32, (uint32_t)seq->d.min_cpus);
		table_add(&t, "%s%s", seq->purpose,
			  seq->d.flags & ASI_SEQUENCE_MODULE ?
			  " Wants --module." : "");
	}
	table_print(&t, stdout);
	print_not_understood(s, info);
}

void sequences_show(const struct sequences *s, const struct context *ctx,
		    const struct asi_ioc_info *info)
{
	json_t *obj, *list;
	size_t i;

	if (!ctx->json) {
		print_text(s, info);
		return;
	}
	obj = js_object();
	list = js_array();
	for (i = 0; i < s->n; i++)
		js_add(list, js_sequence(&s->v[i]));
	js_set(obj, "version", js_u64(info->version));
	js_set(obj, "flags", js_u64(info->flags));
	js_set(obj, "sequences", list);
	js_print(obj, JSON_INDENT(2));
}
