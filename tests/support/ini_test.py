# SPDX-License-Identifier: Apache-2.0
"""Files of other tools, as botocore reads them: written cases, and random files.

ini_test.py ORACLE
"""
import os
import random
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from oracle import Oracle, with_botocore  # noqa: E402

FILES = 3000
WRITTEN = {
    "plain": "[default]\naws_access_key_id = AKID\naws_secret_access_key=s/+=x\n",
    "crlf": "[default]\r\nkey = value\r\n[profile b]\r\nother=1\r\n",
    "remarks": "# one\n[default]\n; two\nkey = value ; not a remark\n#key = other\nk2 = a # b\n",
    "colon": "[default]\nkey: value\nurl = http://host:9000/x\n",
    "nested": "[default]\ns3 =\n  addressing_style = path\n  max_concurrent_requests = 20\nregion = eu-west-1\n",
    "several lines": "[default]\nkey = one\n  two\n  three\nnext = 1\n",
    "empty values": "[default]\nkey =\nnext = 1\n",
    "spaces in names": "[profile  my  name]\nregion = x\n[ default ]\nregion = y\n",
    "quoted names": "[profile \"with space\"]\nregion = x\n",
    "last wins": "[default]\na = 1\nb = 2\n[other]\na = 3\n",
    "percent": "[default]\nkey = 100%\nother = %(key)s\n",
    "long": "[default]\nkey = " + "x" * 100000 + "\n",
    "no end of line": "[default]\nkey = value",
    "unicode": "[default]\nname = \u00e9\u20ac\n",
    "upper case": "[Default]\nKey = Value\n[default]\nKEY = v\n",
}


class Ini(unittest.TestCase):
    def compare(self, text, why):
        from botocore import configloader, exceptions
        with tempfile.NamedTemporaryFile("wb", suffix=".ini") as file:
            file.write(text.encode())
            file.flush()
            try:
                theirs = configloader.raw_config_parse(file.name)
            except exceptions.ConfigParseError:
                theirs = None
            asks, values = [], []
            for section, keys in (theirs or {}).items():
                section = " ".join(section.replace('"', "").split())
                for key, value in keys.items():
                    for inner, each in (value.items() if isinstance(value, dict) else [(None, value)]):
                        asks.append([section, f"{key}.{inner}" if inner else key])
                        values.append(each)
            asks.append(["nowhere", "key"])
            values.append(None)
            told = ORACLE.ask(what="ini", file=file.name, asks=asks)
        if theirs is None:
            self.assertIn("error", told, why)
        else:
            self.assertEqual(values, told.get("values"), f"{why}: {asks} {told.get('error')}")

    def test_written(self):
        for name, text in WRITTEN.items():
            with self.subTest(name):
                self.compare(text, name)

    def test_byte_order_mark(self):
        """botocore refuses a file that Notepad wrote; people have such files."""
        with tempfile.NamedTemporaryFile("wb", suffix=".ini") as file:
            file.write(b"\xef\xbb\xbf[default]\nkey = value\n")
            file.flush()
            self.assertEqual(["value"], ORACLE.ask(what="ini", file=file.name, asks=[["default", "key"]])["values"])

    def test_random(self):
        seed = random.randrange(1 << 32)
        rng = random.Random(seed)
        words = ["key", "aws_access_key_id", "s3", "region", "a b", "K"]
        for i in range(FILES):
            lines = []
            for section in rng.sample(["default", "profile one", "two", "profile  three", "Four"], rng.randrange(1, 4)):
                lines.append(f"[{section}]")
                for word in rng.sample(words, rng.randrange(1, 5)):
                    shape = rng.randrange(8)
                    value = "".join(rng.choice("abcXYZ019 /+=:#;%\"'$") for _ in range(rng.randrange(1, 20))).strip() or "v"
                    if shape == 0:
                        lines += [f"{word} =", f"  inner = {value}", "  other=1"]
                    elif shape == 1:
                        lines += [f"{word} = {value}", f"    {value}x"]
                    elif shape == 2:
                        lines += ["", f"# {value}", f"{word}={value}"]
                    else:
                        lines.append(f"{word}{rng.choice([' = ', '=', ' : ', ': ', '= '])}{value}")
            self.compare("\n".join(lines) + rng.choice(["", "\n", "\n\n"]), f"seed {seed}, file {i}:\n" + "\n".join(lines))


if __name__ == "__main__":
    with_botocore()
    ORACLE = Oracle(sys.argv.pop())
    unittest.main(argv=sys.argv)
