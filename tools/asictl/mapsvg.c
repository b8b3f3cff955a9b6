// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "map.h"

/* In pixels: a page with a column of names, one of bars, one of sizes. */
#define PAGE_WIDTH	1120
#define MARGIN		28
#define BAR_X		250
#define BAR_WIDTH	640
#define BAR_HEIGHT	30
#define SIZES_X		920
#define HEAD_HEIGHT	112
#define ROW_HEIGHT	84
#define FOOT_HEIGHT	44
/* A column of the drawing is this wide; no trace of a state is lower. */
#define COLUMN_WIDTH	2
#define TRACE		2.0
/* A label in a gap needs this room. */
#define LABEL_WIDTH	52

/* Distinct for the colour-blind, too. */
static const struct {
	const char *colour;
	const char *word;
} looks[] = {
	[MAP_BOTH]	= { "#3f74a8", "mapped" },
	[MAP_HIDDEN]	= { "#f0a330", "hidden" },
	[MAP_BROKEN]	= { "#c8102e", "broken" },
	[MAP_NOTHING]	= { "#e9edf1", "not mapped" },
};

/* The bottom of a bar first. */
static const enum map_state order[] = { MAP_BOTH, MAP_HIDDEN, MAP_BROKEN };

static void put_text(FILE *out, const char *s)
{
	for (; *s; s++) {
		if (strchr("<>&\"", *s))
			fprintf(out, "&#%d;", *s);
		else
			putc(*s, out);
	}
}

static void label(FILE *out, double x, double y, const char *style,
		  const char *text)
{
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, style);
	put_text(out, text);
	fputs("</text>\n", out);
}

static void box(FILE *out, double x, double y, double width, double height,
		const char *fill)
{
	fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n",
		x, y, width, height, fill);
}

static void print_head(const struct map *m, FILE *out)
{
	size_t height = HEAD_HEIGHT + m->n * ROW_HEIGHT + FOOT_HEIGHT;

	fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%zu\" viewBox=\"0 0 %d %zu\">\n",
		PAGE_WIDTH, height, PAGE_WIDTH, height);
	fputs("<style>\n"
	      "text { font-family: 'DejaVu Sans', Verdana, sans-serif; fill: #1f2a36; }\n"
	      ".title { font-size: 20px; font-weight: bold; }\n"
	      ".name { font-size: 15px; font-weight: bold; }\n"
	      ".note { font-size: 11px; fill: #5d6b7a; }\n"
	      ".size { font-size: 12px; }\n"
	      ".address { font-size: 10px; fill: #5d6b7a; font-family: 'DejaVu Sans Mono', monospace; }\n"
	      ".end { text-anchor: end; }\n"
	      ".middle { text-anchor: middle; }\n"
	      "</style>\n"
	      "<defs><pattern id=\"cut\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
	      "<rect width=\"6\" height=\"6\" fill=\"#ffffff\"/><rect width=\"2\" height=\"6\" fill=\"#c3ccd5\"/></pattern></defs>\n",
	      out);
	box(out, 0, 0, PAGE_WIDTH, height, "#ffffff");
}

static void print_legend(FILE *out)
{
	const struct {
		const char *fill;
		const char *label;
		int x;
	} entries[] = {
		{ looks[MAP_BOTH].colour,
		  "mapped, also in the restricted address space", 0 },
		{ looks[MAP_HIDDEN].colour, "hidden from it", 340 },
		{ looks[MAP_BROKEN].colour,
		  "only in the restricted one: a bug", 476 },
		{ looks[MAP_NOTHING].colour, "not mapped", 740 },
		{ "url(#cut)", "a long gap, cut short", 850 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		double x = MARGIN + entries[i].x;

		box(out, x, 70, 14, 14, entries[i].fill);
		label(out, x + 20, 81, "size", entries[i].label);
	}
}

static void print_title(const struct map *m, FILE *out)
{
	char *title = map_title(m);

	title[0] = toupper((unsigned char)title[0]);
	label(out, MARGIN, 42, "title", title);
	free(title);
}

/* As high as its share, but never so low that it cannot be seen. */
static double height_of(const struct column *c, enum map_state state)
{
	double height = c->share[state] * BAR_HEIGHT;

	return c->share[state] > 0 && height < TRACE ? TRACE : height;
}

/* Upper edge of @state in a column whose bottom is 0. */
static double top_of(const struct column *c, enum map_state state)
{
	double top = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(order); i++) {
		top += height_of(c, order[i]);
		if (order[i] == state)
			break;
	}
	return top > BAR_HEIGHT ? BAR_HEIGHT : top;
}

static bool same(double a, double b)
{
	return a - b < 0.05 && b - a < 0.05;
}

/* All of a state is one path of boxes; columns that are alike share one. */
static void print_state(const struct drawing *d, enum map_state state,
			double y, FILE *out)
{
	bool any = false;
	size_t i, j;

	for (i = 0; i < d->n; i = j) {
		double height = height_of(&d->columns[i], state);
		double top = top_of(&d->columns[i], state);

		for (j = i + 1; j < d->n; j++)
			if (!same(height, height_of(&d->columns[j], state)) ||
			    !same(top, top_of(&d->columns[j], state)))
				break;
		if (!height)
			continue;
		if (!any)
			fprintf(out, "<path fill=\"%s\" d=\"", looks[state].colour);
		any = true;
		fprintf(out, "M%zu %.1fh%zuv%.1fh-%zuz",
			BAR_X + i * COLUMN_WIDTH, y + BAR_HEIGHT - top,
			(j - i) * COLUMN_WIDTH, height, (j - i) * COLUMN_WIDTH);
	}
	if (any)
		fputs("\"/>\n", out);
}

static void print_gaps(const struct drawing *d, double y, FILE *out)
{
	/* The first may begin left of the bar. */
	double free_from = BAR_X - LABEL_WIDTH;
	size_t i;

	for (i = 0; i < d->n_gaps; i++) {
		const struct gap *gap = &d->gaps[i];
		double x = BAR_X + gap->from * BAR_WIDTH;
		double width = (gap->to - gap->from) * BAR_WIDTH;
		double middle = x + width / 2;

		if (width >= 1)
			box(out, x, y, width, BAR_HEIGHT, "url(#cut)");
		if (width < 3 || middle - LABEL_WIDTH / 2 < free_from)
			continue;
		label(out, middle, y - 5, "note middle",
		      text_size(gap->bytes).s);
		free_from = middle + LABEL_WIDTH / 2;
	}
}

static void print_sizes(const struct region *r, double y, FILE *out)
{
	static const enum map_state shown[] = {
		MAP_BOTH, MAP_HIDDEN, MAP_BROKEN, MAP_NOTHING,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(shown); i++) {
		enum map_state state = shown[i];

		if (!r->bytes[state])
			continue;
		box(out, SIZES_X, y - 9, 10, 10, looks[state].colour);
		label(out, SIZES_X + 90, y, "size end",
		      text_size(r->bytes[state]).s);
		label(out, SIZES_X + 98, y, "size", looks[state].word);
		y += 16;
	}
}

static void print_ends(const struct region *r, double y, FILE *out)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, r->runs[0].start);
	label(out, BAR_X, y, "address", text);
	snprintf(text, sizeof(text), "0x%" PRIx64, r->runs[r->n - 1].end);
	label(out, BAR_X + BAR_WIDTH, y, "address end", text);
}

static void print_region(const struct region *r, double y, FILE *out)
{
	struct drawing d;
	size_t i;

	draw_region(&d, r, BAR_WIDTH / COLUMN_WIDTH);
	label(out, MARGIN, y + 14, "name", r->name);
	label(out, MARGIN, y + 30, "note", region_meaning(r->name));
	box(out, BAR_X, y, BAR_WIDTH, BAR_HEIGHT, looks[MAP_NOTHING].colour);
	print_gaps(&d, y, out);
	for (i = 0; i < ARRAY_SIZE(order); i++)
		print_state(&d, order[i], y, out);
	print_ends(r, y + BAR_HEIGHT + 14, out);
	print_sizes(r, y + 10, out);
	drawing_free(&d);
}

void map_svg(const struct map *m, FILE *out)
{
	double y = HEAD_HEIGHT + 14;
	size_t i;

	print_head(m, out);
	print_title(m, out);
	print_legend(out);
	for (i = 0; i < m->n; i++, y += ROW_HEIGHT)
		print_region(&m->regions[i], y, out);
	label(out, MARGIN, y + 8, "note",
	      "Each bar is a region from its first address to its last, to scale but for gaps that are cut. Bars have different scales. A column shares its height among what is in it.");
	fputs("</svg>\n", out);
}
