# SPDX-License-Identifier: Apache-2.0
"""The grammar of names as a table: what is logged, and templates over it. What they give is for Lightning to say."""
import math

LOGGED = {"val": .3, "acc": .125, "odd": .375, "neg": -2.5, "tiny": 1e-7, "edge": 1e-4, "big": 1e16, "near": 999999.5, "one": 1.0,
          "large": 1234.5, "zero": 0.0, "minus": -0.0, "nan": math.nan, "inf": math.inf, "ninf": -math.inf, "n": 42, "m": -7, "o": 0,
          "million": 1234567, "most": 2**63 - 1, "least": -2**63, "flag": True, "off": False, "val_loss": 2.25, "val_loss_2": 3.5,
          "v": 7, "a/b": .5, "a.b": 1.5, "a b": 2, "a@b": 3, "a!b": 4, "a-b": 5, "a=b": 6, "a(b)": 7, "a'b\"": 8, "Ä€😀": 9, "_": 10}

REALS = ("val", "acc", "odd", "neg", "tiny", "large", "near", "zero", "minus", "nan", "inf", "ninf")
OF_REALS = ("", ".2f", ".1f", ".0f", ".10f", "08.3f", "+.2f", " .2f", "-.2f", "e", ".3e", "E", ".3E", "g", ".3g", "G", "#.3g", "n",
            "%", ".1%", ".3", ".1", "#.3", "12", "<12", ">12", "^12", "*^12.2f", "=+12.1f", "010", ",.2f", "_.2f", "012,.2f", "d",
            "x", "s", "c")
WHOLE = ("n", "m", "o", "million", "most", "least")
OF_WHOLE = ("", "d", "5d", "05d", "<5d", "^7d", "+d", " d", ",", "_", ",d", "_d", "b", "#b", "o", "#o", "x", "X", "#x", "#X", "_x",
            "010_b", ".2f", ".1e", "g", "%", "n", "c", "*>8", "é^8", "=+8", "08", ".2", "s", "!", "q")
OF_BOOLS = ("", "d", "5", "05d", ".1f", "x", "s", "<3", "%")

TEMPLATES = (
    None, "", "{epoch}", "{step}", "{epoch}-{step}", "{epoch:02d}-{step:06d}", "{epoch:.2f}", "{epoch:e}", "ck", "best", "a-b_c.d",
    " ", "name with spaces", "é😀", "{epoch}{step}", "{epoch}{epoch}", "{epoch}-{epoch:03d}", "x{epoch}y{step}z", "{val}",
    "{val:.2f}", "{val_loss}-{val_loss_2}-{val}-{v}", "{v}-{val}-{val_loss}", "{val_loss_2:.1f}{val_loss:.1f}{val:.1f}{v:d}",
    "{val}{val_loss}{val}", "{none}", "{none:d}", "{none:.3f}", "{none:5}", "{none:e}", "{none:x}", "{none}-{none_2}",
    "{val_loss_3}-{val}", "{epoch_2}", "{a/b}", "{a/b:.1f}", "dir/{epoch}", "dir/{a/b}/x", "../{epoch}", "./{epoch}", "{a.b}",
    "{a.b:.3f}", "{a b}", "{a@b}", "{a!b}", "{a!r}", "{a-b}", "{a=b}", "{a(b)}", "{a'b\"}", "{Ä€😀}", "{_}", "{ epoch}", "{epoch }",
    "{!}", "{.}", "{/}", "{-}",
    "}}", "{epoch}}}", "}}{epoch}", "a}}b}}c", "}}}}", "{epoch:03d}}}-{step}",
    "{", "}", "{{", "{}", "{:d}", "{{}}", "{{epoch}}", "{epoch", "epoch}", "{epoch}}", "{{epoch}", "{epoch}{", "{epoch:", "{epoch:d",
    "a{b", "a}b", "{[}", "{a[0]}", "{a]}", "{a[b}", "{a[}", "{:}", "{::}", "{epoch::}", "{epoch:d:}", "{epoch:}", "{epoch: }",
    "{epoch:>}",
    "{nan}-{inf}-{ninf}", "{minus}-{zero}", "{most}-{least}", "{big}-{edge}-{tiny}-{near}", "{one}-{one:d}", "{flag}-{off}",
    "epoch={epoch}-step={step}", "{epoch}={step}", "v1", "{epoch}-v{v}", "last", "{epoch}.ckpt", "%d%s", "$HOME", "~", "a\\b",
    "\\{epoch}", "#", "{epoch!r}", "{epoch!s:>5}", "{epoch.real}", "{epoch:{step}}", "{val:{v}.{v}f}", "{a{b}", "{a}b}", "{0}",
    "{1:d}", "{epoch}-{0}", "{epoch:z}", "{minus:z.1f}", "{epoch:255d}", "{epoch:256d}", "{val:.255f}", "{val:.256f}", "{val:.2f }",
    "{val: .2f}")

# (options, prefix, version): around names.
AROUND = (({}, "pre", None), ({}, "", None), ({}, None, 0), ({}, None, 1), ({}, "pre", 12), ({"ext": ""}, None, None),
          ({"ext": ".pt"}, None, 3), ({"join": "_"}, "pre", 1), ({"join": ""}, "pre", 1), ({"equals": ":"}, None, None),
          ({"equals": ""}, None, None),
          ({"equals": "=="}, "p{epoch}", 2), ({"join": "--", "equals": "~", "ext": "x"}, "a/b", 4))
AROUND_TEMPLATES = (None, "{epoch}", "{epoch}-{val:.1f}", "ck", "{none}")
PLAIN = 4  # POLYFS_POLICY_PLAIN_VALUES


def rows():
    """(options, template, prefix, version, what the loop logs as epoch and step or nothing)"""
    specs = {**dict.fromkeys(REALS, OF_REALS), **dict.fromkeys(WHOLE, OF_WHOLE), **dict.fromkeys(("flag", "off"), OF_BOOLS)}
    fields = [f"{{{key}{':' if spec else ''}{spec}}}" for key, each in specs.items() for spec in each]
    for i, template in enumerate(fields):
        yield {"flags": PLAIN * (i % 2)}, template, None, None, {}
    for flags in (0, PLAIN):
        for template in TEMPLATES:
            yield {"flags": flags}, template, None, None, {}
        for template in AROUND_TEMPLATES:
            for opts, prefix, version in AROUND:
                yield {**opts, "flags": flags}, template, prefix, version, {}
        for counts in ({"epoch": 3.7, "step": -2.5}, {"epoch": 5}, {"step": True, "epoch": -0.0}):
            yield {"flags": flags}, "{epoch}-{step:03d}", None, None, counts


# Where polyfs differs on purpose: template → why.
OPEN = "Lightning takes '{{' for '{' where it finds no field behind it, or by the way in which it puts fields in: refused"
NESTED = "a format within a format, which Lightning garbles when it puts the keys in front: refused"
LONG = "more than 255 characters by one field: refused"
DIGITS = "Lightning looks for a place of that number and finds none; to polyfs a key of digits is like any other"
DIFFERENT = {"{{": OPEN, "{{epoch}": OPEN, "{a{b}": OPEN, "{epoch:{step}}": NESTED, "{val:{v}.{v}f}": NESTED, "{epoch:256d}": LONG,
             "{val:.256f}": LONG, "{0}": DIGITS, "{1:d}": DIGITS, "{epoch}-{0}": DIGITS,
             "{minus:z.1f}": "the option z is of Python 3.11: refused", "{o:c}": "a name that holds a byte 0: refused"}
