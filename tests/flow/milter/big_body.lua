-- SPDX-License-Identifier: BSD-2-Clause
-- 50 MB of body on a message that is signed, so that the body is wanted.
dofile(dir .. "/common.lua")

mt.set_timeout(60)
local conn = open_session()
send_envelope(conn, "BIG")
send_header(conn)
ok(mt.header(conn, "DKIM-Signature", " v=1; a=rsa-sha256; c=relaxed/relaxed; d=good.example; s=none; h=from:subject;\n" ..
    "\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA"), "signature")
ok(mt.eoh(conn), "eoh")
ok(mt.bodyrandom(conn, 50 * 1024 * 1024), "body")
finish(conn, "spf=pass", "dkim=")
mt.disconnect(conn)
