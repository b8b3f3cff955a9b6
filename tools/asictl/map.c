// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debugfs.h"
#include "map.h"
#include "output.h"
#include "table.h"

#define BAR_WIDTH	64

static const struct {
	const char *name;
	const char *means;
} meanings[] = {
	{ "user", "memory of the process" },
	{ "ldt", "its segment descriptors" },
	{ "direct", "all memory of the machine" },
	{ "vmalloc", "kernel stacks, vmalloc(), devices" },
	{ "window", "vmalloc() of sensitive memory" },
	{ "vmemmap", "descriptions of pages" },
	{ "cpu-entry", "what CPUs need to enter the kernel" },
	{ "espfix", "stacks for returns to 16-bit code" },
	{ "efi", "services of the firmware" },
	{ "image", "code and data of the kernel" },
	{ "modules", "code and data of modules" },
	{ "fixmap", "addresses fixed by the build" },
};

const char *region_meaning(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(meanings); i++)
		if (!strcmp(meanings[i].name, name))
			return meanings[i].means;
	return "";
}

static const char *owner(const struct map *m, size_t i)
{
	return i < m->owner.n ? m->owner.v[i] : NULL;
}

char *map_title(const struct map *m)
{
	if (m->owner.n < 3)
		return xstrdup("address space of an unknown process");
	return xasprintf("address space of process %s (%s), class %s",
			 m->owner.v[0], m->owner.v[1], m->owner.v[2]);
}

static void print_sizes(const struct map *m)
{
	struct table t;
	size_t i;

	table_init(&t, 6);
	table_heading(&t, "region");
	table_heading(&t, "mapped");
	table_heading(&t, "hidden");
	table_heading(&t, "not mapped");
	table_heading(&t, "entries");
	table_heading(&t, "what it is for");
	for (i = 0; i < m->n; i++) {
		const struct region *r = &m->regions[i];

		table_add(&t, "%s", r->name);
		table_add(&t, "%s", text_size(r->bytes[MAP_BOTH]).s);
		table_add(&t, "%s", text_size(r->bytes[MAP_HIDDEN]).s);
		table_add(&t, "%s", text_size(r->bytes[MAP_NOTHING]).s);
		table_add(&t, "%s", r->levels);
		table_add(&t, "%s", region_meaning(r->name));
	}
	table_print(&t, stdout);
}

/* Less than a tenth of the other kind is not told apart. */
static char cell(const struct column *c)
{
	double hidden = c->share[MAP_HIDDEN];
	double both = c->share[MAP_BOTH];

	if (c->share[MAP_BROKEN] > 0)
		return '!';
	if (c->cut >= 0.5)
		return '~';
	if (hidden + both <= 0)
		return ' ';
	if (hidden < (hidden + both) / 10)
		return '#';
	return both < (hidden + both) / 10 ? '-' : '+';
}

static void print_bar(const struct region *r, int width)
{
	struct drawing d;
	size_t i;

	draw_region(&d, r, BAR_WIDTH);
	printf("%-*s |", width, r->name);
	for (i = 0; i < d.n; i++)
		putchar(cell(&d.columns[i]));
	puts("|");
	drawing_free(&d);
}

static void print_bars(const struct map *m)
{
	int width = 0;
	size_t i;

	for (i = 0; i < m->n; i++) {
		int len = strlen(m->regions[i].name);

		if (len > width)
			width = len;
	}
	for (i = 0; i < m->n; i++)
		print_bar(&m->regions[i], width);
	puts("\n# mapped, also in the restricted address space   - hidden from it   + both\n"
	     "~ a long gap, cut short   ! only in the restricted one: a bug in ASI");
}

/* Columns of a newer kernel: too much for a picture. */
static void print_more(const struct map *m)
{
	static const char known[] = " start end level unrestricted restricted region ";
	size_t i;

	for (i = 0; i < m->table.heading.n; i++) {
		char *word = xasprintf(" %s ", m->table.heading.v[i]);

		if (!strstr(known, word))
			printf("Also: column %s, see --json\n",
			       m->table.heading.v[i]);
		free(word);
	}
}

static uint64_t broken_bytes(const struct map *m)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < m->n; i++)
		sum += m->regions[i].bytes[MAP_BROKEN];
	return sum;
}

static void print_text(const struct map *m)
{
	uint64_t broken = broken_bytes(m);
	char *title = map_title(m);

	printf("%c%s\n\n", toupper((unsigned char)*title), title + 1);
	free(title);
	if (m->n) {
		print_sizes(m);
		putchar('\n');
		print_bars(m);
	} else {
		puts("Nothing is there.");
	}
	print_more(m);
	print_odd(&m->table.odd, stdout);
	if (broken)
		printf("Broken: %s are mapped in the restricted address space only, a bug in ASI\n",
		       text_size(broken).s);
	if (!m->owner.n)
		puts("The map is not whole: its last line is missing.");
}

static json_t *js_address(uint64_t address)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, address);
	return js_string(text);
}

static json_t *js_region(const struct region *r)
{
	json_t *obj = js_object();

	js_set_string(obj, "name", r->name);
	js_set(obj, "start", js_address(r->n ? r->runs[0].start : 0));
	js_set(obj, "end", js_address(r->n ? r->runs[r->n - 1].end : 0));
	js_set(obj, "mapped", js_u64(r->bytes[MAP_BOTH]));
	js_set(obj, "hidden", js_u64(r->bytes[MAP_HIDDEN]));
	js_set(obj, "restricted_only", js_u64(r->bytes[MAP_BROKEN]));
	js_set(obj, "not_mapped", js_u64(r->bytes[MAP_NOTHING]));
	js_set_string(obj, "entries", r->levels);
	return obj;
}

static void print_json(const struct map *m)
{
	json_t *regions = js_array();
	json_t *obj = js_object();
	size_t i;

	for (i = 0; i < m->n; i++)
		js_add(regions, js_region(&m->regions[i]));
	js_set(obj, "pid", js_number(owner(m, 0)));
	js_set_string(obj, "comm", owner(m, 1));
	js_set_string(obj, "class", owner(m, 2));
	js_set(obj, "whole", js_bool(m->owner.n));
	js_set(obj, "regions", regions);
	js_set(obj, "runs", ktable_json_rows(&m->table));
	js_set(obj, "not_understood", js_strings(&m->table.odd));
	js_print(obj, JSON_INDENT(2));
}

static int fail_file(const struct context *ctx, int err)
{
	char *safe = text_escape(ctx->svg, strlen(ctx->svg));
	int ret = fail(ctx, EXIT_ERROR,
		       "give a file that can be written, or - for standard output",
		       "cannot write '%s': %s", safe, strerror(err));

	free(safe);
	return ret;
}

static int write_svg(const struct context *ctx, const struct map *m)
{
	FILE *out;
	int bad;

	if (!strcmp(ctx->svg, "-")) {
		map_svg(m, stdout);
		return EXIT_OK;
	}
	out = fopen(ctx->svg, "we");
	if (!out)
		return fail_file(ctx, errno);
	map_svg(m, out);
	bad = ferror(out);
	if (fclose(out) || bad)
		return fail_file(ctx, errno);
	return EXIT_OK;
}

static bool is_pid(const char *s)
{
	uint64_t pid;

	return text_u64(s, &pid) && pid && pid <= 1 << 22;
}

static int fail_argument(const struct context *ctx, const char *arg,
			 const char *what)
{
	char *safe = text_escape(arg, strlen(arg));
	int ret = fail(ctx, EXIT_ERROR, "see what there is: asictl domains",
		       "'%s' is no %s", safe, what);

	free(safe);
	return ret;
}

int cmd_map(struct context *ctx)
{
	const char *class = ctx->argc > 1 ? ctx->argv[1] : NULL;
	const char *pid = ctx->argv[0];
	int ret = EXIT_OK;
	struct map m;

	if (!is_pid(pid))
		return fail_argument(ctx, pid, "process number");
	if (class && !text_is_word(class))
		return fail_argument(ctx, class, "class");
	if (!may_show_addresses(ctx))
		return fail(ctx, EXIT_ERROR, "run it as root",
			    "only root may see an address space");
	ret = map_load(&m, ctx, pid, class);
	if (ret)
		return ret;
	if (ctx->svg)
		ret = write_svg(ctx, &m);
	else if (ctx->json)
		print_json(&m);
	else
		print_text(&m);
	map_free(&m);
	return ret;
}
