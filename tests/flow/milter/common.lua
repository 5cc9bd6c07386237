-- SPDX-License-Identifier: BSD-2-Clause
-- What the scripts share. Defined from outside: socket (of a running assayd).

function check(condition, what)
	if not condition then
		mt.echo(what)
		error(what, 2)
	end
end

function ok(result, what)
	check(result == nil, what .. ": " .. tostring(result))
end

-- A connection from a client on the network (a port that is no simulation) up to HELO.
function open_session(name, ip)
	local conn = mt.connect(socket, 40, 0.25)
	check(conn ~= nil, "no connection to " .. socket)
	ok(mt.conninfo(conn, name or "mx.good.example", ip or "192.0.2.1"), "conninfo")
	ok(mt.helo(conn, name or "mx.good.example"), "helo")
	return conn
end

function send_envelope(conn, id, sender, recipient)
	mt.macro(conn, SMFIC_MAIL, "i", id)
	ok(mt.mailfrom(conn, sender or "<joe@good.example>"), "mailfrom")
	ok(mt.rcptto(conn, recipient or "<ann@test.example>"), "rcptto")
end

function send_header(conn)
	ok(mt.header(conn, "From", " Joe <joe@good.example>"), "From")
	ok(mt.header(conn, "Subject", " test"), "Subject")
end

-- The topmost field of the name that the last message got, and the one below it.
function last_header(conn, name)
	return mt.getheader(conn, name, 0), mt.getheader(conn, name, 1)
end

-- End of message: must be let through, with two Authentication-Results fields of ours that have all of the texts between them:
-- the one for registered methods above the other.
function finish(conn, ...)
	ok(mt.eom(conn), "eom")
	local reply = mt.getreply(conn)
	check(reply == SMFIR_CONTINUE or reply == SMFIR_ACCEPT, "reply at end of message: " .. tostring(reply))
	local first, second = last_header(conn, "Authentication-Results")
	check(first ~= nil and second ~= nil, "no Authentication-Results, or only one")
	check(string.find(first, "mx.test.example", 1, true), "not our name: " .. first)
	check(string.find(second, "mx.test.example", 1, true), "not our name: " .. second)
	check(string.find(second, "x-tls=", 1, true) and not string.find(first, "x-tls=", 1, true), "x-tls is not in the second field alone")
	local value = first .. second
	for _, text in ipairs({...}) do
		check(string.find(value, text, 1, true), "'" .. text .. "' not in: " .. value)
	end
end

function whole_message(conn, id, ...)
	send_envelope(conn, id)
	send_header(conn)
	ok(mt.eoh(conn), "eoh")
	ok(mt.bodystring(conn, "Hello\r\n"), "body")
	finish(conn, ...)
end
