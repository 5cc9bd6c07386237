-- SPDX-License-Identifier: BSD-2-Clause
-- HELO comes again after STARTTLS: the last one and its macros count.
dofile(dir .. "/common.lua")

local conn = mt.connect(socket, 40, 0.25)
check(conn ~= nil, "no connection")
ok(mt.conninfo(conn, "mx.good.example", "192.0.2.1"), "conninfo")
ok(mt.helo(conn, "before.quiet.example"), "helo in cleartext")
mt.macro(conn, SMFIC_HELO, "{tls_version}", "TLSv1.3", "{cipher}", "TLS_AES_256_GCM_SHA384", "{cipher_bits}", "256")
ok(mt.helo(conn, "mx.good.example"), "helo over TLS")
whole_message(conn, "TLS1", "x-tls=pass", "TLS_AES_256_GCM_SHA384")
local received = last_header(conn, "Received")
check(received ~= nil and string.find(received, "tls TLS_AES_256_GCM_SHA384", 1, true),
    "no tls clause in Received: " .. tostring(received))
check(string.find(received, "mx.good.example", 1, true), "HELO name of the second HELO: " .. received)
check(not string.find(received, "before.", 1, true), "HELO name of the first HELO: " .. received)
whole_message(conn, "TLS2", "x-tls=pass")
mt.disconnect(conn)

-- A session without TLS after that: nothing is remembered.
conn = open_session()
whole_message(conn, "CLEAR")
local _, second = last_header(conn, "Authentication-Results")
check(not string.find(second, "x-tls=pass", 1, true), "TLS from another session")
mt.disconnect(conn)
