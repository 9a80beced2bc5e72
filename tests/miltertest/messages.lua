-- Many messages on one connection, each action before and behind each other.
dofile("common.lua")

local actions = {"accept", "tag", "hold", "reject", "defer", "discard"}
local conn = connect()
ok("negotiation", mt.negotiate(conn, nil, nil, nil))
ok("CONNECT", mt.conninfo(conn, "client.example.net", "192.0.2.7"))
ok("HELO", mt.helo(conn, "client.example.net"))
for _, first in ipairs(actions) do
	for _, second in ipairs(actions) do
		acts(conn, first)
		acts(conn, second)
	end
end

-- A message without recipients, without header, without body, and with a body of many chunks.
ok("MAIL", mt.mailfrom(conn, "<tag@actions.example.net>"))
ok("RCPT", mt.rcptto(conn, "<bob@example.org>"))
data(conn)
eoh(conn)
ok("end of message", mt.eom(conn))
check("no header, no body", mt.getreply(conn) == SMFIR_CONTINUE)
check("its field", inserts(conn))

envelope(conn, "tag")
header(conn)
eoh(conn)
for _ = 1, 200 do
	ok("chunk", mt.bodystring(conn, string.rep("line of a long body\r\n", 300)))
end
ok("end of message", mt.eom(conn))
check("many chunks", mt.getreply(conn) == SMFIR_CONTINUE)
check("its field", inserts(conn))
acts(conn, "reject")

-- The null sender has no rule: clean mail passes unchanged.
ok("MAIL", mt.mailfrom(conn, "<>"))
ok("RCPT", mt.rcptto(conn, "<bob@example.org>"))
data(conn)
header(conn)
body(conn)
ok("end of message", mt.eom(conn))
check("null sender", mt.getreply(conn) == SMFIR_CONTINUE)
check("unchanged", not inserts(conn))
mt.disconnect(conn)

-- Connections side by side do not share anything.
local left, right = connect(), connect()
for _, side in ipairs({left, right}) do
	ok("negotiation", mt.negotiate(side, nil, nil, nil))
	ok("CONNECT", mt.conninfo(side, "client.example.net", "192.0.2.7"))
end
envelope(left, "tag")
envelope(right, "reject")
header(right)
header(left)
body(left)
body(right)
ok("end of message", mt.eom(right))
ok("end of message", mt.eom(left))
check("the right one is refused", mt.getreply(right) == SMFIR_REPLYCODE)
check("the left one is tagged", inserts(left))
mt.disconnect(left)
mt.disconnect(right)

mt.echo("all passed")
