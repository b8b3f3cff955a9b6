# SPDX-License-Identifier: GPL-2.0
"""What vm/run is made of.

options     the command line
initramfs   what the guest starts from: its first process, the command, files
qemu        the command line of QEMU
bochs       the configuration of Bochs and its boot disk
channel     the frames the guest sends, decoded
dmesg       kernel messages that make a run fail
session     runs the machine, watches it and finds the verdict
main        the order of all this
"""
