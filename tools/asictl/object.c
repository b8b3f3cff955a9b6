// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "debugfs.h"
#include "object.h"
#include "output.h"
#include "state.h"

static const struct {
	const char *prefix;
	uint32_t kind;
} kinds[] = {
	{ "symbol:", ASI_GRANT_SYMBOL },
	{ "percpu:", ASI_GRANT_PERCPU },
	{ "module:", ASI_GRANT_MODULE },
};

static const char *take_kind(struct asi_ioc_grant *grant, const char *text)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t len = strlen(kinds[i].prefix);

		if (!strncmp(text, kinds[i].prefix, len)) {
			grant->kind = kinds[i].kind;
			return text + len;
		}
	}
	grant->kind = isdigit((unsigned char)*text) ? ASI_GRANT_ADDRESS :
						      ASI_GRANT_SYMBOL;
	return text;
}

static bool parse_length(struct asi_ioc_grant *grant, const char *text)
{
	uint64_t length;

	if (!text_u64(text, &length) && !text_address(text, &length))
		return false;
	grant->length = length;
	return length && grant->kind != ASI_GRANT_MODULE;
}

static bool is_name(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!isgraph((unsigned char)s[i]))
			return false;
	return len && len < ASI_LEN_SYMBOL;
}

static bool parse_what(struct asi_ioc_grant *grant, const char *s, size_t len)
{
	char text[ASI_LEN_SYMBOL] = {};
	uint64_t address;

	if (!is_name(s, len))
		return false;
	memcpy(text, s, len);
	if (grant->kind == ASI_GRANT_ADDRESS) {
		if (!text_address(text, &address))
			return false;
		grant->address = address;
		return address && grant->length;
	}
	memcpy(grant->name, text, sizeof(text));
	/* Only of the other two the kernel knows the length. */
	return grant->kind != ASI_GRANT_PERCPU || grant->length;
}

bool object_parse(struct asi_ioc_grant *grant, const char *text,
		  const char *length)
{
	const char *comma;

	*grant = (struct asi_ioc_grant){};
	text = take_kind(grant, text);
	comma = strchr(text, ',');
	if (comma && length)
		return false;
	if (comma)
		length = comma + 1;
	if (length && !parse_length(grant, length))
		return false;
	return parse_what(grant, text, comma ? (size_t)(comma - text) :
					       strlen(text));
}

static int fail_grant(const struct device *dev, const struct context *ctx,
		      int err, const char *text, bool live)
{
	char *what;
	int ret;

	if (err == -EPERM && live && !(dev->info.flags & ASI_INFO_GRANT_LIVE) &&
	    !(dev->info.flags & ASI_INFO_LOCKED_DOWN))
		return fail(ctx, EXIT_ERROR,
			    "boot with asi_debug_grant, if this is a machine to break things on",
			    "this kernel grants nothing to live domains");
	if (err == -ENOENT)
		return fail(ctx, EXIT_ERROR,
			    "see what there is: grep NAME /proc/kallsyms; a per-CPU variable is percpu:NAME",
			    "the kernel knows no %s", text);
	if (err == -ENOSPC || err == -EEXIST || err == -EBUSY)
		return fail(ctx, EXIT_ERROR,
			    "leave it out: it is granted, or there is no room",
			    "cannot grant %s: %s", text, strerror(-err));
	if (err == -ESRCH)
		return fail(ctx, EXIT_ERROR,
			    "see which there are: asictl domains",
			    "cannot grant %s: the process has ended", text);
	if (live && (err == -EINVAL || err == -EOPNOTSUPP))
		return fail(ctx, EXIT_ERROR,
			    "give an address of the direct map: 0xADDRESS,LENGTH; asictl faults has some",
			    "cannot grant %s: %s", text, strerror(-err));
	if (err == -EINVAL || err == -EFAULT || err == -ERANGE)
		return fail(ctx, EXIT_ERROR, HINT_OBJECT,
			    "cannot grant %s: %s", text, strerror(-err));
	what = xasprintf("cannot grant %s", text);
	ret = device_fail(dev, ctx, err, what);
	free(what);
	return ret;
}

int object_grant(struct device *dev, const struct context *ctx,
		 struct asi_ioc_grant *grant, const char *text)
{
	int err = device_ask(dev, ASI_IOC_GRANT, grant,
			     offsetof(struct asi_ioc_grant, address));
	bool live = grant->domain == ASI_DOMAIN_ATTACHED;

	return err ? fail_grant(dev, ctx, err, text, live) : EXIT_OK;
}

void object_print(const struct context *ctx, const struct asi_ioc_grant *grant,
		  const char *text)
{
	printf("Granted: %s, %" PRIu64 " bytes", text, (uint64_t)grant->length);
	if (grant->address && may_show_addresses(ctx))
		printf(" at 0x%" PRIx64, (uint64_t)grant->address);
	putchar('\n');
}

json_t *js_granted(const struct context *ctx,
		   const struct asi_ioc_grant *grant, const char *text)
{
	json_t *obj = js_object();
	char *address = NULL;

	if (grant->address && may_show_addresses(ctx))
		address = xasprintf("0x%" PRIx64, (uint64_t)grant->address);
	js_set_string(obj, "object", text);
	js_set_string(obj, "address", address);
	js_set(obj, "length", js_u64(grant->length));
	free(address);
	return obj;
}

/* The module of "SYMBOL+0xOFFSET[MODULE]", or NULL; ends the symbol. */
static char *split_symbol(char *symbol)
{
	char *module = strchr(symbol, '[');

	symbol[strcspn(symbol, "+")] = '\0';
	if (!module)
		return NULL;
	module++;
	module[strcspn(module, "]")] = '\0';
	return module;
}

/*
 * What the kernel says is "REGION", or with more behind it: a symbol with its offset,
 * or the use of the page.
 */
char *object_suggest(const struct asi_ioc_step *step)
{
	char *object = DEVICE_TEXT(step->object);
	char *name = strchr(object, ' ');
	char *word = NULL;
	char *module;

	if (name && strchr(name, '+')) {
		module = split_symbol(++name);
		word = module ? xasprintf("module:%s", module) : xstrdup(name);
	} else if (step->fault_page) {
		word = xasprintf("0x%" PRIx64 ",4096",
				 (uint64_t)step->fault_page);
	}
	free(object);
	return word;
}
