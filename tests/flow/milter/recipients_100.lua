-- SPDX-License-Identifier: BSD-2-Clause
-- 100 recipients.
dofile(dir .. "/common.lua")

local conn = open_session()
mt.macro(conn, SMFIC_MAIL, "i", "CROWD")
ok(mt.mailfrom(conn, "<joe@good.example>"), "mailfrom")
for number = 1, 100 do
	ok(mt.rcptto(conn, "<user" .. number .. "@d" .. number .. ".test.example>"), "rcptto " .. number)
	check(mt.getreply(conn) ~= SMFIR_TEMPFAIL and mt.getreply(conn) ~= SMFIR_REJECT, "recipient refused")
end
send_header(conn)
ok(mt.eoh(conn), "eoh")
finish(conn, "spf=pass")
mt.disconnect(conn)
