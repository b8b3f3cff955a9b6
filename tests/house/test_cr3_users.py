# SPDX-License-Identifier: GPL-2.0
"""Who uses the raw accessors of CR3 is what the documentation says, and nobody else:
one more that looks at CR3 without leaving may undo an exit, or miss one."""

import glob
import os
import re
import subprocess
import unittest

from tree import TOP

LINUX = os.path.join(TOP, 'build/linux')
OVERLAY = os.path.join(TOP, 'linux')
DOCUMENT = os.path.join(OVERLAY, 'Documentation/arch/x86/asi.rst')

RAW = re.compile(r'\b(__read_cr3_raw|write_cr3_raw|native_write_cr3|__native_read_cr3'
                 r'|read_cr3_pa_raw|native_read_cr3_pa)\b')
# The accessors themselves, and the suites, which break rules on purpose.
NOT_USERS = re.compile(r'arch/x86/(include/asm/(special_insns|paravirt|processor|asi_cr3)\.h'
                       r'|kernel/paravirt\.c|mm/asi/tests/.*)$')
FUNCTION = re.compile(r'(?=[A-Za-z_])(?!typedef\b)[^=]*?\b(\w+)\(')

# Path and function of each user, and by what word the table has it.
USERS = {
    ('arch/x86/mm/asi/switch.c', 'load_cr3_flush'): '``arch/x86/mm/asi/switch.c``',
    ('arch/x86/mm/asi/fault.c', 'mapped'): '``arch/x86/mm/asi/fault.c``',
    ('arch/x86/mm/asi/debug.c', 'cr3_is_of'): '``debug.c``',
    ('arch/x86/mm/asi/dev_kernel.c', 'asi_dev_look'): '``dev_kernel.c``',
    ('arch/x86/mm/tlb.c', 'load_new_mm_cr3'): '``load_new_mm_cr3()``',
    ('arch/x86/mm/tlb.c', 'native_flush_tlb_local'): '``native_flush_tlb_local()``',
    ('arch/x86/power/cpu.c', '__restore_processor_state'): '``__restore_processor_state()``',
    ('arch/x86/mm/tlb.c', 'nmi_uaccess_okay'): '``nmi_uaccess_okay()``',
    ('arch/x86/kernel/process_64.c', '__show_regs'): '``__show_regs()``',
    ('arch/x86/mm/fault.c', 'dump_pagetable'): '``dump_pagetable()``',
    ('arch/x86/mm/fault.c', 'show_fault_oops'): '``show_fault_oops()``',
    ('arch/x86/kvm/vmx/vmx.c', 'vmx_set_constant_host_state'): '``vmx_set_constant_host_state()``',
    ('arch/x86/boot/compressed/pgtable_64.c', 'configure_5level_paging'): '``boot/compressed``',
    ('drivers/firmware/efi/libstub/x86-5lvl.c', 'efi_5level_switch'): 'EFI',
    ('arch/x86/mm/mem_encrypt_identity.c', 'sme_encrypt_kernel'): '``mem_encrypt_identity.c``',
    ('arch/x86/hyperv/ivm.c', 'hv_snp_boot_ap'): '``hv_snp_boot_ap()``',
    ('arch/x86/hyperv/hv_vtl.c', 'hv_vtl_bringup_vcpu'): '``hv_vtl``',
}


def users_in(path, text):
    """Yield (path, function) of each use in the text of a file."""
    function = ''
    for line in re.sub(r'/\*.*?\*/', lambda c: '\n' * c[0].count('\n'), text,
                       flags=re.DOTALL).splitlines():
        head = FUNCTION.match(line)
        if head and not line.endswith(';'):
            function = head[1]
        if RAW.search(line):
            yield path, function


@unittest.skipUnless(os.path.exists(LINUX + '/.git'), 'no workspace: run "make setup"')
class Cr3Users(unittest.TestCase):
    """Looks at the workspace and the overlay."""

    maxDiff = None

    @staticmethod
    def files():
        """Yield path and text of all files with a raw accessor, patched or new."""
        done = subprocess.run(['git', '-C', LINUX, '-c', 'safe.directory=*', 'grep', '-lwE',
                               RAW.pattern[3:-3], '--', '*.[chS]'], check=True,
                              stdout=subprocess.PIPE, text=True)
        for root, names in ((LINUX, done.stdout.split()),
                            (OVERLAY, glob.glob('**/*.[chS]', root_dir=OVERLAY,
                                                recursive=True))):
            for name in names:
                if not NOT_USERS.match(name):
                    with open(os.path.join(root, name), encoding='utf-8') as file:
                        yield name, file.read()

    def test_those_of_the_table(self):
        found = {user for name, text in self.files() for user in users_in(name, text)}
        self.assertEqual(sorted(found), sorted(USERS))

    def test_the_table_has_them_and_no_other(self):
        with open(DOCUMENT, encoding='utf-8') as file:
            table = file.read().partition('\nThese use raw accessors:\n\n')[2].partition('\n\n')[0]
        column = ' '.join(line[:42] for line in table.splitlines())
        code = column.partition('Assembly:')[0]
        self.assertEqual(sorted(re.findall('``[^`]*``', code)),
                         sorted(word for word in set(USERS.values()) if '`' in word))
        for word in USERS.values():
            self.assertIn(word, code)
