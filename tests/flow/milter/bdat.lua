-- SPDX-License-Identifier: BSD-2-Clause
-- BDAT arrives as one DATA, its chunks as body chunks of any size.
dofile(dir .. "/common.lua")

local conn = open_session()
send_envelope(conn, "BDAT1")
if not mt.test_option(conn, SMFIP_NODATA) then
	ok(mt.data(conn), "data")
end
send_header(conn)
ok(mt.eoh(conn), "eoh")
for _, chunk in ipairs({ "a", "\r", "\n", "line\r\nand a", "half", string.rep("x", 900) .. "\r\n", ".\r\n" }) do
	ok(mt.bodystring(conn, chunk), "chunk")
end
finish(conn, "spf=pass")
mt.disconnect(conn)
