-- ABORT after every command: the message is forgotten, the connection is not.
dofile("common.lua")

local steps = {
	function(conn) ok("MAIL", mt.mailfrom(conn, "<discard@actions.example.net>")) end,
	function(conn) ok("RCPT", mt.rcptto(conn, "<gone@example.org>")) end,
	data,
	function(conn) ok("header", mt.header(conn, "X-Callbluff-Verdict", " forged")) end,
	eoh,
	function(conn) ok("body", mt.bodystring(conn, "gone\r\n")) end,
	function(conn) ok("end of message", mt.eom(conn)) end,
}

for last = 0, #steps do
	for _, action in ipairs({"tag", "reject", "accept", "hold", "defer", "discard"}) do
		local conn = connect()
		ok("negotiation", mt.negotiate(conn, nil, nil, nil))
		ok("CONNECT", mt.conninfo(conn, "client.example.net", "192.0.2.7"))
		ok("HELO", mt.helo(conn, "client.example.net"))
		for step = 1, last do
			steps[step](conn)
		end
		ok("ABORT after step " .. last, mt.abort(conn))
		acts(conn, action)
		ok("ABORT behind the message", mt.abort(conn))
		acts(conn, action)
		mt.disconnect(conn)
	end
end

-- Hanging up without QUIT after every command.
for last = 0, #steps do
	local conn = connect()
	ok("negotiation", mt.negotiate(conn, nil, nil, nil))
	ok("CONNECT", mt.conninfo(conn, "client.example.net", "192.0.2.7"))
	for step = 1, last do
		steps[step](conn)
	end
	mt.disconnect(conn, false)
end

mt.echo("all passed")
