-- SPDX-License-Identifier: BSD-2-Clause
-- Header values with their leading white space, folded ones, and empty ones.
dofile(dir .. "/common.lua")

local conn = open_session()
check(mt.test_option(conn, SMFIP_HDR_LEADSPC), "leading space is not asked for")
send_envelope(conn, "SPACE")
ok(mt.header(conn, "From", "   Joe\n\t<joe@good.example>"), "From")
ok(mt.header(conn, "Subject", "\t\ttabs"), "Subject")
ok(mt.header(conn, "X-Folded", " one\n two\n\tthree"), "X-Folded")
ok(mt.header(conn, "X-Tight", "value"), "X-Tight")
ok(mt.header(conn, "X-Empty", " "), "X-Empty")
ok(mt.eoh(conn), "eoh")
finish(conn, "spf=pass", "dmarc=pass")
local value = last_header(conn, "Authentication-Results")
check(string.sub(value, 1, 1) == " ", "inserted value must bring its own space: [" .. value .. "]")
check(not string.find(value, "\r", 1, true), "CR in an inserted value")
mt.disconnect(conn)
