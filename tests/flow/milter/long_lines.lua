-- SPDX-License-Identifier: BSD-2-Clause
-- Over-long lines in header, envelope and body; longer ones would be too much for miltertest (see test_milter.py).
dofile(dir .. "/common.lua")

local conn = open_session(string.rep("h", 200) .. ".good.example")
mt.macro(conn, SMFIC_MAIL, "i", "LONG")
ok(mt.mailfrom(conn, "<" .. string.rep("l", 300) .. "@" .. string.rep("d", 300) .. ".example>"), "mailfrom")
ok(mt.rcptto(conn, "<" .. string.rep("r", 700) .. "@test.example>"), "rcptto")
ok(mt.header(conn, "From", " Joe <joe@good.example>"), "From")
ok(mt.header(conn, "Subject", " " .. string.rep("s", 1000)), "1,000 bytes on one line")
ok(mt.header(conn, string.rep("N", 200), " long name"), "long name")
ok(mt.eoh(conn), "eoh")
ok(mt.bodystring(conn, string.rep("b", 20000) .. "\r\n"), "long body line")
finish(conn)
mt.disconnect(conn)
