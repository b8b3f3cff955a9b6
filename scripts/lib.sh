# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the scripts of the house share. To be sourced; defines functions only.

# A make of ours must not hand its flags to the makes that scripts start: job
# servers and variables of one are none of the other's business.
unset MAKEFLAGS MFLAGS MAKELEVEL

# Where run() shows commands, also when the command's output goes elsewhere.
exec {trace_fd}>&2

# Say in one line what is wrong, and stop.
die()
{
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

# Run a command; with V=1, show it first, in one piece: both ends of a pipe do.
run()
{
	local line

	if [ "${V:-0}" != 0 ]; then
		printf -v line ' %q' "$@"
		printf '+%s\n' "$line" >&"$trace_fd"
	fi
	"$@"
}

# The compiler for kernels: through ccache when there is one.
kernel_cc()
{
	if [ -n "${KERNEL_CC:-}" ]; then
		echo "$KERNEL_CC"
	elif command -v ccache > /dev/null; then
		echo "ccache gcc"
	else
		echo "gcc"
	fi
}

# Print how to become root here: nothing, or sudo; fail if there is no way.
as_root()
{
	if [ "$(id -u)" = 0 ]; then
		return 0
	elif command -v sudo > /dev/null && sudo -n true 2>/dev/null; then
		echo sudo
	elif command -v sudo > /dev/null && [ -t 0 ]; then
		echo sudo
	else
		return 1
	fi
}
