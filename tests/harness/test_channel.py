# SPDX-License-Identifier: GPL-2.0
"""The frames of the guest: what is a complete report, and what is not."""

import struct
import unittest

from vmrun.channel import Decoder, Garbled, LIMIT


def frame(kind, payload):
    return struct.pack(">cI", kind, len(payload)) + payload


def verdict(**changes):
    words = {"nonce": "abc", "status": 0, "out": 3, "err": 0, "kmsg": 1, "lost": 0,
             "taint": 0, **changes}
    return frame(b"V", " ".join(f"{k}={v}" for k, v in words.items()).encode())


BODY = frame(b"H", b"abc") + frame(b"K", b"6,1,0,-;x\n") + frame(b"O", b"hey")


class Channel(unittest.TestCase):
    def setUp(self):
        self.out = b""
        self.decoder = Decoder("abc", self.write, self.write)

    def write(self, data):
        self.out += data

    def test_complete(self):
        self.decoder.feed(BODY + verdict())
        self.assertEqual((self.out, self.decoder.mismatch()), (b"hey", ""))

    def test_byte_by_byte(self):
        for byte in BODY + verdict(status=7):
            self.decoder.feed(bytes([byte]))
        self.assertEqual(self.decoder.mismatch(), "")
        self.assertEqual(self.decoder.verdict["status"], 7)

    def test_every_truncation_has_no_verdict(self):
        whole = BODY + verdict()
        for length in range(len(whole)):
            decoder = Decoder("abc", self.write, self.write)
            decoder.feed(whole[:length])
            self.assertIsNone(decoder.verdict)

    def test_lost_output(self):
        self.decoder.feed(frame(b"H", b"abc") + frame(b"K", b"x") + verdict())
        self.assertIn("out=3", self.decoder.mismatch())

    def test_lost_kernel_message(self):
        self.decoder.feed(frame(b"H", b"abc") + frame(b"O", b"hey") + verdict())
        self.assertIn("kmsg=1", self.decoder.mismatch())

    def test_foreign_verdict(self):
        self.decoder.feed(BODY + verdict(nonce="xyz"))
        self.assertIn("nonce", self.decoder.mismatch())

    def test_no_greeting(self):
        self.decoder.feed(frame(b"K", b"x") + frame(b"O", b"hey") + verdict())
        self.assertIn("greeting", self.decoder.mismatch())

    def test_foreign_greeting(self):
        self.decoder.feed(frame(b"H", b"x") + BODY[len(frame(b"H", b"abc")):] + verdict())
        self.assertIn("greeting", self.decoder.mismatch())

    def test_verdict_without_status(self):
        self.decoder.feed(BODY + frame(b"V", b"nonce=abc out=3 err=0 kmsg=1"))
        self.assertIn("status", self.decoder.mismatch())

    def test_verdict_that_is_none(self):
        with self.assertRaises(Garbled):
            self.decoder.feed(BODY + frame(b"V", b"all good"))

    def test_noise_between_frames(self):
        with self.assertRaises(Garbled):
            self.decoder.feed(BODY + b"hello" + verdict())

    def test_absurd_length(self):
        with self.assertRaises(Garbled):
            self.decoder.feed(struct.pack(">cI", b"O", LIMIT + 1))

    def test_frame_behind_the_verdict(self):
        with self.assertRaises(Garbled):
            self.decoder.feed(BODY + verdict() + frame(b"O", b"more"))

    def test_verdict_in_the_output_does_not_count(self):
        self.decoder.feed(frame(b"H", b"abc") + frame(b"O", verdict()))
        self.assertIsNone(self.decoder.verdict)

    def test_trouble(self):
        self.decoder.feed(frame(b"H", b"abc") + frame(b"X", b"mount: no"))
        self.assertEqual(self.decoder.trouble, "mount: no")
