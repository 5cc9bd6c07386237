-- SPDX-License-Identifier: BSD-2-Clause
-- ABORT at every stage ends the message, not the session.
dofile(dir .. "/common.lua")

local conn = open_session()
send_envelope(conn, "GONE1")
ok(mt.abort(conn), "abort after rcpt")
whole_message(conn, "KEPT1", "spf=pass")

send_envelope(conn, "GONE2", "<evil@quiet.example>")
send_header(conn)
ok(mt.abort(conn), "abort in the header")
whole_message(conn, "KEPT2", "spf=pass", "good.example")

send_envelope(conn, "GONE3")
send_header(conn)
ok(mt.eoh(conn), "eoh")
ok(mt.bodystring(conn, "half a body"), "body")
ok(mt.abort(conn), "abort in the body")
whole_message(conn, "KEPT3", "dmarc=pass")
ok(mt.abort(conn), "abort between messages")
whole_message(conn, "KEPT4")
mt.disconnect(conn)
