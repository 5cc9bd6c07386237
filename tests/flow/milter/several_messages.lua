-- SPDX-License-Identifier: BSD-2-Clause
-- Several messages on one connection, each with its own sender; nothing of one shows in the next.
dofile(dir .. "/common.lua")

local conn = open_session()
whole_message(conn, "ONE", "spf=pass", "good.example", "dmarc=pass")

send_envelope(conn, "TWO", "<x@quiet.example>")
ok(mt.header(conn, "From", " x@quiet.example"), "From")
ok(mt.eoh(conn), "eoh")
finish(conn, "quiet.example")
check(not string.find(last_header(conn, "Authentication-Results"), "smtp.mailfrom=good.example", 1, true), "left over from the first")

for number = 3, 12 do
	whole_message(conn, "MANY" .. number, "spf=pass")
end
mt.disconnect(conn)
