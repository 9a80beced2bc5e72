-- Macros of any number, name and value, at every stage, never needed and never harmful.
dofile("common.lua")

local conn = connect()
ok("negotiation", mt.negotiate(conn, nil, nil, nil))

-- None at all.
ok("CONNECT", mt.conninfo(conn, "client.example.net", "192.0.2.7"))
acts(conn, "tag")

-- Empty names, empty values, unknown ones, long ones, the same one twice.
local long = string.rep("x", 500)
for round = 1, 50 do
	mt.macro(conn, SMFIC_MAIL, "i", "ROUND" .. round, "", "no name", "{unknown}", "", "{mail_addr}", long, "i", "AGAIN" .. round)
	envelope(conn, "tag")
	mt.macro(conn, SMFIC_RCPT, "{rcpt_addr}", long, "{rcpt_mailer}", "", "{", "}", "}", "{")
	ok("another RCPT", mt.rcptto(conn, "<ann@example.org>"))
	header(conn)
	body(conn)
	ok("end of message", mt.eom(conn))
	check("answer in round " .. round, mt.getreply(conn) == SMFIR_CONTINUE)
	check("field in round " .. round, inserts(conn))
end

-- An authenticated user is let through; the next message on the connection is not his.
mt.macro(conn, SMFIC_MAIL, "i", "AUTH", "{auth_type}", "PLAIN", "{auth_authen}", "ann")
check("an authenticated user is let through", message(conn, "reject") == SMFIR_CONTINUE)
mt.macro(conn, SMFIC_MAIL, "i", "NOAUTH")
acts(conn, "reject")
mt.disconnect(conn)

mt.echo("all passed")
