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

-- The field that the last message got: miltertest keeps those of all messages of a connection.
function last_header(conn, name)
	local value, number = nil, 0
	while true do
		local found = mt.getheader(conn, name, number)
		if found == nil then
			return value
		end
		value, number = found, number + 1
	end
end

-- End of message: must be let through, with one Authentication-Results field of ours that has all of the texts.
function finish(conn, ...)
	ok(mt.eom(conn), "eom")
	local reply = mt.getreply(conn)
	check(reply == SMFIR_CONTINUE or reply == SMFIR_ACCEPT, "reply at end of message: " .. tostring(reply))
	local value = last_header(conn, "Authentication-Results")
	check(value ~= nil, "no Authentication-Results")
	check(string.find(value, "mx.test.example", 1, true), "not our name: " .. value)
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
