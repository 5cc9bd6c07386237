-- SPDX-License-Identifier: BSD-2-Clause
-- 8-bit bytes in names and values: UTF-8, broken UTF-8, Latin-1, 0xFF.
dofile(dir .. "/common.lua")

local conn = open_session()
send_envelope(conn, "EIGHT")
ok(mt.header(conn, "From", " J\195\182rg <joe@good.example>"), "UTF-8")
ok(mt.header(conn, "Subject", " \228\246\252 \255\254\128"), "Latin-1")
ok(mt.header(conn, "X-\255", " name"), "8-bit name")
ok(mt.header(conn, "X-Broken", " \195\40\237\160\128"), "broken UTF-8")
ok(mt.header(conn, "X-Control", " \1\27[31m\127"), "controls")
ok(mt.eoh(conn), "eoh")
ok(mt.bodystring(conn, "\255\254\r\n"), "body")
finish(conn, "spf=pass", "dmarc=pass")
mt.disconnect(conn)

conn = open_session("\255\254.good.example")
mt.macro(conn, SMFIC_MAIL, "i", "EIGHT2")
ok(mt.mailfrom(conn, "<j\195\182e@good.ex\228mple>"), "8-bit envelope")
ok(mt.rcptto(conn, "<\255@test.example>"), "8-bit recipient")
send_header(conn)
ok(mt.eoh(conn), "eoh")
finish(conn)
mt.disconnect(conn)
