"""Named rules that break a file, each made of its valid bytes: what copies, disks, editors and programs do to files."""

import gzip

import numpy as np

_MRC_WORDS = {"NX": 0, "NY": 1, "NZ": 2, "MODE": 3, "MX": 7, "CELLA": 10, "MAPC": 16, "NSYMBT": 23}


def _flipped(part, bit):
    def rule(data):
        place = min(int(part * len(data)), len(data) - 1)
        return data[:place] + bytes([data[place] ^ (1 << bit)]) + data[place + 1 :]

    return rule


def _noise(seed):
    def rule(data):
        rng, out = np.random.default_rng(seed), bytearray(data)
        for place in rng.integers(0, len(data), 16):
            out[place] = rng.integers(0, 256)
        return bytes(out)

    return rule


def _replaced(old, new, count=1):
    def rule(data):
        return data.replace(old, new, count) if old in data else None

    return rule


def _first_number(new):
    """The last number of the first row with several numbers becomes other text."""

    def rule(data):
        lines = data.split(b"\n")
        for place, line in enumerate(lines):
            words = line.split()
            if len(words) > 3 and _is_number(words[-1]) and _is_number(words[-2]):
                lines[place] = b" ".join(words[:-1]) + b" " + new
                return b"\n".join(lines)
        return None

    return rule


def _is_number(word):
    try:
        float(word)
    except ValueError:
        return False
    return True


def _lines(change):
    return lambda data: b"\n".join(change(data.split(b"\n")))


def _word(place, value):
    def rule(data):
        return data[: 4 * place] + np.array(value, "<i4").tobytes() + data[4 * place + 4 :]

    return rule


def _float_word(place, value):
    return lambda data: data[: 4 * place] + np.array(value, "<f4").tobytes() + data[4 * place + 4 :]


ANY = {
    "empty": lambda data: b"",
    "one byte": lambda data: data[:1],
    "cut at a tenth": lambda data: data[: len(data) // 10],
    "cut at half": lambda data: data[: len(data) // 2],
    "last byte missing": lambda data: data[:-1],
    "a page missing at the end": lambda data: data[: max(len(data) - 512, 1)],
    "zeros of its size": lambda data: bytes(len(data)),
    "ones of its size": lambda data: b"\xff" * len(data),
    "zeros in its middle": lambda data: data[: len(data) // 3] + bytes(len(data) // 3) + data[2 * (len(data) // 3) :],
    "first bytes lost": lambda data: data[7:],
    "garbage at the end": lambda data: data + b"\x00\xff garbage",
    "twice": lambda data: data + data,
    "backwards": lambda data: data[::-1],
    "gzipped again": lambda data: gzip.compress(data, mtime=0),
    "a web page instead": lambda data: b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
    **{
        f"bit {bit} flipped at {part}": _flipped(part, bit)
        for part, bit in ((0.0, 0), (0.001, 5), (0.01, 7), (0.05, 4), (0.2, 6), (0.5, 7), (0.8, 3), (0.99, 7))
    },
    **{f"noise {seed}": _noise(seed) for seed in range(4)},
}
TEXT = {
    "line ends of old Macs": _replaced(b"\n", b"\r", -1),
    "UTF-16": lambda data: data.decode("utf-8", "replace").encode("utf-16"),
    "a byte of Latin-1": lambda data: data[: len(data) // 2] + b"\xe9" + data[len(data) // 2 :],
    "a zero byte": lambda data: data[: len(data) // 2] + b"\x00" + data[len(data) // 2 :],
    "first line lost": _lines(lambda lines: lines[1:]),
    "every third line lost": _lines(lambda lines: [line for number, line in enumerate(lines) if number % 3]),
    "a line twice": _lines(lambda lines: lines[: len(lines) // 2] + lines[len(lines) // 2 - 1 :]),
    "lines sorted": _lines(sorted),
    "in one line": _replaced(b"\n", b" ", -1),
    "a quote opened": _replaced(b" ", b' "', 1),
    "a digit raised": _first_number("²".encode()),
    "no number": _first_number(b"nan"),
    "infinite": _first_number(b"1e999"),
    "a B factor of NaN": _replaced(b" 20 ", b" nan "),  # found by fuzzing
    "a number of 40 digits": _first_number(b"9" * 40),
    "a word": _first_number(b"n/a"),
    "a value lost": _first_number(b""),
    "a value too many": _first_number(b"1 2"),
    "brackets": lambda data: b"[" * 5000 + data,
    "100,000 blanks": lambda data: data + b" " * 100_000,
}
MRC = {
    **{f"{name} {value}": _word(place, value) for name, place in _MRC_WORDS.items() for value in (-1, 0, 7, 2**31 - 1)},
    "cell of NaN": _float_word(10, np.nan),
    "cell of 1e30": _float_word(10, 1e30),
    "a voxel of 5e37": _float_word(300, 5e37),
    "a voxel of NaN": _float_word(300, np.nan),
    "origin of infinity": _float_word(49, np.inf),
}


def rules_for(name, is_text):
    """The rules, dict of name to function of bytes, that break a file of this name; a rule gives None where it has no hold."""
    return {**ANY, **(TEXT if is_text else {}), **(MRC if name.endswith((".mrc", ".mrcs")) else {})}


def broken_files(formats):
    """Yield format, rule and broken bytes; each is different from the valid file and not made twice.

    Parameters
    ----------
    formats : dict of str to (str, bytes, bool)
        File name, valid bytes, whether it is text.
    """
    for kind, (name, data, is_text) in formats.items():
        seen = {data}
        for rule, change in rules_for(name, is_text).items():
            broken = change(data)
            if broken is not None and broken not in seen:
                seen.add(broken)
                yield kind, rule, broken
