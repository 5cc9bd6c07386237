# SPDX-License-Identifier: BSD-2-Clause
"""Traces out of a database, unpacked by another implementation (python-lz4) with the words that stand in the source."""
import ast
import os
import re
import sqlite3
import zlib

import lz4.block

from .build import TOP

WITH_WORDS_1 = 1


def words():
    """The octets that lib/record/trace_words.c has: one text of C in many pieces."""
    with open(os.path.join(TOP, "lib/record/trace_words.c"), encoding="ascii") as file:
        text = file.read()
    body = re.search(r"trace_words_1\[\] =(.*?);\n\nconst", text, re.S).group(1)
    return "".join(ast.literal_eval(piece) for piece in re.findall(r'"(?:[^"\\]|\\.)*"', body)).encode()


def rows(database):
    """@return [(reference, queue id, octets that it counts for, length of the text, data)], oldest first; [] without a table."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        try:
            return connection.execute("SELECT reference,queue_id,bytes,length,data FROM trace ORDER BY id").fetchall()
        except sqlite3.OperationalError:
            return []


def unpack(data, length):
    if len(data) == length:
        return data.decode()
    if data[0] == WITH_WORDS_1:
        return lz4.block.decompress(data[1:], uncompressed_size=length, dict=words()).decode()
    return zlib.decompress(data).decode()


def texts(database):
    return [unpack(data, length) for _, _, _, length, data in rows(database)]
