# SPDX-License-Identifier: GPL-2.0
"""checkpatch and kernel-doc of the kernel have nothing to say about our part of it."""

import glob
import os
import re
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

from tree import TOP

LINUX = os.path.join(TOP, 'build/linux')
OVERLAY = os.path.join(TOP, 'linux')
# Files at a time: a run costs little, and two of them keep two CPUs busy.
CHUNK = 15
USER = 'tools/testing/selftests/'
TESTS = 'arch/x86/mm/asi/tests/'
TRACE = 'include/trace/events/'

# What checkpatch may say: types, paths and words of it as regular expressions, and
# why it is wrong there.
ALLOWED = (
    ('(ARCH_)?INCLUDE_LINUX', r'arch/x86/|include/|patches/', '',
     'arch code, and what only it uses, names the headers of its architecture'),
    ('LINE_SPACING', 'arch/x86/mm/asi/', 'blank line after function/struct',
     'a macro that belongs to the array or structure before it'),
    ('EXPORT_SYMBOL', 'arch/x86/mm/asi/user.c', '',
     'the variable is defined by DEFINE_STATIC_KEY_FALSE(), right before'),
    ('MEMORY_BARRIER', r'arch/x86/mm/asi/(domain|grant)\.c', '',
     'the comment stands before the statement, whose first line is another'),
    ('BIT_MACRO', 'arch/x86/include/asm/asi_types.h|' + USER, '',
     'a number and not a bit, or a program, which has no BIT()'),
    ('OPEN_BRACE', r'arch/x86/mm/asi/debugfs\.c', '',
     'it is on a line of its own, behind a parameter that is a function'),
    ('VSPRINTF_SPECIFIER_PX', r'arch/x86/mm/asi/debugfs\.c', '',
     'root asks where a hole is, to look there'),
    ('LONG_LINE(_STRING)?', r'arch/x86/mm/asi/setup\.c|' + USER, '',
     'a string that one looks for is not broken'),
    ('USLEEP_RANGE', TESTS + r'|arch/x86/mm/asi/dev_(intr|tasks)\.c', '', 'interrupts are off, or time has to be spent busily'),
    ('SPACING', TESTS + r'intr_kunit\.c|patches/.*cpufeatures', r"that '[%*+]'",
     'an operand of asm(), and the way in which cpufeatures.h counts'),
    ('MACRO_ARG_REUSE', TESTS + '|' + USER, '',
     'macros of tests take constants and variables'),
    ('PARENTHESIS_ALIGNMENT|OPEN_ENDED_LINE', TRACE, '', 'TRACE_EVENT() looks like that'),
    ('MACRO_ARG_UNUSED', 'patches/.*other-tasks', "'next'", 'the scheduler gives it'),
    ('MISSING_SIGN_OFF', 'patches/', '', 'who sends a patch signs it'),
    ('PARENTHESIS_ALIGNMENT', 'patches/.*-mm-(index-lists|keep-free|page-alloc|vmalloc)', '',
     "the page allocator's own lines go on after tabs"),
    ('MACRO_ARG_REUSE', 'patches/.*-mm-index-lists', "'page'", 'it takes a variable'),
    ('SPACING', 'patches/.*-mm-page-alloc', r"'\|'", 'as in the line that is changed'),
    ('SPACING|COMPLEX_MACRO', 'patches/.*-mm-mark-allocations', '',
     'tables of names are put together from such macros'),
    ('NEW_TYPEDEFS|BIT_MACRO|COMPLEX_MACRO|MACRO_ARG_REUSE', r'include/linux/freetype\.h', '',
     'a type that the compiler tells from an int; a loop like the others of mm'),
    ('LINE_SPACING', r'mm/sensitive\.c', 'blank line after function/struct',
     'a macro that belongs to the function before it'),
    # Programs have the C library and no header of the kernel.
    ('VOLATILE', USER, '', 'of signal handlers, and of memory that has to be touched'),
    ('EMBEDDED_FUNCTION_NAME', USER, '', 'results are named for what they test'),
    ('PREFER_DEFINED_ATTRIBUTE_MACRO|ENOSYS|STRCPY|SSCANF_TO_KSTRTO', USER, '',
     'only the kernel has these, or means that by it'),
    ('AVOID_EXTERNS', USER, '', 'functions in assembly, and environ'),
    ('COMPLEX_MACRO', USER + r'asi/entry_regs64\.h', '', 'strings of assembly, side by side'),
    ('CAMELCASE', USER, r'_Atomic|_Thread_local', 'words of C'),
    ('LINE_SPACING', USER + r'asi/mm_toplevel\.c', 'after declarations', '__thread begins one'),
    ('MULTIPLE_ASSIGNMENTS', USER + r'asi/signals\.c', '', 'two counters that start at 0'),
    ('NAKED_SSCANF', USER + r'asi/subset_check\.c', '', 'a number that is absent stays 0'),
    ('STATIC_CONST_CHAR_ARRAY', USER + r'asi/spawn_storm\.c', '', 'posix_spawn() wants it so'),
    ('ARCH_DEFINES', USER + r'asi/syscall_compat\.c', '', 'a test of the 32-bit entries'),
    ('TYPO_SPELLING', USER + r'asi/mm_ldt\.c', 'useable', 'a name of the ABI'),
)


def allowance(path, kind, words):
    """The number of the rule that allows a finding, or None."""
    for number, (kinds, paths, said, _) in enumerate(ALLOWED):
        if re.fullmatch(kinds, kind) and re.match(paths, path) and re.search(said, words):
            return number
    return None


@unittest.skipUnless(os.path.exists(LINUX + '/scripts/checkpatch.pl'),
                     'no workspace: run "make setup"')
class KernelStyle(unittest.TestCase):
    """Uses the scripts of the workspace."""

    maxDiff = None

    def setUp(self):
        # It leaves a list of names in its directory, and knows a file by its path.
        temp = tempfile.TemporaryDirectory(prefix='house-')
        self.addCleanup(temp.cleanup)
        self.dir = temp.name
        for name in os.listdir(OVERLAY):
            os.symlink(os.path.join(OVERLAY, name), os.path.join(self.dir, name))
        self.sources = sorted(glob.glob('**/*.[ch]', root_dir=OVERLAY, recursive=True))
        self.patches = sorted(glob.glob('*.patch', root_dir=TOP + '/patches'))

    def checkpatch(self, *args, stdin=subprocess.DEVNULL):
        """Run it; return its lines. Without git it neither takes a
        tracked patch for a source nor wants the modules of spdxcheck."""
        done = subprocess.run([LINUX + '/scripts/checkpatch.pl', '--root=' + LINUX, '--strict',
                               '--terse', '--show-types', '--no-summary', *args], cwd=self.dir,
                              env=dict(os.environ, GIT_DIR='/nonexistent'), stdin=stdin,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        return done.stdout.splitlines()

    def check_sources(self, names):
        """The findings in some files."""
        return self.checkpatch('--file', *names)

    def check_patch(self, name):
        """The findings in a patch, under its name."""
        with open(os.path.join(TOP, 'patches', name), encoding='utf-8') as text:
            return [f'patches/{name}{line[1:]}' for line in
                    self.checkpatch('-', stdin=text)]

    def test_checkpatch(self):
        chunks = [self.sources[at:at + CHUNK] for at in range(0, len(self.sources), CHUNK)]
        with ThreadPoolExecutor(2) as pool:
            lines = sum([*pool.map(self.check_sources, chunks),
                         *pool.map(self.check_patch, self.patches)], [])
        found, used = [], set()
        for line in lines:
            parts = re.fullmatch(r'(.*?):\d+: [A-Z]+:(\w+): (.*)', line)
            number = allowance(*parts.groups()) if parts else None
            if number is None:
                found.append(line)
            used.add(number)
        self.assertEqual(found, [])
        idle = [rule for number, rule in enumerate(ALLOWED) if number not in used]
        self.assertEqual(idle, [], 'allowed, and not said')

    def test_kernel_doc(self):
        done = subprocess.run([LINUX + '/scripts/kernel-doc', '-Werror', '-none', *self.sources],
                              cwd=OVERLAY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        self.assertEqual((done.stdout, done.returncode), ('', 0))
