-- SPDX-License-Identifier: BSD-2-Clause
-- 10,000 header fields: over the cap, which is reported, and a forged result behind them is found.
dofile(dir .. "/common.lua")

mt.set_timeout(60)
local conn = open_session()
send_envelope(conn, "FIELDS")
send_header(conn)
for number = 1, 10000 do
	ok(mt.header(conn, "X-" .. number, " value"), "field " .. number)
end
ok(mt.header(conn, "Authentication-Results", " mx.test.example; dkim=pass header.d=good.example"), "forged")
ok(mt.eoh(conn), "eoh")
ok(mt.eom(conn), "eom")
check(mt.getreply(conn) == SMFIR_CONTINUE or mt.getreply(conn) == SMFIR_ACCEPT, "reply")
check(mt.eom_check(conn, MT_HDRDELETE, "Authentication-Results"), "the forged field behind the cap stays")
whole_message(conn, "AFTER", "spf=pass")
mt.disconnect(conn)
