# SPDX-License-Identifier: GPL-2.0
"""scripts/check-sparse: a warning fails, and so does a file that was passed over."""

import os
import shutil

from tree import SCRIPTS, TreeTest

# Checks what is there, and says what a file says.
KBUILD = """\
#!/bin/sh
cd "$(dirname "$0")/../linux" && mkdir -p "$1"
for file in $(find arch -name '[!_]*.c'); do
	echo "  CHECK   ../linux/$file"
	grep -E 'warning:|error:' $file
done > "$1/build.log"
echo "  CC      arch/x86/mm/asi/_unbuilt.o" >> "$1/build.log"
"""


class CheckSparse(TreeTest):
    """Two files, and a build that is a script."""

    def setUp(self):
        super().setUp()
        os.makedirs(self.path('scripts'))
        for name in ('check-sparse', 'lib.sh'):
            shutil.copy(os.path.join(SCRIPTS, name), self.path('scripts/' + name))
        for name, text in (('scripts/kconfig', '#!/bin/sh\n'), ('scripts/kbuild', KBUILD),
                           ('tools/sparse', '#!/bin/sh\n')):
            self.write(name, text)
            os.chmod(self.path(name), 0o755)
        self.env['PATH'] = self.path('tools') + ':' + self.env['PATH']
        self.write('linux/arch/x86/kvm/asi.c', '')

    def check(self):
        """Run it; return status and lines."""
        done = self.run_it(self.path('scripts/check-sparse'))
        return done.returncode, (done.stdout + done.stderr).splitlines()

    def test_clean(self):
        self.assertEqual(self.check(), (0, ['2 files without a warning of sparse or of W=1']))

    def test_warning(self):
        for kind in ('warning', 'error'):
            self.write('linux/arch/x86/mm/asi/tests/bad.c', f'bad.c:1: {kind}: not an int\n')
            status, lines = self.check()
            self.assertEqual(status, 1)
            self.assertIn('check-sparse: 1 warnings; all output is in', lines[0])

    def test_file_that_is_not_built(self):
        self.write('linux/arch/x86/mm/asi/_unbuilt.c', '')
        status, lines = self.check()
        self.assertEqual(status, 1)
        self.assertIn('_unbuilt.c was not checked', lines[0])
