-- SPDX-License-Identifier: BSD-2-Clause
-- The MTA goes away without QUIT, at every stage; the daemon serves the next one.
dofile(dir .. "/common.lua")

local conn = open_session()
mt.disconnect(conn, false)

conn = open_session()
send_envelope(conn, "GONE1")
mt.disconnect(conn, false)

conn = open_session()
send_envelope(conn, "GONE2")
send_header(conn)
mt.disconnect(conn, false)

conn = open_session()
send_envelope(conn, "GONE3")
send_header(conn)
ok(mt.eoh(conn), "eoh")
ok(mt.bodystring(conn, "half"), "body")
mt.disconnect(conn, false)

conn = open_session()
whole_message(conn, "KEPT", "spf=pass")
mt.disconnect(conn, false)
